"""Operators between a collected frame and a value, a Series, or another frame: column by column."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from gradframe.errors import PlanError, ShapeError

if TYPE_CHECKING:
    from gradframe._frame.series import Series

Operator = Callable[[Any, Any], Any]


class Operators:
    """`frame * 2`, `frame > other`: a frame of what each column gives. Each column keeps its own type where it can."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def _compared(self, other: Any, compare: Operator) -> Self:
        if _is_frame(other):
            if self.shape != other.shape:  # type: ignore[attr-defined]
                raise ShapeError(f"comparison: the frames have the shapes {self.shape} and {other.shape}")  # type: ignore[attr-defined]
            if self.columns != other.columns:  # type: ignore[attr-defined]
                raise PlanError("comparison: the frames have different columns; hint: equals() compares any two frames")
        return self._per_column(other, compare)

    def _computed(self, other: Any, compute: Operator) -> Self:
        if isinstance(other, dict | list | tuple | set):
            return NotImplemented
        return self._per_column(other, compute)

    def _per_column(self, other: Any, operation: Operator) -> Self:
        """The operation of each column and the value, the Series, or the other frame's column at its place."""
        from gradframe import col, concat
        from gradframe._frame.series import Series

        names: list[str] = self.columns  # type: ignore[attr-defined]
        if not _is_frame(other) and not isinstance(other, Series):
            return self.select(*(operation(col(name), other).alias(name) for name in names))  # type: ignore[attr-defined]
        if isinstance(other, Series):
            _require_height(self, other)
            beside, places = other.to_frame("0"), ["0"] * len(names)
        else:
            places = [str(place) for place in range(min(other.width, len(names)))]
            beside = other.select(other.columns[: len(places)]).rename(dict(zip(other.columns, places)))
        own = self.select(*(col(name).alias(f"own {name}") for name in names))  # type: ignore[attr-defined]
        both = concat([own, beside], how="horizontal_extend")
        return both.select(*(operation(col(f"own {name}"), col(place)).alias(name) for name, place in zip(names, places)))

    def __eq__(self, other: object) -> Self:  # type: ignore[override]
        return self._compared(other, operator.eq)

    def __ne__(self, other: object) -> Self:  # type: ignore[override]
        return self._compared(other, operator.ne)

    def __lt__(self, other: Any) -> Self:
        return self._compared(other, operator.lt)

    def __le__(self, other: Any) -> Self:
        return self._compared(other, operator.le)

    def __gt__(self, other: Any) -> Self:
        return self._compared(other, operator.gt)

    def __ge__(self, other: Any) -> Self:
        return self._compared(other, operator.ge)

    def __add__(self, other: Any) -> Self:
        return self._computed(other, operator.add)

    def __radd__(self, other: Any) -> Self:
        return self._computed(other, lambda own, given: given + own)

    def __sub__(self, other: Any) -> Self:
        return self._computed(other, operator.sub)

    def __mul__(self, other: Any) -> Self:
        return self._computed(other, operator.mul)

    def __rmul__(self, other: Any) -> Self:
        return self._computed(other, operator.mul)

    def __truediv__(self, other: Any) -> Self:
        return self._computed(other, operator.truediv)

    def __floordiv__(self, other: Any) -> Self:
        return self._computed(other, operator.floordiv)

    def __mod__(self, other: Any) -> Self:
        return self._computed(other, operator.mod)


class NoComparisons:
    """A query has no rows to compare yet."""

    __slots__ = ()
    __hash__ = object.__hash__

    def _refuse(self, other: object) -> Any:
        raise TypeError("comparison: a LazyFrame has no rows yet; hint: collect() it, or compare columns in an expression")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse  # type: ignore[assignment]


def _is_frame(value: Any) -> bool:
    return isinstance(value, Operators)


def _require_height(frame: Any, series: Series) -> None:
    if len(series) not in (1, frame.height):
        raise ShapeError(f"arithmetic: the frame has {frame.height} rows and series `{series.name}` {len(series)}")
    if len(series) != frame.height:
        raise ShapeError(f"arithmetic: series `{series.name}` has one value; hint: take it out with .item()")
