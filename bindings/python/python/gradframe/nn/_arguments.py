"""What layers may be made of: an argument that makes no layer is an error when the layer is made, which names both."""

from __future__ import annotations

import operator
from typing import Any

from gradframe._array.core import Array, as_array
from gradframe.errors import DTypeError, PlanError, ShapeError


def count(layer: str, name: str, value: Any, least: int = 0) -> int:
    """A whole number from `least` on. Errors: DTypeError for what is none, PlanError for a smaller one."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise DTypeError(f"{layer}: `{name}` is {value!r}, expected a whole number from {least}")
    number = operator.index(value)
    if number < least:
        raise PlanError(f"{layer}: `{name}` is {number}, expected a whole number from {least}")
    return number


def is_whole(value: Any) -> bool:
    """Whether it is one whole number. Arrays of several have `__index__` too."""
    return hasattr(value, "__index__") and getattr(value, "ndim", 0) == 0


def _several(value: Any) -> tuple[Any, ...] | None:
    """The items of a list, a tuple or an array of one axis; None of anything else."""
    if getattr(value, "ndim", 0) == 1:
        return tuple(value.tolist())
    return tuple(value) if isinstance(value, (tuple, list)) else None


def along_axes(layer: str, name: str, value: Any, axes: int, least: int = 0) -> tuple[int, ...]:
    """A whole number for each axis, from one for all of them or as many. Errors: as for `count`."""
    if is_whole(value):
        return (count(layer, name, value, least),) * axes
    expected = f"a whole number from {least}" + (f", or {axes} of them" if axes > 1 else "")
    several = _several(value)
    if several is None:
        raise DTypeError(f"{layer}: `{name}` is {value!r}, expected {expected}")
    if len(several) != axes:
        raise PlanError(f"{layer}: `{name}` is {value!r}, expected {expected}")
    return tuple(count(layer, name, one, least) for one in several)


def sizes(layer: str, name: str, value: Any) -> tuple[int, ...]:
    """The sizes of one axis or more. Errors: as for `count`; PlanError for none."""
    if is_whole(value):
        return (count(layer, name, value),)
    several = _several(value)
    if several is None:
        raise DTypeError(f"{layer}: `{name}` is {value!r}, expected a whole number from 0, or several")
    if not several:
        raise PlanError(f"{layer}: `{name}` is {value!r}, expected the size of one axis or more")
    return tuple(count(layer, name, one) for one in several)


def divides(layer: str, name: str, parts: int, **wholes: int) -> None:
    """Whether `parts` divides other arguments. Errors: PlanError naming all of them."""
    count(layer, name, parts, 1)
    if any(whole % parts for whole in wholes.values()):
        told = " and ".join(f"`{whole}` {number}" for whole, number in wholes.items())
        raise PlanError(f"{layer}: `{name}` {parts} does not divide {told}")


def probability(layer: str, name: str, value: Any) -> float:
    """A probability. Errors: DTypeError for what is no number, PlanError for another number."""
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise DTypeError(f"{layer}: `{name}` is {value!r}, expected a probability from 0 to 1")
    if not 0.0 <= value <= 1.0:
        raise PlanError(f"{layer}: `{name}` is {value}, expected a probability from 0 to 1")
    return float(value)


def of_shape(op: str, name: str, value: Any, shape: tuple[int, ...]) -> Array:
    """A weight or a bias. Raises ShapeError for one of another shape."""
    value = as_array(value)
    if value.shape != shape:
        raise ShapeError(f"{op}: expected a `{name}` of shape {shape}, got {value.shape}")
    return value
