"""Other shapes, orders and joins of the same elements; parts of arrays."""

from __future__ import annotations

from typing import Any

from gradframe._array import dtypes
from gradframe._array.core import Array, as_array, call, shared, wrap
from gradframe._gradframe import array_nonzero
from gradframe.errors import PlanError, ShapeError

__all__ = [
    "argsort", "astype", "broadcast_arrays", "broadcast_to", "concat", "expand_dims", "flip", "matrix_transpose", "moveaxis",
    "nonzero", "pad", "permute_dims", "repeat", "reshape", "roll", "searchsorted", "sort", "squeeze", "stack", "take",
    "take_along_axis", "tile", "unstack",
]


def reshape(x: Any, /, shape: Any, *, copy: bool | None = None) -> Array:
    """The same elements in another shape; one size may be -1, which is what remains."""
    return as_array(x).reshape(shape)


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Array:
    """The same numbers in another element type: floats become integers toward zero."""
    return as_array(x).astype(dtype)


def broadcast_to(x: Any, /, shape: Any) -> Array:
    """The array stretched to a shape: missing axes come first, those of size 1 repeat."""
    return call("broadcast_to", (x,), tuple(shape))


def broadcast_arrays(*arrays: Any) -> list[Array]:
    """All arrays stretched to the shape that they have in common."""
    given = [as_array(a) for a in arrays]
    shape: tuple[int, ...] = ()
    for array in given:
        shape = _common(shape, array.shape)
    return [broadcast_to(array, shape) for array in given]


def _common(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    rank = max(len(a), len(b))
    sizes = []
    for x, y in zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True):
        if x != y and 1 not in (x, y):
            raise ShapeError(f"broadcast_arrays: {list(a)} and {list(b)} do not broadcast")
        sizes.append(y if x == 1 else x)
    return tuple(sizes)


def permute_dims(x: Any, /, axes: Any) -> Array:
    """The axes in this order."""
    return call("permute_dims", (x,), tuple(axes))


def matrix_transpose(x: Any, /) -> Array:
    """The last two axes swapped."""
    return call("matrix_transpose", (x,))


def moveaxis(x: Any, source: Any, destination: Any, /) -> Array:
    """Axes moved to other places; the others keep their order."""
    return call("moveaxis", (x,), source, destination)


def expand_dims(x: Any, /, *, axis: Any = 0) -> Array:
    """With axes of size 1 at these places."""
    return call("expand_dims", (x,), axis)


def squeeze(x: Any, /, axis: Any = None) -> Array:
    """Without axes of size 1: these, or all."""
    return call("squeeze", (x,), axis)


def flip(x: Any, /, *, axis: Any = None) -> Array:
    """The elements in reverse order along axes, or along all."""
    return call("flip", (x,), axis)


def roll(x: Any, /, shift: Any, *, axis: Any = None) -> Array:
    """The elements moved on along axes, the last ones to the front; along all elements in a row if no axis is named."""
    return call("roll", (x,), shift, axis)


def concat(arrays: Any, /, *, axis: int | None = 0) -> Array:
    """Arrays joined along an axis; all their elements in a row for None."""
    given = tuple(as_array(a) for a in arrays)
    if axis is None:
        return call("concat", tuple(a.reshape(-1) for a in given), 0)
    return call("concat", given, axis)


def stack(arrays: Any, /, *, axis: int = 0) -> Array:
    """Arrays of one shape joined along a new axis."""
    return call("stack", tuple(arrays), axis)


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Array, ...]:
    """The parts along an axis, which goes away."""
    x = as_array(x)
    if not x.ndim:
        raise ShapeError("unstack: an array of shape () has no axis")
    if x.shape[axis] == 0:
        return ()
    parts = call("unstack", (x,), axis)
    return parts if isinstance(parts, tuple) else (parts,)


def tile(x: Any, repetitions: Any, /) -> Array:
    """The array laid side by side, so often along each axis."""
    return call("tile", (x,), (repetitions,) if isinstance(repetitions, int) else tuple(repetitions))


