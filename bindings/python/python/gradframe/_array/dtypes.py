"""Element types of arrays, as the Array API names them."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradframe.errors import DTypeError


class DType:
    """The type of an array's elements. There is one object for each; they compare with NumPy's types and with names."""

    __slots__ = ("name", "kind", "itemsize")

    def __init__(self, name: str, kind: str, itemsize: int) -> None:
        self.name = name
        self.kind = kind
        self.itemsize = itemsize

    @property
    def dtype(self) -> np.dtype:
        """NumPy's type of the same name, so that NumPy takes this one for it."""
        return np.dtype(self.name)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DType):
            return self is other
        try:
            return dtype(other) is self
        except (TypeError, DTypeError):
            return NotImplemented

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"gradframe.numpy.{self.name}"

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Any, ...]:
        return dtype, (self.name,)


bool_ = DType("bool", "bool", 1)
int8 = DType("int8", "signed integer", 1)
int16 = DType("int16", "signed integer", 2)
int32 = DType("int32", "signed integer", 4)
int64 = DType("int64", "signed integer", 8)
uint8 = DType("uint8", "unsigned integer", 1)
uint16 = DType("uint16", "unsigned integer", 2)
uint32 = DType("uint32", "unsigned integer", 4)
uint64 = DType("uint64", "unsigned integer", 8)
float16 = DType("float16", "real floating", 2)
bfloat16 = DType("bfloat16", "real floating", 2)
float32 = DType("float32", "real floating", 4)
float64 = DType("float64", "real floating", 8)
complex64 = DType("complex64", "complex floating", 8)
complex128 = DType("complex128", "complex floating", 16)

ALL = (
    bool_,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
    float16,
    bfloat16,
    float32,
    float64,
    complex64,
    complex128,
)
BY_NAME = {d.name: d for d in ALL}
# NumPy's, which has no bfloat16.
NUMPY = {d.name: np.dtype(d.name) for d in ALL if d is not bfloat16}
_OF_NUMPY = {of: BY_NAME[name] for name, of in NUMPY.items()}
_NUMPY_CLASSES = frozenset(of.__class__ for of in _OF_NUMPY)  # whose names are slow
_OF_PYTHON = {bool: bool_, int: int64, float: float32, complex: complex64}


def dtype(of: Any) -> DType:
    """The element type that is meant by a type of ours or NumPy's, a name, or Python's `bool, int, float, complex`.

    Raises DTypeError for a type that arrays do not have.
    """
    if isinstance(of, DType):
        return of
    if of.__class__ in _NUMPY_CLASSES and of in _OF_NUMPY:
        return _OF_NUMPY[of]
    if isinstance(of, type) and of in _OF_PYTHON:
        return _OF_PYTHON[of]
    name = of if isinstance(of, str) else np.dtype(of).name
    if name not in BY_NAME:
        raise DTypeError(f"dtype: arrays have no element type `{name}`; hint: they have {', '.join(BY_NAME)}")
    return BY_NAME[name]


def name(of: Any) -> str | None:
    """The name of a type, None for None."""
    return None if of is None else dtype(of).name
