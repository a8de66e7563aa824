"""In and out without copying, proved by the addresses of buffers."""

import datetime as dt
import json
import time

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


def test_every_arrow_protocol_shares_memory():
    table = pa.table({"x": np.arange(1000, dtype=np.float64)})
    frame = gf.from_arrow(table)
    assert pa.schema(frame) == table.schema == pa.schema(frame.lazy())
    assert address(pa.record_batch(frame).column(0)) == address(table["x"])
    series = frame["x"]
    assert address(pa.array(series)) == address(table["x"])
    assert pa.field(series).type == pa.float64()
    assert address(pl.Series(series).to_arrow()) == address(table["x"])


def test_many_batches_are_no_array_and_stay_many():
    table = pa.concat_tables([pa.table({"x": [1.0, 2.0]}), pa.table({"x": [3.0]})])
    frame = gf.from_arrow(table)
    assert not hasattr(frame, "__arrow_c_array__")
    assert pa.table(frame)["x"].num_chunks == 2
    assert pl.DataFrame(frame)["x"].n_chunks() == 2


def test_numpy_says_when_it_would_have_to_copy():
    frame = gf.from_dict({"x": np.arange(4.0), "n": [1, None, 3, 4], "s": list("abcd")})
    view = np.asarray(frame["x"], copy=False)
    assert view.__array_interface__["data"][0] == frame["x"].to_numpy(zero_copy_only=True).__array_interface__["data"][0]
    assert not view.flags.writeable and frame["x"].to_numpy(writable=True).flags.writeable
    for column, why in (("n", "it has 1 nulls"), ("s", "its type is str")):
        with pytest.raises(ValueError, match=f"`{column}` cannot be shared without copying: {why}"):
            frame[column].to_numpy(zero_copy_only=True)
        with pytest.raises(ValueError):
            np.asarray(frame[column], copy=False)
    with pytest.raises(ValueError, match="cannot be float32 without copying"):
        np.asarray(frame["x"], dtype="float32", copy=False)
    copied = np.array(frame["x"], copy=True)
    assert copied.__array_interface__["data"][0] != view.__array_interface__["data"][0]
    one = frame.select("x")
    assert np.asarray(one, copy=False).shape == (4, 1)
    with pytest.raises(ValueError, match="2 columns cannot be one array"):
        np.asarray(frame.select("x", "n"), copy=False)


def test_pandas_shares_numbers_and_arrow_columns():
    numbers = np.arange(1000, dtype=np.float64)
    frame = pd.DataFrame({"a": numbers, "b": np.arange(1000)}, copy=False)
    ours = gf.from_pandas(frame)
    assert address(ours.to_arrow()["a"]) == frame["a"].to_numpy().ctypes.data
    back = ours.to_pandas()
    assert back["a"].to_numpy().ctypes.data == address(ours.to_arrow()["a"])
    arrow = pd.DataFrame({"s": pd.array(["a", "bc"] * 10, dtype=pd.ArrowDtype(pa.large_string()))})
    shared = gf.from_pandas(arrow)
    assert address(shared.to_arrow()["s"]) == address(pa.chunked_array(arrow["s"].array._pa_array))
    again = shared.to_pandas(use_pyarrow_extension_array=True)
    assert again["s"].dtype == pd.ArrowDtype(pa.large_string())


def test_duckdb_and_datafusion_read_frames_as_streams():
    lazy = gf.from_dict({"x": list(range(10))}).lazy().filter(gf.col("x") > 3)
    reader = pa.RecordBatchReader.from_stream(lazy)
    assert duckdb.sql("select sum(x) from reader").fetchone() == (39,)
    assert gf.from_arrow(duckdb.sql("select 42 as answer")).item() == 42
    datafusion = pytest.importorskip("datafusion", reason="DataFusion's package is not installed: exchange with it is not tested")
    context = datafusion.SessionContext()
    assert context.from_arrow(gf.from_dict({"x": [1, 2]})).count() == 2
    assert gf.from_arrow(context.sql("select 7 as seven")).item() == 7


def test_copies_are_counted_with_their_reason():
    frame = pd.DataFrame({"n": np.arange(100.0), "o": pd.Series([str(i) for i in range(100)], dtype=object), "b": [True, False] * 50})
    _, operators = gf.from_pandas(frame).lazy().filter(gf.col("n") > 3).profile()
    why = {name.strip(): text for name, text in zip(*map(operators.to_dict().get, ("operator", "copied_why")))}
    assert "o: Python objects become Arrow values" in why["ImportedExec"] and "b: booleans become bits" in why["ImportedExec"]
    assert "n:" not in why["ImportedExec"]
    numbers = gf.from_pandas(frame[["n"]])
    _, operators = numbers.lazy().filter(gf.col("n") > 3).profile()
    assert not any("Imported" in name for name in operators.to_dict()["operator"])