def repeat(x: Any, repeats: Any, /, *, axis: int | None = None) -> Array:
    """Each element repeated, so often or each as often as an array says, along an axis or in a row."""
    x = as_array(x)
    if isinstance(repeats, int):
        return call("repeat", (x,), (repeats,), axis)
    counts = as_array(repeats)
    if counts.size == 1:
        return call("repeat", (x,), (int(counts.reshape(()).item()),), axis)
    if axis is None:
        x, axis = x.reshape(-1), 0
    if counts.shape != (x.shape[axis],):
        raise ShapeError(f"repeat: {counts.shape} counts for axis {axis} of {x.shape}")
    places = shared(counts.numpy().repeat(counts.numpy()) * 0) if not counts.size else _places(counts)
    return call("take", (x, places), axis, True)  # all of them are inside


def _places(counts: Array) -> Array:
    import numpy as np

    return shared(np.repeat(np.arange(counts.size), counts.numpy()))


def pad(x: Any, /, pad_width: Any, mode: str = "constant", *, constant_values: Any = 0) -> Array:
    """So many elements before and after each axis, or pairs of an axis each. Modes are NumPy's: a number ("constant"), the elements in
    reverse order without the end itself ("reflect"), the end again and again ("edge"), the elements from the other end ("wrap").
    Raises ShapeError where an axis has too few of them."""
    x = as_array(x)
    widths = [(pad_width, pad_width)] * x.ndim if isinstance(pad_width, int) else [tuple(w) for w in pad_width]
    flat = tuple(n for pair in widths for n in pair)
    if mode == "constant":
        return call("pad", (x, as_array(constant_values, x.dtype)), flat)
    if mode not in ("reflect", "edge", "wrap"):
        raise PlanError(f"pad: `mode` is {mode!r}, expected 'constant', 'reflect', 'edge' or 'wrap'")
    return call("pad_by", (x,), flat, mode)


def take(x: Any, indices: Any, /, *, axis: int | None = None) -> Array:
    """The elements at these places along an axis; negative places count from the end. Raises OutOfBoundsError, an IndexError, for a
    place outside; while a function is traced, where places are not known, such a place gives 0."""
    x = as_array(x)
    if axis is None:
        if x.ndim != 1:
            raise ShapeError(f"take: expected an axis for an array of {x.ndim} axes")
        axis = 0
    if not -x.ndim <= axis < x.ndim:
        raise ShapeError(f"take: axis {axis} of an array of {x.ndim} axes")
    return x[(slice(None),) * (axis % x.ndim) + (as_array(indices),)]


def take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Array:
    """For each place of `indices` the element of the same line along an axis; negative places count from the end. Raises
    OutOfBoundsError, an IndexError, for a place outside; while a function is traced, where places are not known, such a place gives 0."""
    return call("take_along_axis", (x, indices), axis)


def nonzero(x: Any, /) -> tuple[Array, ...]:
    """The places of the elements that are not zero, an array an axis."""
    return tuple(wrap(raw) for raw in array_nonzero(as_array(x)._array))


def sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    """The elements in order along an axis; NaN counts as largest."""
    return call("sort", (x,), axis, descending)


def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    """The places that put the elements in order along an axis; equal elements keep their order."""
    return call("argsort", (x,), axis, descending)


def searchsorted(x1: Any, x2: Any, /, *, side: str = "left", sorter: Any = None) -> Array:
    """For each element of x2 the place in the sorted line x1 where it belongs: before equal ones, or after for "right"."""
    if side not in ("left", "right"):
        raise ValueError(f"searchsorted: expected side 'left' or 'right', got {side!r}")
    x1 = as_array(x1)
    return call("searchsorted", (x1 if sorter is None else take(x1, sorter, axis=0), x2), side == "right")


def result_dtype_name(values: tuple[Any, ...]) -> str:
    """The name of the type that these arrays, types and Python numbers have in common."""
    from gradframe._gradframe import array_promote, array_weak

    numbers = [v for v in values if isinstance(v, (bool, int, float, complex))]
    types = [v.dtype.name if isinstance(v, Array) else dtypes.dtype(v).name for v in values if not any(v is n for n in numbers)]
    if not types:
        types = [as_array(numbers[0]).dtype.name]
    common = types[0]
    for other in types[1:]:
        common = array_promote("result_type", common, other)
    for number in numbers:
        common = array_promote("result_type", common, array_weak(number, common))
    return common
