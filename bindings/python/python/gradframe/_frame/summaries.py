"""Verbs that do one thing to every column: aggregates of a whole frame, missing values, shifts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from gradframe._frame.base import Verb, of_expression

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradframe._frame.eager import DataFrame


class SummaryVerbs(Verb):
    """Verbs of all columns at once. What a column's type has no answer for is null."""

    __slots__ = ()

    def count(self) -> Self:
        """How many values of each column are not null."""
        return self._each("count")

    def null_count(self) -> Self:
        """How many values of each column are null."""
        return self._each("null_count")

    def sum(self) -> Self:
        """The sum of each column; of booleans, how many are true; null for text."""
        return self._each("sum", by_type=True)

    def mean(self) -> Self:
        """The mean of each column; null for text."""
        return self._each("mean", by_type=True)

    def median(self) -> Self:
        """The median of each column; null for text."""
        return self._each("median", by_type=True)

    def min(self) -> Self:
        """The least value of each column; null for lists and structs."""
        return self._each("min", by_type=True)

    def max(self) -> Self:
        """The greatest value of each column; null for lists and structs."""
        return self._each("max", by_type=True)

    def std(self, ddof: int = 1) -> Self:
        """The standard deviation of each column, with divisor n - `ddof`; null for text."""
        return self._each("std", ddof, by_type=True)

    def var(self, ddof: int = 1) -> Self:
        """The variance of each column, with divisor n - `ddof`; null for text."""
        return self._each("var", ddof, by_type=True)

    def quantile(
        self, quantile: float, interpolation: Literal["nearest", "higher", "lower", "midpoint", "linear", "equiprobable"] = "nearest"
    ) -> Self:
        """The quantile of each column; null for text."""
        return self._each("quantile", quantile, interpolation, by_type=True)

    def shift(self, n: int = 1, *, fill_value: Any = None) -> Self:
        """The values `n` rows further down, or up if negative; `fill_value` where there is none."""
        return self._each("shift", n, fill_value=fill_value)

    def interpolate(self) -> Self:
        """Nulls between two values as the values on the straight line between them; columns of numbers and moments."""
        from gradframe import selectors

        return self._wrap(self._lazy().with_columns(of_expression(selectors.numeric() | selectors.temporal(), "interpolate")()))

    def fill_null(
        self,
        value: Any = None,
        strategy: Literal["forward", "backward", "min", "max", "mean", "zero", "one"] | None = None,
        limit: int | None = None,
        *,
        matches_supertype: bool = True,
    ) -> Self:
        """Another value in the place of nulls: a constant, in the columns whose type it fits; an expression, in all; or by
        a strategy, such as the last value before ("forward", at most `limit` rows further)."""
        if (value is None) == (strategy is None):
            raise ValueError("fill_null: expected either a value or a strategy")
        columns = _fitting(value, matches_supertype) if strategy is None else _every()
        filled = columns.fill_null(value) if strategy is None else columns.fill_null(strategy=strategy, limit=limit)
        return self._wrap(self._lazy().with_columns(filled))

    def fill_nan(self, value: Any) -> Self:
        """Another value in the place of NaN, in columns of floats."""
        from gradframe import selectors

        return self._wrap(self._lazy().with_columns(selectors.float().fill_nan(value)))

    def describe(
        self, percentiles: Sequence[float] | float | None = (0.25, 0.5, 0.75), *, interpolation: str = "nearest"
    ) -> DataFrame:
        """A row for each statistic of each column: count, null_count, mean, std, min, percentiles, max."""
        from gradframe._frame.describe import described

        return described(self, percentiles, interpolation)

    def _each(self, method: str, *arguments: Any, by_type: bool = False, **named: Any) -> Self:
        """A method of every column's expression; with `by_type`, null for columns whose type has no answer."""
        from gradframe import col

        own = self._lazy()
        if by_type:
            from gradframe._frame.aggregating import aggregated

            return self._wrap(own.select(*[aggregated(f.name, f.type, method, *arguments, **named) for f in own.collect_schema()]))
        return self._wrap(own.select(*[of_expression(col(name), method)(*arguments, **named).alias(name) for name in own.columns]))


def _every() -> Any:
    from gradframe import selectors

    return selectors.all()


def _fitting(value: Any, matches_supertype: bool) -> Any:
    """The columns whose type a constant fits."""
    import datetime

    from gradframe import selectors

    if isinstance(value, bool):
        return selectors.boolean()
    if isinstance(value, (int, float)):
        return selectors.numeric() if matches_supertype or isinstance(value, int) else selectors.float()
    if isinstance(value, str):
        return selectors.string()
    if isinstance(value, datetime.datetime):
        return selectors.datetime()
    if isinstance(value, datetime.timedelta):
        return selectors.duration()
    if isinstance(value, datetime.date):
        return selectors.date()
    if isinstance(value, datetime.time):
        return selectors.time()
    if isinstance(value, bytes):
        return selectors.binary()
    return selectors.all()
