"""Functions of arrays, called once with stand-ins: what they record is what transforms transform, and what is compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradframe._array.core import Array, wrap
from gradframe._array.dtypes import float32
from gradframe._array.effects import Changes
from gradframe._array.history import enable_grad
from gradframe._array.tree import arrays, flatten, unflatten
from gradframe._gradframe import PyTraced, PyTracing, array_of_float


class Trace:
    """A function that was traced at arguments: what came out, and how to put it together."""

    __slots__ = ("traced", "structure")

    def __init__(self, traced: PyTraced, structure: Any) -> None:
        self.traced = traced
        self.structure = structure


def traced_at(
    name: str, function: Callable[..., Any], leaves: list[Array], structure: Any, *, without: Any = None, fixed: bool = False
) -> Trace:
    """Calls the function with stand-ins for the leaves. A `no_grad` that it is within says nothing of it."""
    tracing = PyTracing(name, [leaf._array for leaf in leaves], without)
    args, kwargs = unflatten(structure, [wrap(raw) for raw in tracing.arguments()])
    own = [value for value in (*args, *kwargs.values()) if isinstance(value, Array)]
    changes = Changes(function, own)
    with enable_grad():
        result = function(*args, **kwargs)
    changes.tell()
    found, result_structure = flatten(result)
    outputs = arrays(name, found)
    return Trace(tracing.close([o._array for o in outputs], fixed), result_structure)


def applied(traced: PyTraced, leaves: list[Array]) -> list[Array]:
    """The results of a traced function at arguments."""
    return [wrap(raw) for raw in traced.apply([leaf._array for leaf in leaves])]


def taken_apart(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Array], Any]:
    """The arrays among the arguments of a call, and the rest. A float of Python's has the type of what it meets, as one that is written in
    the function. Raises PlanError for what is no array."""
    leaves, structure = flatten((args, kwargs))
    return arrays(name, [wrap(array_of_float(leaf)) if leaf.__class__ is float else leaf for leaf in leaves]), structure


def of_leaves(found: list[Array], leaves: list[Array]) -> list[Array]:
    """Derivatives in the types of the arguments: in a float of Python's they are what such a float is alone."""
    return [own.astype(float32) if leaf._array.is_weak else own for own, leaf in zip(found, leaves, strict=True)]
