"""Folds over axes: statistics, truth, running folds."""

from __future__ import annotations

from typing import Any

from gradframe._array import dtypes
from gradframe._array.core import Array, as_array, call

__all__ = [
    "all", "any", "argmax", "argmin", "count_nonzero", "cumulative_prod", "cumulative_sum", "diff", "logsumexp", "max", "mean",
    "min", "prod", "std", "sum", "var",
]


def sum(x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Array:
    """The sum over axes, or of all elements; small integers and truth values are summed in 64 bits."""
    return call("sum", (x,), axis, keepdims, dtypes.name(dtype))


def prod(x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Array:
    """The product over axes, or of all elements; small integers and truth values are multiplied in 64 bits."""
    return call("prod", (x,), axis, keepdims, dtypes.name(dtype))


def max(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    """The largest over axes, or of all elements; NaN if any is."""
    return call("max", (x,), axis, keepdims)


def min(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    """The smallest over axes, or of all elements; NaN if any is."""
    return call("min", (x,), axis, keepdims)


def mean(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    """The mean over axes, or of all elements; integers become floats."""
    return call("mean", (x,), axis, keepdims)


def var(x: Any, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """The variance: the sum of squares of what differs from the mean, over `n - correction`."""
    return call("var", (x,), axis, keepdims, float(correction))


def std(x: Any, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """The square root of `var`."""
    return call("std", (x,), axis, keepdims, float(correction))


def all(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    """Whether all are true, over axes or of all elements."""
    return call("all", (x,), axis, keepdims)


def any(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    """Whether any is true, over axes or of all elements."""
    return call("any", (x,), axis, keepdims)


def count_nonzero(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    """How many are not zero, over axes or of all elements."""
    return call("count_nonzero", (x,), axis, keepdims)


def argmax(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """The place of the first largest along an axis, or among all elements."""
    return call("argmax", (x,), axis, keepdims)


def argmin(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """The place of the first smallest along an axis, or among all elements."""
    return call("argmin", (x,), axis, keepdims)


def logsumexp(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    """`log(sum(exp(x)))` over axes, without overflow."""
    return call("logsumexp", (x,), axis, keepdims)


def cumulative_sum(x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Array:
    """The sum so far along an axis, from 0 on if `include_initial`."""
    return call("cumulative_sum", (x,), axis, include_initial, dtypes.name(dtype))


def cumulative_prod(x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Array:
    """The product so far along an axis, from 1 on if `include_initial`."""
    return call("cumulative_prod", (x,), axis, include_initial, dtypes.name(dtype))


def diff(x: Any, /, n: int = 1, *, axis: int = -1, prepend: Any = None, append: Any = None) -> Array:
    """What each element differs from the one before along an axis, n times over."""
    parts = [as_array(p) for p in (prepend, x, append) if p is not None]
    return call("diff", (call("concat", tuple(parts), axis) if len(parts) > 1 else x,), axis, n)
