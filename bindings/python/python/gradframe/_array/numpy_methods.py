"""Methods of arrays that NumPy's have beside the standard's functions. Each is the function of `gradframe.numpy`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradframe._array.held import Held, wrap

if TYPE_CHECKING:
    from gradframe._array.core import Array


class NumPyMethods(Held):
    """Copies, orders, places and cumulative sums."""

    __slots__ = ()

    def copy(self) -> Array:
        """The array: its values never change, and what is assigned to one of the two is not seen in the other."""
        return wrap(self._array)

    def clip(self, min: Any = None, max: Any = None, out: None = None) -> Array:
        """Values below `min` and above `max` become these."""
        return _function("clip", out)(self, min, max)  # type: ignore[no-any-return]

    def conj(self) -> Array:
        """The complex conjugates."""
        return _function("conj")(self)  # type: ignore[no-any-return]

    def round(self, decimals: int = 0, out: None = None) -> Array:
        """The nearest numbers of so many decimals; halves go to the even one."""
        if decimals == 0:
            return _function("round", out)(self)  # type: ignore[no-any-return]
        scale: Any = 10.0**decimals
        return _function("round", out)(self * scale) / scale  # type: ignore[no-any-return]

    def cumsum(self, axis: int | None = None, dtype: Any = None, out: None = None) -> Array:
        """The sums so far, along an axis or of all elements in a row."""
        whole = self.ravel() if axis is None else self
        return _function("cumulative_sum", out)(whole, axis=0 if axis is None else axis, dtype=dtype)  # type: ignore[no-any-return]

    def dot(self, b: Any, out: None = None) -> Array:
        """The product of vectors, of matrices, or of each row with a vector; with a single number, the multiple."""
        other = _function("asarray", out)(b)
        return self * other if self._array.ndim == 0 or other.ndim == 0 else self @ other  # type: ignore[operator,no-any-return]

    def ravel(self) -> Array:
        """All elements in one axis."""
        return _function("reshape")(self, (-1,))  # type: ignore[no-any-return]

    def take(self, indices: Any, axis: int | None = None, out: None = None) -> Array:
        """The elements at these places along an axis, or among all."""
        whole = self.ravel() if axis is None else self
        return _function("take", out)(whole, indices, axis=0 if axis is None else axis)  # type: ignore[no-any-return]

    def repeat(self, repeats: Any, axis: int | None = None) -> Array:
        """Each element as often, along an axis or all in a row."""
        return _function("repeat")(self, repeats, axis=axis)  # type: ignore[no-any-return]

    def nonzero(self) -> tuple[Array, ...]:
        """The places of what is not 0, an array an axis."""
        return _function("nonzero")(self)  # type: ignore[no-any-return]

    def swapaxes(self, axis1: int, axis2: int) -> Array:
        """Two axes in each other's place."""
        axes = list(range(self._array.ndim))
        axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
        return _function("permute_dims")(self, tuple(axes))  # type: ignore[no-any-return]

    def argsort(self, axis: int | None = -1, *, descending: bool = False, stable: bool = True) -> Array:
        """The places of the elements in their order, along an axis or among all."""
        whole = self.ravel() if axis is None else self
        return _function("argsort")(whole, axis=-1 if axis is None else axis, descending=descending, stable=stable)  # type: ignore[no-any-return]


def _function(name: str, out: None = None) -> Any:
    """The function of `gradframe.numpy`, which stands above arrays. Raises TypeError for an array to write to."""
    import gradframe.numpy as namespace

    if out is not None:
        raise TypeError(f"{name}: expected no `out`: the value of an array never changes")
    return getattr(namespace, name)
