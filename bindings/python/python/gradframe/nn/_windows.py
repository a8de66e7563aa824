"""Functions of windows: convolutions."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from gradframe._array.arranging import pad
from gradframe._array.core import Array, as_array, call
from gradframe.errors import PlanError, ShapeError
from gradframe.nn._arguments import is_whole


# The modes of padding, by NumPy's names.
PADDING_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def conv(x: Any, weight: Array, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Array:
    """The convolution of networks: x (batch, channels, ..) or without the batch, weight (outputs, channels / groups, ..). The padding "same"
    makes the output as large as the input, for strides of 1; "valid" is none. Raises PlanError for as many strides or dilations as there are
    no axes."""
    weight = as_array(weight)
    if isinstance(padding, str):
        kernel = weight.shape[2:]
        padding, more = around("conv", padding, kernel, _of_axes("stride", stride, kernel), _of_axes("dilation", dilation, kernel))
        x = padded(x, [(0, one) for one in more], "zeros")
    _check_bias("conv", bias, weight, weight.shape[:1])
    how = (each(stride), each(padding), each(dilation), groups)
    return of_items(x, weight.ndim, lambda x: call("conv", (x, weight) if bias is None else (x, weight, bias), *how))


def conv_transpose(
    x: Any, weight: Array, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1
) -> Array:
    """What a convolution with this weight came from: x (batch, channels, ..) or without the batch, weight (channels, outputs / groups, ..)."""
    weight = as_array(weight)
    _check_bias("conv_transpose", bias, weight, tuple(groups * one for one in weight.shape[1:2]))
    extra = each(output_padding) * (weight.ndim - 2 if isinstance(output_padding, int) else 1)
    how = (each(stride), each(padding), each(dilation), groups, extra)
    return of_items(x, weight.ndim, lambda x: call("conv_transpose", (x, weight) if bias is None else (x, weight, bias), *how))


def _check_bias(op: str, bias: Any, weight: Array, shape: tuple[int, ...]) -> None:
    if bias is not None and as_array(bias).shape != shape:
        raise ShapeError(f"{op}: expected a bias of shape {shape} with a weight of shape {weight.shape}, got {as_array(bias).shape}")


def _along(name: str, axes: int, function: Callable[..., Array], weighs: str) -> Callable[..., Array]:
    """A function of windows that takes those along so many axes alone."""

    def named(x: Any, weight: Any, *args: Any, **options: Any) -> Array:
        weight = as_array(weight)
        if weight.ndim != axes + 2:
            raise ShapeError(f"{name}: expected a weight {weighs}{', n' * axes}), got shape {weight.shape}")
        return function(x, weight, *args, **options)

    named.__name__ = named.__qualname__ = name
    named.__doc__ = f"`{function.__name__}` along {axes} {'axes' if axes > 1 else 'axis'}, by PyTorch's name, with the same arguments."
    return named


def of_items(x: Any, ndim: int, function: Callable[[Array], Array]) -> Array:
    """A function of batches, given one or a single item, which has an axis less."""
    x = as_array(x)
    return function(x[None])[0] if x.ndim == ndim - 1 else function(x)


def padded(x: Any, widths: Sequence[tuple[int, int]], mode: str) -> Array:
    """So many elements before and after each of the last axes."""
    x = as_array(x)
    return pad(x, [*[(0, 0)] * (x.ndim - len(widths)), *widths], PADDING_MODES[mode]) if any(map(any, widths)) else x


def around(
    layer: str, padding: str, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """How much padding by name is on both sides of each axis, and how much more behind: of an even number of places, "same" puts one more
    there. Raises PlanError for another name, and for strides with "same"."""
    if padding not in ("same", "valid"):
        raise PlanError(f"{layer}: `padding` is {padding!r}, expected 'same', 'valid' or a whole number from 0")
    if padding == "valid":
        return (0,) * len(kernel), (0,) * len(kernel)
    if any(step != 1 for step in stride):
        raise PlanError(f"{layer}: `padding` is 'same', which wants a `stride` of 1, got {stride}")
    whole = [spread * (size - 1) for size, spread in zip(kernel, dilation, strict=True)]
    return tuple(total // 2 for total in whole), tuple(total % 2 for total in whole)


def _of_axes(name: str, value: Any, kernel: tuple[int, ...]) -> tuple[int, ...]:
    found = each(value)
    if len(found) not in (1, len(kernel)):
        raise PlanError(f"conv: `{name}` is {value!r}, expected a whole number, or {len(kernel)} of them")
    return found * len(kernel) if len(found) == 1 else found


def each(value: Any) -> tuple[int, ...]:
    """One whole number, or several, as a tuple."""
    return (operator.index(value),) if is_whole(value) else tuple(operator.index(one) for one in value)


conv1d, conv2d, conv3d = (_along(f"conv{axes}d", axes, conv, "(outputs, channels / groups") for axes in (1, 2, 3))
conv_transpose1d, conv_transpose2d, conv_transpose3d = (
    _along(f"conv_transpose{axes}d", axes, conv_transpose, "(channels, outputs / groups") for axes in (1, 2, 3)
)
