"""What stands between the brackets of an array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gradframe._array.held import Held, as_array
from gradframe._array.memory import is_array_like
from gradframe._gradframe import array_index

if TYPE_CHECKING:
    from gradframe._array.core import Array


def picked(array: Array, index: Any) -> Any:
    """What stands at an index, private."""
    truth = index[0] if isinstance(index, tuple) and len(index) == 1 else index
    is_array = isinstance(truth, Held) and not truth._array.shape and truth._array.dtype == "bool"
    if is_array or isinstance(truth, (bool, np.bool_)):
        # One truth value picks all or nothing, along an axis of its own.
        whole = array_index(array._array, (None,))
        return array_index(whole, (as_array([0] if truth else [], "int64")._array,))
    return array_index(array._array, _entries(index))


def _entries(index: Any) -> tuple[Any, ...]:
    """What stands between the brackets, arrays as private ones."""
    entries = index if isinstance(index, tuple) else (index,)
    return tuple(e if e is None or isinstance(e, (int, slice)) or e is Ellipsis else _entry(e) for e in entries)


def _entry(entry: Any) -> Any:
    if isinstance(entry, Held):
        return entry._array
    if isinstance(entry, list):
        return (as_array(entry) if entry else as_array(entry, "int64"))._array
    return as_array(entry)._array if is_array_like(entry) else entry
