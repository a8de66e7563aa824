"""What a source holds: a path, bytes, or an open file."""

from __future__ import annotations

import os
from typing import Any


def content(source: Any) -> str | bytes:
    """All of it. Errors: TypeError for what is no source, those of the system for a path."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if hasattr(source, "read"):
        return source.read()
    if isinstance(source, str | os.PathLike):
        with open(source, "rb") as opened:
            return opened.read()
    raise TypeError(f"read: expected a path, bytes or an open file, got a {type(source).__name__}")
