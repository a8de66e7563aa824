"""What a function does beside computing, while it is traced: it happens once, and not at each call."""

from __future__ import annotations

import pathlib
import sys
import warnings

_OWN = str(pathlib.Path(__file__).parent.parent)


class TracingWarning(UserWarning):
    """A function that is traced does something that will not happen at each call."""


def warn(what: str) -> None:
    """Warns at the user's own line."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OWN):
        frame, level = frame.f_back, level + 1
    warnings.warn(what, TracingWarning, stacklevel=level)
