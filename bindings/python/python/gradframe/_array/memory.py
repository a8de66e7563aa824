"""Whose memory an array lies in: what others can write is copied before it is recorded, and what is ours is given only to who reads it."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from gradframe._array import dtypes
from gradframe._array.bfloat import as_bfloat, bits_of
from gradframe._gradframe import PyArray, array_from_buffer, array_from_number


def taken(value: Any) -> PyArray:
    """Another library's array as an operand. Memory that others can write is copied: what is recorded is read later."""
    found = of_bfloat(value, copy=not never_changes(value))
    if found is not None:
        return found
    values = foreign(value)
    return of_numpy(values if never_changes(value) or never_changes(values) else values.copy())


def never_changes(value: Any) -> bool:
    """Whether nobody writes to this memory: JAX's arrays, and NumPy's views of bytes and of our own arrays. That NumPy calls an array
    read-only does not say so: who holds what it is a view of can write, and arrays that came over DLPack are read-only to NumPy alone."""
    if not isinstance(value, np.ndarray):
        return type(value).__module__.partition(".")[0] in ("jax", "jaxlib")
    while isinstance(value, np.ndarray):
        if value.flags.writeable:
            return False
        value = value.base
    return isinstance(value, (bytes, _own_memory()))


@cache
def _own_memory() -> type:
    """What NumPy's views of our arrays are views of."""
    return type(array_from_number(0, None).buffer())


def is_array_like(value: Any) -> bool:
    """Whether it is an array of some library."""
    return hasattr(value, "__dlpack__") or hasattr(value, "__array__") or hasattr(value, "__array_interface__")


def foreign(value: Any) -> np.ndarray:
    """Another library's numbers as NumPy's, over the same memory where that can be."""
    if isinstance(value, (np.ndarray, np.generic)):
        return np.asarray(value)
    if hasattr(value, "__dlpack__"):
        try:
            return np.from_dlpack(value)
        except (BufferError, RuntimeError, TypeError):
            pass  # another device or type: the library's own conversion says what it can do
    found = np.asarray(value)
    if found.dtype.kind not in "biufcV":
        raise TypeError(f"asarray: expected numbers, got {type(value).__qualname__} of {found.dtype}")
    return found


def of_bfloat(value: Any, copy: bool = False) -> PyArray | None:
    """The array of another library's bfloat16 numbers, over their memory or a copy; None for other arrays."""
    bits = bits_of(value)
    if bits is None:
        return None
    bits = bits.copy() if copy else np.ascontiguousarray(bits)
    return array_from_buffer(bits.reshape(-1).view(np.uint8), "bfloat16", bits.shape)


def of_numpy(values: np.ndarray) -> PyArray:
    """The array over the memory of NumPy's, which nobody may write to from here on."""
    if values.dtype.kind in "OSUMm":
        raise TypeError(f"asarray: expected numbers, got elements of {values.dtype}")
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    own = dtypes.dtype(values.dtype)
    flat = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
    return array_from_buffer(flat, own.name, values.shape)


def as_numpy(array: PyArray) -> np.ndarray:
    """NumPy's view of an array of a type that NumPy has, which cannot be written."""
    dtype = dtypes.NUMPY[array.dtype]
    return np.ndarray(array.shape, dtype, array.buffer()) if array.size else np.empty(array.shape, dtype)


def capsule(array: PyArray, max_version: tuple[int, int] | None, copy: bool | None, caller: Any) -> Any:
    """What DLPack gives of an array to who asks from this frame: its memory, if they know of memory that cannot be written (DLPack 1.0),
    else, and for PyTorch, which looks past that, a copy. Raises BufferError where a copy that is needed is not wanted."""
    writes = max_version is None or max_version < (1, 0) or _is_of_torch(caller)
    is_bfloat = dtypes.BY_NAME[array.dtype] is dtypes.bfloat16
    values = np.ndarray(array.shape, "uint16", array.buffer() if array.size else bytes(2)) if is_bfloat else as_numpy(array)
    if copy or writes:
        if copy is False:
            raise BufferError("__dlpack__: without a copy it takes DLPack 1.0, and a library that heeds it, not to write to the memory")
        made = values.copy().__dlpack__()
    else:
        made = values.__dlpack__(max_version=max_version)
    return as_bfloat(made) if is_bfloat else made


def _is_of_torch(caller: Any) -> bool:
    """Whether a frame is of PyTorch's code, whose tensors over memory that must not be written can be."""
    return caller.f_globals.get("__name__", "").partition(".")[0] == "torch"  # type: ignore[no-any-return]
