"""Shapes of schedules."""

from __future__ import annotations

import math
from typing import Any

from gradframe.errors import PlanError


def between(first: float, last: float, part: float) -> float:
    """From one number to another along half a cosine."""
    return last + (first - last) * (1 + math.cos(math.pi * part)) / 2


def steps(schedule: str, name: str, given: Any) -> int:
    """A number of steps. Raises PlanError for what is no integer of 1 or more."""
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise PlanError(f"{schedule}: {name} is {given!r}, expected an integer of 1 or more")
    return given
