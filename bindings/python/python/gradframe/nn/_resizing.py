"""Functions that lay elements out anew: padding, other sizes, channels as places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradframe._array.arranging import pad as padded_by_axes
from gradframe._array.arranging import permute_dims, take
from gradframe._array.core import Array, as_array
from gradframe._array.creation import zeros
from gradframe.errors import DTypeError, PlanError, ShapeError
from gradframe.nn._arguments import along_axes, count, is_whole
from gradframe.nn._pools import adaptive_avg_pool
from gradframe.nn._windows import PADDING_MODES

MODES = {"nearest": (1, 2, 3), "nearest-exact": (1, 2, 3), "linear": (1,), "bilinear": (2,), "trilinear": (3,), "bicubic": (2,), "area": (1, 2, 3)}


def pad(x: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Array:
    """So many elements before and after axes, as PyTorch counts them: the last axis first, `(before, after, before, after, ..)`. Below 0 so many
    are left out. Modes are "constant" (`value`, else 0), "reflect", "replicate" and "circular". Raises ShapeError where an axis has too few."""
    x = as_array(x)
    known = {"constant" if theirs == "zeros" else theirs: ours for theirs, ours in PADDING_MODES.items()}
    if mode not in known:
        raise PlanError(f"pad: `mode` is {mode!r}, expected one of {', '.join(map(repr, known))}")
    widths = [_whole("pad", one) for one in pad]
    if len(widths) % 2 or len(widths) > 2 * x.ndim:
        raise PlanError(f"pad: `pad` is {tuple(pad)!r}, expected two numbers an axis, of at most {x.ndim} axes")
    pairs = [(0, 0)] * (x.ndim - len(widths) // 2) + list(zip(widths[::2], widths[1::2], strict=True))[::-1]
    x = _cut(x, pairs)
    pairs = [(max(before, 0), max(after, 0)) for before, after in pairs]
    if not any(map(any, pairs)):
        return x
    if mode == "circular":
        for axis, pair in enumerate(pairs):
            if max(pair) > x.shape[axis]:
                raise ShapeError(f"pad: {max(pair)} elements around axis {axis} of shape {x.shape}, expected at most as many as it has")
    return padded_by_axes(x, pairs, known[mode], **({"constant_values": value or 0.0} if mode == "constant" else {}))


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not is_whole(value):
        raise DTypeError(f"{name}: a width is {value!r}, expected a whole number")
    return int(value)


def _cut(x: Array, pairs: list[tuple[int, int]]) -> Array:
    if all(min(pair) >= 0 for pair in pairs):
        return x
    parts = [slice(max(-before, 0), size - max(-after, 0)) for size, (before, after) in zip(x.shape, pairs, strict=True)]
    if any(part.stop < part.start for part in parts):
        raise ShapeError(f"pad: {pairs} leaves less than nothing of shape {x.shape}")
    return x[tuple(parts)]


def interpolate(
    x: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
) -> Array:
    """Other lengths of all axes but the first two, (batch, channels, ..): `size`, or `scale_factor` times what they are. Modes are "nearest",
    "nearest-exact", "linear" (of one axis), "bilinear" and "bicubic" (two), "trilinear" (three) and "area". With `align_corners` the first
    and the last elements stay where they are."""
    x = as_array(x)
    axes = x.ndim - 2
    if mode not in MODES:
        raise PlanError(f"interpolate: `mode` is {mode!r}, expected one of {', '.join(map(repr, MODES))}")
    if axes not in MODES[mode]:
        raise ShapeError(f"interpolate: `mode` {mode!r} is for {' or '.join(map(str, MODES[mode]))} axes after the first two, got shape {x.shape}")
    if align_corners is not None and (mode.startswith("nearest") or mode == "area"):
        raise PlanError(f"interpolate: `align_corners` is none of {mode!r}'s options")
    sizes, scales = lengths_of(x.shape[2:], size, scale_factor, bool(recompute_scale_factor))
    if not all(sizes) or not all(x.shape[2:]):
        raise ShapeError(f"interpolate: from {x.shape[2:]} to {sizes}, expected lengths from 1")
    if mode == "area":
        return adaptive_avg_pool(x, sizes)
    for axis, (length, scale) in enumerate(zip(sizes, scales, strict=True), 2):
        x = _resized(x, axis, length, scale, mode, bool(align_corners))
    return x


def lengths_of(
    before: tuple[int, ...], size: Any, scale_factor: Any, recomputes: bool = False
) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """The lengths that are asked for, and the factors that were given for them. Raises PlanError unless one of both is given."""
    axes = len(before)
    if (size is None) == (scale_factor is None):
        raise PlanError("interpolate: expected `size` or `scale_factor`, one of both")
    if size is not None:
        return along_axes("interpolate", "size", size, axes), (None,) * axes
    factors = tuple(scale_factor) if isinstance(scale_factor, (tuple, list)) else (scale_factor,) * axes
    if len(factors) != axes or not all(isinstance(f, (int, float)) and not isinstance(f, bool) and f > 0 for f in factors):
        raise PlanError(f"interpolate: `scale_factor` is {scale_factor!r}, expected a number above 0, or {axes} of them")
    sizes = tuple(math.floor(length * factor) for length, factor in zip(before, factors, strict=True))
    return sizes, ((None,) * axes if recomputes else tuple(map(float, factors)))


def _resized(x: Array, axis: int, length: int, factor: float | None, mode: str, align_corners: bool) -> Array:
    before = x.shape[axis]
    if length == before and (factor is None or factor == 1.0):
        return x
    places, weights = _taps(before, length, factor, mode, align_corners, np.float64 if x.dtype.name == "float64" else np.float32)
    rest = (1,) * (x.ndim - axis - 1)
    parts = [take(x, as_array(one), axis=axis) for one in places]
    if len(parts) == 1:
        return parts[0]
    sum_ = parts[0] * as_array(weights[0].reshape(-1, *rest), x.dtype)
    for part, weight in zip(parts[1:], weights[1:], strict=True):
        sum_ = sum_ + part * as_array(weight.reshape(-1, *rest), x.dtype)
    return sum_


def _taps(
    before: int, length: int, factor: float | None, mode: str, align_corners: bool, kind: Any
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """For each new element the places that it is made of, and what they weigh: as PyTorch counts, in its type."""
    new = np.arange(length)
    if mode.startswith("nearest"):
        scale = np.float32(1.0 / factor if factor else before / length)
        at = new + (0.5 if mode == "nearest-exact" else 0.0)
        return [np.minimum(np.floor(at.astype(np.float32) * scale).astype(np.int64), before - 1)], [np.ones(length)]
    if align_corners:
        at = new.astype(kind) * kind((before - 1) / (length - 1) if length > 1 else 0.0)
    else:
        at = kind(1.0 / factor if factor else before / length) * (new.astype(kind) + kind(0.5)) - kind(0.5)
    if mode != "bicubic":
        at = np.maximum(at, kind(0.0))
        low = np.minimum(np.floor(at).astype(np.int64), before - 1)
        part = np.clip(at - low, 0.0, 1.0)
        return [low, np.minimum(low + 1, before - 1)], [1.0 - part, part]
    low = np.floor(at).astype(np.int64)
    part = at - low
    places = [np.clip(low + step, 0, before - 1) for step in (-1, 0, 1, 2)]
    return places, [_far(part + 1.0), _near(part), _near(1.0 - part), _far(2.0 - part)]


# Cubic convolution with a = -0.75, as PyTorch's. Source: Keys 1981.
_A = -0.75


def _near(x: np.ndarray) -> np.ndarray:
    return ((_A + 2.0) * x - (_A + 3.0)) * x * x + 1.0


def _far(x: np.ndarray) -> np.ndarray:
    return ((_A * x - 5.0 * _A) * x + 8.0 * _A) * x - 4.0 * _A


def pixel_shuffle(x: Any, upscale_factor: int) -> Array:
    """Channels as places: (.., channels * f * f, height, width) gives (.., channels, height * f, width * f). Source: Shi et al. 2016."""
    x, factor = as_array(x), count("pixel_shuffle", "upscale_factor", upscale_factor, 1)
    if x.ndim < 3 or x.shape[-3] % factor**2:
        raise ShapeError(f"pixel_shuffle: expected (.., a multiple of {factor**2}, height, width), got shape {x.shape}")
    *rest, channels, height, width = x.shape
    parts = x.reshape(*rest, channels // factor**2, factor, factor, height, width)
    n = len(rest)
    turned = permute_dims(parts, (*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return turned.reshape(*rest, channels // factor**2, height * factor, width * factor)


def pixel_unshuffle(x: Any, downscale_factor: int) -> Array:
    """Places as channels: what `pixel_shuffle` came from."""
    x, factor = as_array(x), count("pixel_unshuffle", "downscale_factor", downscale_factor, 1)
    if x.ndim < 3 or x.shape[-2] % factor or x.shape[-1] % factor:
        raise ShapeError(f"pixel_unshuffle: expected a height and a width that {factor} divides, got shape {x.shape}")
    *rest, channels, height, width = x.shape
    parts = x.reshape(*rest, channels, height // factor, factor, width // factor, factor)
    n = len(rest)
    turned = permute_dims(parts, (*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return turned.reshape(*rest, channels * factor**2, height // factor, width // factor)


def channel_shuffle(x: Any, groups: int) -> Array:
    """Channels dealt out over groups: (batch, channels, ..). Source: Zhang et al. 2018."""
    x, groups = as_array(x), count("channel_shuffle", "groups", groups, 1)
    if x.ndim < 3 or x.shape[1] % groups:
        raise ShapeError(f"channel_shuffle: expected (batch, a multiple of {groups}, ..), got shape {x.shape}")
    batch, channels, *rest = x.shape
    parts = x.reshape(batch, groups, channels // groups, *rest)
    return permute_dims(parts, (0, 2, 1, *range(3, 3 + len(rest)))).reshape(x.shape)


def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Array:
    """Windows as columns: (batch, channels, height, width) gives (batch, channels * size of a window, windows); or without the batch."""
    x = as_array(x)
    if x.ndim not in (3, 4):
        raise ShapeError(f"unfold: expected (batch, channels, height, width), or without the batch, got shape {x.shape}")
    if x.ndim == 3:
        return unfold(x[None], kernel_size, dilation, padding, stride)[0]
    around = along_axes("unfold", "padding", padding, 2)
    x = padded_by_axes(x, [(0, 0), (0, 0), *((one, one) for one in around)]) if any(around) else x
    places = _places("unfold", x.shape[2:], kernel_size, dilation, stride)
    batch, channels = x.shape[:2]
    found = take(x.reshape(batch, channels, -1), as_array(places.reshape(-1)), axis=2)
    return found.reshape(batch, channels * places.shape[0], places.shape[1])


def fold(x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Array:
    """Columns as windows, added where they overlap: (batch, channels * size of a window, windows) gives (batch, channels, height, width); or
    without the batch."""
    x = as_array(x)
    if x.ndim not in (2, 3):
        raise ShapeError(f"fold: expected (batch, channels * size of a window, windows), or without the batch, got shape {x.shape}")
    if x.ndim == 2:
        return fold(x[None], output_size, kernel_size, dilation, padding, stride)[0]
    (height, width), around = along_axes("fold", "output_size", output_size, 2, 1), along_axes("fold", "padding", padding, 2)
    whole = (height + 2 * around[0], width + 2 * around[1])
    places = _places("fold", whole, kernel_size, dilation, stride)
    if x.shape[1] % places.shape[0] or x.shape[2] != places.shape[1]:
        expected = f"(batch, a multiple of {places.shape[0]}, {places.shape[1]})"
        raise ShapeError(f"fold: expected {expected} for windows of {(height, width)}, got shape {x.shape}")
    batch, channels = x.shape[0], x.shape[1] // places.shape[0]
    flat = zeros((batch, channels, math.prod(whole)), dtype=x.dtype)
    summed = flat.at[:, :, as_array(places.reshape(-1))].add(x.reshape(batch, channels, -1)).reshape(batch, channels, *whole)
    return summed[:, :, around[0] : around[0] + height, around[1] : around[1] + width]


def _places(name: str, lengths: Sequence[int], kernel_size: Any, dilation: Any, stride: Any) -> np.ndarray:
    """Where among all elements of two axes those of each window are: (size of a window, windows)."""
    size, spread = along_axes(name, "kernel_size", kernel_size, 2, 1), along_axes(name, "dilation", dilation, 2, 1)
    step = along_axes(name, "stride", stride, 2, 1)
    axes = []
    for length, one, apart, by in zip(lengths, size, spread, step, strict=True):
        windows = (length - apart * (one - 1) - 1) // by + 1
        if windows < 1:
            raise ShapeError(f"{name}: a window of {size} does not fit into {tuple(lengths)}")
        axes.append(np.arange(one)[:, None] * apart + np.arange(windows)[None, :] * by)
    rows, columns = axes
    places = rows[:, None, :, None] * lengths[1] + columns[None, :, None, :]
    return places.reshape(size[0] * size[1], -1)
