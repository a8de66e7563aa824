"""What of a module is no array of its own tree, in a form that tells two modules apart: a compiled function is of what it was traced with."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from gradframe._array.core import Array


class _Same:
    """An object that is equal to itself alone. It is held, so that no other one comes to its place."""

    __slots__ = ("of",)

    def __init__(self, of: Any) -> None:
        self.of = of

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.of is other.of

    def __hash__(self) -> int:
        return id(self.of)


def frozen(value: Any) -> Any:
    """A key that is equal for values that compute the same: plain ones, and those in lists, sets and dictionaries, by what they are now; arrays
    and modules among them by the memory that they have now; others, functions too, by which object it is."""
    kind = type(value)
    if kind in (bool, int, str, bytes, type(None)):
        return kind, value
    if kind is float:
        return kind, value.hex()  # NaN is itself, and the zeros are two
    if kind in (list, tuple):
        return kind, tuple(map(frozen, value))
    if kind in (set, frozenset):
        return kind, frozenset(map(frozen, value))
    if isinstance(value, dict):
        return kind, tuple((frozen(key), frozen(one)) for key, one in value.items())
    if kind is Array:
        return kind, _Same(value._array)
    if isinstance(value, (np.ndarray, np.generic)):
        return kind, value.shape, str(value.dtype), value.tobytes() if value.dtype != object else _Same(value)
    if hasattr(kind, "__tree_flatten__"):
        parts, static = value.__tree_flatten__()
        return kind, static, tuple(map(frozen, parts))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return kind, tuple(frozen(getattr(value, field.name)) for field in dataclasses.fields(value))
    return _Same(value)
