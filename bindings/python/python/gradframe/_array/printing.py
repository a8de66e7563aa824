"""Arrays as text: NumPy's layout, with the element type; a traced one has no values to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gradframe._array.core import Array


def printed(array: Array) -> str:
    """As `array([1., 2.], dtype=float32)`."""
    if array._array.is_traced:
        return f"<traced {array.dtype} array of shape {array.shape}>"
    body = np.array2string(_shown(array), separator=", ", prefix="array(")
    shape = f", shape={array.shape}" if 0 in array.shape or array.size > np.get_printoptions()["threshold"] else ""
    grad = ", requires_grad=True" if array.requires_grad else ""
    return f"array({body}{shape}, dtype={array.dtype}{grad})"


def values(array: Array) -> str:
    """The values alone."""
    if array._array.is_traced:
        return printed(array)
    return str(_shown(array)) if array.ndim else str(array.item())


def _shown(array: Array) -> np.ndarray:
    return (array.astype("float32") if array.dtype.name == "bfloat16" else array).numpy()
