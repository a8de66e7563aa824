"""The same question asked of Gradframe and of Polars, and what counts as the same answer.

A case is written once, as a function of a frame and of the library's names: `lambda f, x: f.select(x.col("i").sum())`.
`check(case, frame)` runs it with both; `assert_same` compares what comes out: names, order of columns and rows, families of
types, nulls, and values; floats to 1e-9 relative (Float32 to 1e-5), NaN equal to NaN.

What is not compared: the width of integers (counts and sums are Int64 here), which text type (`Utf8`, `LargeUtf8`, view).
"""

from __future__ import annotations

import collections
import math
from typing import Any

import polars as pl
import pyarrow as pa

import gradframe as gf
from gradframe import selectors


class _Polars:
    """Polars under the names that cases use."""

    selectors = pl.selectors

    def __getattr__(self, name: str) -> Any:
        return getattr(pl, name)


THEIRS = _Polars()


def ours(frame: pl.DataFrame) -> Any:
    """The same frame in Gradframe."""
    return gf.from_arrow(frame).lazy()


def check(case: Any, frame: pl.DataFrame, *, sort: bool = False) -> None:
    """Runs the case with both libraries and compares. With `sort`, the rows may come in any order."""
    theirs = case(frame.lazy(), THEIRS)
    mine = case(ours(frame), gf)
    theirs = theirs.collect() if isinstance(theirs, pl.LazyFrame) else theirs
    query, mine = mine, mine.collect() if hasattr(mine, "collect") else mine
    assert_same(mine, theirs, sort=sort)
    if isinstance(query, gf.LazyFrame):
        check_sql(query, mine, sort=sort)


#: What became of the queries whose SQL text was asked for: "the same rows", or what SQL has no words for.
AS_SQL: collections.Counter[str] = collections.Counter()


def check_sql(query: Any, answer: Any, *, sort: bool) -> None:
    """The query's SQL text gives the same rows, or the query says which part of it SQL has no words for."""
    try:
        text, frames = query.to_sql()
    except gf.errors.UnsupportedError as error:
        AS_SQL[str(error).partition("of this frame: ")[2].partition(";")[0]] += 1
        return
    try:
        read = gf.sql(text, **frames).collect()
    except gf.errors.GradframeError as error:
        raise AssertionError(f"{text}\ndoes not run: {error}") from error
    got, expected = pa.table(read), pa.table(answer)
    assert [(field.name, family(field.type)) for field in got.schema] == [(field.name, family(field.type)) for field in expected.schema], text
    got_rows, expected_rows = rows(got), rows(expected)
    if sort:
        got_rows, expected_rows = sorted(got_rows, key=repr), sorted(expected_rows, key=repr)
    assert same(got_rows, expected_rows, 1e-9), f"{text}\ngives {got_rows!r}, expected {expected_rows!r}"
    AS_SQL["the same rows"] += 1


def assert_same(mine: Any, theirs: pl.DataFrame, *, sort: bool = False) -> None:
    """The two frames are the same, as this module says."""
    got, expected = pa.table(mine), theirs.to_arrow()
    assert got.column_names == expected.column_names
    for ours_, yours in zip(got.schema, expected.schema, strict=True):
        assert family(ours_.type) == family(yours.type), f"{ours_.name}: {ours_.type} is not {yours.type}"
    mine_rows, their_rows = rows(got), rows(expected)
    if sort:
        mine_rows, their_rows = sorted(mine_rows, key=repr), sorted(their_rows, key=repr)
    assert len(mine_rows) == len(their_rows), f"{len(mine_rows)} rows, expected {len(their_rows)}"
    tolerance = 1e-5 if any("float32" in str(field.type) or "float" == str(field.type) for field in expected.schema) else 1e-9
    for at, (mine_row, their_row) in enumerate(zip(mine_rows, their_rows, strict=True)):
        assert same(mine_row, their_row, tolerance), f"row {at}: {mine_row!r}, expected {their_row!r}"


def rows(table: pa.Table) -> list[tuple]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def family(data_type: pa.DataType) -> Any:
    """What of a type must be the same."""
    if pa.types.is_integer(data_type):
        return "integer"
    if pa.types.is_string(data_type) or pa.types.is_large_string(data_type) or pa.types.is_string_view(data_type):
        return "string"
    if pa.types.is_dictionary(data_type):
        return family(data_type.value_type)
    if pa.types.is_binary(data_type) or pa.types.is_large_binary(data_type) or pa.types.is_binary_view(data_type):
        return "binary"
    if pa.types.is_list(data_type) or pa.types.is_large_list(data_type):
        return ("list", family(data_type.value_type))
    if pa.types.is_fixed_size_list(data_type):
        return ("array", data_type.list_size, family(data_type.value_type))
    if pa.types.is_struct(data_type):
        return ("struct", [(field.name, family(field.type)) for field in data_type])
    if pa.types.is_decimal(data_type):
        return "decimal"
    if pa.types.is_timestamp(data_type):
        return ("datetime", data_type.tz is not None)
    if pa.types.is_duration(data_type):
        return "duration"
    return str(data_type)


def same(mine: Any, theirs: Any, tolerance: float) -> bool:
    """The same value, floats nearly."""
    if isinstance(theirs, float) and isinstance(mine, float):
        if math.isnan(theirs) or math.isnan(mine):
            return math.isnan(theirs) and math.isnan(mine)
        return math.isclose(mine, theirs, rel_tol=tolerance, abs_tol=tolerance)
    if isinstance(theirs, list | tuple) and isinstance(mine, list | tuple):
        return len(mine) == len(theirs) and all(same(m, t, tolerance) for m, t in zip(mine, theirs, strict=True))
    if isinstance(theirs, dict) and isinstance(mine, dict):
        return mine.keys() == theirs.keys() and all(same(mine[key], theirs[key], tolerance) for key in theirs)
    return mine == theirs
