"""Moving windows of the values of another column, and functions of one's own over moving windows of rows."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from gradframe._expr.base import Base, IntoExpr, column
from gradframe._expr.moving import Interpolation, RankMethod
from gradframe._expr.temporal import interval_text

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr
    from gradframe._frame.series import Series

Closed = Literal["left", "right", "both", "none"]


class RollingBy(Base):
    """Moving windows by a column of dates, datetimes or whole numbers: of each row, the rows whose place is at most `window_size`
    ("3d", "2h", "10i") before its own. Rows need not be sorted.

    `closed` says which ends of the window are in it. One with fewer than `min_samples` values that are not null gives null.
    """

    __slots__ = ()

    def _by(
        self, statistic: str, by: IntoExpr, window_size: str | datetime.timedelta, min_samples: int, closed: Closed, *constants: Any
    ) -> Expr:
        options = {"window_size": interval_text(window_size), "min_samples": min_samples, "closed": closed}
        return self._call("rolling_by", column(by), statistic=statistic, constants=list(constants) or None, **options)

    def rolling_sum_by(
        self, by: IntoExpr, window_size: str | datetime.timedelta, *, min_samples: int = 1, closed: Closed = "right"
    ) -> Expr:
        """The sum of each window."""
        return self._by("sum", by, window_size, min_samples, closed)

    def rolling_mean_by(
        self, by: IntoExpr, window_size: str | datetime.timedelta, *, min_samples: int = 1, closed: Closed = "right"
    ) -> Expr:
        """The mean of each window."""
        return self._by("mean", by, window_size, min_samples, closed)

    def rolling_min_by(
        self, by: IntoExpr, window_size: str | datetime.timedelta, *, min_samples: int = 1, closed: Closed = "right"
    ) -> Expr:
        """The least value of each window."""
        return self._by("min", by, window_size, min_samples, closed)

    def rolling_max_by(
        self, by: IntoExpr, window_size: str | datetime.timedelta, *, min_samples: int = 1, closed: Closed = "right"
    ) -> Expr:
        """The greatest value of each window."""
        return self._by("max", by, window_size, min_samples, closed)

    def rolling_std_by(
        self, by: IntoExpr, window_size: str | datetime.timedelta, *, min_samples: int = 1, closed: Closed = "right", ddof: int = 1
    ) -> Expr:
        """The standard deviation of each window, with divisor n - `ddof`."""
        return self._by("std", by, window_size, min_samples, closed, ddof)

    def rolling_var_by(
        self, by: IntoExpr, window_size: str | datetime.timedelta, *, min_samples: int = 1, closed: Closed = "right", ddof: int = 1
    ) -> Expr:
        """The variance of each window, with divisor n - `ddof`."""
        return self._by("var", by, window_size, min_samples, closed, ddof)

    def rolling_median_by(
        self, by: IntoExpr, window_size: str | datetime.timedelta, *, min_samples: int = 1, closed: Closed = "right"
    ) -> Expr:
        """The median of each window."""
        return self._by("quantile", by, window_size, min_samples, closed, 0.5, "linear")

    def rolling_quantile_by(
        self,
        by: IntoExpr,
        window_size: str | datetime.timedelta,
        *,
        quantile: float,
        interpolation: Interpolation = "nearest",
        min_samples: int = 1,
        closed: Closed = "right",
    ) -> Expr:
        """A quantile of each window."""
        return self._by("quantile", by, window_size, min_samples, closed, float(quantile), interpolation)

    def rolling_rank_by(
        self,
        by: IntoExpr,
        window_size: str | datetime.timedelta,
        method: RankMethod = "average",
        *,
        min_samples: int = 1,
        closed: Closed = "right",
    ) -> Expr:
        """The rank of each window's last value in it."""
        return self._by("rank", by, window_size, min_samples, closed, method)

    def rolling_map(
        self, function: Callable[[Series], Any], window_size: int, *, min_samples: int | None = None, center: bool = False
    ) -> Expr:
        """What a function makes of each window of rows, a Series; in Python, and slow. The type is that of the values."""
        least = window_size if min_samples is None else min_samples
        after = -(-window_size // 2) if center else 1

        def over_windows(values: Series) -> list[Any]:
            made = []
            for row in range(len(values)):
                start = max(row + after - window_size, 0)
                window = values.slice(start, row + after - start)
                made.append(function(window) if len(window) - window.null_count() >= least else None)
            return made

        return self.map_batches(_named(over_windows, function))  # type: ignore[attr-defined]


def _named(call: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    call.__qualname__ = getattr(function, "__qualname__", type(function).__name__)
    return call