@pytest.mark.parametrize("to", ["arrow", "polars", "pandas", "numpy"])
def test_a_profile_counts_the_copies_of_handing_over(to):
    frame = gf.from_arrow(pa.table({"x": np.arange(1000.0), "t": [True, False] * 500}))
    exported, operators = frame.lazy().select("x", "t").profile(to=to)
    first = operators.to_dicts()[0]
    assert first["operator"] == f"to {to}" and first["rows"] == 1000
    shared = first["copied_why"] is None
    assert shared == (to in ("arrow", "polars")), first
    if not shared:
        assert "t: bits become bytes" in first["copied_why"] and "x:" not in first["copied_why"]


VIEWS = pl.DataFrame({"k": ["a", "b", None, "a"], "b": [b"x", b"y", b"x", None], "n": [1, 2, 3, 4]})


def of_views():
    """Text as views: as Polars gives it, and as functions of text do."""
    return [gf.from_polars(VIEWS), gf.from_polars(VIEWS).with_columns(gf.col("k").str.to_uppercase().str.to_lowercase())]


@pytest.mark.parametrize("at", [0, 1], ids=["from polars", "made by a function"])
def test_verbs_take_text_and_bytes_as_views(at):
    frame = of_views()[at]
    assert frame.to_dummies("k").to_polars().equals(VIEWS.to_dummies("k"))
    assert frame.to_dummies("k", drop_first=True, drop_nulls=True).columns == VIEWS.to_dummies("k", drop_first=True, drop_nulls=True).columns
    parts = frame.partition_by("k")
    assert [part.rows() for part in parts] == [part.rows() for part in VIEWS.partition_by("k", maintain_order=True)]
    assert set(frame.partition_by("b", as_dict=True)) == {(b"x",), (b"y",), (None,)}
    groups = frame.group_by("k", maintain_order=True).map_groups(lambda group: group.head(1))
    assert groups.rows() == VIEWS.group_by("k", maintain_order=True).map_groups(lambda group: group.head(1)).rows()
    assert frame.sample(3, seed=1).height == 3 and frame[[3, 0]].rows() == VIEWS[[3, 0]].rows()
    assert frame["k"].gather([1, -1]).to_list() == ["b", "a"] and frame["k"].filter([True, False, True, False]).to_list() == ["a", None]
    assert frame.rechunk().equals(frame) and frame.to_struct("s").len() == 4 and frame.select("k").transpose().width == 4


def test_rows_of_several_batches_are_taken():
    frame = gf.from_arrow(pa.table({"x": pa.chunked_array([[1, 2], [3], [], [4, 5]])}))
    assert frame.n_chunks() > 1 and frame[[4, 0, 2, 3]]["x"].to_list() == [5, 1, 3, 4]
    assert frame[[True, False, True, False, True]]["x"].to_list() == [1, 3, 5]


def test_columns_without_a_type_of_arrow():
    nulls = pl.DataFrame({"n": [None, None], "i": [1, 2]})
    ours = gf.from_polars(nulls)
    assert ours.schema["n"] == gf.Null() and ours.to_polars().equals(nulls)
    assert ours.filter(gf.col("i") > 1).rows() == [(None, 2)] and ours.sort("n", "i").height == 2
    assert ours.with_columns(m=gf.col("n").fill_null(7))["m"].to_list() == [7, 7]
    assert gf.concat([ours, ours]).height == 4 and ours.group_by("n").len().rows() == [(None, 2)]
    wide = pl.DataFrame({"i": pl.Series([2**100, None], dtype=pl.Int128)})
    for made in (gf.from_polars(wide), gf.DataFrame(wide), gf.sql("SELECT i FROM wide", wide=wide).collect()):
        assert made["i"].to_list() == [2**100, None] and made.schema["i"] == gf.Decimal(38, 0)
    with pytest.raises(gf.errors.DTypeError, match="column `i` is Int128 with integers of more than 38 digits"):
        gf.from_polars(pl.DataFrame({"i": pl.Series([10**38], dtype=pl.Int128)}))
    with pytest.raises(gf.errors.DTypeError, match="column `o` holds Python objects"):
        gf.from_polars(pl.DataFrame({"o": pl.Series([object()], dtype=pl.Object)}))


def test_json_keeps_texts_that_hold_what_ends_a_line_elsewhere():
    text = "a\u2028b\u2029c\x85d\x0be"
    written = gf.from_dict({text: [text, None]}).write_json()
    assert json.loads(written) == [{text: text}, {text: None}]
    assert gf.from_dict({"x": []}).write_json() == "[]"


