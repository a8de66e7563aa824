"""New arrays with other values in some places."""

from __future__ import annotations

from typing import Any

from gradframe._array.core import Array, as_array, call, picked, wrap


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
        """With what is there multiplied by these values."""
        return self._put(self.get() * values, "set")

    def divide(self, values: Any) -> Array:
        """With what is there divided by these values."""
        return self._put(self.get() / values, "set")

    def max(self, values: Any) -> Array:
        """With the larger of what is there and these values."""
        return self._put(values, "max")

    def min(self, values: Any) -> Array:
        """With the smaller of what is there and these values."""
        return self._put(values, "min")

    def apply(self, function: Any) -> Array:
        """With what `function` makes of the values there."""
        return self._put(function(self.get()), "set")

    def _put(self, values: Any, how: str) -> Array:
        places = wrap(picked(call("places", (self._of,)), self._index))
        if isinstance(values, (bool, int, float, complex)):
            values = as_array(values, self._of.dtype)
        return call("put", (self._of, places, values), how)
