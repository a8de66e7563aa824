"""Several frames or Series as one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gradframe._frame import DataFrame, LazyFrame
from gradframe._frame.base import private_lazy
from gradframe._frame.series import Series
from gradframe.errors import PlanError

ALIGNED = {"align": "full", "align_full": "full", "align_inner": "inner", "align_left": "left", "align_right": "right"}


def together(items: Iterable[Any], how: str) -> Any:
    """What `gf.concat` gives."""
    parts = list(items)
    if any(isinstance(part, Series) for part in parts):
        return _series(parts, how)
    if how in ALIGNED and how != "align" and parts:
        made = _aligned([part.lazy() for part in parts], ALIGNED[how])
    else:
        from gradframe._gradframe import PyLazyFrame

        made = LazyFrame._of(PyLazyFrame.concat([private_lazy(part, "concat") for part in parts], how))
    return made.collect() if parts and isinstance(parts[0], DataFrame) else made


def _series(parts: list[Any], how: str) -> Series:
    if how != "vertical":
        raise PlanError(f"concat: how='{how}' is for frames; hint: Series go one below the other, how='vertical'")
    stray = next((part for part in parts if not isinstance(part, Series)), None)
    if stray is not None:
        raise TypeError(f"concat: expected Series, got a {type(stray).__name__}")
    name = parts[0].name
    return together([part.to_frame(name) for part in parts], "vertical").to_series()


def _aligned(parts: list[Any], how: str) -> Any:
    """Side by side, by equal values of the columns that all have, in their order."""
    keys = [name for name in parts[0].columns if all(name in part.columns for part in parts)]
    if not keys:
        raise PlanError("concat: the frames have no column in common, by which they could be aligned")
    taken: set[str] = set(keys)
    for part in parts:
        twice = next((name for name in part.columns if name in taken and name not in keys), None)
        if twice is not None:
            raise PlanError(f"concat: column `{twice}` is in two frames, but not in all; hint: rename one of them")
        taken.update(part.columns)
    made = parts[0]
    for part in parts[1:]:
        made = made.join(part, on=keys, how=how, coalesce=True)
    names = keys + [name for part in parts for name in part.columns if name not in keys]
    return made.select(*names).sort(*keys, maintain_order=True)
