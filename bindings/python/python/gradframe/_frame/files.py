"""Writing frames to files: each format once, as `sink_*` of lazy frames and `write_*` of collected ones.

With `partition_by` a directory of files is written, which is not replaced unless `overwrite` says so; a single file is.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradframe import _gradframe
from gradframe._frame.base import Path, Verb


def _parquet(
    self: Verb,
    path: Path,
    *,
    compression: str | None = None,
    partition_by: str | Sequence[str] | None = None,
    overwrite: bool | None = None,
) -> int:
    """Runs the query into one Parquet file, or with `partition_by` into a directory of them; gives the number of rows. The
    files appear all at once, and a query that fails leaves what was there."""
    return _gradframe.sink(self._lazy(), path, "parquet", compression=compression, partition_by=partition_by, overwrite=overwrite)


def _csv(
    self: Verb,
    path: Path,
    *,
    include_header: bool = True,
    separator: str = ",",
    null_value: str | None = None,
    compression: str | None = None,
    partition_by: str | Sequence[str] | None = None,
    overwrite: bool | None = None,
) -> int:
    """Runs the query into one CSV file, or with `partition_by` into a directory of them; otherwise as for Parquet."""
    options = {"header": str(include_header).lower(), "delimiter": separator}
    if null_value is not None:
        options["null_value"] = null_value
    kept = {"compression": compression, "partition_by": partition_by, "overwrite": overwrite}
    return _gradframe.sink(self._lazy(), path, "csv", options=options, **kept)


def _ndjson(
    self: Verb,
    path: Path,
    *,
    compression: str | None = None,
    partition_by: str | Sequence[str] | None = None,
    overwrite: bool | None = None,
) -> int:
    """Runs the query into one NDJSON file, or with `partition_by` into a directory of them; otherwise as for Parquet."""
    return _gradframe.sink(self._lazy(), path, "json", compression=compression, partition_by=partition_by, overwrite=overwrite)


def _ipc(
    self: Verb,
    path: Path,
    *,
    compression: str | None = None,
    partition_by: str | Sequence[str] | None = None,
    overwrite: bool | None = None,
) -> int:
    """Runs the query into one Arrow IPC file, or with `partition_by` into a directory of them; otherwise as for Parquet."""
    return _gradframe.sink(self._lazy(), path, "arrow", compression=compression, partition_by=partition_by, overwrite=overwrite)


class Sinks(Verb):
    """The files that a lazy frame runs into."""

    __slots__ = ()

    sink_parquet = _parquet
    sink_csv = _csv
    sink_ndjson = _ndjson
    sink_ipc = _ipc


class Writers(Verb):
    """The files that a collected frame is written to."""

    __slots__ = ()

    write_parquet = _parquet
    write_csv = _csv
    write_ndjson = _ndjson
    write_ipc = _ipc
