"""Fourier transforms: the standard's `fft`."""

from __future__ import annotations

from typing import Any

from gradframe._array import dtypes
from gradframe._array.arranging import roll
from gradframe._array.core import Array, as_array, call
from gradframe._array.creation import arange

__all__ = [
    "fft", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifftn", "ifftshift", "ihfft", "irfft", "irfftn", "rfft", "rfftfreq",
    "rfftn",
]


def fft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Array:
    """The discrete Fourier transform along an axis, cut or filled with zeros to n."""
    return call("fftn", (x,), None if n is None else (n,), (axis,), norm)


def ifft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Array:
    """The inverse of `fft`."""
    return call("ifftn", (x,), None if n is None else (n,), (axis,), norm)


def fftn(x: Any, /, *, s: Any = None, axes: Any = None, norm: str = "backward") -> Array:
    """`fft` along several axes, or all."""
    return call("fftn", (x,), _ints(s), _ints(axes), norm)


def ifftn(x: Any, /, *, s: Any = None, axes: Any = None, norm: str = "backward") -> Array:
    """The inverse of `fftn`."""
    return call("ifftn", (x,), _ints(s), _ints(axes), norm)


def rfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Array:
    """The transform of real numbers: its first half, which says all."""
    return call("rfftn", (x,), None if n is None else (n,), (axis,), norm)


def irfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Array:
    """The inverse of `rfft`: n real numbers."""
    return call("irfftn", (x,), None if n is None else (n,), (axis,), norm)


def rfftn(x: Any, /, *, s: Any = None, axes: Any = None, norm: str = "backward") -> Array:
    """`rfft` along the last of several axes, `fft` along the others."""
    return call("rfftn", (x,), _ints(s), _ints(axes), norm)


def irfftn(x: Any, /, *, s: Any = None, axes: Any = None, norm: str = "backward") -> Array:
    """The inverse of `rfftn`."""
    x = as_array(x)
    if s is not None:
        return call("irfftn", (x,), _ints(s), _ints(axes), norm)
    return call("irfftn", (x,), None, _ints(axes), norm)


def hfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Array:
    """The real spectrum of a signal of which half is given."""
    return call("hfft", (x,), None if n is None else (n,), (axis,), norm)


def ihfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Array:
    """The inverse of `hfft`."""
    return call("ihfft", (x,), None if n is None else (n,), (axis,), norm)


def fftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Array:
    """The frequencies of `fft` of n samples, d apart."""
    positive = (n - 1) // 2 + 1
    places = arange(n, dtype="int64")
    return _frequencies(call("where", (places < positive, places, places - n)), n, d, dtype)


def rfftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Array:
    """The frequencies of `rfft` of n samples, d apart."""
    return _frequencies(arange(n // 2 + 1, dtype="int64"), n, d, dtype)


def _frequencies(places: Array, n: int, d: float, dtype: Any) -> Array:
    wanted = dtypes.float32 if dtype is None else dtypes.dtype(dtype)
    return (places.astype("float64") / (n * d)).astype(wanted)


def fftshift(x: Any, /, *, axes: Any = None) -> Array:
    """Frequency 0 moved to the middle."""
    x = as_array(x)
    chosen = _axes(x, axes)
    return roll(x, tuple(x.shape[a] // 2 for a in chosen), axis=chosen) if chosen else x


def ifftshift(x: Any, /, *, axes: Any = None) -> Array:
    """The inverse of `fftshift`."""
    x = as_array(x)
    chosen = _axes(x, axes)
    return roll(x, tuple(-(x.shape[a] // 2) for a in chosen), axis=chosen) if chosen else x


def _axes(x: Array, axes: Any) -> tuple[int, ...]:
    return tuple(range(x.ndim)) if axes is None else (axes,) if isinstance(axes, int) else tuple(axes)


def _ints(values: Any) -> tuple[int, ...] | None:
    return None if values is None else tuple(values)
