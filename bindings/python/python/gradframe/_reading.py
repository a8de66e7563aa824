"""What all readers of files take besides their own options: types in any words, some of the rows and columns, sources in memory."""

from __future__ import annotations

import functools
import inspect
import os
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

_ROWS = [
    inspect.Parameter("n_rows", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="int | None"),
    inspect.Parameter("row_index_name", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="str | None"),
    inspect.Parameter("row_index_offset", inspect.Parameter.KEYWORD_ONLY, default=0, annotation="int"),
]
_COLUMNS = inspect.Parameter("columns", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="Sequence[str] | Sequence[int] | None")
_ENDINGS = {"read_csv": ".csv", "read_ndjson": ".ndjson", "read_ipc": ".arrow", "read_parquet": ".parquet"}


def with_rows(scan: Callable[..., Any]) -> Callable[..., Any]:
    """A scan that also takes `n_rows`, `row_index_name` and `row_index_offset`, and types of columns in any words."""

    @functools.wraps(scan)
    def call(
        self: Any, source: Any, *, n_rows: int | None = None, row_index_name: str | None = None, row_index_offset: int = 0, **options: Any
    ) -> Any:
        if isinstance(options.get("schema_overrides"), Mapping):
            options["schema_overrides"] = {name: sql_name(dtype) for name, dtype in options["schema_overrides"].items()}
        frame = scan(self, source, **options)
        frame = frame if n_rows is None else frame.head(n_rows)
        return frame if row_index_name is None else frame.with_row_index(row_index_name, row_index_offset)

    signature = inspect.signature(scan)
    call.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *_ROWS])  # type: ignore[attr-defined]
    call.__doc__ = f"""{(scan.__doc__ or '').rstrip()}

        `n_rows` are read at most; `row_index_name` names a column with their numbers, from `row_index_offset` on, before the others.
        """
    return call


def with_columns(parameters: list[inspect.Parameter]) -> list[inspect.Parameter]:
    """The parameters of a reader, with the choice of columns."""
    return [*parameters, _COLUMNS]


def collected(scan: Callable[..., Any], session: Any, name: str, source: Any, columns: Any, options: Mapping[str, Any]) -> Any:
    """The rows of a source: files, or what an open file or bytes hold."""
    raises_if_empty = options.get("raise_if_empty", True)
    if name == "read_csv":
        from gradframe._reading_csv import decoded, is_empty

        source = decoded(source, options.get("encoding", "utf8"))
        options = {key: value for key, value in options.items() if key not in ("encoding", "raise_if_empty")}
        if raises_if_empty is False and is_empty(source):
            from gradframe._frame import DataFrame

            return DataFrame({})
    if not hasattr(source, "read") and not isinstance(source, bytes | bytearray | memoryview):
        return _chosen(scan(session, source, **options), columns).collect()
    from gradframe._frame.read_text import content

    held = content(source)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, f"source{_ENDINGS.get(name, '')}")
        with open(path, "wb") as written:
            written.write(held.encode() if isinstance(held, str) else held)
        return _chosen(scan(session, path, **options), columns).collect()


def _chosen(frame: Any, columns: Any) -> Any:
    if columns is None:
        return frame
    listed = [columns] if isinstance(columns, str | int) else list(columns)
    names = frame.columns
    return frame.select(*(names[column] if isinstance(column, int) else column for column in listed))


def sql_name(dtype: Any) -> str:
    """A type's name in SQL, where texts are names already."""
    if isinstance(dtype, str):
        return dtype
    import pyarrow as pa

    from gradframe._frame.types import arrow_type
    from gradframe.errors import DTypeError

    own = arrow_type(dtype)
    plain = {
        pa.bool_(): "BOOLEAN", pa.int8(): "TINYINT", pa.int16(): "SMALLINT", pa.int32(): "INT", pa.int64(): "BIGINT",
        pa.uint8(): "TINYINT UNSIGNED", pa.uint16(): "SMALLINT UNSIGNED", pa.uint32(): "INT UNSIGNED", pa.uint64(): "BIGINT UNSIGNED",
        pa.float32(): "REAL", pa.float64(): "DOUBLE", pa.string(): "VARCHAR", pa.date32(): "DATE", pa.time64("ns"): "TIME",
        pa.binary(): "BYTEA",
    }  # fmt: skip
    if own in plain:
        return plain[own]
    if pa.types.is_timestamp(own) and own.tz is None:
        return f"TIMESTAMP({ {'s': 0, 'ms': 3, 'us': 6, 'ns': 9}[own.unit] })"
    if pa.types.is_decimal128(own):
        return f"DECIMAL({own.precision}, {own.scale})"
    raise DTypeError(f"schema_overrides: {own} has no name in SQL; hint: read texts, and cast them")
