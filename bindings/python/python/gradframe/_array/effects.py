"""What a function does beside computing, while it is traced: it happens once, and not at each call."""

from __future__ import annotations

import pathlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

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


@contextmanager
def once() -> Iterator[None]:
    """Around a function that is traced once for many calls."""
    before = _is_once.set(True)
    try:
        yield
    finally:
        _is_once.reset(before)


def warn_of_draws(op: str) -> None:
    """Warns of numbers that are drawn from the global stream where they are the same at each call."""
    if _is_once.get():
        what = f"{op}: a function that is compiled draws without a key: the same numbers at each call"
        warn(f"{what}; hint: give it a key as an argument, or gf.jit(step, state=(model, optimizer)), which draws anew")
