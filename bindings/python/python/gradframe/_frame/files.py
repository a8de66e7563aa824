"""Writing frames to files: each format once, as `sink_*` of lazy frames and `write_*` of collected ones.

With `partition_by` a directory of files is written, which is not replaced unless `overwrite` says so; a single file is. Collected
frames are also written into open files, and into texts where the format is one: `write_csv()` gives it.
"""

from __future__ import annotations

import functools
import io
import os
import tempfile
from collections.abc import Callable, Sequence
from typing import Any, Literal

from gradframe import _gradframe
from gradframe._frame.base import Path, Verb


def sink_parquet(
    self: Verb,
    path: Path,
    *,
    compression: str | None = None,
    compression_level: int | None = None,
    row_group_size: int | None = None,
    statistics: bool = True,
    partition_by: str | Sequence[str] | None = None,
    overwrite: bool | None = None,
) -> int:
    """Runs the query into one Parquet file, or with `partition_by` into a directory of them; gives the number of rows. The
    files appear all at once, and a query that fails leaves what was there. `row_group_size` is the most rows of a row group."""
    options = _given(compression_level=compression_level, row_group_size=row_group_size)
    if not statistics:
        options["format.statistics_enabled"] = "none"
    kept = {"compression": compression, "partition_by": partition_by, "overwrite": overwrite}
    return _gradframe.sink(self._lazy(), path, "parquet", options=options, **kept)


def sink_csv(
    self: Verb,
    path: Path,
    *,
    include_header: bool = True,
    separator: str = ",",
    line_terminator: str = "\n",
    include_bom: bool = False,
    quote_char: str = '"',
    quote_style: Literal["necessary", "always", "non_numeric", "never"] = "necessary",
    null_value: str | None = None,
    date_format: str | None = None,
    datetime_format: str | None = None,
    time_format: str | None = None,
    float_precision: int | None = None,
    float_scientific: bool | None = None,
    compression: str | None = None,
    compression_level: int | None = None,
    partition_by: str | Sequence[str] | None = None,
    overwrite: bool | None = None,
) -> int:
    """Runs the query into one CSV file, or with `partition_by` into a directory of them; otherwise as for Parquet. An empty text is
    `""`, a null nothing or `null_value`, which the quote style "always" quotes as it does all else. Moments are written by the formats, in
    the words of `dt.strftime`; floats with `float_precision` digits behind the point, halves to the even neighbour, and with an exponent
    always or never. Lines end by one character or by `"\\r\\n"`; `include_bom` begins the file with the mark of UTF-8."""
    options = {"header": str(include_header).lower(), "delimiter": separator, "quote": quote_char, "line_terminator": line_terminator}
    options |= _given(date_format=date_format, compression_level=compression_level, float_precision=float_precision)
    options |= _given(float_scientific=float_scientific, include_bom=include_bom)
    moments = {"timestamp_format": datetime_format, "timestamp_tz_format": datetime_format, "time_format": time_format}
    options |= {f"format.{name}": text for name, text in moments.items() if text is not None}
    if quote_style != "necessary":
        options["quote_style"] = quote_style.replace("_", "")
    if null_value is not None:
        options["null_value"] = null_value
    kept = {"compression": compression, "partition_by": partition_by, "overwrite": overwrite}
    return _gradframe.sink(self._lazy(), path, "csv", options=options, **kept)


def sink_ndjson(
    self: Verb,
    path: Path,
    *,
    compression: str | None = None,
    compression_level: int | None = None,
    partition_by: str | Sequence[str] | None = None,
    overwrite: bool | None = None,
) -> int:
    """Runs the query into one NDJSON file, or with `partition_by` into a directory of them; otherwise as for Parquet."""
    kept = {"compression": compression, "partition_by": partition_by, "overwrite": overwrite}
    return _gradframe.sink(self._lazy(), path, "json", options=_given(compression_level=compression_level), **kept)


def sink_ipc(
    self: Verb,
    path: Path,
    *,
    compression: str | None = None,
    partition_by: str | Sequence[str] | None = None,
    overwrite: bool | None = None,
) -> int:
    """Runs the query into one Arrow IPC file, or with `partition_by` into a directory of them; otherwise as for Parquet."""
    return _gradframe.sink(self._lazy(), path, "arrow", compression=compression, partition_by=partition_by, overwrite=overwrite)


def _given(**options: Any) -> dict[str, str]:
    """The options that were given, as texts."""
    return {name: str(value) for name, value in options.items() if value is not None}


class Sinks(Verb):
    """The files that a lazy frame runs into."""

    __slots__ = ()

    sink_parquet = sink_parquet
    sink_csv = sink_csv
    sink_ndjson = sink_ndjson
    sink_ipc = sink_ipc


def _written(sink: Callable[..., int], is_text: bool) -> Callable[..., Any]:
    """The writer of a format: into a path, into an open file, or, without one, into a text. Polars calls the first argument `file`."""

    @functools.wraps(sink)
    def write(self: Any, path: Any = None, *, file: Any = None, **options: Any) -> Any:
        path = file if path is None else path
        if isinstance(path, str | os.PathLike):
            return sink(self, path, **options)
        if path is None and not is_text:
            raise TypeError(f"{sink.__name__.replace('sink', 'write')}: expected a path or an open file")
        with tempfile.TemporaryDirectory() as folder:
            whole = os.path.join(folder, "written")
            rows = sink(self, whole, **options)
            with open(whole, "rb") as made:
                content = made.read()
        if path is None:
            return content.decode()
        path.write(content.decode() if isinstance(path, io.TextIOBase) else content)
        return rows

    return write


class Writers(Verb):
    """The files that a collected frame is written to. Without a path, CSV and JSON are given as a text."""

    __slots__ = ()

    write_parquet = _written(sink_parquet, False)
    write_csv = _written(sink_csv, True)
    write_ndjson = _written(sink_ndjson, True)
    write_ipc = _written(sink_ipc, False)

    def write_json(self, path: Any = None) -> Any:
        """The rows as one JSON array of objects: into a path or an open file, or given as a text."""
        # A text may hold what `splitlines` takes for the end of a line.
        lines = self.write_ndjson().removesuffix("\n").split("\n")
        made = f"[{','.join(lines)}]"
        if path is None:
            return made
        if hasattr(path, "write"):
            path.write(made if isinstance(path, io.TextIOBase) else made.encode())
            return None
        with open(path, "w", encoding="utf-8") as opened:
            opened.write(made)
        return None

    def write_ipc_stream(self, path: Any = None) -> Any:
        """The rows as an Arrow stream: into a path or an open file, or given as a `BytesIO`."""
        from gradframe._frame.kept import stream_of

        made = stream_of(self._frame.to_arrow())  # type: ignore[attr-defined]
        if path is None:
            return io.BytesIO(made)
        if hasattr(path, "write"):
            path.write(made)
            return None
        with open(path, "wb") as opened:
            opened.write(made)
        return None
