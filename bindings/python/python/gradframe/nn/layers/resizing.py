"""Layers without weights that lay elements out anew: padding, other sizes, channels as places."""

from __future__ import annotations

from typing import Any

from gradframe._array.core import Array, as_array
from gradframe.errors import DTypeError, PlanError, ShapeError
from gradframe.nn import _resizing as resizing
from gradframe.nn._arguments import along_axes, count, is_whole
from gradframe.nn.layers._axes import for_axes
from gradframe.nn.module import Module

__all__ = [
    "ChannelShuffle", "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d", "Fold",
    "PixelShuffle", "PixelUnshuffle", "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d",
    "ReplicationPad3d", "Unfold", "Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]


class _Pad(Module):
    """So many elements around: one number, or two an axis, the last axis first, as PyTorch counts. Below 0 so many are left out."""

    axes = 0
    mode = "constant"
    value = 0.0

    def __init__(self, padding: Any) -> None:
        super().__init__()
        layer = type(self).__name__
        widths = (padding,) * (2 * self.axes) if is_whole(padding) else tuple(padding) if isinstance(padding, (tuple, list)) else ()
        if len(widths) != 2 * self.axes:
            raise PlanError(f"{layer}: `padding` is {padding!r}, expected a whole number, or {2 * self.axes} of them")
        if any(isinstance(one, bool) or not is_whole(one) for one in widths):
            raise DTypeError(f"{layer}: `padding` is {padding!r}, expected whole numbers")
        self.padding = widths

    def forward(self, x: Any) -> Array:
        x = as_array(x)
        if self.mode != "constant" and x.ndim not in (self.axes + 1, self.axes + 2):
            raise ShapeError(f"{type(self).__name__}: expected (batch, channels{', n' * self.axes}), or without the batch, got shape {x.shape}")
        return resizing.pad(x, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = float(value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


_TOLD = ("one axis", "two axes", "three axes")

ConstantPad1d, ConstantPad2d, ConstantPad3d = for_axes("ConstantPad", _ConstantPad, "A number around {}: see `functional.pad`.", _TOLD)
ZeroPad1d, ZeroPad2d, ZeroPad3d = for_axes("ZeroPad", _Pad, "Zeros around {}: see `functional.pad`.", _TOLD)
ReflectionPad1d, ReflectionPad2d, ReflectionPad3d = for_axes(
    "ReflectionPad", _Pad, "The elements in reverse order around {}, without the ends themselves: see `functional.pad`.", mode="reflect"
)
ReplicationPad1d, ReplicationPad2d, ReplicationPad3d = for_axes(
    "ReplicationPad", _Pad, "The ends again and again around {}: see `functional.pad`.", mode="replicate"
)
CircularPad1d, CircularPad2d, CircularPad3d = for_axes(
    "CircularPad", _Pad, "The elements from the other end around {}: see `functional.pad`.", mode="circular"
)


class Upsample(Module):
    """Other lengths of all axes but the first two: see `functional.interpolate`."""

    def __init__(
        self,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        if mode not in resizing.MODES:
            raise PlanError(f"Upsample: `mode` is {mode!r}, expected one of {', '.join(map(repr, resizing.MODES))}")
        if (size is None) == (scale_factor is None):
            raise PlanError("Upsample: expected `size` or `scale_factor`, one of both")
        self.size, self.scale_factor, self.mode, self.align_corners = size, scale_factor, mode, align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, x: Any) -> Array:
        return resizing.interpolate(x, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor)

    def extra_repr(self) -> str:
        how = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{how}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """`Upsample` of two axes by the nearest element."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "nearest")


class UpsamplingBilinear2d(Upsample):
    """`Upsample` of two axes by lines between elements, with the corners where they are."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "bilinear", True)


class PixelShuffle(Module):
    """Channels as places: see `functional.pixel_shuffle`."""

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = count("PixelShuffle", "upscale_factor", upscale_factor, 1)

    def forward(self, x: Any) -> Array:
        return resizing.pixel_shuffle(x, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Places as channels: see `functional.pixel_unshuffle`."""

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = count("PixelUnshuffle", "downscale_factor", downscale_factor, 1)

    def forward(self, x: Any) -> Array:
        return resizing.pixel_unshuffle(x, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Channels dealt out over groups: see `functional.channel_shuffle`."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = count("ChannelShuffle", "groups", groups, 1)

    def forward(self, x: Any) -> Array:
        return resizing.channel_shuffle(x, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


class Unfold(Module):
    """Windows as columns: see `functional.unfold`."""

    def __init__(self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__()
        for name, value, least in (("kernel_size", kernel_size, 1), ("dilation", dilation, 1), ("padding", padding, 0), ("stride", stride, 1)):
            along_axes(type(self).__name__, name, value, 2, least)
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, x: Any) -> Array:
        return resizing.unfold(x, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Fold(Unfold):
    """Columns as windows, added where they overlap: see `functional.fold`."""

    def __init__(self, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__(kernel_size, dilation, padding, stride)
        along_axes("Fold", "output_size", output_size, 2, 1)
        self.output_size = output_size

    def forward(self, x: Any) -> Array:
        return resizing.fold(x, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}, {super().extra_repr()}"
