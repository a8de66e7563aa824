"""Frames handed to other libraries, with an account of what had to be copied."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from gradframe.errors import PlanError

EXPORTS: dict[str, Callable[[Any], Any]] = {
    "arrow": lambda frame: frame.to_arrow(),
    "polars": lambda frame: frame.to_polars(),
    "pandas": lambda frame: frame.to_pandas(),
    "numpy": lambda frame: {name: frame[name].to_numpy() for name in frame.columns},
}


def export(rows: Any, operators: Any, to: str) -> tuple[Any, Any]:
    """The rows in that library, and the operators with a first row for the handing over."""
    import pyarrow

    from gradframe._default import from_arrow

    if to not in EXPORTS:
        from gradframe._names import suggested

        raise PlanError(f"profile: unknown library `{to}`{suggested(to, EXPORTS)}")
    start = time.perf_counter()
    exported = EXPORTS[to](rows)
    spent = 1e3 * (time.perf_counter() - start)
    copies = copied(rows, exported, to)
    table = operators.to_arrow()
    first = {
        "operator": f"to {to}",
        "detail": ", ".join(rows.columns),
        "rows": rows.height,
        "time_ms": spent,
        "memory_bytes": None,
        "spills": 0,
        "spilled_bytes": 0,
        "copied_bytes": sum(size for _, size, _ in copies),
        "copied_why": "; ".join(f"{name}: {why}" for name, _, why in copies) or None,
    }
    return exported, from_arrow(pyarrow.concat_tables([pyarrow.Table.from_pylist([first], schema=table.schema), table]))


def copied(rows: Any, exported: Any, to: str) -> list[tuple[str, int, str]]:
    """`(column, bytes, why)` for each column that the library does not share, by the addresses of the values."""
    table = rows.to_arrow()
    found = []
    for name in table.column_names:
        column = table.column(name)
        ours, theirs = _arrow_addresses(column), _addresses(exported, name, to)
        if len(column) and ours.isdisjoint(theirs):
            found.append((name, column.nbytes, _why(column, to)))
    return found


def _arrow_addresses(column: Any) -> set[int]:
    """Where the buffers of values of the column's chunks lie: of a text's views, those of the texts too."""
    return {buffer.address for chunk in column.chunks for buffer in chunk.buffers()[1:] if buffer is not None and buffer.size}


def _addresses(exported: Any, name: str, to: str) -> set[int]:
    if to == "numpy":
        return {exported[name].ctypes.data}
    if to == "pandas":
        column = exported[name]
        return {column.to_numpy().ctypes.data} if column.dtype.kind in "iufM" else set()
    if to == "polars":
        import pyarrow

        return _arrow_addresses(pyarrow.chunked_array(exported[name]))
    return _arrow_addresses(exported.column(name))


def _why(column: Any, to: str) -> str:
    import pyarrow

    if column.num_chunks > 1 and to in ("numpy", "pandas"):
        return f"{column.num_chunks} batches become one array"
    if column.null_count:
        return "nulls become NaN, or objects"
    if pyarrow.types.is_boolean(column.type):
        return "bits become bytes"
    return f"{column.type} has another layout in {to}"
