"""Public arrays over private ones: what values mean as arrays, and the one call under all operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from gradframe._array import dtypes
from gradframe._array.memory import of_numpy, taken
from gradframe._array.short import PRODUCTS, rounded
from gradframe._gradframe import PyArray, array_call, array_from_number
from gradframe.errors import ShapeError

if TYPE_CHECKING:
    from gradframe._array.core import Array

_new = object.__new__
NUMBERS = (bool, int, float, complex)


class Held:
    """What a public array holds."""

    # Hooks are there once there is one.
    __slots__ = ("_array", "_grad", "_hooks", "__weakref__")

    #: The class of public arrays, which stands in a file above this one.
    public: ClassVar[type[Any]]

    _array: PyArray
    _grad: Array | None
    _hooks: list[Any]


def wrap(raw: PyArray) -> Array:
    """The public array over a private one."""
    array = _new(Held.public)
    array._array = raw
    array._grad = None
    return array  # type: ignore[no-any-return]


def call(name: str, operands: tuple[Any, ...], *args: Any) -> Any:
    """The operation of this name: an array, or a tuple of them if it has several results."""
    given = tuple(map(operand, operands))
    raw = array_call(name, rounded(name, given) if name in PRODUCTS else given, args)
    return wrap(raw) if raw.__class__ is PyArray else tuple(map(wrap, raw))


def operand(value: Any) -> Any:
    """An array, or a Python number, of what an operation is given."""
    if value.__class__ is Held.public:
        return value._array
    if isinstance(value, NUMBERS):
        return value
    return as_array(value)._array


def as_array(value: Any, dtype: Any = None) -> Array:
    """The array that is meant by a value. Memory that others can write is copied: what is recorded is read later."""
    if isinstance(value, Held):
        array: Any = value
        return array if dtype is None or array.dtype is dtypes.dtype(dtype) else array.astype(dtype)  # type: ignore[no-any-return]
    if isinstance(value, NUMBERS) and not isinstance(value, np.generic):
        return wrap(array_from_number(value, dtypes.name(dtype)))
    if isinstance(value, (list, tuple)):
        return _of_sequence(value, dtype)
    return typed(taken(value), dtype)


def typed(raw: PyArray, dtype: Any) -> Array:
    """A private array in a type, or in its own for None."""
    return wrap(raw) if dtype is None else as_array(wrap(raw), dtype)


def shared(values: np.ndarray) -> Array:
    """An array over the memory of NumPy's, which nobody writes to from here on."""
    return wrap(of_numpy(values))


def _of_sequence(values: Any, dtype: Any) -> Array:
    kinds: set[type] = set()
    _kinds(values, kinds)
    if Held.public in kinds:
        rows = [as_array(v) for v in values]
        stacked = call("stack", tuple(rows), 0)
        return stacked if dtype is None else as_array(stacked, dtype)  # type: ignore[no-any-return]
    try:
        found = np.asarray(values, _integer_type(kinds, dtype))
    except ValueError as error:
        raise ShapeError("asarray: the rows of a nested list have not all one length") from error
    if int in kinds and kinds <= {bool, int} and found.dtype.kind not in "iub":
        raise OverflowError("asarray: an integer fits no integer type, or no one type has all of them; hint: dtype='float64'")
    if dtype is None and kinds <= set(NUMBERS):
        python = max(kinds, key=NUMBERS.index, default=float)
        dtype = {bool: "bool", int: "int64", float: "float32", complex: "complex64"}[python]
        if python is int and found.dtype == np.uint64:
            dtype = "uint64"
    return typed(of_numpy(found), dtype)


def _integer_type(kinds: set[type], dtype: Any) -> Any:
    """The type in which NumPy checks whether integers fit; None if they need not."""
    name = None if dtype is None else dtypes.name(dtype)
    return name if name is not None and name.lstrip("u").startswith("int") and kinds <= {bool, int} else None


def _kinds(values: Any, found: set[type]) -> None:
    for value in values:
        if isinstance(value, (list, tuple)):
            _kinds(value, found)
        else:
            found.add(value.__class__)
