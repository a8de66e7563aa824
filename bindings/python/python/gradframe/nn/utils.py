"""What PyTorch has as `nn.utils`: gradients held within bounds, parameters as one vector, sequences of several lengths."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gradframe._array.arranging import concat, stack
from gradframe._array.arranging import pad as padded
from gradframe._array.core import Array, as_array
from gradframe.errors import PlanError, ShapeError
from gradframe.nn.module import _set
from gradframe.optim.clipping import clip_grad_norm_, clip_grad_value_, get_total_norm

__all__ = ["clip_grad_norm_", "clip_grad_value_", "get_total_norm", "pad_sequence", "parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Array]) -> Array:
    """All elements in a row, array by array. It has a gradient in them."""
    arrays = [array.reshape(-1) for array in parameters]
    if not arrays:
        raise PlanError("parameters_to_vector: there are no parameters")
    return concat(arrays)


def vector_to_parameters(vec: Any, parameters: Iterable[Array]) -> None:
    """The parts of a vector as the parameters' values, in place. Raises ShapeError unless it has as many elements as they."""
    vec, arrays = as_array(vec).detach(), list(parameters)
    if vec.shape != (sum(array.size for array in arrays),):
        raise ShapeError(f"vector_to_parameters: a vector of shape {vec.shape} for {sum(array.size for array in arrays)} elements")
    start = 0
    for array in arrays:
        _set(array, vec[start : start + array.size].reshape(array.shape).astype(array.dtype))
        start += array.size


def pad_sequence(sequences: Iterable[Any], batch_first: bool = False, padding_value: float = 0.0) -> Array:
    """Sequences (time, ..) as one array, filled up to the longest: (time, batch, ..), or with `batch_first` (batch, time, ..)."""
    given = [as_array(one) for one in sequences]
    if not given:
        raise PlanError("pad_sequence: there are no sequences")
    if any(not one.ndim or one.shape[1:] != given[0].shape[1:] for one in given):
        raise ShapeError(f"pad_sequence: expected sequences (time, ..) that differ in time alone, got {', '.join(str(one.shape) for one in given)}")
    longest = max(one.shape[0] for one in given)
    filled = [padded(one, [(0, longest - one.shape[0]), *[(0, 0)] * (one.ndim - 1)], constant_values=padding_value) for one in given]
    return stack(filled, axis=0 if batch_first else 1)
