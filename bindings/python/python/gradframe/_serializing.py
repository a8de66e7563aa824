"""Queries as bytes or text: their SQL, and the rows in memory that it names."""

from __future__ import annotations

import base64
import io
import json
import pathlib
from typing import Any

from gradframe import _gradframe
from gradframe.errors import PlanError, UnsupportedError

VERSION = 1


def serialized(query: Any, file: Any, format: str) -> bytes | str | None:  # noqa: A002, Polars's name
    """The query as JSON, "binary" in bytes or "json" as text; into a file, if one is given."""
    if format not in ("binary", "json"):
        raise PlanError(f'serialize: unknown format `{format}`; hint: "binary" or "json"')
    text, frames = query.to_sql()
    content = json.dumps({"gradframe": VERSION, "sql": text, "frames": {name: _written(name, rows) for name, rows in frames.items()}})
    made: bytes | str = content.encode() if format == "binary" else content
    if file is None:
        return made
    if isinstance(file, str | pathlib.Path):
        pathlib.Path(file).write_bytes(content.encode())
    else:
        file.write(content if isinstance(file, io.TextIOBase) else content.encode())
    return None


def deserialized(source: Any) -> Any:
    """The query that [`serialized`] has written."""
    import pyarrow

    from gradframe import from_arrow, sql

    try:
        kept = json.loads(_read(source))
        version, text, frames = kept["gradframe"], kept["sql"], kept["frames"]
    except (ValueError, KeyError, TypeError) as error:
        raise PlanError(f"deserialize: this is no query that serialize() has written: {error}") from error
    if version != VERSION:
        raise PlanError(f"deserialize: version {version!r}, expected {VERSION}")
    rows = {name: from_arrow(pyarrow.ipc.open_stream(base64.b64decode(data)).read_all()) for name, data in frames.items()}
    return sql(text, frames_from_variables=False, **rows)


def _written(name: str, rows: Any) -> str:
    import pyarrow

    (line,) = _gradframe.outline(rows._frame)
    if not line.endswith("rows in memory"):
        raise UnsupportedError(f"serialize: `{name}` is {line.strip()}, whose rows are not kept; hint: collect() them first")
    table, sink = rows.collect().to_arrow(), io.BytesIO()
    with pyarrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return base64.b64encode(sink.getvalue()).decode()


def _read(source: Any) -> str | bytes:
    if hasattr(source, "read"):
        return source.read()
    is_text = isinstance(source, bytes) or isinstance(source, str) and source.lstrip().startswith("{")
    return source if is_text else pathlib.Path(source).read_bytes()
