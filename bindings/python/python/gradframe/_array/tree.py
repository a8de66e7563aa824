"""Trees: arrays in tuples, lists, dicts, dataclasses and modules, taken apart and put together again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from gradframe._array.core import Array, as_array
from gradframe.errors import PlanError

_NUMBERS = (bool, int, float, complex)


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """The leaves, and the structure: equal for trees that differ in leaves alone, and fit to be a key."""
    leaves: list[Any] = []
    return leaves, _structure(tree, leaves)


def _structure(tree: Any, leaves: list[Any]) -> Any:
    kind = tree.__class__
    if kind is Array or tree is None or isinstance(tree, _NUMBERS):
        return _leaf(tree, leaves)
    if kind in (tuple, list):
        return (kind, None, tuple(_structure(t, leaves) for t in tree))
    if isinstance(tree, dict):
        keys = tuple(sorted(tree, key=lambda k: (str(type(k)), k)))
        return (dict, keys, tuple(_structure(tree[k], leaves) for k in keys))
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return (kind, "fields", tuple(_structure(t, leaves) for t in tree))
    if hasattr(kind, "__tree_flatten__"):
        parts, static = tree.__tree_flatten__()
        return (kind, static, tuple(_structure(t, leaves) for t in parts))
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        names = tuple(f.name for f in dataclasses.fields(tree))
        return (kind, names, tuple(_structure(getattr(tree, n), leaves) for n in names))
    return _leaf(tree, leaves)


def _leaf(value: Any, leaves: list[Any]) -> str | None:
    if value is None:
        return None
    leaves.append(value)
    return "*"


def unflatten(structure: Any, leaves: list[Any]) -> Any:
    """The tree of this structure with these leaves."""
    rest = iter(leaves)
    return _built(structure, rest)


def _built(structure: Any, rest: Any) -> Any:
    if structure is None:
        return None
    if structure == "*":
        return next(rest)
    kind, static, children = structure
    parts = [_built(child, rest) for child in children]
    if kind is dict:
        return dict(zip(static, parts, strict=True))
    if kind in (tuple, list):
        return kind(parts)
    if static == "fields":
        return kind(*parts)
    if hasattr(kind, "__tree_unflatten__"):
        return kind.__tree_unflatten__(static, parts)
    made = object.__new__(kind)
    for name, part in zip(static, parts, strict=True):
        object.__setattr__(made, name, part)
    return made


def arrays(op: str, leaves: list[Any]) -> list[Array]:
    """The leaves as arrays. Raises PlanError for one that is none."""
    return [_as_leaf(op, leaf) for leaf in leaves]


def _as_leaf(op: str, leaf: Any) -> Array:
    if leaf.__class__ is Array:
        return leaf
    try:
        return as_array(leaf)
    except TypeError as error:
        raise PlanError(
            f"{op}: expected arrays in tuples, lists, dicts and dataclasses, got {type(leaf).__qualname__}; hint: pass it as a "
            "static argument, or close over it"
        ) from error


def tree_map(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """The tree with what `function` makes of each leaf, and of those of the others at the same place."""
    leaves, structure = flatten(tree)
    columns = [leaves]
    for other in others:
        found, own = flatten(other)
        if not _fits(own, structure):
            raise PlanError("tree_map: the trees have not the same structure")
        columns.append(found)
    return unflatten(structure, [function(*row) for row in zip(*columns, strict=True)])


def _fits(own: Any, structure: Any) -> bool:
    """Whether both have leaves in the same places: modules may differ in what is no array."""
    if not (isinstance(own, tuple) and isinstance(structure, tuple)):
        return bool(own == structure)
    (kind, static, parts), (other, others, more) = own, structure
    alike = static.form == others.form if hasattr(static, "form") and hasattr(others, "form") else static == others
    return kind is other and alike and len(parts) == len(more) and all(map(_fits, parts, more))


def tree_leaves(tree: Any) -> list[Any]:
    """The leaves, in order."""
    return flatten(tree)[0]
