"""Nearest names, for errors."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def suggested(name: str, known: Iterable[str]) -> str:
    """`; hint: did you mean ...`, or which names there are."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f"; hint: did you mean `{near[0]}`?" if near else f"; hint: expected one of {', '.join(known)}"
