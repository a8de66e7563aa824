"""In and out without copying, proved by the addresses of buffers."""

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import gradframe as gf


def address(array):
    array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
    return array.buffers()[1].address


def test_arrow_goes_through_without_copying():
    table = pa.table({"x": np.arange(1000, dtype=np.float64), "y": np.arange(1000, dtype=np.int64)})
    back = gf.from_arrow(table).to_arrow()
    for name in table.column_names:
        assert address(back[name]) == address(table[name])


def test_a_query_that_passes_columns_through_does_not_copy_them():
    table = pa.table({"x": np.arange(1000, dtype=np.float64), "y": np.arange(1000)})
    back = gf.from_arrow(table).lazy().select("x").collect().to_arrow()
    assert address(back["x"]) == address(table["x"])


def test_numpy_views_the_same_memory():
    table = pa.table({"x": np.arange(1000, dtype=np.float64)})
    array = gf.from_arrow(table)["x"].to_numpy()
    assert array.__array_interface__["data"][0] == address(table["x"])
    assert np.asarray(gf.from_arrow(table)["x"]).dtype == np.float64


def test_polars_in_and_out():
    frame = pl.DataFrame({"x": np.arange(1000, dtype=np.float64), "s": ["a"] * 1000})
    ours = gf.from_polars(frame)
    assert address(ours.to_arrow()["x"]) == address(frame.to_arrow()["x"])
    assert ours.to_polars().equals(frame)


def test_pandas_in_and_out():
    frame = pd.DataFrame({"x": [1.5, np.nan], "s": ["a", None]}, index=[7, 8])
    back = gf.from_pandas(frame).to_pandas()
    assert back["x"].isna().tolist() == [False, True]
    assert back["s"][0] == "a" and list(back.columns) == ["x", "s"]


def test_duckdb_reads_our_frames():
    ours = gf.from_dict({"x": [1, 2, 3]})
    arrow = ours.to_arrow()
    assert duckdb.sql("select sum(x) from arrow").fetchone() == (6,)
    assert gf.from_arrow(duckdb.sql("select 42 as answer").to_arrow_table()).item() == 42


def test_lazy_frames_stream_out():
    lazy = gf.sql("SELECT value AS x FROM generate_series(1, 100000)")
    reader = pa.RecordBatchReader.from_stream(lazy)
    assert sum(batch.num_rows for batch in reader) == 100_000
    assert sum(batch.height for batch in lazy.collect_batches()) == 100_000
    assert pl.DataFrame(lazy).height == 100_000


def test_to_numpy_stacks_columns_and_nulls_are_nan():
    array = gf.from_dict({"a": [1.0, None], "b": [3, 4]}).to_numpy()
    assert array.shape == (2, 2)
    assert np.isnan(array[1, 0]) and array[1, 1] == 4
    assert np.asarray(gf.from_dict({"a": [1], "b": [2]})).tolist() == [[1, 2]]


def test_empty_frames_keep_their_schema():
    table = pa.table({"x": pa.array([], pa.float64()), "s": pa.array([], pa.string())})
    back = gf.from_arrow(table).to_arrow()
    assert back.num_rows == 0 and back.column_names == ["x", "s"]
    assert gf.from_arrow(table).lazy().filter(gf.col("x") > 1).collect().height == 0


def test_what_is_no_table_is_refused():
    with pytest.raises((TypeError, ValueError)):
        gf.from_arrow(object())
