"""Functions of several frames, and small ones beside the verbs."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any

from gradframe._frame import DataFrame, LazyFrame
from gradframe.errors import PlanError


def select(*exprs: Any, eager: bool = True, **named_exprs: Any) -> Any:
    """A frame of expressions that need no columns: constants, ranges, Series. With `eager=False` a query."""
    given = [*_flat(exprs), *(expr.alias(name) for name, expr in _as_exprs(named_exprs).items())]
    made = DataFrame({"": [0]}).lazy().select(*given)
    return made.collect() if eager else made


def _flat(values: Iterable[Any]) -> list[Any]:
    from gradframe._frame.base import flat

    return flat(list(values))


def _as_exprs(named: dict[str, Any]) -> dict[str, Any]:
    from gradframe import col, lit

    return {name: col(value) if isinstance(value, str) else value if hasattr(value, "alias") else lit(value) for name, value in named.items()}


def collect_all(lazy_frames: Iterable[LazyFrame]) -> list[DataFrame]:
    """Runs several queries, each on all threads, and gives their rows in the same order."""
    return [frame.collect() for frame in lazy_frames]


async def collect_all_async(lazy_frames: Iterable[LazyFrame]) -> list[DataFrame]:
    """`collect_all` on another thread, for programs with an event loop. Cancelling it stops the query that runs and those to come."""
    from gradframe._aside import aside

    frames = list(lazy_frames)
    return await aside(lambda: collect_all(frames))


def union(items: Iterable[Any], *, how: str = "vertical") -> Any:
    """Several frames as one, whose rows may come in any order; see `concat` for `how`."""
    from gradframe import concat

    return concat(items, how=how)


def merge_sorted(items: Iterable[Any], key: str | Sequence[str], *, maintain_order: bool = False) -> Any:
    """Frames that are sorted by a key as one that is."""
    frames = list(items)
    if not frames:
        raise PlanError("merge_sorted: got no frames, expected at least one")
    return functools.reduce(lambda one, other: one.merge_sorted(other, key, maintain_order=maintain_order), frames)


def align_frames(
    *frames: Any, on: Any, how: str = "full", select: Any = None, descending: bool | Sequence[bool] = False  # noqa: A002, Polars's name
) -> list[Any]:
    """The same frames with equal rows of keys: for each key that a join of all of them has a row, sorted, null where a frame has none."""
    from gradframe._frame.base import flat, listed

    parts = flat(list(frames))
    keys = listed(on)
    if not parts:
        return []
    collected = isinstance(parts[0], DataFrame)
    lazy = [part.lazy() for part in parts]
    rows = lazy[0].select(*keys)
    for part in lazy[1:]:
        rows = rows.join(part.select(*keys), on=keys, how=how, coalesce=True, nulls_equal=True)
    rows = rows.unique(maintain_order=False).sort(*keys, descending=descending)
    made = []
    for part in lazy:
        aligned = rows.join(part, on=keys, how="left", nulls_equal=True, maintain_order="left").select(*part.columns)
        aligned = aligned if select is None else aligned.select(*listed(select))
        made.append(aligned.collect() if collected else aligned)
    return made


def escape_regex(s: str) -> str:
    """A text as the pattern that means it: `escape_regex("a.b")` is `a\\\\.b`."""
    return "".join(f"\\{c}" if c in r"\.+*?()|[]{}^$#&-~" else c for c in s)


def from_dataframe(df: Any) -> DataFrame:
    """A frame over any library's that exchanges by Arrow's or by the dataframe interchange protocol."""
    if hasattr(df, "__arrow_c_stream__") or hasattr(df, "__arrow_c_array__"):
        return DataFrame(df)
    import pyarrow.interchange

    return DataFrame(pyarrow.interchange.from_dataframe(df))


def read_json(source: Any, *, schema: Any = None, schema_overrides: Any = None) -> DataFrame:
    """A frame of a JSON array of objects, a row each, or of one object; from a path, a text in bytes, or an open file.
    For lines of JSON there is `read_ndjson`."""
    import json

    from gradframe._frame.read_text import content

    try:
        rows = json.loads(content(source))
    except json.JSONDecodeError as error:
        hint = "; hint: read_ndjson reads an object a line" if error.msg == "Extra data" else ""
        raise PlanError(f"read_json: line {error.lineno}, column {error.colno}: {error.msg.lower()}{hint}") from error
    rows = [rows] if isinstance(rows, dict) else rows
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise PlanError("read_json: expected an array of objects, or one object")
    return DataFrame(rows, schema, schema_overrides=schema_overrides, infer_schema_length=None)


def read_ipc_stream(source: Any, *, columns: Sequence[str] | None = None, n_rows: int | None = None) -> DataFrame:
    """A frame of an Arrow stream: a path, bytes, or an open file. For Arrow files there is `read_ipc`."""
    import pyarrow

    from gradframe._frame.read_text import content

    try:
        made = DataFrame(pyarrow.ipc.open_stream(content(source)).read_all())
    except pyarrow.ArrowInvalid as error:
        raise PlanError(f"read_ipc_stream: {error}; hint: read_ipc reads Arrow files") from error
    made = made if columns is None else made.select(*columns)
    return made if n_rows is None else made.head(n_rows)


def read_parquet_schema(source: Any) -> Any:
    """The names and types of a Parquet file's columns; none of its rows is read."""
    from gradframe import scan_parquet

    return scan_parquet(source).collect_schema()


def read_ipc_schema(source: Any) -> Any:
    """The names and types of an Arrow file's columns; none of its rows is read."""
    from gradframe import scan_ipc

    return scan_ipc(source).collect_schema()


def json_normalize(data: Any, *, separator: str = ".", max_level: int | None = None, schema: Any = None) -> DataFrame:
    """A frame of nested dictionaries, a row each: inner keys are columns called by their way, `outer.inner`, down to `max_level`; what lies
    deeper is JSON text."""
    rows = [data] if isinstance(data, dict) else list(data)
    return DataFrame([_flattened(row, separator, max_level) for row in rows], schema, infer_schema_length=None)


def _flattened(row: dict[str, Any], separator: str, levels: int | None) -> dict[str, Any]:
    import json

    plain = {key: value for key, value in row.items() if not isinstance(value, dict)}
    for key, value in row.items():
        if isinstance(value, dict) and levels == 0:
            plain[key] = json.dumps(value)
        elif isinstance(value, dict):
            inner = _flattened(value, separator, None if levels is None else levels - 1)
            plain |= {f"{key}{separator}{name}": item for name, item in inner.items()}
    return plain
