"""Gradients held within bounds, between `backward` and `step`."""

from __future__ import annotations

from typing import Any

from gradframe._array.core import Array, as_array, call
from gradframe._array.elementwise import clip


def clip_grad_norm_(parameters: Any, max_norm: float) -> Array:
    """Scales all gradients together so that their norm is at most `max_norm`; gives the norm that they had."""
    arrays = [p for p in ([parameters] if isinstance(parameters, Array) else parameters) if p.grad is not None]
    if not arrays:
        return as_array(0.0)
    total = sum(((p.grad**2).sum() for p in arrays[1:]), (arrays[0].grad ** 2).sum()) ** 0.5
    factor = call("minimum", (max_norm / (total + 1e-6), 1.0))
    for array in arrays:
        array.grad = array.grad * factor
    return total


def clip_grad_value_(parameters: Any, clip_value: float) -> None:
    """Holds each element of all gradients within `-clip_value` and `clip_value`."""
    for array in [parameters] if isinstance(parameters, Array) else parameters:
        if array.grad is not None:
            array.grad = clip(array.grad, -clip_value, clip_value)
