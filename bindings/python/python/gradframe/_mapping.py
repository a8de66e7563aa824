"""Functions of the user's over batches, in the form in which the engine calls them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from gradframe.errors import PlanError

FORMATS = ("frame", "arrow", "polars", "pandas")


def in_format(function: Callable[[Any], Any], batch_format: str) -> Callable[[Any], Any]:
    """The function over what the engine gives: a private DataFrame, or with "arrow" a `pyarrow.RecordBatch`."""
    if not callable(function):
        raise TypeError(f"map_batches: expected a function, got a {type(function).__name__}")
    if batch_format == "arrow":
        return function
    if batch_format not in FORMATS:
        from gradframe._names import suggested

        raise PlanError(f"map_batches: unknown batch_format `{batch_format}`{suggested(batch_format, FORMATS)}")
    from gradframe._frame.eager import DataFrame

    @functools.wraps(function)
    def call(batch: Any) -> Any:
        frame = DataFrame._of(batch)
        if batch_format != "frame":
            frame = frame.to_polars() if batch_format == "polars" else frame.to_pandas()
        return arrow_of(function(frame))

    call.__qualname__ = getattr(function, "__qualname__", type(function).__name__)
    return call


def arrow_of(given: Any) -> Any:
    """What Arrow reads: lazy frames are collected, pandas' index is left out."""
    if hasattr(given, "collect") and not hasattr(given, "height"):
        given = given.collect()
    if type(given).__module__.partition(".")[0] == "pandas":
        import pyarrow

        return pyarrow.Table.from_pandas(given, preserve_index=False)
    return given
