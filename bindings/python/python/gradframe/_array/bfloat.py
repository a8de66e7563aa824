"""bfloat16 over DLPack. NumPy, whose capsules arrays are exchanged by, has no such type: it is told of uint16, and the one byte
of the capsule that says what kind of number it holds is set on the way."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

# Kinds of numbers in DLPack.
_UINT, _BFLOAT = 1, 4
# Where the kind's byte lies behind a capsule's pointer, by the capsule's name: after data (8 bytes), device (8) and rank (4) of
# the tensor, before which a capsule of DLPack 1 has its version (8), owner (8), deleter (8) and flags (8).
_PLACES = {b"dltensor": 20, b"dltensor_versioned": 52}

_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
_is_valid = ctypes.pythonapi.PyCapsule_IsValid
_is_valid.restype, _is_valid.argtypes = ctypes.c_int, [ctypes.py_object, ctypes.c_char_p]


def _kind(capsule: Any) -> Any:
    """The kind's byte and that of its bits. Errors: BufferError for a capsule that is none of DLPack's."""
    for name, place in _PLACES.items():
        if _is_valid(capsule, name):
            return (ctypes.c_uint8 * 2).from_address(_pointer(capsule, name) + place)
    raise BufferError("__dlpack__: expected a capsule of DLPack that was not taken yet")


def as_bfloat(capsule: Any) -> Any:
    """The capsule of uint16 numbers as one of bfloat16."""
    kind = _kind(capsule)
    if tuple(kind) != (_UINT, 16):
        raise BufferError("__dlpack__: expected a capsule of uint16")
    kind[0] = _BFLOAT
    return capsule


class _AsUint:
    """Another library's bfloat16 array, as NumPy can take it."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __dlpack__(self, **options: Any) -> Any:
        options = {name: value for name, value in options.items() if value is not None}
        try:
            capsule = self.value.__dlpack__(**options)
        except TypeError:
            capsule = self.value.__dlpack__()  # before DLPack 1.0 there were no options
        kind = _kind(capsule)
        if tuple(kind) == (_BFLOAT, 16):
            kind[0] = _UINT
            return capsule
        raise BufferError("from_dlpack: expected bfloat16")

    def __dlpack_device__(self) -> Any:
        return self.value.__dlpack_device__()


def bits_of(value: Any) -> np.ndarray | None:
    """The bits, uint16, of a bfloat16 array of another library over the same memory; None for other arrays."""
    if isinstance(value, (np.ndarray, np.generic)) or not hasattr(value, "__dlpack__"):
        return None
    if "bfloat16" not in str(getattr(value, "dtype", "")):
        return None
    try:
        return np.from_dlpack(_AsUint(value))
    except (BufferError, RuntimeError, TypeError):
        return None
