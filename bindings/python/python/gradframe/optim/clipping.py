"""Gradients held within bounds, between `backward` and `step`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from gradframe._array.arranging import stack
from gradframe._array.core import Array, as_array, call
from gradframe._array.pairs import clip
from gradframe.errors import DTypeError, ExecutionError, PlanError
from gradframe.optim.options import number


def clip_grad_norm_(parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False) -> Array:
    """Scales all gradients together so that their norm is at most `max_norm`; gives the norm that they had. `norm_type` is the power that
    sizes are summed in; infinity is the largest of them. A `max_norm` of infinity leaves the gradients as they are.

    Errors: DTypeError, PlanError for a `max_norm` below 0 or a `norm_type` that is not above it; with `error_if_nonfinite` ExecutionError
    for a norm that is infinite or NaN.
    """
    most, power = number("clip_grad_norm_", "max_norm", max_norm, is_finite=False), _power(norm_type)
    arrays = _with_gradients("clip_grad_norm_", parameters)
    if not arrays:
        return as_array(0.0)
    total = _norm([array.grad for array in arrays], power)
    if error_if_nonfinite and not math.isfinite(total):
        raise ExecutionError(f"clip_grad_norm_: the norm of the gradients is {float(total)}; hint: error_if_nonfinite=False scales by it")
    if math.isinf(most):
        return total
    factor = call("minimum", (most / (total + 1e-6), 1.0))
    for array in arrays:
        array.grad = array.grad * factor  # type: ignore[operator]
    return total


def get_total_norm(tensors: Any, norm_type: float = 2.0, error_if_nonfinite: bool = False) -> Array:
    """The norm of all arrays together, by the power `norm_type`. Errors: as for `clip_grad_norm_`."""
    power = _power(norm_type)
    arrays = [as_array(one) for one in ([tensors] if isinstance(tensors, Array) else tensors)]
    total = _norm(arrays, power) if arrays else as_array(0.0)
    if error_if_nonfinite and not math.isfinite(total):
        raise ExecutionError(f"get_total_norm: the norm is {float(total)}; hint: error_if_nonfinite=False gives it")
    return total


def _norm(gradients: list[Any], power: float) -> Array:
    if math.isinf(power):
        return stack([abs(gradient).max() if gradient.size else as_array(0.0, gradient.dtype) for gradient in gradients]).max()
    sizes = gradients if power == 2.0 else [abs(gradient) for gradient in gradients]
    sums = [(size**2 if power == 2.0 else size**power).sum() for size in sizes]
    return sum(sums[1:], sums[0]) ** (1.0 / power)  # type: ignore[no-any-return]


def _power(norm_type: Any) -> float:
    if norm_type in (math.inf, "inf"):
        return math.inf
    power = number("clip_grad_norm_", "norm_type", norm_type)
    if not power:
        raise PlanError("clip_grad_norm_: `norm_type` is 0, expected a number above it, or infinity")
    return power


def clip_grad_value_(parameters: Any, clip_value: float) -> None:
    """Holds each element of all gradients within `-clip_value` and `clip_value`, which is 0 or more, or infinity."""
    most = number("clip_grad_value_", "clip_value", clip_value, is_finite=False)
    for array in _with_gradients("clip_grad_value_", parameters):
        array.grad = clip(array.grad, -most, most)


def _with_gradients(op: str, parameters: Any) -> list[Array]:
    given = [parameters] if isinstance(parameters, Array) or not isinstance(parameters, Iterable) else list(parameters)
    for array in given:
        if not isinstance(array, Array):
            raise DTypeError(f"{op}: expected arrays, got {type(array).__qualname__}; hint: model.parameters()")
    return [array for array in given if array.grad is not None]
