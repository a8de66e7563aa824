"""The functions that are most used as methods of arrays. Folds take `out`, which NumPy's functions hand them, as None alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradframe._array import dtypes
from gradframe._array.held import Held, wrap
from gradframe._gradframe import array_call

if TYPE_CHECKING:
    from gradframe._array.core import Array


def _no_out(name: str, out: Any) -> None:
    if out is not None:
        raise TypeError(f"{name}: expected no `out`: the value of an array never changes")


def _typed(array: Any, dtype: Any) -> Any:
    """The private array, in a type if one is given."""
    return array._array if dtype is None else array.astype(dtype)._array


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

    def transpose(self, *axes: Any) -> Array:
        """The axes in this order, or in reverse."""
        given = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return wrap(array_call("permute_dims", (self._array,), (tuple(given or range(self._array.ndim)[::-1]),)))

    def flatten(self) -> Array:
        """All elements in one axis."""
        return self.reshape(-1)

    def squeeze(self, axis: Any = None) -> Array:
        """Without axes of size 1: these, or all."""
        return wrap(array_call("squeeze", (self._array,), (axis,)))

    def sum(self, axis: Any = None, dtype: Any = None, out: None = None, *, keepdims: bool = False) -> Array:
        """The sum over axes, or of all elements."""
        _no_out("sum", out)
        return wrap(array_call("sum", (self._array,), (axis, keepdims, dtypes.name(dtype))))

    def prod(self, axis: Any = None, dtype: Any = None, out: None = None, *, keepdims: bool = False) -> Array:
        """The product over axes, or of all elements."""
        _no_out("prod", out)
        return wrap(array_call("prod", (self._array,), (axis, keepdims, dtypes.name(dtype))))

    def mean(self, axis: Any = None, dtype: Any = None, out: None = None, *, keepdims: bool = False) -> Array:
        """The mean over axes, or of all elements."""
        _no_out("mean", out)
        return wrap(array_call("mean", (_typed(self, dtype),), (axis, keepdims)))

    def std(
        self, axis: Any = None, dtype: Any = None, out: None = None, *, correction: float = 0.0, ddof: float | None = None, keepdims: bool = False
    ) -> Array:
        """The standard deviation over axes, or of all elements."""
        _no_out("std", out)
        less = correction if ddof is None else ddof
        return wrap(array_call("std", (_typed(self, dtype),), (axis, keepdims, float(less))))

    def var(
        self, axis: Any = None, dtype: Any = None, out: None = None, *, correction: float = 0.0, ddof: float | None = None, keepdims: bool = False
    ) -> Array:
        """The variance over axes, or of all elements."""
        _no_out("var", out)
        less = correction if ddof is None else ddof
        return wrap(array_call("var", (_typed(self, dtype),), (axis, keepdims, float(less))))

    def max(self, axis: Any = None, out: None = None, *, keepdims: bool = False) -> Array:
        """The largest over axes, or of all elements."""
        _no_out("max", out)
        return wrap(array_call("max", (self._array,), (axis, keepdims)))

    def min(self, axis: Any = None, out: None = None, *, keepdims: bool = False) -> Array:
        """The smallest over axes, or of all elements."""
        _no_out("min", out)
        return wrap(array_call("min", (self._array,), (axis, keepdims)))

    def any(self, axis: Any = None, out: None = None, *, keepdims: bool = False) -> Array:
        """Whether any is true over axes, or of all elements."""
        _no_out("any", out)
        return wrap(array_call("any", (self._array,), (axis, keepdims)))

    def all(self, axis: Any = None, out: None = None, *, keepdims: bool = False) -> Array:
        """Whether all are true over axes, or of all elements."""
        _no_out("all", out)
        return wrap(array_call("all", (self._array,), (axis, keepdims)))

    def argmax(self, axis: int | None = None, out: None = None, *, keepdims: bool = False) -> Array:
        """The place of the first largest along an axis, or among all elements."""
        _no_out("argmax", out)
        return wrap(array_call("argmax", (self._array,), (axis, keepdims)))

    def argmin(self, axis: int | None = None, out: None = None, *, keepdims: bool = False) -> Array:
        """The place of the first smallest along an axis, or among all elements."""
        _no_out("argmin", out)
        return wrap(array_call("argmin", (self._array,), (axis, keepdims)))
