"""Convolutions."""

from __future__ import annotations

import math
from typing import Any

from gradframe._array.core import Array, as_array
from gradframe.errors import PlanError, ShapeError
from gradframe.nn import functional as F
from gradframe.nn import init
from gradframe.nn._arguments import along_axes, count, divides
from gradframe.nn._windows import PADDING_MODES, around, padded
from gradframe.nn.module import Module, Parameter

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]


class _Windowed(Module):
    """What convolutions have in common."""

    axes = 0

    def _channels(self, in_channels: int, out_channels: int, groups: int) -> None:
        layer = type(self).__name__
        self.in_channels, self.out_channels = count(layer, "in_channels", in_channels), count(layer, "out_channels", out_channels)
        self.groups = count(layer, "groups", groups, 1)
        divides(layer, "groups", groups, in_channels=in_channels, out_channels=out_channels)

    def _windows(self, name: str, value: Any, least: int) -> tuple[int, ...]:
        return along_axes(type(self).__name__, name, value, self.axes, least)

    def _given(self, x: Any) -> Array:
        x = as_array(x)
        if x.ndim - self.axes not in (1, 2) or x.shape[-1 - self.axes] != self.in_channels:
            rest = f"{self.in_channels}{', n' * self.axes}"
            raise ShapeError(f"{type(self).__name__}: expected (batch, {rest}), or ({rest}), got shape {x.shape}")
        return x

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"


class _Conv(_Windowed):

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        key: Array | None = None,
    ) -> None:
        super().__init__()
        self._channels(in_channels, out_channels, groups)
        self.kernel_size, self.stride = self._windows("kernel_size", kernel_size, 1), self._windows("stride", stride, 1)
        self.dilation = self._windows("dilation", dilation, 1)
        self.padding = padding if isinstance(padding, str) else self._windows("padding", padding, 0)
        self.padding_mode = padding_mode
        self._around()
        fan_in = in_channels // groups * math.prod(self.kernel_size)
        limit = 1.0 / math.sqrt(fan_in) if fan_in else 0.0
        keys = init.keys(key, 2)
        self.weight = Parameter(init.uniform(keys[0], (out_channels, in_channels // groups, *self.kernel_size), -limit, limit))
        self.bias = Parameter(init.uniform(keys[1], (out_channels,), -limit, limit)) if bias else None

    def _around(self) -> list[tuple[int, int]]:
        """How much stands before and after each axis."""
        if self.padding_mode not in PADDING_MODES:
            expected = ", ".join(map(repr, PADDING_MODES))
            raise PlanError(f"{type(self).__name__}: `padding_mode` is {self.padding_mode!r}, expected one of {expected}")
        both, more = self.padding, (0,) * self.axes
        if isinstance(both, str):
            both, more = around(type(self).__name__, both, self.kernel_size, self.stride, self.dilation)
        return [(one, one + rest) for one, rest in zip(both, more, strict=True)]

    def forward(self, x: Any) -> Array:
        x, padding = self._given(x), self.padding
        if self.padding_mode != "zeros":
            x, padding = padded(x, self._around(), self.padding_mode), 0
        return F.conv(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv1d(_Conv):
    """A convolution along one axis: (batch, channels, n), or a single item (channels, n). With `padding="same"` the output is as long as the
    input, for a stride of 1; "valid" is none. What stands beyond the ends is zeros, or by `padding_mode` the elements in reverse order
    ("reflect"), the last one again and again ("replicate"), those from the other end ("circular")."""

    axes = 1


class Conv2d(_Conv):
    """A convolution along two axes: (batch, channels, height, width), or a single item without the batch. `padding="same"`, "valid" and
    `padding_mode` are `Conv1d`'s."""

    axes = 2


class _ConvTranspose(_Windowed):

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        *,
        key: Array | None = None,
    ) -> None:
        super().__init__()
        if padding_mode != "zeros":
            raise PlanError(f"{type(self).__name__}: `padding_mode` is {padding_mode!r}, expected 'zeros', the only one of its kind")
        self._channels(in_channels, out_channels, groups)
        self.kernel_size, self.stride = self._windows("kernel_size", kernel_size, 1), self._windows("stride", stride, 1)
        self.padding, self.dilation = self._windows("padding", padding, 0), self._windows("dilation", dilation, 1)
        self.output_padding = self._windows("output_padding", output_padding, 0)
        for extra, step, spread in zip(self.output_padding, self.stride, self.dilation, strict=True):
            if extra >= max(step, spread):
                what = f"`output_padding` is {extra}, expected less than `stride` {step} or `dilation` {spread}"
                raise PlanError(f"{type(self).__name__}: {what}")
        fan_in = out_channels // groups * math.prod(self.kernel_size)
        limit = 1.0 / math.sqrt(fan_in) if fan_in else 0.0
        keys = init.keys(key, 2)
        self.weight = Parameter(init.uniform(keys[0], (in_channels, out_channels // groups, *self.kernel_size), -limit, limit))
        self.bias = Parameter(init.uniform(keys[1], (out_channels,), -limit, limit)) if bias else None

    def forward(self, x: Any, output_size: Any = None) -> Array:
        """What a convolution of this kind came from; of the lengths that it may have had, `output_size` says which, else `output_padding`."""
        x = self._given(x)
        extra = self.output_padding if output_size is None else self._beyond(x, output_size)
        return F.conv_transpose(x, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)

    def _beyond(self, x: Array, output_size: Any) -> tuple[int, ...]:
        sizes = along_axes(type(self).__name__, "output_size", tuple(output_size)[-self.axes :], self.axes)
        how = zip(x.shape[-self.axes :], sizes, self.kernel_size, self.stride, self.padding, self.dilation, strict=True)
        beyond = [size - ((length - 1) * step - 2 * around + spread * (window - 1) + 1) for length, size, window, step, around, spread in how]
        if any(not 0 <= one < step for one, step in zip(beyond, self.stride, strict=True)):
            what = f"{type(self).__name__}: `output_size` is {output_size!r}, which no input of shape {x.shape} came from"
            least = [size - one for size, one in zip(sizes, beyond, strict=True)]
            raise ShapeError(f"{what}; hint: it would have {least} or up to a stride more")
        return tuple(beyond)


class ConvTranspose1d(_ConvTranspose):
    """What a convolution along one axis came from: (batch, channels, n), or a single item without the batch."""

    axes = 1


class ConvTranspose2d(_ConvTranspose):
    """What a convolution along two axes came from: (batch, channels, height, width), or a single item without the batch."""

    axes = 2


class Conv3d(_Conv):
    """A convolution along three axes: (batch, channels, depth, height, width), or a single item without the batch. `padding="same"`, "valid" and
    `padding_mode` are `Conv1d`'s."""

    axes = 3


class ConvTranspose3d(_ConvTranspose):
    """What a convolution along three axes came from: (batch, channels, depth, height, width), or a single item without the batch."""

    axes = 3
