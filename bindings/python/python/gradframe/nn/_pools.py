"""Functions of windows without weights: the largest and the mean of each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradframe._array.arranging import pad, take
from gradframe._array.core import Array, as_array, call
from gradframe._array.pairs import where
from gradframe.errors import PlanError, ShapeError
from gradframe.nn._arguments import count
from gradframe.nn._places import largest_places, regular_windows, uneven_windows, unpooled
from gradframe.nn._windows import each


def max_pool(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest of each window: x (batch, channels, ..), as many axes of windows as follow. With `ceil_mode` a window may reach beyond the
    end, if it begins before. With `return_indices` a pair of that and of where it is, int64: its place among all of its channel, the first of
    several."""
    given = x = _checked("max_pool", x)
    size, step, around = _windows(x, kernel_size, stride, padding)
    spread = _of_axes(x, dilation)
    more = [_beyond(*one) for one in zip(x.shape[2:], size, step, around, spread, strict=False)] if ceil_mode else []
    if any(more):
        x = pad(x, [(0, 0), (0, 0), *((0, one) for one in more)], constant_values=-math.inf)
    largest = call("max_pool", (x,), step, around, spread, size)
    if not return_indices:
        return largest
    each_axis = zip(given.shape[2:], size, step, around, spread, largest.shape[2:], strict=True)
    return largest, largest_places(given, [regular_windows(*one) for one in each_axis])


