"""CSV in Polars's words: what the engine's reader has another word for, and what is made of several readings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gradframe._reading import sql_name
from gradframe.errors import PlanError

#: Types that are inferred from texts which Polars leaves as they are unless `try_parse_dates`.
_MOMENTS = ("Date", "Datetime", "Time")
#: Rows from which types are inferred where wrong values are to be null: those after them are not to decide.
_ROWS_OF_TYPES = 100


def scan(
    session: Any,
    source: Any,
    plain: dict[str, Any],
    *,
    schema: Mapping[str, Any] | None,
    schema_overrides: Mapping[str, Any] | Sequence[Any] | None,
    null_values: str | Sequence[str] | Mapping[str, str] | None,
    skip_rows: int,
    skip_rows_after_header: int,
    infer_schema: bool,
    try_parse_dates: bool | None,
    ignore_errors: bool,
    encoding: str,
    new_columns: Sequence[str] | None,
    with_column_names: Callable[[list[str]], list[str]] | None,
    missing_columns: str,
    extra_columns: str,
) -> Any:
    """The lazy frame. `plain` are options that the reader takes as they are."""
    if encoding not in ("utf8", "utf-8"):
        raise PlanError(f"scan_csv: a lazy frame reads UTF-8 only, got encoding `{encoding}`; hint: read_csv takes other encodings")
    per_column = null_values if isinstance(null_values, Mapping) else None
    plain = {**plain, "null_values": None if per_column is not None else null_values}
    reader = _Reader(session, source, plain, {"skip": skip_rows, "all_varchar": not infer_schema})
    if skip_rows_after_header:
        reader = reader.after_header(skip_rows_after_header)
    if not plain["has_header"]:
        counted = schema if schema is not None else [f"column_{at}" for at in range(len(reader.frame(all_varchar=True).columns))]
        reader = reader.of(names=list(counted))
    known = _checked(reader, schema, missing_columns, extra_columns)
    types = _types(reader, known, schema_overrides)
    if try_parse_dates is False:
        moments = [name for name, dtype in reader.schema().items() if type(dtype).__name__ in _MOMENTS and name not in types]
        types |= dict.fromkeys(moments, "VARCHAR")
    if ignore_errors or per_column is not None:
        frame = _converted(reader, types, per_column or {}, ignore_errors)
    else:
        frame = reader.frame(schema_overrides=types or None)
    if schema is not None:
        frame = _of_schema(frame, schema)
    return _renamed(frame, new_columns, with_column_names)


class _Reader:
    """One source, read in one way or another."""

    def __init__(self, session: Any, source: Any, plain: dict[str, Any], own: dict[str, Any]) -> None:
        self._session, self._source, self._plain, self._own = session, source, plain, own

    def frame(self, **more: Any) -> Any:
        from gradframe._frame import LazyFrame

        options = {name: value for name, value in {**self._plain, **self._own, **more}.items() if value is not None}
        return LazyFrame._of(self._session.scan_csv(self._source, **options))

    def of(self, **more: Any) -> _Reader:
        return _Reader(self._session, self._source, self._plain, {**self._own, **more})

    def schema(self, **more: Any) -> Mapping[str, Any]:
        return self.frame(**more).collect_schema()

    def after_header(self, rows: int) -> _Reader:
        """Without the first rows below the header, which say nothing of the types."""
        if self._plain.get("has_header", True) is False:
            return self.of(skip=self._own["skip"] + rows)
        names = self.frame(all_varchar=True).columns
        return _Reader(self._session, self._source, {**self._plain, "has_header": False}, {**self._own, "names": names, "skip": self._own["skip"] + 1 + rows})


def _checked(reader: _Reader, schema: Mapping[str, Any] | None, missing_columns: str, extra_columns: str) -> Mapping[str, Any] | None:
    """The columns of a schema that the file has. Errors: `PlanError` for others, on either side, that are not said to be."""
    for name, given, words in (("missing_columns", missing_columns, ("raise", "insert")), ("extra_columns", extra_columns, ("raise", "ignore"))):
        if given not in words:
            raise PlanError(f"read_csv: `{name}` is '{given}'; hint: '{words[0]}' or '{words[1]}'")
    if schema is None:
        return None
    names = reader.frame(all_varchar=True).columns
    extra, missing = [name for name in names if name not in schema], [name for name in schema if name not in names]
    if extra and extra_columns == "raise":
        raise PlanError(f"read_csv: the file has {', '.join(extra)}, which the schema lacks; hint: extra_columns='ignore' leaves them out")
    if missing and missing_columns == "raise":
        raise PlanError(f"read_csv: the schema has {', '.join(missing)}, which the file lacks; hint: missing_columns='insert' makes them null")
    return {name: dtype for name, dtype in schema.items() if name in names}


def _of_schema(frame: Any, schema: Mapping[str, Any]) -> Any:
    from gradframe import col, lit

    names = frame.columns
    return frame.select(*(col(name) if name in names else lit(None).cast(dtype).alias(name) for name, dtype in schema.items()))


def _types(reader: _Reader, schema: Mapping[str, Any] | None, overrides: Any) -> dict[str, str]:
    """The types that are said, by their names in SQL."""
    types = {name: sql_name(dtype) for name, dtype in (schema or {}).items() if dtype is not None}
    if overrides is None:
        return types
    if isinstance(overrides, Mapping):
        return types | {name: sql_name(dtype) for name, dtype in overrides.items()}
    names, listed = reader.frame(all_varchar=True).columns, list(overrides)
    if len(listed) != len(names):
        raise PlanError(f"read_csv: `schema_overrides` has {len(listed)} types, the file has {len(names)} columns")
    return types | {name: sql_name(dtype) for name, dtype in zip(names, listed) if dtype is not None}


def _converted(reader: _Reader, types: dict[str, str], nulls: Mapping[str, str], ignore_errors: bool) -> Any:
    """Read as texts, with the nulls of each column, and then cast: what does not fit is null if errors are ignored."""
    from gradframe import col, lit, when

    sample = {"infer_schema_length": _ROWS_OF_TYPES} if ignore_errors and reader._plain.get("infer_schema_length") is None else {}
    known = sorted({text for texts in nulls.values() for text in _listed(texts)})
    texts = reader.frame(all_varchar=True)
    unknown = next((name for name in nulls if name not in texts.columns), None)
    if unknown is not None:
        raise PlanError(f"read_csv: `null_values` names the column `{unknown}`, which the file does not have; there are {', '.join(texts.columns)}")
    kinds = _kinds(reader, types, {**sample, **({"null_values": known} if known else {})})
    columns = []
    for name, dtype in kinds.items():
        text = col(name)
        if name in nulls:
            text = when(text.is_in(_listed(nulls[name]))).then(lit(None)).otherwise(text)
        columns.append(text.cast(dtype, strict=not ignore_errors).alias(name))
    return texts.select(*columns)


def _kinds(reader: _Reader, types: dict[str, str], options: dict[str, Any]) -> Mapping[str, Any]:
    """The types of the columns, as said or as a sample of the rows has them."""
    return reader.schema(schema_overrides=types or None, **options)


def _listed(texts: str | Sequence[str]) -> list[str]:
    return [texts] if isinstance(texts, str) else list(texts)


def _renamed(frame: Any, new_columns: Sequence[str] | None, with_column_names: Callable[[list[str]], list[str]] | None) -> Any:
    if new_columns is None and with_column_names is None:
        return frame
    names = frame.columns
    wanted = list(new_columns) if new_columns is not None else list(with_column_names(names))  # type: ignore[misc]
    if len(wanted) != len(names):
        raise PlanError(f"read_csv: {len(wanted)} new names for {len(names)} columns")
    return frame.rename({old: new for old, new in zip(names, wanted) if old != new})


def decoded(source: Any, encoding: str) -> Any:
    """The source as UTF-8: itself if it is, else its bytes. Errors: `PlanError` for an unknown encoding."""
    from gradframe._frame.read_text import content

    if encoding in ("utf8", "utf-8"):
        return source
    held = content(source)
    if isinstance(held, str):
        return held.encode()
    try:
        return held.decode("utf8", "replace").encode() if encoding == "utf8-lossy" else held.decode(encoding).encode()
    except LookupError:
        raise PlanError(f'read_csv: unknown encoding `{encoding}`; hint: "utf8", "utf8-lossy", "latin1", "cp1252" and Python\'s others') from None
    except UnicodeDecodeError as error:
        raise PlanError(f"read_csv: byte {error.start} is no text in {encoding}: {error.reason}") from None


def is_empty(source: Any) -> bool:
    """Whether this is a file, bytes or an open file without anything in it."""
    if isinstance(source, bytes | bytearray | memoryview):
        return len(source) == 0
    return isinstance(source, str | os.PathLike) and os.path.isfile(source) and os.path.getsize(source) == 0
