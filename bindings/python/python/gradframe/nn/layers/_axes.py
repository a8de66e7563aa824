"""Layers that differ in how many axes they go along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradframe.nn.module import Module

# What the axes are called, of one, two and three.
SIZES = ("n", "height, width", "depth, height, width")


def for_axes(name: str, base: type[Module], doc: str, told: Sequence[str] = SIZES, **more: Any) -> list[type[Module]]:
    """The layer for one, two and three axes, which its documentation names where it has brackets."""
    return [
        type(f"{name}{axes}d", (base,), {"__doc__": doc.format(told[axes - 1]), "__module__": base.__module__, "axes": axes, **more})
        for axes in (1, 2, 3)
    ]
