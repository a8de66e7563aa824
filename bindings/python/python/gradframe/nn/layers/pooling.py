"""The largest and the mean of windows."""

from __future__ import annotations

from typing import Any

from gradframe._array.core import Array
from gradframe.errors import PlanError
from gradframe.nn import _pools as pools
from gradframe.nn._arguments import along_axes, count
from gradframe.nn.module import Module


class _Pool(Module):
    axes = 0

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        layer = type(self).__name__
        window = along_axes(layer, "kernel_size", kernel_size, self.axes, 1)
        if stride is not None:
            along_axes(layer, "stride", stride, self.axes, 1)
        for size, around in zip(window, along_axes(layer, "padding", padding, self.axes), strict=True):
            if 2 * around > size:
                raise PlanError(f"{layer}: `padding` is {around}, expected at most half of `kernel_size`, which is {size}")
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}"


class _MaxPool(_Pool):
    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride, padding)
        pools.without_places(type(self).__name__, return_indices)
        along_axes(type(self).__name__, "dilation", dilation, self.axes, 1)
        self.dilation, self.ceil_mode = dilation, bool(ceil_mode)

    def forward(self, x: Any) -> Array:
        pool = (pools.max_pool1d, pools.max_pool2d, pools.max_pool3d)[self.axes - 1]
        return pool(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


class _AvgPool(_Pool):
    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding)
        if divisor_override is not None:
            divisor_override = count(type(self).__name__, "divisor_override", divisor_override, 1)
        self.ceil_mode, self.count_include_pad, self.divisor_override = bool(ceil_mode), bool(count_include_pad), divisor_override

    def forward(self, x: Any) -> Array:
        pool = (pools.avg_pool1d, pools.avg_pool2d, pools.avg_pool3d)[self.axes - 1]
        return pool(x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad, self.divisor_override)


class MaxPool1d(_MaxPool):
    """The largest of each window: (batch, channels, n), or without the batch. With `ceil_mode` a window may reach beyond the end."""

    axes = 1


class MaxPool2d(_MaxPool):
    """The largest of each window: (batch, channels, height, width), or without the batch. With `ceil_mode` a window may reach beyond the end."""

    axes = 2


class MaxPool3d(_MaxPool):
    """The largest of each window: (batch, channels, depth, height, width), or without the batch. With `ceil_mode` a window may reach beyond the
    end."""

    axes = 3


class AvgPool1d(_AvgPool):
    """The mean of each window, (batch, channels, n), or without the batch; padding counts as zeros, or not: see `functional.avg_pool`."""

    axes = 1


class AvgPool2d(_AvgPool):
    """The mean of each window, (batch, channels, height, width), or without the batch; padding counts as zeros, or not: see
    `functional.avg_pool`."""

    axes = 2


class AvgPool3d(_AvgPool):
    """The mean of each window, (batch, channels, depth, height, width), or without the batch; padding counts as zeros, or not: see
    `functional.avg_pool`."""

    axes = 3


class _Adaptive(Module):
    axes = 0

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        pools.output_sizes(type(self).__name__, output_size, self.axes)
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class _AdaptiveAvgPool(_Adaptive):
    def forward(self, x: Any) -> Array:
        pool = (pools.adaptive_avg_pool1d, pools.adaptive_avg_pool2d, pools.adaptive_avg_pool3d)[self.axes - 1]
        return pool(x, self.output_size)


class _AdaptiveMaxPool(_Adaptive):
    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        pools.without_places(type(self).__name__, return_indices)
        super().__init__(output_size)

    def forward(self, x: Any) -> Array:
        pool = (pools.adaptive_max_pool1d, pools.adaptive_max_pool2d, pools.adaptive_max_pool3d)[self.axes - 1]
        return pool(x, self.output_size)


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """The means of so many windows, (batch, channels, n), or without the batch."""

    axes = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """The means of so many windows along each axis, (batch, channels, height, width), or without the batch; None leaves an axis."""

    axes = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """The means of so many windows along each axis, (batch, channels, depth, height, width), or without the batch; None leaves an axis."""

    axes = 3


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The largest of so many windows, (batch, channels, n), or without the batch."""

    axes = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The largest of so many windows along each axis, (batch, channels, height, width), or without the batch; None leaves an axis."""

    axes = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The largest of so many windows along each axis, (batch, channels, depth, height, width), or without the batch; None leaves an axis."""

    axes = 3


class _LPPool(_Pool):
    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__(kernel_size, stride)
        if not norm_type > 0:
            raise PlanError(f"{type(self).__name__}: `norm_type` is {norm_type!r}, expected a number above 0")
        self.norm_type, self.ceil_mode = norm_type, bool(ceil_mode)

    def forward(self, x: Any) -> Array:
        pool = (pools.lp_pool1d, pools.lp_pool2d, pools.lp_pool3d)[self.axes - 1]
        return pool(x, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return f"norm_type={self.norm_type}, kernel_size={self.kernel_size}"


class LPPool1d(_LPPool):
    """The norm of each window, `sum(x**p)**(1 / p)`: (batch, channels, n), or without the batch."""

    axes = 1


class LPPool2d(_LPPool):
    """The norm of each window, `sum(x**p)**(1 / p)`: (batch, channels, height, width), or without the batch."""

    axes = 2


class LPPool3d(_LPPool):
    """The norm of each window, `sum(x**p)**(1 / p)`: (batch, channels, depth, height, width), or without the batch."""

    axes = 3
