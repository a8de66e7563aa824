"""What a function that is traced does to the attributes of modules: it happens once, and a compiled function does it at each call."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterable
from typing import Any

from gradframe._array.core import Array
from gradframe.errors import PlanError
from gradframe.nn.module import Module

# Names of what a module holds, in lists of its own.
_LISTS = ("_parameters", "_buffers", "_modules")


class Attributes:
    """The attributes of modules and of all in them as they are now."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self.parts = list({id(part): part for module in modules for part in module.modules()}.values())
        self.seen = [(part.__dict__, list(part.__dict__), list(part.__dict__.values())) for part in self.parts]
        # Whether which objects the attributes are tells all: nothing in them changes while they stay.
        self.are_plain = all(map(_is_plain, self.parts))

    def are_same(self) -> bool:
        """Whether they are the same objects still, under the same names."""
        for own, names, values in self.seen:
            if len(own) != len(names) or any(map(operator.is_not, own.values(), values)) or list(own) != names:
                return False
        return True

    def remember(self) -> None:
        """From here on changes are found."""
        self.before = [dict(part.__dict__) for part in self.parts]
        self.within = [{name: value.copy() for name, value in own.items() if type(value) in (list, dict)} for own in self.before]

    def put_back(self) -> None:
        """All attributes are as they were, and what lists and dictionaries among them hold."""
        for part, own, within in zip(self.parts, self.before, self.within, strict=True):
            part.__dict__.clear()
            part.__dict__.update(own)
            for name, values in within.items():
                if type(values) is list:
                    own[name][:] = values
                else:
                    own[name].clear()
                    own[name].update(values)

    def changes(self, place_of: Callable[[Array], int | None]) -> tuple[list[tuple[int, str, Any]], dict[int, Array]]:
        """Attributes that are others now, by their part; and arrays that stand in the place of others. Raises PlanError for a change that
        cannot be made at each call."""
        plain, arrays = [], {}
        for number, (part, own, within) in enumerate(zip(self.parts, self.before, self.within, strict=True)):
            _check_parts(part, within)
            for name, value in part.__dict__.items():
                if name in _LISTS or (value is own.get(name, _NOTHING) and name not in within):
                    continue
                place = place_of(own[name]) if name in (*part._parameters, *part._buffers) and isinstance(own.get(name), Array) else None
                if place is not None and isinstance(value, Array) and not value.requires_grad and not own[name].requires_grad:
                    arrays[place] = value
                elif place is not None or _is_traced(value):
                    raise PlanError(_told(part, name, "once, with stand-ins") + "; hint: return it, or register_buffer() it for a value that stays")
                elif value is not own.get(name, _NOTHING):
                    plain.append((number, name, value))
        return plain, arrays

    def put(self, plain: list[tuple[int, str, Any]]) -> None:
        """Attributes that are others after each call."""
        for number, name, value in plain:
            self.parts[number].__dict__[name] = value


_NOTHING = object()


def _is_plain(part: Module) -> bool:
    arrays = {*part._parameters, *part._buffers}
    beside = (value for name, value in part.__dict__.items() if name not in arrays and name not in part._modules and name not in _LISTS)
    return type(part).__tree_flatten__ is Module.__tree_flatten__ and all(map(_is_fixed, beside))


def _is_fixed(value: Any) -> bool:
    """Whether a value is the same for compiled functions as long as it is the same object."""
    if type(value) is tuple:
        return all(map(_is_fixed, value))
    return value is None or isinstance(value, (bool, int, float, str, bytes)) or inspect.isroutine(value)


def _check_parts(part: Module, within: dict[str, Any]) -> None:
    for name in _LISTS:
        if part.__dict__[name] != within[name]:
            other = sorted(set(part.__dict__[name]) ^ set(within[name]))
            raise PlanError(_told(part, ", ".join(other), "once for all calls") + "; hint: add and take away parts of modules outside of it")


def _told(part: Module, name: str, how: str) -> str:
    return f"jit: the function sets `{name}` of {type(part).__name__}, which would be done {how}"


def _is_traced(value: Any) -> bool:
    """Whether it is, or holds, an array whose value is not known."""
    if isinstance(value, Array):
        return bool(value._array.is_traced)
    if isinstance(value, dict):
        return any(map(_is_traced, value.values()))
    return isinstance(value, (list, tuple, set)) and any(map(_is_traced, value))
