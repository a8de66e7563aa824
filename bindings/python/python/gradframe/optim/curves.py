"""Shapes of schedules."""

from __future__ import annotations

import math
from typing import Any

from gradframe.errors import PlanError


def between(first: float, last: float, part: float) -> float:
    """From one number to another along half a cosine."""
    return last + (first - last) * (1 + math.cos(math.pi * part)) / 2


def straight(first: float, last: float, part: float) -> float:
    """From one number to another along a line."""
    return first + (last - first) * part


def steps(schedule: str, name: str, given: Any, least: int = 1) -> int:
    """A number of steps. Raises PlanError for what is no integer from `least` on."""
    if isinstance(given, bool) or not isinstance(given, int) or given < least:
        raise PlanError(f"{schedule}: {name} is {given!r}, expected an integer of {least} or more")
    return given
