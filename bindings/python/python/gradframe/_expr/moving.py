"""Moving windows of rows, rows filled from their neighbours, ranks and runs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from gradframe._expr.base import Base, IntoExpr, column

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr

Interpolation = Literal["nearest", "higher", "lower", "midpoint", "linear", "equiprobable"]
RankMethod = Literal["average", "min", "max", "dense", "ordinal", "random"]


class Moving(Base):
    """Moving windows of rows: the row and those before it, `window_size` of them; with `center`, half of them after it.

    A window with fewer than `min_samples` values that are not null (by default: `window_size`) gives null.
    """

    __slots__ = ()

    def _rolling(self, statistic: str, window_size: int, min_samples: int | None, center: bool, *constants: Any) -> Expr:
        options = {"window_size": window_size, "min_samples": min_samples, "center": center}
        return self._call("rolling", statistic=statistic, constants=list(constants) or None, **options)

    def _weighted(self, statistic: str, window_size: int, weights: list[float] | None, min_samples: int | None, center: bool) -> Expr:
        if weights is None:
            return self._rolling(statistic, window_size, min_samples, center)
        if len(weights) != window_size:
            raise ValueError(f"rolling_{statistic}: {len(weights)} weights for a window of {window_size} rows")
        return self._rolling(f"weighted_{statistic}", window_size, min_samples, center, *map(float, weights))

    def rolling_sum(
        self, window_size: int, weights: list[float] | None = None, *, min_samples: int | None = None, center: bool = False
    ) -> Expr:
        """The sum of each window."""
        return self._weighted("sum", window_size, weights, min_samples, center)

    def rolling_mean(
        self, window_size: int, weights: list[float] | None = None, *, min_samples: int | None = None, center: bool = False
    ) -> Expr:
        """The mean of each window."""
        return self._weighted("mean", window_size, weights, min_samples, center)

    def rolling_min(self, window_size: int, *, min_samples: int | None = None, center: bool = False) -> Expr:
        """The least value of each window."""
        return self._rolling("min", window_size, min_samples, center)

    def rolling_max(self, window_size: int, *, min_samples: int | None = None, center: bool = False) -> Expr:
        """The greatest value of each window."""
        return self._rolling("max", window_size, min_samples, center)

    def rolling_std(self, window_size: int, *, min_samples: int | None = None, center: bool = False, ddof: int = 1) -> Expr:
        """The standard deviation of each window, with divisor n - `ddof`."""
        return self._rolling("std", window_size, min_samples, center, ddof)

    def rolling_var(self, window_size: int, *, min_samples: int | None = None, center: bool = False, ddof: int = 1) -> Expr:
        """The variance of each window, with divisor n - `ddof`."""
        return self._rolling("var", window_size, min_samples, center, ddof)

    def rolling_median(self, window_size: int, *, min_samples: int | None = None, center: bool = False) -> Expr:
        """The median of each window."""
        return self._rolling("quantile", window_size, min_samples, center, 0.5, "linear")

    def rolling_quantile(
        self,
        quantile: float,
        interpolation: Interpolation = "nearest",
        window_size: int = 2,
        *,
        min_samples: int | None = None,
        center: bool = False,
    ) -> Expr:
        """A quantile of each window."""
        return self._rolling("quantile", window_size, min_samples, center, float(quantile), interpolation)

    def rolling_skew(self, window_size: int, *, bias: bool = True, min_samples: int | None = None, center: bool = False) -> Expr:
        """The skewness of each window."""
        return self._rolling("skew", window_size, min_samples, center, bias)

    def rolling_kurtosis(
        self, window_size: int, *, fisher: bool = True, bias: bool = True, min_samples: int | None = None, center: bool = False
    ) -> Expr:
        """The kurtosis of each window."""
        return self._rolling("kurtosis", window_size, min_samples, center, fisher, bias)

    def rolling_rank(
        self, window_size: int, method: RankMethod = "average", *, min_samples: int | None = None, center: bool = False
    ) -> Expr:
        """The rank of each window's last value in it."""
        return self._rolling("rank", window_size, min_samples, center, method)

    def forward_fill(self, limit: int | None = None) -> Expr:
        """Nulls become the value before them, at most `limit` in a row."""
        return self._call("forward_fill", limit=limit)

    def backward_fill(self, limit: int | None = None) -> Expr:
        """Nulls become the value after them, at most `limit` in a row."""
        return self._call("backward_fill", limit=limit)

    def interpolate(self, method: Literal["linear", "nearest"] = "linear") -> Expr:
        """Nulls between two values become values between them."""
        return self._call("interpolate", method=method)

    def interpolate_by(self, by: IntoExpr) -> Expr:
        """Nulls become values between those that are next to them in another column."""
        return self._call("interpolate_by", column(by))

    def rank(self, method: RankMethod = "average", *, descending: bool = False, seed: int | None = None) -> Expr:
        """The rank of each value, from 1. Equal ones share the mean, least or greatest rank, or ("dense") count as one, or
        ("ordinal", "random") have ranks of their own. Nulls have none.
        """
        return self._call("rank", method=method, descending=descending, seed=seed)

    def cum_prod(self, *, reverse: bool = False) -> Expr:
        """The product of the rows so far. An integer beyond 64 bits is an error."""
        return self._call("cum_prod", reverse=reverse)

    def pct_change(self, n: int = 1) -> Expr:
        """By which part the value has grown since `n` rows before."""
        return self._call("pct_change", n=n)

    def rle_id(self) -> Expr:
        """The number of the run of equal values, from 0."""
        return self._call("rle_id")

    def peak_max(self) -> Expr:
        """Whether the value is greater than both neighbours."""
        return self._call("peak_max")

    def peak_min(self) -> Expr:
        """Whether the value is less than both neighbours."""
        return self._call("peak_min")

    def is_first_distinct(self) -> Expr:
        """Whether no row before has the same value."""
        return self._call("is_first_distinct")

    def is_last_distinct(self) -> Expr:
        """Whether no row after has the same value."""
        return self._call("is_last_distinct")

    def is_duplicated(self) -> Expr:
        """Whether another row has the same value."""
        return self._call("is_duplicated")

    def is_unique(self) -> Expr:
        """Whether no other row has the same value."""
        return self._call("is_unique")

    def unique(self, *, maintain_order: bool = False) -> Expr:
        """Each different value once, in the order of first rows."""
        return self._call("unique")

    def unique_counts(self) -> Expr:
        """How often each different value occurs, in the order of first rows."""
        return self._call("unique_counts")

    def ewm_mean(
        self,
        *,
        com: float | None = None,
        span: float | None = None,
        half_life: float | None = None,
        alpha: float | None = None,
        adjust: bool = True,
        min_samples: int = 1,
        ignore_nulls: bool = False,
    ) -> Expr:
        """The mean of the rows so far with weights that fall by `1 - alpha` from row to row."""
        return self._ewm("mean", _decay(com, span, half_life, alpha), adjust, min_samples, ignore_nulls)

    def ewm_std(
        self,
        *,
        com: float | None = None,
        span: float | None = None,
        half_life: float | None = None,
        alpha: float | None = None,
        adjust: bool = True,
        bias: bool = False,
        min_samples: int = 1,
        ignore_nulls: bool = False,
    ) -> Expr:
        """The standard deviation of the rows so far with weights that fall by `1 - alpha` from row to row."""
        return self._ewm("std", _decay(com, span, half_life, alpha), adjust, min_samples, ignore_nulls, bias)

    def ewm_var(
        self,
        *,
        com: float | None = None,
        span: float | None = None,
        half_life: float | None = None,
        alpha: float | None = None,
        adjust: bool = True,
        bias: bool = False,
        min_samples: int = 1,
        ignore_nulls: bool = False,
    ) -> Expr:
        """The variance of the rows so far with weights that fall by `1 - alpha` from row to row."""
        return self._ewm("var", _decay(com, span, half_life, alpha), adjust, min_samples, ignore_nulls, bias)

    def ewm_sum(
        self,
        *,
        com: float | None = None,
        span: float | None = None,
        half_life: float | None = None,
        alpha: float | None = None,
        min_samples: int = 1,
        ignore_nulls: bool = False,
    ) -> Expr:
        """The sum of the rows so far with weights that fall by `1 - alpha` from row to row."""
        return self._ewm("sum", _decay(com, span, half_life, alpha), True, min_samples, ignore_nulls)

    def _ewm(
        self, statistic: str, alpha: float, adjust: bool, min_samples: int, ignore_nulls: bool, bias: bool = False
    ) -> Expr:
        options = {"adjust": adjust, "min_samples": min_samples, "ignore_nulls": ignore_nulls, "bias": bias}
        return self._call("ewm", statistic=statistic, alpha=alpha, **options)


def _decay(com: float | None, span: float | None, half_life: float | None, alpha: float | None) -> float:
    """The one of the four that is given, as alpha."""
    given = [name for name, value in [("com", com), ("span", span), ("half_life", half_life), ("alpha", alpha)] if value is not None]
    if len(given) != 1:
        raise TypeError(f"ewm: expected one of com, span, half_life and alpha, got {', '.join(given) or 'none'}")
    if com is not None:
        return 1.0 / (1.0 + com)
    if span is not None:
        return 2.0 / (span + 1.0)
    if half_life is not None:
        return 1.0 - math.exp(-math.log(2.0) / half_life)
    return float(alpha)  # type: ignore[arg-type]
