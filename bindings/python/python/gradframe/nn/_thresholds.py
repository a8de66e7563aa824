"""Activations with thresholds, and others that are made of the rest."""

from __future__ import annotations

from typing import Any

from gradframe._array.core import Array, as_array, call
from gradframe._array.pairs import where
from gradframe.errors import PlanError, ShapeError


def threshold(x: Any, threshold: float, value: float, inplace: bool = False) -> Array:
    """x where it is above `threshold`, else `value`."""
    x = as_array(x)
    return where(x <= threshold, float(value), x)


def hardshrink(x: Any, lambd: float = 0.5) -> Array:
    """x, but 0 from `-lambd` to `lambd`."""
    x = as_array(x)
    return where((x >= -lambd) & (x <= lambd), 0.0, x)


def softshrink(x: Any, lambd: float = 0.5) -> Array:
    """x drawn to 0 by `lambd`: 0 from `-lambd` to `lambd`."""
    if lambd < 0:
        raise PlanError(f"softshrink: `lambd` is {lambd}, expected a number from 0")
    x = as_array(x)
    return where(x > lambd, x - lambd, where(x < -lambd, x + lambd, x * 0.0))


def tanhshrink(x: Any) -> Array:
    """`x - tanh(x)`."""
    x = as_array(x)
    return x - call("tanh", (x,))


def softmin(x: Any, dim: int = -1) -> Array:
    """`softmax` of what has the other sign."""
    return call("softmax", (-as_array(x),), dim)


def bilinear(x1: Any, x2: Any, weight: Any, bias: Any = None) -> Array:
    """`x1 @ weight @ x2 + bias`, a number for each of the outputs: x1 (.., in1), x2 (.., in2), weight (outputs, in1, in2)."""
    x1, x2, weight = as_array(x1), as_array(x2), as_array(weight)
    if weight.ndim != 3 or x1.shape[-1:] != weight.shape[1:2] or x2.shape[-1:] != weight.shape[2:] or x1.shape[:-1] != x2.shape[:-1]:
        raise ShapeError(f"bilinear: inputs of shapes {x1.shape} and {x2.shape} do not fit a weight (outputs, in1, in2) of shape {weight.shape}")
    outputs, first, second = weight.shape
    seen = (x1 @ weight.transpose(1, 0, 2).reshape(first, outputs * second)).reshape(*x1.shape[:-1], outputs, second)
    y = (seen * x2[..., None, :]).sum(-1)
    return y if bias is None else y + bias
