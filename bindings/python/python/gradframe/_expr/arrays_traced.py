"""Functions of arrays over columns, traced when the plan is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gradframe import _gradframe
from gradframe._expr.base import Base

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr


def applied(function: Callable[..., Any], columns: tuple[Any, ...]) -> Expr:
    """The expression of a function of arrays over columns."""
    if not callable(function):
        raise TypeError(f"apply_array: expected a function of arrays, got a {type(function).__name__}")
    name = getattr(function, "__name__", type(function).__name__)
    name = "apply_array" if name == "<lambda>" else name
    return Base._public(_gradframe.apply_array(list(columns), name, _tracer(function, name)))


def _tracer(function: Callable[..., Any], name: str) -> Callable[[list[tuple[str, list[int]]]], Any]:
    """What the plan calls with the columns' types."""

    def trace(types: list[tuple[str, list[int]]]) -> Any:
        from gradframe._array.any_rows import told_of_rows
        from gradframe._array.core import Array, wrap
        from gradframe._array.creation import zeros
        from gradframe._array.sized import sized_by
        from gradframe.errors import PlanError

        traces = []
        for rows in _gradframe.probe_rows():
            columns = [zeros((rows, *sizes), dtype=dtype)._array for dtype, sizes in types]
            tracing = _gradframe.PyTracing("apply_array", columns, None)
            given = ", ".join(f"[{', '.join(['rows', *map(str, sizes)])}] {dtype}" for dtype, sizes in types)
            stand_ins = tracing.arguments()
            with told_of_rows(rows, f"apply_array: {name}, given {given}"), sized_by(rows, stand_ins):
                result = function(*map(wrap, stand_ins))
            if not isinstance(result, Array):
                raise PlanError(f"apply_array: the function gives a {type(result).__qualname__}, expected an array")
            traces.append(tracing.close([result._array], True))
        return _gradframe.PyRowFunction(*traces)

    return trace
