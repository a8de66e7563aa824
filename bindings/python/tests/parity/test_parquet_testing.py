"""apache/parquet-testing: good files read as pyarrow reads them, bad files are refused."""

import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gradframe as gf

from .outside import folder

#: Good files that we read differently or not at all, each with the reason.
DIFFERENT: dict[str, str] = {
    "dict-page-offset-zero.parquet": "parquet-rs refuses its header: the thrift list has a type that it does not know",
    "nation.dict-malformed.parquet": "parquet-rs refuses its page header",
}

#: Good files that pyarrow itself cannot read: there is nothing to compare with.
NOT_READ_BY_PYARROW: dict[str, str] = {
    "incorrect_map_schema.parquet": "its map keys are not marked as required",
    "large_string_map.brotli.parquet": "nested data in chunks",
}

#: A file that pyarrow reads wrongly in one place: the last of these microseconds is in the year 290000, where it overflows.
#: The others equal pyarrow's. The last is our own reading: the file's page (int96_from_spark.md) gives Spark's input as text only.
STATED = {
    "int96_from_spark.parquet": [
        1704141296123456,
        1704070800000000,
        253402225200000000,
        1735599600000000,
        None,
        9089380393200000000,
    ]
}

#: The one bad file that may be read: what is broken in it is a statistic that no reader needs.
MAY_READ = {"ARROW-GH-43605.parquet"}


def comparable(value):
    """Values as Python's, where NaN equals NaN and a map equals the list of its pairs."""
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, dict):
        return {key: comparable(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [comparable(inner) for inner in value]
    return value


def difference(session, path) -> str | None:
    """Why our reading of a file is not pyarrow's; None where they are equal."""
    expected = pq.ParquetFile(path, coerce_int96_timestamp_unit="us").read()
    try:
        actual = session.scan_parquet(path).collect().to_arrow()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if actual.column_names != expected.column_names:
        return f"columns {actual.column_names}, expected {expected.column_names}"
    if path.name in STATED:
        return None if actual["a"].cast(pa.int64()).to_pylist() == STATED[path.name] else f"{actual['a']}"
    for name in expected.column_names:
        if not equal_columns(actual[name], expected[name]):
            return f"column {name} ({actual.schema.field(name).type}) differs from {expected.schema.field(name).type}"
    return None


def equal_columns(actual: pa.ChunkedArray, expected: pa.ChunkedArray) -> bool:
    """Whether the values are the same: as Arrow compares them, else as Python does (other types for the same, NaN)."""
    if actual.type == expected.type and actual.equals(expected):
        return True
    try:
        return comparable(actual.to_pylist()) == comparable(expected.to_pylist())
    except OverflowError:  # dates that Python cannot hold
        return False


def test_good_files_read_as_pyarrow_reads_them(session):
    equal, different = [], {}
    for path in sorted(folder("formats/parquet-testing").glob("data/**/*.parquet")):
        if path.name in NOT_READ_BY_PYARROW:
            with pytest.raises((OSError, pa.ArrowException)):
                pq.ParquetFile(path).read()
            continue
        reason = difference(session, path)
        if reason is None:
            equal.append(path.name)
        else:
            different[path.name] = reason
    assert different.keys() == DIFFERENT.keys(), different
    assert len(equal) >= 70, len(equal)


def test_bad_files_are_refused_and_the_session_goes_on(session):
    for path in sorted(folder("formats/parquet-testing").glob("bad_data/*.parquet")):
        try:
            session.scan_parquet(path).collect()
        except gf.errors.GradframeError as error:
            assert not isinstance(error, gf.errors.InternalError), f"{path.name}: {error}"
        else:
            assert path.name in MAY_READ, f"{path.name} was read"
    assert session.sql("SELECT 1 AS one").collect().shape == (1, 1)