@pytest.mark.parametrize(
    "values",
    [
        pd.Categorical(["a", None, "b"]),
        pd.to_datetime(["2024-01-01", None, "2024-07-01"]).tz_localize("Europe/Berlin"),
        pd.interval_range(0, 3),
        pd.array([1, None, 3], dtype="Int64"),
        pd.array(["a", None, "c"], dtype="string"),
        pd.array([True, None, False], dtype="boolean"),
        pd.to_timedelta([1, None, 3], unit="s"),
        pd.arrays.SparseArray([0, 1, 0]),
        np.array([1, 2, 3], dtype=">i4"),
    ],
)
def test_every_type_of_pandas_comes_in(values):
    given = pd.DataFrame({"c": values})
    expected = pa.Table.from_pandas(given if "Sparse" not in str(given["c"].dtype) and given["c"].dtype != ">i4" else given.astype("int64"))
    for made in (gf.from_pandas(given), gf.DataFrame(given), gf.LazyFrame(given).collect(), gf.sql("select * from v", v=given).collect()):
        assert made["c"].to_list() == gf.from_arrow(expected)["c"].to_list()


ASKED = {
    "a number beyond the type": ([1, 2**40], pa.int32(), "1099511627776"),
    "a text that is no number": (["1", "b"], pa.int64(), "b"),
    "a fraction": ([1.0, 2.5], pa.int64(), "2.5"),
    "part of a day": ([dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2, 3)], pa.date32(), "2024-01-02T03"),
    "within a list": ([[1], [2**40]], pa.list_(pa.int32()), "1099511627776"),
    "a fraction within a list": ([[1.0], [2.5]], pa.list_(pa.int64()), "2.5"),
    "a fraction within a list of another kind": ([[1.0], [2.5]], pa.large_list(pa.int64()), "2.5"),
    "a fraction within a struct": ([{"a": 1.0}, {"a": 2.5}], pa.struct([("a", pa.int64())]), "2.5"),
    "a number that is no truth value": ([1.0, 2.5], pa.bool_(), "2.5"),
}


@pytest.mark.parametrize("case", ASKED)
def test_a_value_that_a_requested_type_does_not_have_is_an_error_that_names_the_column(case):
    values, asked, said = ASKED[case]
    frame, schema = gf.from_dict({"n": [7] * len(values), "x": values}), pa.schema([("n", pa.int64()), ("x", asked)])
    with pytest.raises(gf.errors.ExecutionError, match=f"column `[ax]`.*{said}"):
        frame.__arrow_c_stream__(schema.__arrow_c_schema__())
    with pytest.raises(gf.errors.ExecutionError, match=f"column `[ax]`.*{said}"):
        pa.array(frame["x"], type=asked)
    with pytest.raises((gf.errors.ExecutionError, OSError, pa.ArrowException), match=f"column `[ax]`.*{said}"):
        pa.RecordBatchReader.from_stream(frame.lazy().filter(gf.col("n") > 0), schema=schema).read_all()


def test_a_requested_type_that_has_all_values_is_given():
    frame = gf.from_dict({"n": [1, None], "x": [-0.0, 2.0], "s": ["1", "2"], "d": [dt.datetime(2024, 1, 1), None]})
    schema = pa.schema([("s", pa.large_string()), ("x", pa.int64()), ("n", pa.int8()), ("d", pa.date32())])
    for given in (frame, frame.lazy()):
        table = pa.RecordBatchReader.from_stream(given, schema=schema).read_all()
        assert table.schema == schema
        assert table.to_pydict() == {"s": ["1", "2"], "x": [0, 2], "n": [1, None], "d": [dt.date(2024, 1, 1), None]}
    assert pa.array(gf.Series("a", [1, 2]), type=pa.int8()).type == pa.int8()
    nested = gf.from_dict({"x": [{"a": [-0.0, 2.0], "b": 1}, {"a": None, "b": 0}]})
    schema = pa.schema([("x", pa.struct([("b", pa.bool_()), ("a", pa.large_list(pa.int8()))]))])
    expected = [{"b": True, "a": [0, 2]}, {"b": False, "a": None}]
    assert pa.RecordBatchReader.from_stream(nested, schema=schema).read_all().to_pydict() == {"x": expected}
    # A fraction of 64 bits is rounded to one of 32, as everywhere.
    assert pa.array(gf.Series("a", [0.1]), type=pa.float32())[0].as_py() == pytest.approx(0.1)


@pytest.mark.parametrize("of", [lambda texts: texts.dictionary_encode(), lambda texts: pa.ListArray.from_arrays(np.arange(len(texts) + 1, dtype="int32"), texts)])
def test_values_that_batches_share_are_looked_at_once(of):
    values = of(pa.array([f"wörd {number}" for number in range(100_000)]))
    table = pa.table({"x": values, "y": values})
    cut = pa.Table.from_batches(table.to_batches(max_chunksize=200))
    begin = time.monotonic()
    assert gf.from_arrow(cut)["y"][99_999] == table["y"][99_999].as_py()
    assert time.monotonic() - begin < 5  # a look a batch took a minute
