"""Every way in and out, proved to share memory by the address of the values, and what has to be copied with its reason."""

import re

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import gradframe as gf

VALUES = np.arange(1000, dtype=np.float64)


def address(column):
    """Where the values of one chunk of Arrow, a NumPy array, or a column of pandas or Polars begin."""
    if isinstance(column, np.ndarray):
        return column.__array_interface__["data"][0]
    if isinstance(column, pd.Series):
        arrow = isinstance(column.dtype, pd.ArrowDtype)
        return address(pa.chunked_array(column.array.__arrow_array__()) if arrow else column.to_numpy())
    if isinstance(column, pl.Series):
        return address(column.to_arrow())
    chunk = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    return chunk.buffers()[1].address + 8 * chunk.offset


def streamed(frame):
    return pa.RecordBatchReader.from_stream(frame).read_all()["x"]


class Spied:
    """A frame that another library reads, and whose stream is looked at."""

    def __init__(self, frame):
        self.frame, self.addresses = frame, []

    def __arrow_c_stream__(self, requested_schema=None):
        table = pa.RecordBatchReader.from_stream(self.frame).read_all()
        self.addresses = [address(chunk) for chunk in table["x"].chunks]
        return table.__arrow_c_stream__(requested_schema)


def by_duckdb(frame):
    """DuckDB keeps its own vectors; what can be seen is that the stream that it reads is the frame's memory."""
    spied = Spied(frame)
    assert duckdb.sql("SELECT sum(x) FROM spied").fetchone() == (VALUES.sum(),)
    return spied.addresses[0]


WAYS_OUT = {
    "to_arrow": lambda f: address(f.to_arrow()["x"]),
    "pyarrow.table": lambda f: address(pa.table(f)["x"]),
    "pyarrow.record_batch": lambda f: address(pa.record_batch(f).column(0)),
    "pyarrow reads the stream": lambda f: address(streamed(f)),
    "pyarrow reads the lazy stream": lambda f: address(streamed(f.lazy())),
    "pyarrow reads a query's stream": lambda f: address(streamed(f.lazy().select(gf.col("x").alias("x")))),
    "to_polars": lambda f: address(f.to_polars()["x"]),
    "polars.DataFrame": lambda f: address(pl.DataFrame(f)["x"]),
    "to_pandas": lambda f: address(f.to_pandas()["x"]),
    "to_pandas over Arrow": lambda f: address(f.to_pandas(use_pyarrow_extension_array=True)["x"]),
    "DuckDB": by_duckdb,
    "to_numpy of a frame": lambda f: address(f.to_numpy()),
    "numpy.asarray of a frame": lambda f: address(np.asarray(f, copy=False)),
    "to_numpy of a column": lambda f: address(f["x"].to_numpy()),
    "numpy.asarray of a column": lambda f: address(np.asarray(f["x"], copy=False)),
    "to_arrow of a column": lambda f: address(f["x"].to_arrow()),
    "pyarrow.array of a column": lambda f: address(pa.array(f["x"])),
    "polars.Series of a column": lambda f: address(pl.Series(f["x"])),
    "collect_batches": lambda f: address(next(iter(f.lazy().collect_batches())).to_arrow()["x"]),
    "iter_batches, arrow": lambda f: address(next(iter(f.iter_batches(100, batch_format="arrow"))).column(0)),
    "iter_batches, numpy": lambda f: address(next(iter(f.iter_batches(100, batch_format="numpy")))["x"]),
    "iter_batches, polars": lambda f: address(next(iter(f.iter_batches(100, batch_format="polars")))["x"]),
    "iter_batches, pandas": lambda f: address(next(iter(f.iter_batches(100, batch_format="pandas")))["x"]),
    "iter_batches, frame": lambda f: address(next(iter(f.iter_batches(100)))["x"].to_numpy()),
}


@pytest.mark.parametrize("way", WAYS_OUT)
def test_out_without_copying(way):
    table = pa.table({"x": VALUES})
    assert WAYS_OUT[way](gf.from_arrow(table)) == address(table["x"])


def test_frames_that_choose_columns_hand_out_the_memory_that_they_were_given():
    table = pa.table({"y": VALUES + 1, "x": VALUES})
    chosen = gf.from_arrow(table).lazy().select("x", z="y")
    for way in ("to_arrow", "to_polars", "to_pandas", "to_numpy of a column"):
        assert WAYS_OUT[way](chosen.collect()) == address(table["x"]), way


