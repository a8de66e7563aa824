"""New arrays with other values in some places."""

from __future__ import annotations

from typing import Any

from gradframe._array.arranging import argsort, broadcast_to, concat, searchsorted
from gradframe._array.core import Array, as_array, call, picked, wrap
from gradframe._array.dtypes import bool_
from gradframe._array.pairs import where
from gradframe._array.updates_in_rows import put_in_rows


class At:
    """`x.at`: pick places with brackets, then say what to do there."""

    __slots__ = ("_of",)

    def __init__(self, of: Array) -> None:
        self._of = of

    def __getitem__(self, index: Any) -> Places:
        return Places(self._of, index)


class Places:
    """Places of an array, and what can be done there. The array stays as it is; each method gives a new one. A place outside is an
    OutOfBoundsError, an IndexError; while a function is traced, where places in arrays are not known, it is left out."""

    __slots__ = ("_of", "_index")

    def __init__(self, of: Array, index: Any) -> None:
        self._of = of
        self._index = index

    def get(self) -> Array:
        """The values there."""
        return self._of[self._index]

    def set(self, values: Any) -> Array:
        """With these values there; the last of several for one place stays."""
        return self._put(values, "set")

    def add(self, values: Any) -> Array:
        """With these values added there; several for one place add up."""
        return self._put(values, "add")

    def subtract(self, values: Any) -> Array:
        """With these values subtracted there."""
        return self._put(-as_array(values), "add")

    def multiply(self, values: Any) -> Array:
        """With what is there multiplied by these values; several for one place multiply."""
        in_rows = put_in_rows(self._of, self._index, values, "multiply")
        return self._put(self.get() * self._product(values), "set") if in_rows is None else in_rows

    def divide(self, values: Any) -> Array:
        """With what is there divided by these values; by all of several for one place."""
        in_rows = put_in_rows(self._of, self._index, values, "divide")
        return self._put(self.get() / self._product(values), "set") if in_rows is None else in_rows

    def max(self, values: Any) -> Array:
        """With the larger of what is there and these values."""
        return self._put(values, "max")

    def min(self, values: Any) -> Array:
        """With the smaller of what is there and these values."""
        return self._put(values, "min")

    def apply(self, function: Any) -> Array:
        """With what `function` makes of the values there, once for a place that is named several times."""
        return self._put(function(self.get()), "set")

    def _product(self, values: Any) -> Any:
        """These values, where several are for one place their product."""
        if not _may_repeat(self._index):
            return values
        places = self._places()
        return _products(places.reshape([-1]), broadcast_to(values, places.shape).reshape([-1])).reshape(places.shape)

    def _places(self) -> Array:
        return wrap(picked(call("places", (self._of,)), self._index))

    def _put(self, values: Any, how: str) -> Array:
        in_rows = put_in_rows(self._of, self._index, values, how)
        if in_rows is not None:
            return in_rows
        places = self._places()
        if isinstance(values, (bool, int, float, complex)):
            values = as_array(values, self._of.dtype)
        return call("put", (self._of, places, values), how)


def _may_repeat(index: Any) -> bool:
    """Whether an index can name a place twice: numbers, slices and masks do not."""
    parts = index if isinstance(index, tuple) else (index,)
    lists = [as_array(part) for part in parts if not (part is None or part is ... or isinstance(part, (int, slice)))]
    return any(part.dtype != bool_ for part in lists)


def _products(places: Array, values: Array) -> Array:
    """The product of all values for one place, at each of them. Both have one axis, and are equally long."""
    order = argsort(places)
    places, values = places[order], values[order]
    count, width = places.shape[0], 1
    runs = values
    while width < count:  # each is then the product of its run's last `width` values up to it
        same = places[width:] == places[:-width]
        runs = concat([runs[:width], where(same, runs[width:] * runs[:-width], runs[width:])])
        width *= 2
    last = searchsorted(places, places, side="right") - 1
    return runs[last][argsort(order)]
