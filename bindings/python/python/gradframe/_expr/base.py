"""What every expression has: the private expression, and the call of a frame function by name."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from gradframe import _gradframe

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr

PythonLiteral = None | bool | int | float | str | bytes | datetime.date | datetime.time | datetime.timedelta | decimal.Decimal
IntoExpr = Any  # an Expr or a constant; where a column is expected, text is its name


class Base:
    """An expression over the private class of the extension."""

    __slots__ = ("_expr",)
    _public: ClassVar[type]

    def __init__(self, private: _gradframe.PyExpr) -> None:
        self._expr = private

    def _call(self, name: str, /, *exprs: Any, **constants: Any) -> Expr:
        """Calls a frame function on this expression and others; None among the constants stands for "not given"."""
        return call(name, self, *exprs, **constants)

    def __repr__(self) -> str:
        return repr(self._expr)

    def __bool__(self) -> bool:
        raise TypeError("an expression has no truth value; combine conditions with & | ~ instead of and, or, not")


def call(name: str, /, *exprs: Any, **constants: Any) -> Expr:
    """Calls a frame function: expressions, or constants in their place, and named constants."""
    return Base._public(_gradframe.call(name, list(exprs), constants))


def at_once(expr: Expr, eager: bool, *given: Any) -> Any:
    """The expression; or, if it is wanted at once, the Series of its values, computed of the Series that are given."""
    if not eager:
        return expr
    from gradframe import Series, select

    series = next((value for value in given if isinstance(value, Series)), None)
    return (select(expr) if series is None else series.to_frame().select(expr)).to_series()


def column(value: IntoExpr) -> Any:
    """The argument of a method that takes a column: text names one."""
    return call("col", names=value) if isinstance(value, str) else value


def columns(*values: IntoExpr | Iterable[IntoExpr]) -> list[Any]:
    """Several of them, given one by one or as lists."""
    found: list[Any] = []
    for value in values:
        if isinstance(value, Iterable) and not isinstance(value, str | bytes | Base) and not hasattr(value, "__array__"):
            found.extend(column(item) for item in value)
        elif value is not None:
            found.append(column(value))
    return found
