"""The functions that are most used as methods of arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradframe._array import dtypes
from gradframe._array.held import Held, wrap
from gradframe._gradframe import array_call

if TYPE_CHECKING:
    from gradframe._array.core import Array


class Methods(Held):
    """Other types, other shapes, folds."""

    __slots__ = ()

    def astype(self, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Array:
        """The same numbers in another element type."""
        return wrap(array_call("astype", (self._array,), (dtypes.dtype(dtype).name,)))

    def reshape(self, *shape: Any) -> Array:
        """The same elements in another shape; one size may be -1, which is what remains."""
        given = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
        return wrap(array_call("reshape", (self._array,), (tuple(given),)))

    def transpose(self, *axes: int) -> Array:
        """The axes in this order, or in reverse."""
        return wrap(array_call("permute_dims", (self._array,), (axes or tuple(range(self._array.ndim))[::-1],)))

    def flatten(self) -> Array:
        """All elements in one axis."""
        return self.reshape(-1)

    def squeeze(self, axis: Any = None) -> Array:
        """Without axes of size 1: these, or all."""
        return wrap(array_call("squeeze", (self._array,), (axis,)))

    def sum(self, axis: Any = None, *, dtype: Any = None, keepdims: bool = False) -> Array:
        """The sum over axes, or of all elements."""
        return wrap(array_call("sum", (self._array,), (axis, keepdims, dtypes.name(dtype))))

    def prod(self, axis: Any = None, *, dtype: Any = None, keepdims: bool = False) -> Array:
        """The product over axes, or of all elements."""
        return wrap(array_call("prod", (self._array,), (axis, keepdims, dtypes.name(dtype))))

    def mean(self, axis: Any = None, *, keepdims: bool = False) -> Array:
        """The mean over axes, or of all elements."""
        return wrap(array_call("mean", (self._array,), (axis, keepdims)))

    def std(self, axis: Any = None, *, correction: float = 0.0, keepdims: bool = False) -> Array:
        """The standard deviation over axes, or of all elements."""
        return wrap(array_call("std", (self._array,), (axis, keepdims, float(correction))))

    def var(self, axis: Any = None, *, correction: float = 0.0, keepdims: bool = False) -> Array:
        """The variance over axes, or of all elements."""
        return wrap(array_call("var", (self._array,), (axis, keepdims, float(correction))))

    def max(self, axis: Any = None, *, keepdims: bool = False) -> Array:
        """The largest over axes, or of all elements."""
        return wrap(array_call("max", (self._array,), (axis, keepdims)))

    def min(self, axis: Any = None, *, keepdims: bool = False) -> Array:
        """The smallest over axes, or of all elements."""
        return wrap(array_call("min", (self._array,), (axis, keepdims)))

    def any(self, axis: Any = None, *, keepdims: bool = False) -> Array:
        """Whether any is true over axes, or of all elements."""
        return wrap(array_call("any", (self._array,), (axis, keepdims)))

    def all(self, axis: Any = None, *, keepdims: bool = False) -> Array:
        """Whether all are true over axes, or of all elements."""
        return wrap(array_call("all", (self._array,), (axis, keepdims)))

    def argmax(self, axis: int | None = None, *, keepdims: bool = False) -> Array:
        """The place of the first largest along an axis, or among all elements."""
        return wrap(array_call("argmax", (self._array,), (axis, keepdims)))

    def argmin(self, axis: int | None = None, *, keepdims: bool = False) -> Array:
        """The place of the first smallest along an axis, or among all elements."""
        return wrap(array_call("argmin", (self._array,), (axis, keepdims)))