def avg_pool(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:
    """The mean of each window; padding counts as zeros, or with `count_include_pad=False` not at all. With `ceil_mode` a window may reach beyond
    the end, if it begins before: what is beyond the padding does not count. `divisor_override` is what each sum is divided by."""
    x = _checked("avg_pool", x)
    size, step, around = _windows(x, kernel_size, stride, padding)
    lengths = x.shape[2:]
    more = [_beyond(*one) if ceil_mode else 0 for one in zip(lengths, size, step, around, strict=False)]
    if divisor_override is not None:
        count("avg_pool", "divisor_override", divisor_override, 1)
    if any(more):
        x = pad(x, [(0, 0), (0, 0), *((0, one) for one in more)])
    means = call("avg_pool", (x,), step, around, (1,), size)
    whole = math.prod(size)
    if divisor_override is not None:
        return means * (whole / divisor_override)
    if not any(more) and (count_include_pad or not any(around)):
        return means
    counts = [_counts(*one, count_include_pad) for one in zip(lengths, size, step, around, more, strict=True)]
    divisors = counts[0]
    for one in counts[1:]:
        divisors = divisors[..., None] * one
    return means * as_array(whole / divisors, means.dtype)


def adaptive_avg_pool(x: Any, output_size: Any) -> Array:
    """The means of so many windows along each axis, which together hold all of it: x (batch, channels, ..)."""
    return _adaptive("adaptive_avg_pool", x, output_size, lambda x, axis: x.mean(axis), 0.0)


def adaptive_max_pool(x: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest of so many windows along each axis, which together hold all of it: x (batch, channels, ..). With `return_indices` a pair of
    that and of where it is, as for `max_pool`."""
    largest = _adaptive("adaptive_max_pool", x, output_size, lambda x, axis: x.max(axis), -math.inf)
    if not return_indices:
        return largest
    x = as_array(x)
    return largest, largest_places(x, [uneven_windows(*one) for one in zip(x.shape[2:], largest.shape[2:], strict=True)])


def _adaptive(name: str, x: Any, output_size: Any, fold: Callable[[Array, int], Array], empty: float) -> Array:
    x = _checked(name, x)
    for axis, wanted in enumerate(output_sizes(name, output_size, x.ndim - 2), 2):
        size = x.shape[axis]
        if wanted is None or wanted == size:
            continue
        if not size:
            raise ShapeError(f"{name}: axis {axis} of shape {x.shape} is empty, there is nothing to pool")
        if wanted and size % wanted == 0:
            x = fold(x.reshape(*x.shape[:axis], wanted, size // wanted, *x.shape[axis + 1 :]), axis + 1)
        else:
            x = _uneven(x, axis, wanted, fold, empty)
    return x


def _uneven(x: Array, axis: int, wanted: int, fold: Callable[[Array, int], Array], empty: float) -> Array:
    """Windows from `floor(i n / m)` to `ceil((i + 1) n / m)`, whose lengths differ: filled up with what counts for nothing."""
    found, within = uneven_windows(x.shape[axis], wanted)
    longest, lengths = found.shape[1], within.sum(1)
    rest = x.ndim - axis - 1
    windows = take(x, as_array(found.reshape(-1)), axis=axis).reshape(*x.shape[:axis], wanted, longest, *x.shape[axis + 1 :])
    folded = fold(where(as_array(within.reshape(wanted, longest, *(1,) * rest)), windows, empty), axis + 1)
    if empty:
        return folded
    return folded * as_array((longest / lengths).reshape(wanted, *(1,) * rest), folded.dtype)


def lp_pool(x: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Array:
    """The sum of each window's powers, `sum(x**p)**(1 / p)`: x (batch, channels, ..)."""
    x = _checked("lp_pool", x)
    if not 0 < norm_type < math.inf:
        raise PlanError(f"lp_pool: `norm_type` is {norm_type!r}, expected a number above 0")
    means = avg_pool(x**norm_type, kernel_size, stride, 0, ceil_mode)
    inside = means != 0.0  # of odd powers there may be sums below 0, which have no root
    sums = where(inside, means, 1.0) * math.prod(_of_axes(x, kernel_size))
    return where(inside, sums ** (1.0 / norm_type), 0.0)


def output_sizes(name: str, value: Any, axes: int) -> tuple[int | None, ...]:
    """How long each axis becomes: None stays as it is. Errors: as for `count`."""
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,) * axes
    if len(given) != axes:
        raise PlanError(f"{name}: `output_size` is {value!r}, expected a whole number from 0, or {axes} of them")
    return tuple(None if one is None else count(name, "output_size", one) for one in given)


def _checked(name: str, x: Any) -> Array:
    x = as_array(x)
    if x.ndim < 3:
        raise ShapeError(f"{name}: expected (batch, channels, ..), got shape {x.shape}")
    return x


def _of_axes(x: Array, value: Any) -> tuple[int, ...]:
    found = each(value)
    return found * (x.ndim - 2) if len(found) == 1 else found


def _windows(x: Array, kernel_size: Any, stride: Any, padding: Any) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Size, stride and padding along each axis."""
    size = _of_axes(x, kernel_size)
    step = size if stride is None or stride in ((), []) else _of_axes(x, stride)
    return size, step, _of_axes(x, padding)


def _beyond(length: int, size: int, step: int, around: int, spread: int = 1) -> int:
    """How far the last window reaches beyond the padding: the one that begins within the axis or the padding before it."""
    if min(size, step, spread) < 1:
        return 0  # an error of the pool itself
    reach = spread * (size - 1) + 1
    windows = max(-(-(length + 2 * around - reach) // step) + 1, 1)
    if (windows - 1) * step >= length + around:
        windows -= 1
    return max((windows - 1) * step + reach - length - 2 * around, 0)


def _counts(length: int, size: int, step: int, around: int, more: int, include_pad: bool) -> np.ndarray:
    """How many places of each window count."""
    starts = np.arange(0, length + 2 * around + more - size + 1, step) - around
    ends = np.minimum(starts + size, length + around)
    return ends - starts if include_pad else np.minimum(ends, length) - np.maximum(starts, 0)


def max_unpool(x: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None) -> Array:
    """What `max_pool` was largest of, put back where it was, zeros elsewhere: x (batch, channels, ..) and indices of that shape. `output_size`
    is that of the pool's input, with or without batch and channels, where several gave this shape. Raises ShapeError for another shape of the
    indices or size of the output, OutOfBoundsError for an index outside of it."""
    x, indices = _checked("max_unpool", x), as_array(indices)
    size, step, around = _windows(x, kernel_size, stride, padding)
    shape = tuple((n - 1) * s - 2 * p + k for n, k, s, p in zip(x.shape[2:], size, step, around, strict=True))
    if output_size is not None:
        wanted = tuple(output_size)[-len(shape) :]
        if len(wanted) != len(shape) or any(abs(one - own) >= s for one, own, s in zip(wanted, shape, step, strict=True)):
            raise ShapeError(f"max_unpool: `output_size` {tuple(output_size)} does not fit an input of shape {x.shape}, expected about {shape}")
        shape = wanted
    return unpooled(x, indices, shape)


def _along(name: str, axes: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """A pool along so many axes, of batches or of single items."""

    def named(x: Any, *args: Any, **options: Any) -> Any:
        x = as_array(x)
        if x.ndim not in (axes + 1, axes + 2):
            raise ShapeError(f"{name}: expected (batch, channels{', n' * axes}), or without the batch, got shape {x.shape}")
        if x.ndim == axes + 2:
            return function(x, *args, **options)
        found = function(x[None], *args, **options)
        return tuple(one[0] for one in found) if isinstance(found, tuple) else found[0]

    named.__name__ = named.__qualname__ = name
    named.__doc__ = f"`{function.__name__}` along {axes} {'axes' if axes > 1 else 'axis'}, by PyTorch's name, with the same arguments."
    return named


max_pool1d, max_pool2d, max_pool3d = (_along(f"max_pool{axes}d", axes, max_pool) for axes in (1, 2, 3))
avg_pool1d, avg_pool2d, avg_pool3d = (_along(f"avg_pool{axes}d", axes, avg_pool) for axes in (1, 2, 3))
lp_pool1d, lp_pool2d, lp_pool3d = (_along(f"lp_pool{axes}d", axes, lp_pool) for axes in (1, 2, 3))
max_unpool1d, max_unpool2d, max_unpool3d = (_along(f"max_unpool{axes}d", axes, max_unpool) for axes in (1, 2, 3))
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = (
    _along(f"adaptive_avg_pool{axes}d", axes, adaptive_avg_pool) for axes in (1, 2, 3)
)
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = (
    _along(f"adaptive_max_pool{axes}d", axes, adaptive_max_pool) for axes in (1, 2, 3)
)