PANDAS = pd.DataFrame({"x": VALUES}, copy=False)
ARROW_PANDAS = pd.DataFrame({"x": pd.array(VALUES, dtype=pd.ArrowDtype(pa.float64()))})
POLARS = pl.DataFrame({"x": VALUES})
TABLE = pa.table({"x": VALUES})
DUCKDB = duckdb.sql("SELECT x::DOUBLE AS x FROM range(1000) AS t(x)").to_arrow_table()

# What is given, and where its values lie.
WAYS_IN = {
    "a pyarrow table": (lambda: gf.from_arrow(TABLE), TABLE["x"]),
    "a pyarrow record batch": (lambda: gf.from_arrow(TABLE.to_batches()[0]), TABLE["x"]),
    "a pyarrow reader": (lambda: gf.from_arrow(TABLE.to_reader()), TABLE["x"]),
    "a pyarrow table to the constructor": (lambda: gf.DataFrame(TABLE), TABLE["x"]),
    "pyarrow columns": (lambda: gf.from_dict({"x": TABLE["x"]}), TABLE["x"]),
    "a Polars frame": (lambda: gf.from_polars(POLARS), POLARS["x"]),
    "a Polars frame to the constructor": (lambda: gf.DataFrame(POLARS), POLARS["x"]),
    "a Polars frame in SQL": (lambda: gf.sql("SELECT x FROM theirs", theirs=POLARS).collect(), POLARS["x"]),
    "a pandas frame": (lambda: gf.from_pandas(PANDAS), PANDAS["x"]),
    "a pandas frame over Arrow": (lambda: gf.from_pandas(ARROW_PANDAS), ARROW_PANDAS["x"]),
    "a table that DuckDB made": (lambda: gf.from_arrow(DUCKDB), DUCKDB["x"]),
    "a NumPy array": (lambda: gf.from_dict({"x": VALUES}), VALUES),
    "a NumPy array to the constructor": (lambda: gf.DataFrame({"x": VALUES}), VALUES),
}


@pytest.mark.parametrize("way", WAYS_IN)
def test_in_without_copying(way):
    make, theirs = WAYS_IN[way]
    assert address(make().to_arrow()["x"]) == address(theirs)


# A frame, a library, and why a column of it cannot be shared with the library.
COPIES = {
    "booleans": ({"x": [True, False]}, "numpy", "x: bits become bytes"),
    "nulls": ({"x": [1, None]}, "numpy", "x: nulls become NaN, or objects"),
    "texts": ({"x": ["a", "b"]}, "pandas", "x: .* has another layout in pandas"),
    "nulls in pandas": ({"x": [1.5, None]}, "pandas", "x: nulls become NaN, or objects"),
}


@pytest.mark.parametrize("case", COPIES)
def test_a_copy_on_the_way_out_says_its_reason(case):
    values, to, why = COPIES[case]
    _, operators = gf.from_dict(values).lazy().select("x").profile(to=to)
    first = operators.to_dicts()[0]
    assert first["operator"] == f"to {to}" and first["copied_bytes"] > 0
    assert re.fullmatch(why, first["copied_why"]), first["copied_why"]


def test_several_batches_become_one_array_and_say_so():
    table = pa.concat_tables([pa.table({"x": VALUES}), pa.table({"x": VALUES})])
    rows = gf.from_arrow(table).lazy().select("x")
    for to, why in (("numpy", "x: 2 batches become one array"), ("arrow", None), ("polars", None)):
        assert rows.profile(to=to)[1].to_dicts()[0]["copied_why"] == why


def test_a_copy_inside_a_query_says_its_reason():
    table = pa.table({"x": VALUES, "k": (VALUES % 7).astype("int64")})
    frame = gf.from_arrow(table).lazy()
    queries = {
        "the rows that pass are gathered": frame.filter(gf.col("x") > 3),
        "rows are put in order": frame.sort("k"),
        "rows of both sides are put side by side": frame.join(frame.select("k").unique(), on="k"),
    }
    for why, query in queries.items():
        told = query.profile()[1].to_dicts()
        assert any(row["copied_why"] == why and row["copied_bytes"] > 0 for row in told), (why, told)
    told = frame.select("k", "x").profile()[1].to_dicts()
    assert all(row["copied_bytes"] == 0 and row["copied_why"] is None for row in told), told
