"""Functions of lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gradframe._expr.base import IntoExpr, column
from gradframe._expr.namespace import Namespace

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr


class Elements(Namespace):
    """What lists and arrays have in common: functions of the elements of each row. A null list gives null."""

    __slots__ = ()

    def agg(self, expr: Expr) -> Expr:
        """The value of an expression over `gf.element()` that has one for each list; of another, the list of its values."""
        return self._call("list.agg", expr=expr)

    def explode(self, *, empty_as_null: bool = False, keep_nulls: bool = True) -> Expr:
        """The elements as rows; an empty list is none unless `empty_as_null`, a null list one of null unless not `keep_nulls`."""
        return self._call("explode", empty_as_null=empty_as_null, keep_nulls=keep_nulls)

    def all(self, *, ignore_nulls: bool = True) -> Expr:
        """Whether all elements are true; if nulls are not ignored, one may leave it open."""
        return self._call("list.all", ignore_nulls=ignore_nulls)

    def any(self, *, ignore_nulls: bool = True) -> Expr:
        """Whether an element is true; if nulls are not ignored, one may leave it open."""
        return self._call("list.any", ignore_nulls=ignore_nulls)

    def arg_max(self) -> Expr:
        """The place of the greatest element, the first of equal ones."""
        return self._call("list.arg_max")

    def arg_min(self) -> Expr:
        """The place of the least element, the first of equal ones."""
        return self._call("list.arg_min")

    def contains(self, item: IntoExpr, *, nulls_equal: bool = True) -> Expr:
        """Whether an element equals a value. A null is found among nulls; if those are not equal, nobody can say."""
        return self._call("list.contains", item, nulls_equal=nulls_equal)

    def count_matches(self, element: IntoExpr) -> Expr:
        """How many elements equal a value."""
        return self._call("list.count_matches", element)

    def first(self) -> Expr:
        """The first element; null where there is none."""
        return self._call("list.get", 0, null_on_oob=True)

    def get(self, index: int | IntoExpr, *, null_on_oob: bool = False) -> Expr:
        """The element at an index, which counts from the end where it is negative. Out of bounds: an error, or null."""
        return self._call("list.get", column(index), null_on_oob=null_on_oob)

    def join(self, separator: IntoExpr, *, ignore_nulls: bool = True) -> Expr:
        """Elements that are text as one text. A null makes it null, unless they are ignored."""
        return self._call("list.join", separator, ignore_nulls=ignore_nulls)

    def last(self) -> Expr:
        """The last element; null where there is none."""
        return self._call("list.get", -1, null_on_oob=True)

    def len(self) -> Expr:
        """How many elements there are, nulls included."""
        return self._call("list.len")

    def max(self) -> Expr:
        """The greatest element; NaNs are passed over."""
        return self._call("list.max")

    def mean(self) -> Expr:
        """The mean of the elements that are not null."""
        return self._call("list.mean")

    def median(self) -> Expr:
        """The median of the elements that are not null."""
        return self._call("list.median")

    def min(self) -> Expr:
        """The least element; NaNs are passed over."""
        return self._call("list.min")

    def n_unique(self) -> Expr:
        """How many different values there are, null among them."""
        return self._call("list.n_unique")

    def reverse(self) -> Expr:
        """The elements backwards."""
        return self._call("list.reverse")

    def shift(self, n: int | IntoExpr = 1) -> Expr:
        """The elements n places on; what comes from outside is null."""
        return self._call("list.shift", column(n))

    def sort(self, *, descending: bool = False, nulls_last: bool = False) -> Expr:
        """The elements in order."""
        return self._call("list.sort", descending=descending, nulls_last=nulls_last)

    def std(self, ddof: int = 1) -> Expr:
        """The standard deviation, with the divisor n - ddof."""
        return self._call("list.std", ddof=ddof)

    def sum(self) -> Expr:
        """The sum of the elements that are not null; 0 where there are none."""
        return self._call("list.sum")

    def unique(self, *, maintain_order: bool = False) -> Expr:
        """Each value once, where it stands first."""
        return self._call("list.unique")

    def var(self, ddof: int = 1) -> Expr:
        """The variance, with the divisor n - ddof."""
        return self._call("list.var", ddof=ddof)


class ListNamespace(Elements):
    """Functions of the elements of each row's list. A null list gives null."""

    __slots__ = ()

    def eval(self, expr: Expr, *, parallel: bool = False) -> Expr:
        """The values of an expression over `gf.element()`, as a list for each list: `gf.col("x").list.eval(gf.element() * 2)`."""
        return self._call("list.eval", expr=expr)

    def filter(self, predicate: Expr) -> Expr:
        """The elements for which a condition over `gf.element()` is true."""
        return self._call("list.filter", expr=predicate)

    def concat(self, other: Any) -> Expr:
        """The elements of this and of other lists, one after the other: a list of constants, an expression, or several of those."""
        several = isinstance(other, list) and any(isinstance(item, str) or hasattr(item, "_expr") for item in other)
        others = [column(item) for item in other] if several else [column(other)]
        return self._call("list.concat", *others)

    def diff(self, n: int = 1, null_behavior: str = "ignore") -> Expr:
        """Each element less the one n places before it; those that have none are null, or dropped ("drop")."""
        return self._call("list.diff", n=n, null_behavior=null_behavior)

    def drop_nulls(self) -> Expr:
        """The elements that are not null."""
        return self._call("list.drop_nulls")

    def gather(self, indices: Any, *, null_on_oob: bool = False) -> Expr:
        """The elements at a list of indices. Out of bounds: an error, or null."""
        return self._call("list.gather", column(indices), null_on_oob=null_on_oob)

    def gather_every(self, n: int | IntoExpr, offset: int | IntoExpr = 0) -> Expr:
        """Every n-th element from an offset on."""
        return self._call("list.gather_every", column(n), column(offset))

    def head(self, n: int | IntoExpr = 5) -> Expr:
        """The first n elements."""
        return self._call("list.slice", 0, column(n))

    def item(self, *, allow_empty: bool = False) -> Expr:
        """The only element; null where there is none, if that is allowed."""
        return self._call("list.item", allow_empty=allow_empty)

    def sample(
        self,
        n: int | IntoExpr | None = None,
        *,
        fraction: float | IntoExpr | None = None,
        with_replacement: bool = False,
        shuffle: bool | None = None,
        seed: int | None = None,
    ) -> Expr:
        """n elements, or a fraction of them, drawn at random: the same ones for the same seed and list."""
        if n is None and fraction is None:
            n = 1
        options = {"with_replacement": with_replacement, "shuffle": shuffle, "seed": seed}
        return self._call("list.sample", column(n), column(fraction), **options)

    def set_difference(self, other: Any) -> Expr:
        """The values that are not in another list, each once."""
        return self._call("list.set_difference", column(other))

    def set_intersection(self, other: Any) -> Expr:
        """The values that are in both lists, each once."""
        return self._call("list.set_intersection", column(other))

    def set_symmetric_difference(self, other: Any) -> Expr:
        """The values that are in just one of two lists, each once."""
        return self._call("list.set_symmetric_difference", column(other))

    def set_union(self, other: Any) -> Expr:
        """The values that are in one of two lists, each once."""
        return self._call("list.set_union", column(other))

    def slice(self, offset: int | IntoExpr, length: int | IntoExpr | None = None) -> Expr:
        """So many elements from an offset, which counts from the end where it is negative; all that follow if None."""
        return self._call("list.slice", column(offset), column(length))

    def tail(self, n: int | IntoExpr = 5) -> Expr:
        """The last n elements."""
        return self._call("list.tail", column(n))

    def to_array(self, width: int) -> Expr:
        """Lists of one length as arrays."""
        return self._call("list.to_array", width=width)

    def to_struct(self, fields: Sequence[str]) -> Expr:
        """The first elements as the fields of a struct; null where a list is shorter."""
        return self._call("list.to_struct", fields=list(fields))
