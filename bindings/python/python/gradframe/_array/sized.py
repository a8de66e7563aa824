"""New arrays of as many rows as a function is being traced for: they have as many as there will be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from gradframe._array.held import as_array, call, wrap

if TYPE_CHECKING:
    from gradframe._array.core import Array

# The number of rows at which a function is being traced, a stand-in of so many, and whether what is fused stays so.
_rows: ContextVar[tuple[int, Any, bool] | None] = ContextVar("rows", default=None)


@contextmanager
def sized_by(rows: int, stand_ins: Sequence[Any], keeps_fused: bool = False) -> Iterator[None]:
    """Around a function that is traced at this number of rows with these stand-ins, of which the first with so many says how many there are.
    What has a fused form of so many rows alone is written out instead, unless with `keeps_fused`, for who may trace each number by itself."""
    found = next((raw for raw in stand_ins if raw.shape[:1] == (rows,)), None)
    before = _rows.set(None if found is None else (rows, found, keeps_fused))
    try:
        yield
    finally:
        _rows.reset(before)


def is_sized() -> bool:
    """Whether a function is being traced for any number of rows."""
    return _rows.get() is not None


def row_count() -> int | None:
    """The number of rows at which a function is being traced for any number of them."""
    known = _rows.get()
    return None if known is None else known[0]


def is_of_any_size() -> bool:
    """Whether a function is being traced for any number of rows, and nothing may be fused for one number."""
    known = _rows.get()
    return known is not None and not known[2]


def spread(values: Array, shape: tuple[int, ...]) -> Array | None:
    """A number as an array of this shape, if one of its sizes is that of the rows; else None."""
    known = _rows.get()
    if known is None or known[0] not in shape:
        return None
    return call("full_within", (wrap(known[1]), values), shape)  # type: ignore[no-any-return]


def counted(count: int) -> Array | None:
    """The places 0, 1, .. of so many rows, int64, if it is their number; else None."""
    known = _rows.get()
    ones = spread(as_array(1, "int64"), (count,)) if known is not None and count == known[0] else None
    return None if ones is None else call("cumulative_sum", (ones,), 0, False, "int64") - 1  # type: ignore[no-any-return]
