"""pandas' tables as frames, and which of their columns could not be shared, and why."""

from __future__ import annotations

from typing import Any


def from_pandas(session: Any, frame: Any) -> Any:
    """The private DataFrame of a `pandas.DataFrame`, without its index."""
    import pyarrow

    from gradframe import _gradframe

    table = pyarrow.Table.from_pandas(frame, preserve_index=False)
    return _gradframe.from_copied_arrow(session, table, _copies(frame, table))


def _copies(frame: Any, table: Any) -> list[tuple[str, int, str]]:
    """`(column, bytes, why)` for each column of the Arrow `table` that is not the memory of the pandas `frame`."""
    copies = []
    for position, name in enumerate(table.column_names):
        why = _why(frame.iloc[:, position], table.column(position))
        if why is not None:
            copies.append((name, table.column(position).nbytes, why))
    return copies


def _why(series: Any, column: Any) -> str | None:
    values = series.array
    if hasattr(values, "__arrow_array__"):  # of pandas' own types: those over Arrow are shared
        if type(values).__name__ in {"ArrowExtensionArray", "ArrowStringArray"}:
            return None
        return f"pandas' type {series.dtype} has another layout"
    return _why_numpy(series.to_numpy(), column)


def _why_numpy(values: Any, column: Any) -> str | None:
    if values.dtype == object:
        return "Python objects become Arrow values"
    if values.dtype == bool:
        return "booleans become bits"
    if len(values) == 0 or any(values.ctypes.data == address for address in _addresses(column)):
        return None
    if not values.flags.c_contiguous:
        return "the column's values are not side by side in memory"
    return f"values of type {values.dtype} have another layout"


def _addresses(column: Any) -> list[int]:
    """Where the values of the column's chunks begin."""
    values = [(chunk, chunk.buffers()[1]) for chunk in column.chunks if len(chunk.buffers()) > 1]
    return [buffer.address + chunk.offset * _width(chunk) for chunk, buffer in values if buffer is not None]


def _width(chunk: Any) -> int:
    try:
        return chunk.type.bit_width // 8
    except ValueError:
        return 0
