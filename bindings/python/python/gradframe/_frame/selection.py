"""`frame[...]`: columns by name, rows by place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradframe._frame.eager import DataFrame


def chosen(frame: DataFrame, key: Any) -> Any:
    """What a key in brackets means. Errors: KeyError for an unknown name, IndexError for a place, TypeError for another key."""
    if isinstance(key, tuple) and len(key) == 2:
        return _both(frame, *key)
    if isinstance(key, str):
        return frame.to_series(_named(frame, key))
    if _is_names(key):
        return _columns(frame, [_named(frame, name) for name in key])
    if isinstance(key, slice) and (isinstance(key.start, str) or isinstance(key.stop, str)):
        return _columns(frame, _column_places(frame, key))
    return _rows(frame, key)


def _both(frame: DataFrame, rows: Any, columns: Any) -> Any:
    if isinstance(columns, (str, int)):
        column = frame.to_series(columns if isinstance(columns, int) else _named(frame, columns))
        return column[rows] if not _is_mask(rows) else _rows(column.to_frame(), rows).to_series()
    picked = _columns(frame, _column_places(frame, columns))
    return picked.row(rows) if isinstance(rows, int) else _rows(picked, rows)


def _column_places(frame: DataFrame, columns: Any) -> list[int]:
    """The places of columns given as a slice, a mask, names or places."""
    if isinstance(columns, slice):
        return list(range(*_place_slice(frame, columns).indices(frame.width)))
    if _is_mask(columns):
        if len(columns) != frame.width:
            raise IndexError(f"dataframe: a mask of {len(columns)} values for {frame.width} columns")
        return [place for place, chosen in enumerate(columns) if chosen]
    return [_named(frame, name) if isinstance(name, str) else name for name in columns]


def _place_slice(frame: DataFrame, columns: slice) -> slice:
    """A slice of names holds its end, one of places does not."""
    start = _named(frame, columns.start) if isinstance(columns.start, str) else columns.start
    stop = _named(frame, columns.stop) + 1 if isinstance(columns.stop, str) else columns.stop
    return slice(start, stop, columns.step)


def _columns(frame: DataFrame, places: Sequence[int]) -> DataFrame:
    return frame._of(frame._frame.pick([place % max(frame.width, 1) for place in places]))


def _rows(frame: DataFrame, rows: Any) -> DataFrame:
    import numpy as np

    from gradframe._frame.sampling import taken

    height = frame.height
    if isinstance(rows, int):
        if not -height <= rows < height:
            raise IndexError(f"dataframe: there is no row {rows}; the frame has {height}")
        return frame._of(frame._frame.part(rows % height, 1))
    if isinstance(rows, slice):
        start, stop, step = rows.indices(height)
        if step == 1:
            return frame._of(frame._frame.part(start, max(stop - start, 0)))
        rows = np.arange(start, stop, step)
    if _is_mask(rows):
        mask = np.asarray(rows, dtype=bool)
        if len(mask) != height:
            raise IndexError(f"dataframe: a mask of {len(mask)} values for {height} rows")
        rows = np.flatnonzero(mask)
    places = np.asarray(rows)
    if places.dtype.kind not in "iu" and len(places):
        raise TypeError(f"dataframe: rows are chosen by number, slice or mask, not by {type(rows).__name__}")
    outside = [int(at) for at in places if not -height <= at < height]
    if outside:
        raise IndexError(f"dataframe: there is no row {outside[0]}; the frame has {height}")
    return frame._of(taken(frame._frame, places.astype(np.int64) % max(height, 1)))


def _named(frame: DataFrame, name: str) -> int:
    from gradframe._frame.contents import unknown

    if name not in frame._frame:
        raise KeyError(unknown("dataframe", name, frame.columns))
    return frame.columns.index(name)


def _is_names(key: Any) -> bool:
    return isinstance(key, (list, tuple)) and len(key) > 0 and all(isinstance(name, str) for name in key)


def _is_mask(rows: Any) -> bool:
    if hasattr(rows, "dtype") and hasattr(rows, "__array__"):
        import numpy as np

        return np.asarray(rows).dtype == bool
    return isinstance(rows, list) and len(rows) > 0 and all(isinstance(flag, bool) for flag in rows)
