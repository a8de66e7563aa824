"""The largest and the mean of windows."""

from __future__ import annotations

from typing import Any

from gradframe._array.core import Array
from gradframe.errors import PlanError
from gradframe.nn import functional as F
from gradframe.nn._arguments import along_axes
from gradframe.nn._windows import of_items
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
    def forward(self, x: Any) -> Array:
        return of_items(x, self.axes + 2, lambda x: F.max_pool(x, self.kernel_size, self.stride, self.padding))


class _AvgPool(_Pool):
    def forward(self, x: Any) -> Array:
        return of_items(x, self.axes + 2, lambda x: F.avg_pool(x, self.kernel_size, self.stride, self.padding))


class MaxPool1d(_MaxPool):
    """The largest of each window: (batch, channels, n), or without the batch."""

    axes = 1


class MaxPool2d(_MaxPool):
    """The largest of each window: (batch, channels, height, width), or without the batch."""

    axes = 2


class AvgPool1d(_AvgPool):
    """The mean of each window, (batch, channels, n), or without the batch; padding counts as zeros."""

    axes = 1


class AvgPool2d(_AvgPool):
    """The mean of each window, (batch, channels, height, width), or without the batch; padding counts as zeros."""

    axes = 2
