"""The largest and the mean of windows."""

from __future__ import annotations

from typing import Any

from gradframe._array.core import Array
from gradframe.errors import PlanError
from gradframe.nn import _pools as pools
from gradframe.nn._arguments import along_axes, count
from gradframe.nn.layers._axes import for_axes
from gradframe.nn.module import Module

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d",
    "AvgPool1d", "AvgPool2d", "AvgPool3d", "LPPool1d", "LPPool2d", "LPPool3d", "MaxPool1d", "MaxPool2d", "MaxPool3d", "MaxUnpool1d",
    "MaxUnpool2d", "MaxUnpool3d",
]


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
        along_axes(type(self).__name__, "dilation", dilation, self.axes, 1)
        self.dilation, self.ceil_mode, self.return_indices = dilation, bool(ceil_mode), bool(return_indices)

    def forward(self, x: Any) -> Any:
        pool = (pools.max_pool1d, pools.max_pool2d, pools.max_pool3d)[self.axes - 1]
        return pool(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices)


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


_WITHOUT = "(batch, channels, {}), or without the batch"
MaxPool1d, MaxPool2d, MaxPool3d = for_axes(
    "MaxPool",
    _MaxPool,
    f"The largest of each window: {_WITHOUT}. With `ceil_mode` a window may reach beyond the end; with `return_indices` a pair of that and of "
    "where it is, for `MaxUnpool`: see `functional.max_pool`.",
)
AvgPool1d, AvgPool2d, AvgPool3d = for_axes(
    "AvgPool", _AvgPool, f"The mean of each window, {_WITHOUT}; padding counts as zeros, or not: see `functional.avg_pool`."
)


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
        super().__init__(output_size)
        self.return_indices = bool(return_indices)

    def forward(self, x: Any) -> Any:
        pool = (pools.adaptive_max_pool1d, pools.adaptive_max_pool2d, pools.adaptive_max_pool3d)[self.axes - 1]
        return pool(x, self.output_size, self.return_indices)


AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d = for_axes(
    "AdaptiveAvgPool", _AdaptiveAvgPool, f"The means of so many windows along each axis, {_WITHOUT}; None leaves an axis."
)
AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdaptiveMaxPool3d = for_axes(
    "AdaptiveMaxPool",
    _AdaptiveMaxPool,
    f"The largest of so many windows along each axis, {_WITHOUT}; None leaves an axis. With `return_indices` a pair of that and of where it is.",
)


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


LPPool1d, LPPool2d, LPPool3d = for_axes("LPPool", _LPPool, f"The norm of each window, `sum(x**p)**(1 / p)`: {_WITHOUT}.")


class _MaxUnpool(_Pool):
    def forward(self, x: Any, indices: Any, output_size: Any = None) -> Array:
        pool = (pools.max_unpool1d, pools.max_unpool2d, pools.max_unpool3d)[self.axes - 1]
        return pool(x, indices, self.kernel_size, self.stride, self.padding, output_size)


MaxUnpool1d, MaxUnpool2d, MaxUnpool3d = for_axes(
    "MaxUnpool",
    _MaxUnpool,
    f"What `MaxPool` was largest of, put back where it was: {_WITHOUT}, and the indices that the pool gave; zeros elsewhere.",
)
