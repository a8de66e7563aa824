"""Updates at the same places of each row, for functions that are traced for any number of rows: no row's place among the others is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gradframe._array.arranging import broadcast_to, take
from gradframe._array.core import Array, as_array
from gradframe._array.pairs import maximum, minimum, where
from gradframe._array.sized import row_count

if TYPE_CHECKING:
    from collections.abc import Callable

_JOINED: dict[str, Callable[[Array, Array], Array]] = {
    "set": lambda _, new: new,
    "add": lambda own, new: own + new,
    "multiply": lambda own, new: own * new,
    "divide": lambda own, new: own / new,
    "max": maximum,
    "min": minimum,
}


def put_in_rows(of: Array, index: Any, values: Any, how: str) -> Array | None:
    """The array with these values at places of each row; None where the first axis is not that of the rows, or not taken whole, or places are
    not known."""
    rest = _within_rows(of, index)
    if rest is None:
        return None
    inner = of.shape[1:]
    places = np.arange(int(np.prod(inner))).reshape(inner)[rest]
    given = as_array(values).astype(of.dtype)
    # What is the same for all rows stays one row.
    rows = of.shape[0] if given.ndim > places.ndim and given.shape[0] == of.shape[0] else 1
    given = broadcast_to(given, (rows, *places.shape)).reshape(rows, places.size)
    whole = of.reshape(of.shape[0], int(np.prod(inner)))
    for sources in _layers(places.ravel(), whole.shape[1], last=how == "set"):
        new = take(given, np.maximum(sources, 0), axis=1)
        whole = where(sources >= 0, _JOINED[how](whole, new), whole)
    return whole.reshape(of.shape)


def _within_rows(of: Array, index: Any) -> tuple[Any, ...] | None:
    """What stands between the brackets for each row."""
    entries = index if isinstance(index, tuple) else (index,)
    if row_count() is None or of.ndim < 2 or of.shape[0] != row_count() or not all(_is_known(entry) for entry in entries):
        return None
    first, *rest = entries
    if first is Ellipsis and len(rest) < of.ndim:
        return (Ellipsis, *rest)
    return tuple(rest) if isinstance(first, slice) and first == slice(None) else None


def _is_known(entry: Any) -> bool:
    return entry is Ellipsis or (isinstance(entry, (int, slice, list, np.integer)) and not isinstance(entry, bool))


def _layers(places: np.ndarray, size: int, last: bool) -> list[np.ndarray]:
    """For each place which of the values it gets, -1 for none: in as many layers as one place has values, or the last of them alone."""
    layers: list[np.ndarray] = []
    for source, place in enumerate(places):
        free = next((layer for layer in layers if last or layer[place] < 0), None)
        if free is None:
            free = np.full(size, -1)
            layers.append(free)
        free[place] = source
    return layers
