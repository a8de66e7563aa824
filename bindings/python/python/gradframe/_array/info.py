"""What types there are, what becomes of them together, and what this library can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradframe._array import dtypes
from gradframe._array.arranging import result_dtype_name
from gradframe._array.core import Array
from gradframe._array.dtypes import DType
from gradframe.errors import DTypeError

__all__ = ["can_cast", "finfo", "iinfo", "isdtype", "result_type"]

_KINDS = {
    "bool": ("bool",),
    "signed integer": ("signed integer",),
    "unsigned integer": ("unsigned integer",),
    "integral": ("signed integer", "unsigned integer"),
    "real floating": ("real floating",),
    "complex floating": ("complex floating",),
    "numeric": ("signed integer", "unsigned integer", "real floating", "complex floating"),
}


@dataclass(frozen=True)
class FloatInfo:
    """The limits of a float type."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: DType


@dataclass(frozen=True)
class IntegerInfo:
    """The limits of an integer type."""

    bits: int
    max: int
    min: int
    dtype: DType


def finfo(type: Any, /) -> FloatInfo:
    """The limits of a float type, or of the parts of a complex one."""
    of = type.dtype if isinstance(type, Array) else dtypes.dtype(type)
    part = {"complex64": dtypes.float32, "complex128": dtypes.float64}.get(of.name, of)
    if part.name == "bfloat16":
        return FloatInfo(16, 2.0**-7, 3.3895313892515355e38, -3.3895313892515355e38, 2.0**-126, part)
    if part.kind != "real floating":
        raise DTypeError(f"finfo: expected a float type, got {of}")
    found = np.finfo(part.name)
    numbers = (found.eps, found.max, found.min, found.smallest_normal)
    return FloatInfo(found.bits, *map(float, numbers), part)


def iinfo(type: Any, /) -> IntegerInfo:
    """The limits of an integer type."""
    of = type.dtype if isinstance(type, Array) else dtypes.dtype(type)
    if "integer" not in of.kind:
        raise DTypeError(f"iinfo: expected an integer type, got {of}")
    found = np.iinfo(of.name)
    return IntegerInfo(found.bits, int(found.max), int(found.min), of)


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a type is one of a kind, another type, or any of several of these."""
    if isinstance(kind, tuple):
        return any(isdtype(dtype, one) for one in kind)
    if isinstance(kind, str) and kind not in dtypes.BY_NAME or kind == "bool":
        if kind not in _KINDS:
            raise ValueError(f"isdtype: there is no kind {kind!r}; hint: {', '.join(_KINDS)}")
        return dtypes.dtype(dtype).kind in _KINDS[kind]
    return dtypes.dtype(dtype) is dtypes.dtype(kind)


def result_type(*arrays_and_dtypes: Any) -> DType:
    """The type that arrays, types and Python numbers have in common."""
    if not arrays_and_dtypes:
        raise ValueError("result_type: expected an array or a type")
    return dtypes.BY_NAME[result_dtype_name(arrays_and_dtypes)]


def can_cast(from_: Any, to: Any, /) -> bool:
    """Whether the types' common type is the second: nothing is lost but precision of integers as floats."""
    own = from_.dtype if isinstance(from_, Array) else dtypes.dtype(from_)
    try:
        return result_type(own, to) is dtypes.dtype(to)
    except DTypeError:
        return False


class NamespaceInfo:
    """What the library can do, as the standard asks for it."""

    def capabilities(self) -> dict[str, Any]:
        """Data-dependent shapes and boolean indexing are there; they compute."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        """Where arrays live."""
        return "cpu"

    def devices(self) -> list[str]:
        """All devices."""
        return ["cpu"]

    def default_dtypes(self, *, device: Any = None) -> dict[str, DType]:
        """What Python's numbers become."""
        return {
            "real floating": dtypes.float32,
            "complex floating": dtypes.complex64,
            "integral": dtypes.int64,
            "indexing": dtypes.int64,
        }

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, DType]:
        """All types of a kind, by name."""
        standard = [d for d in dtypes.ALL if d.name not in ("float16", "bfloat16")]
        return {d.name: d for d in standard if kind is None or isdtype(d, kind)}


def array_namespace_info() -> NamespaceInfo:
    """What the library can do, as the standard asks for it."""
    return NamespaceInfo()
