"""Compiled functions of arrays whose first axis has another size at each call."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gradframe._array.core import Array, wrap
from gradframe._array.sized import sized_by
from gradframe._array.tree import arrays, flatten, unflatten
from gradframe._gradframe import PyRowFunction, PyTraced, PyTracing, probe_rows
from gradframe.errors import DTypeError, GradframeError, OutOfBoundsError, ShapeError

@contextmanager
def told_of_rows(rows: int, about: str) -> Iterator[None]:
    """Around a function that is traced at a number of rows: its errors of shapes, types and places say `rows`, not that number, which
    is none of the user's, and what the function is and was given."""
    try:
        yield
    except (DTypeError, OutOfBoundsError, ShapeError) as error:
        error.args = (f"{about}: {in_rows(str(error), rows)}", *error.args[1:])
        raise


def in_rows(text: Any, rows: int) -> str:
    """Text with `rows` for the number at which a function is traced."""
    return re.sub(rf"\b{rows}\b", "rows", str(text))


# Kinds of arguments that are kept, at most.
_KINDS_MAX = 64
# Numbers of rows of one kind that are remembered, at most.
_SIZES_MAX = 4096


class AnyRows:
    """Which arguments had which first sizes, and the functions that were compiled for every size."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forgets everything."""
        self._seen: dict[Any, list[int]] = {}
        self._known: dict[Any, _OfAnySize | None] = {}

    def call(self, function: Callable[..., Any], leaves: list[Array], structure: Any, static: Any) -> Any:
        """The result by a program for every number of rows; None where there is none, or no reason for one yet."""
        if any(leaf._array.is_traced or leaf._array.is_tracked for leaf in leaves):
            return None
        kind = (structure, static, tuple((leaf._array.dtype, leaf._array.is_weak, leaf.ndim, leaf.shape[1:]) for leaf in leaves))
        sizes = [leaf.shape[0] if leaf.ndim else -1 for leaf in leaves]
        before = self._seen.setdefault(kind, sizes)
        changed = tuple(i for i, (a, b) in enumerate(zip(before, sizes, strict=True)) if a != b)
        if not changed or len({sizes[i] for i in changed}) != 1 or len({before[i] for i in changed}) != 1:
            return None
        key = (kind, changed, tuple(size for i, size in enumerate(sizes) if i not in changed))
        if key not in self._known:
            if len(self._known) >= _KINDS_MAX:
                self.clear()
            self._known[key] = _of_any_size(function, leaves, structure, changed)
        known = self._known[key]
        if known is None or not known.holds_at(sizes[changed[0]], function, leaves):
            return None
        return unflatten(known.shape, [wrap(raw) for raw in known.compiled.run([leaf._array for leaf in leaves])])


class _OfAnySize:
    """A function that was compiled for every number of rows, and those at which it was seen to be that function: it may ask how many rows
    there are, and do otherwise for some."""

    def __init__(self, compiled: PyRowFunction, shape: Any, structure: Any, changed: tuple[int, ...]) -> None:
        self.compiled = compiled
        self.shape = shape
        self._structure = structure
        self._changed = changed
        self._holds: dict[int, bool] = {}

    def holds_at(self, rows: int, function: Callable[..., Any], leaves: list[Array]) -> bool:
        """Whether the function is the compiled one for so many rows."""
        known = self._holds.get(rows)
        if known is None:
            if len(self._holds) >= _SIZES_MAX:
                self._holds.clear()
            known = self._holds[rows] = self._is_at(rows, function, leaves)
        return known

    def _is_at(self, rows: int, function: Callable[..., Any], leaves: list[Array]) -> bool:
        try:
            traced, shape = _traced(function, leaves, self._structure, self._changed, rows)
            return shape == self.shape and self.compiled.holds_at(traced, rows)
        except GradframeError:
            return False  # the trace for this one size says what is wrong, if anything is


def _of_any_size(function: Callable[..., Any], leaves: list[Array], structure: Any, changed: tuple[int, ...]) -> _OfAnySize | None:
    """The function for every number of rows; None if it is another one for another number."""
    traces, shape = [], None
    try:
        for rows in probe_rows():
            traced, shape = _traced(function, leaves, structure, changed, rows)
            if traced.captures_stand_ins:
                return None
            traces.append(traced)
        return _OfAnySize(PyRowFunction(*traces), shape, structure, changed)
    except GradframeError:
        return None  # the trace for this one size says what is wrong, if anything is


def _traced(function: Callable[..., Any], leaves: list[Array], structure: Any, changed: tuple[int, ...], rows: int) -> tuple[PyTraced, Any]:
    """The function as it is at this number of rows, and the structure of what it gives."""
    from gradframe._array.creation import zeros

    given = [zeros((rows, *leaf.shape[1:]), dtype=leaf.dtype) if i in changed else leaf for i, leaf in enumerate(leaves)]
    tracing = PyTracing("jit", [leaf._array for leaf in given], None)
    stand_ins = tracing.arguments()
    args, kwargs = unflatten(structure, [wrap(raw) for raw in stand_ins])
    with sized_by(rows, [stand_ins[i] for i in changed], keeps_fused=True):
        found, shape = flatten(function(*args, **kwargs))
    return tracing.close([o._array for o in arrays("jit", found)], True), shape
