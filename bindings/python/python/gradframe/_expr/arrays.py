"""Functions of lists of one length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gradframe._expr.base import IntoExpr, column
from gradframe._expr.lists import Elements

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr


class ArrNamespace(Elements):
    """Functions of the elements of each row's array. A null array gives null; what keeps the number of elements gives arrays."""

    __slots__ = ()

    def dot(self, other: Any) -> Expr:
        """The dot product with another array of the same length; pairs with a null are passed over."""
        return self._call("arr.dot", column(other))

    def eval(self, expr: Expr, *, as_list: bool = False) -> Expr:
        """The values of an expression over `gf.element()`: as arrays of as many elements, or as lists."""
        return self._call("list.eval" if as_list else "arr.eval", expr=expr)

    def head(self, n: int | IntoExpr = 5, *, as_array: bool = False) -> Expr:
        """The first n elements, as lists or as arrays."""
        return _array(self._call("list.slice", 0, column(n)), n, as_array)

    def slice(self, offset: int | IntoExpr, length: int | IntoExpr | None = None, *, as_array: bool = False) -> Expr:
        """So many elements from an offset, as lists or as arrays."""
        return _array(self._call("list.slice", column(offset), column(length)), length, as_array)

    def tail(self, n: int | IntoExpr = 5, *, as_array: bool = False) -> Expr:
        """The last n elements, as lists or as arrays."""
        return _array(self._call("list.tail", column(n)), n, as_array)

    def to_list(self) -> Expr:
        """As lists of any length."""
        return self._call("arr.to_list")

    def to_struct(self, fields: Sequence[str] | None = None) -> Expr:
        """The elements as the fields of a struct: of these names, or `field_0` on."""
        return self._call("arr.to_struct", fields=None if fields is None else list(fields))


def _array(elements: Expr, width: Any, as_array: bool) -> Expr:
    if not as_array:
        return elements
    if not isinstance(width, int):
        raise TypeError("arr: as_array wants a constant number of elements")
    return elements._call("list.to_array", width=width)
