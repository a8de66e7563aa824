"""Convolutions."""

from __future__ import annotations

import math
from typing import Any

from gradframe._array.core import Array, as_array
from gradframe.errors import PlanError, ShapeError
from gradframe.nn import functional as F
from gradframe.nn import init
from gradframe.nn._arguments import along_axes, count, divides
from gradframe.nn._windows import around
from gradframe.nn.module import Module, Parameter


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
        if x.ndim != self.axes + 2 or x.shape[1] != self.in_channels:
            raise ShapeError(
                f"{type(self).__name__}: expected (batch, {self.in_channels}{', n' * self.axes}), got shape {x.shape}"
            )
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
        *,
        key: Array | None = None,
    ) -> None:
        super().__init__()
        self._channels(in_channels, out_channels, groups)
        self.kernel_size, self.stride = self._windows("kernel_size", kernel_size, 1), self._windows("stride", stride, 1)
        self.dilation = self._windows("dilation", dilation, 1)
        self.padding = padding if isinstance(padding, str) else self._windows("padding", padding, 0)
        if isinstance(padding, str):
            around(type(self).__name__, padding, self.kernel_size, self.stride, self.dilation)
        fan_in = in_channels // groups * math.prod(self.kernel_size)
        limit = 1.0 / math.sqrt(fan_in) if fan_in else 0.0
        keys = init.keys(key, 2)
        self.weight = Parameter(init.uniform(keys[0], (out_channels, in_channels // groups, *self.kernel_size), -limit, limit))
        self.bias = Parameter(init.uniform(keys[1], (out_channels,), -limit, limit)) if bias else None

    def forward(self, x: Any) -> Array:
        x = self._given(x)
        return F.conv(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Conv1d(_Conv):
    """A convolution along one axis: (batch, channels, n). With `padding="same"` the output is as long as the input, for a stride of 1;
    "valid" is none."""

    axes = 1


class Conv2d(_Conv):
    """A convolution along two axes: (batch, channels, height, width). With `padding="same"` the output is as large as the input, for
    strides of 1; "valid" is none."""

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
        *,
        key: Array | None = None,
    ) -> None:
        super().__init__()
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

    def forward(self, x: Any) -> Array:
        x = self._given(x)
        return F.conv_transpose(
            x, self.weight, self.bias, self.stride, self.padding, self.output_padding, self.groups, self.dilation
        )


class ConvTranspose1d(_ConvTranspose):
    """What a convolution along one axis came from: (batch, channels, n)."""

    axes = 1


class ConvTranspose2d(_ConvTranspose):
    """What a convolution along two axes came from: (batch, channels, height, width)."""

    axes = 2
