"""Where the largest of windows are, and what is put back there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradframe._array.arranging import permute_dims, take, take_along_axis
from gradframe._array.core import Array, as_array
from gradframe._array.creation import zeros
from gradframe._array.pairs import where
from gradframe.errors import DTypeError, ShapeError

# The places of an axis that each window holds (windows, longest), and which of these count.
Windows = tuple[np.ndarray, np.ndarray]


def regular_windows(length: int, size: int, step: int, around: int, spread: int, count: int) -> Windows:
    """Windows that begin `step` apart, the first in the padding."""
    places = np.arange(count)[:, None] * step - around + np.arange(size) * spread
    within = (places >= 0) & (places < length)
    return np.where(within, places, 0), within


def uneven_windows(length: int, count: int) -> Windows:
    """Windows from `floor(i n / m)` to `ceil((i + 1) n / m)`."""
    places = np.arange(count)
    starts, ends = places * length // max(count, 1), -(-(places + 1) * length // max(count, 1))
    longest = int((ends - starts).max(initial=1))
    within = np.arange(longest)[None, :] < (ends - starts)[:, None]
    return np.where(within, starts[:, None] + np.arange(longest), 0), within


def largest_places(x: Array, windows: list[Windows]) -> Array:
    """The places (batch, channels, ..) of the first largest of each window, among all of its channel."""
    axes, sizes = len(windows), x.shape[2:]
    for axis, (places, _) in enumerate(windows):
        x = take(x, as_array(places.reshape(-1)), axis=2 + 2 * axis)
        x = x.reshape(*x.shape[: 2 + 2 * axis], *places.shape, *x.shape[3 + 2 * axis :])
    order = (0, 1, *range(2, 2 + 2 * axes, 2), *range(3, 3 + 2 * axes, 2))
    counts = tuple(places.shape[0] for places, _ in windows)
    inside, flat = np.ones(counts + (1,) * axes, bool), np.zeros(counts + (1,) * axes, np.int64)
    for axis, (places, within) in enumerate(windows):
        shape = [1] * (2 * axes)
        shape[axis], shape[axes + axis] = places.shape
        inside = inside & within.reshape(shape)
        flat = flat + places.reshape(shape) * math.prod(sizes[axis + 1 :])
    parts = permute_dims(x, order).reshape(*x.shape[:2], *counts, -1)
    chosen = where(as_array(inside.reshape(*counts, -1)), parts, -math.inf).argmax(-1, keepdims=True)
    table = np.broadcast_to(flat.reshape(*counts, -1), (*chosen.shape[:2], *flat.reshape(*counts, -1).shape))
    return take_along_axis(as_array(np.ascontiguousarray(table)), chosen, axis=-1)[..., 0]


def unpooled(x: Array, indices: Array, shape: tuple[int, ...]) -> Array:
    """Zeros (batch, channels, ..) of these sizes, with x at its places."""
    if indices.shape != x.shape:
        raise ShapeError(f"max_unpool: indices of shape {indices.shape} for an input of shape {x.shape}")
    if "integer" not in indices.dtype.kind:
        raise DTypeError(f"max_unpool: expected indices of an integer type, got {indices.dtype}")
    rows = math.prod(x.shape[:2])
    empty: Any = zeros((rows, math.prod(shape)), dtype=x.dtype)
    numbers = as_array(np.arange(rows)[:, None])
    return empty.at[numbers, indices.reshape(rows, -1)].set(x.reshape(rows, -1)).reshape(*x.shape[:2], *shape)  # type: ignore[no-any-return]
