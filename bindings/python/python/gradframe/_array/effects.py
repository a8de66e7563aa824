"""What a function does beside computing, while it is traced: it happens once, and not at each call."""

from __future__ import annotations

import pathlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from types import CodeType, FunctionType
from typing import Any

from gradframe._array.held import Held

# What a function can change that is not its own.
_CHANGEABLE = (Held, list, dict, set)
# Functions that are looked into, at most.
_FUNCTIONS_MAX = 32

_OWN = str(pathlib.Path(__file__).parent.parent)


class TracingWarning(UserWarning):
    """A function that is traced does something that will not happen at each call."""


def warn(what: str) -> None:
    """Warns at the user's own line."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OWN):
        frame, level = frame.f_back, level + 1
    warnings.warn(what, TracingWarning, stacklevel=level)


# Whether a function is being traced that will be called again without being traced.
_is_once: ContextVar[bool] = ContextVar("gradframe.traced_once", default=False)


# Whether a function is being traced for one entry of many.
_is_for_each: ContextVar[bool] = ContextVar("gradframe.traced_for_each", default=False)


@contextmanager
def for_each() -> Iterator[None]:
    """Around a function that is traced for one entry of a batch."""
    before = _is_for_each.set(True)
    try:
        yield
    finally:
        _is_for_each.reset(before)


@contextmanager
def once() -> Iterator[None]:
    """Around a function that is traced once for many calls."""
    before = _is_once.set(True)
    try:
        yield
    finally:
        _is_once.reset(before)


def warn_of_draws(op: str) -> None:
    """Warns of numbers that are drawn from the global stream where they are the same at each call, or for each entry of a batch."""
    if _is_for_each.get():
        what = f"{op}: a function of single entries, under vmap, draws without a key: the same numbers for each of them"
        warn(f"{what}; hint: give it a key for each, gf.random.split(key, n)")
    if _is_once.get():
        what = f"{op}: a function that is compiled draws without a key: the same numbers at each call"
        warn(f"{what}; hint: give it a key as an argument, or gf.jit(step, state=(model, optimizer)), which draws anew")


class Changes:
    """What a function that is traced may change in place: its own arguments, and the arrays and containers that it reads from outside."""

    def __init__(self, function: Any, arguments: list[Any]) -> None:
        self._arguments = [(array, array._array) for array in arguments]
        self._outside = [(name, value, _state_of(value)) for name, value in dict(_read_from_outside(function)).items()]

    def tell(self) -> None:
        """Warns of what has been changed; arrays from outside become what they were."""
        if any(array._array is not raw for array, raw in self._arguments):
            warn("a function that is traced changes an argument in place, which its caller does not see; hint: return it")
        for name, value, before in self._outside:
            if isinstance(value, Held):
                if value._array is not before and value._array.is_traced:
                    value._array = before
                    what = f"a function that is traced changes `{name}` in place, an array from outside of it, which stays what it was"
                    warn(f"{what}; hint: return it")
            elif len(value) != before and _is_once.get():
                what = f"a function that is traced changes `{name}`, from outside of it, which happens once and not at each call"
                warn(f"{what}; hint: return what is new")


def _state_of(value: Any) -> Any:
    return value._array if isinstance(value, Held) else len(value)


def _read_from_outside(function: Any, known: set[int] | None = None) -> Iterator[tuple[str, Any]]:
    """Arrays and containers that a function of the user's, or one that it calls by name, closes over or may read from its module."""
    known = set() if known is None else known
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    code = getattr(function, "__code__", None)
    if code is None or id(code) in known or len(known) > _FUNCTIONS_MAX or code.co_filename.startswith(_OWN):
        return
    known.add(id(code))
    for name, value in _names(code, function):
        if isinstance(value, _CHANGEABLE):
            yield name, value
        elif isinstance(value, FunctionType):
            yield from _read_from_outside(value, known)


def _names(code: CodeType, function: Any) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
        with suppress(ValueError):  # it has no value yet
            yield name, cell.cell_contents
    for name in code.co_names:
        yield name, function.__globals__.get(name)
