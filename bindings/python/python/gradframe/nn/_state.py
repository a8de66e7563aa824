"""What a state_dict is to a module: which arrays it has for it, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gradframe._array.core import Array
from gradframe._array.creation import array as copied


class Unmatched(NamedTuple):
    """What a state_dict lacks of a module, and has beyond it."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def arrays_of(own: Mapping[str, Array], state: Mapping[str, Any]) -> tuple[dict[str, Array], list[str]]:
    """What is given for a module's own arrays, and what is wrong with it."""
    given, wrong = {}, []
    for name in [name for name in own if name in state]:
        try:
            given[name] = owned(state[name])
        except (TypeError, ValueError, OverflowError) as error:
            wrong.append(f"`{name}` is no array ({error})")
            continue
        if given[name].shape != own[name].shape:
            wrong.append(f"`{name}` has shape {given[name].shape}, expected {own[name].shape}")
    return given, wrong


def owned(values: Any) -> Array:
    """An array over memory that nobody else changes."""
    return values if isinstance(values, Array) else copied(values)
