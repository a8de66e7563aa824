"""Collected frames and columns: what they are made of, what is taken out of them, what is put together."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import gradframe as gf

E = gf.errors
DATA = {"i": [1, 2, 3], "s": ["a", None, "c"], "x": [0.5, 1.5, None]}


def frame():
    return gf.DataFrame(DATA)


MADE = {
    "a dictionary": lambda: gf.DataFrame(DATA),
    "dictionaries": lambda: gf.DataFrame([{"i": 1, "s": "a", "x": 0.5}, {"i": 2, "x": 1.5}, {"s": "c", "i": 3}], schema=["i", "s", "x"]),
    "rows": lambda: gf.DataFrame([(1, "a", 0.5), (2, None, 1.5), (3, "c", None)], schema=["i", "s", "x"], orient="row"),
    "columns": lambda: gf.DataFrame([[1, 2, 3], ["a", None, "c"], [0.5, 1.5, None]], schema=["i", "s", "x"], orient="col"),
    "series": lambda: gf.DataFrame([gf.Series(name, values) for name, values in DATA.items()]),
    "Arrow": lambda: gf.DataFrame(pa.table(DATA)),
    "Polars": lambda: gf.DataFrame(pl.DataFrame(DATA)),
    "pandas": lambda: gf.DataFrame(pd.DataFrame({"i": [1, 2, 3], "s": ["a", None, "c"], "x": [0.5, 1.5, None]})),
    "a frame": lambda: gf.DataFrame(frame()),
    "a lazy frame": lambda: gf.LazyFrame(DATA).collect(),
    "from_dicts": lambda: gf.from_dicts([{"i": 1, "s": "a", "x": 0.5}, {"i": 2, "s": None, "x": 1.5}, {"i": 3, "s": "c", "x": None}]),
    "from_records": lambda: gf.from_records([(1, "a", 0.5), (2, None, 1.5), (3, "c", None)], schema=["i", "s", "x"], orient="row"),
}


@pytest.mark.parametrize("name", MADE)
def test_frames_are_made_of(name):
    made = MADE[name]()
    assert made.columns == ["i", "s", "x"]
    assert made.rows() == [(1, "a", 0.5), (2, None, 1.5), (3, "c", None)]


def test_numbers_are_not_copied():
    array = np.arange(1000.0)
    assert gf.DataFrame({"x": array})["x"].to_numpy().__array_interface__["data"][0] == array.__array_interface__["data"][0]


def test_types_are_what_is_said():
    made = gf.DataFrame({"a": [1, 2], "b": 3, "t": datetime.time(1)}, schema_overrides={"a": gf.Int8})
    assert made.schema == {"a": gf.Int8, "b": gf.Int64, "t": gf.Time}
    assert made.schema.names() == ["a", "b", "t"] and made.dtypes[0] == gf.Int8 and made.schema.len() == 3
    assert gf.DataFrame(schema={"a": "f32", "b": str}).schema == {"a": gf.Float32, "b": gf.String}
    assert gf.DataFrame({"a": [1, 300]}, schema={"a": gf.Int8}, strict=False).rows() == [(1,), (None,)]
    assert gf.DataFrame(np.arange(4).reshape(2, 2)).rows() == [(0, 1), (2, 3)]
    assert gf.LazyFrame({"a": [[1], None]}).collect_schema()["a"] == gf.List(gf.Int64)


def test_values_are_taken_out():
    f = frame()
    assert f["i"].to_list() == [1, 2, 3] and f[0, "s"] == "a" and f[-1].rows() == [(3, "c", None)]
    assert f[1:].height == 2 and f[["x", "i"]].columns == ["x", "i"] and f[[2, 0]]["i"].to_list() == [3, 1]
    assert f[:, "i":"s"].columns == ["i", "s"] and f[np.array([True, False, True])].height == 2
    assert f[:, [True, False, True]].columns == [f.columns[0], f.columns[2]] and f["s":].columns == f.columns[f.columns.index("s") :]
    assert f.row(1) == (2, None, 1.5) and f.row(-1, named=True) == {"i": 3, "s": "c", "x": None}
    assert f.row(by_predicate=gf.col("i") == 2) == (2, None, 1.5)
    assert f.item(0, "x") == 0.5 and f.select("i").head(1).item() == 1
    assert list(f.iter_rows(buffer_size=2)) == f.rows() and list(f.iter_rows(named=True)) == f.to_dicts()
    assert [column.name for column in f] == f.columns and f.get_column("q", default=None) is None
    assert f.to_dict(as_series=True)["i"].to_list() == [1, 2, 3] and f.rows_by_key("i", unique=True)[2] == (None, 1.5)
    assert f.head(-1).height == 2 and f.tail(-1)["i"].to_list() == [2, 3] and f.tail(0).is_empty()
    assert "Rows: 3" in f.glimpse(return_type="string") and f.estimated_size() > 0 and f.n_chunks() == 1


def test_frames_are_made_of_frames():
    f = frame()
    assert f.hstack([gf.Series("y", [7, 8, 9])]).columns == ["i", "s", "x", "y"]
    assert f.vstack(f).height == 6 and f.clone().extend(f).height == 6 and f.height == 3
    changed = f.clone().insert_column(0, gf.Series("n", [0, 0, 0])).replace_column(1, gf.Series("j", [9, 9, 9]))
    assert changed.columns == ["n", "j", "s", "x"] and changed.drop_in_place("s").to_list() == ["a", None, "c"]
    assert changed.columns == ["n", "j", "x"] and f.clear(2).rows() == [(None, None, None)] * 2
    turned = gf.DataFrame({"a": [1, 2], "b": [3, 4]}).transpose(include_header=True)
    assert turned.rows() == [("a", 1, 2), ("b", 3, 4)] and turned.columns == ["column", "column_0", "column_1"]
    parts = gf.DataFrame({"k": ["b", "a", "b"], "v": [1, 2, 3]}).partition_by("k", as_dict=True)
    assert [(key, part["v"].to_list()) for key, part in parts.items()] == [(("b",), [1, 3]), (("a",), [2])]
    assert f.equals(gf.DataFrame(DATA)) and not f.equals(f.head(2)) and not f.equals(f, null_equal=False)
    assert f.rechunk().equals(f) and f.to_struct("s").to_list()[0] == {"i": 1, "s": "a", "x": 0.5}


def test_samples_are_the_same_for_the_same_seed():
    rows = gf.DataFrame({"i": range(1000)})
    drawn = rows.sample(10, seed=7)["i"].to_list()
    assert drawn == rows.sample(10, seed=7)["i"].to_list() == sorted(set(drawn)) and drawn != rows.sample(10, seed=8)["i"].to_list()
    assert rows.sample(fraction=0.25).height == 250 and rows.sample(2000, with_replacement=True, seed=1).height == 2000
    assert sorted(rows.sample(10, seed=7, shuffle=True)["i"].to_list()) == drawn


def test_dummies_and_correlations_are_polars():
    data = {"a": ["x", "y", "x", None], "b": [2, 1, 2, 3]}
    ours, theirs = gf.DataFrame(data), pl.DataFrame(data)
    for arguments in [{}, {"columns": "a", "separator": ":"}, {"columns": "a", "drop_first": True}, {"drop_nulls": True}]:
        mine, yours = ours.to_dummies(**arguments), theirs.to_dummies(**arguments)
        assert mine.columns == yours.columns and mine.rows() == yours.rows()
    numbers = {"a": [1.0, 2.0, 4.0], "b": [3.0, 1.0, 0.5]}
    assert gf.DataFrame(numbers).corr().to_numpy() == pytest.approx(pl.DataFrame(numbers).corr().to_numpy())
    assert gf.DataFrame(data).is_duplicated().to_list() == pl.DataFrame(data).is_duplicated().to_list()


def test_a_series_computes_as_an_expression():
    s = gf.Series("a", [3, 1, None, 2])
    assert (s + 1).to_list() == [4, 2, None, 3] and (s > 1).to_list() == [True, False, None, True]
    assert (s * s).to_list() == [9, 1, None, 4] and (10 - s).to_list() == [7, 9, None, 8]
    assert s.sum() == 6 and s.max() == 3 and s.null_count() == 1 and s.n_unique() == 4
    assert s.is_null().to_list() == [False, False, True, False] and s.is_in([1, 2]).to_list()[1] is True
    assert s.fill_null(0).to_list() == [3, 1, 0, 2] and s.cum_sum().to_list()[-1] == 6
    assert s.name == "a" and s.alias("b").name == "b" and s.dtype == gf.Int64 and s.shape == (4,)
    assert s[1] == 1 and s[-1] == 2 and s[1:3].to_list() == [1, None] and s.head(2).to_list() == [3, 1] and s.tail(1).item() == 2
    assert s.filter([True, False, False, True]).to_list() == [3, 2] and s.gather([-1, 0]).to_list() == [2, 3]
    assert gf.Series("w", ["x", "y", "x"]).value_counts(sort=True).rows() == [("x", 2), ("y", 1)]
    assert list(s) == s.to_list() and 3 in s and s.to_frame().columns == ["a"] and np.asarray(gf.Series([1.5])).tolist() == [1.5]


def test_a_collected_frame_finds_the_columns_of_its_pivot():
    long = {"i": [1, 1, 2], "on": ["q", "p", "q"], "v": [10, 20, 30], "w": [1, 2, 3]}
    ours, theirs = gf.DataFrame(long), pl.DataFrame(long)
    for arguments in [
        {"index": "i", "values": "v", "aggregate_function": "sum"},
        {"index": "i", "values": ["v", "w"], "aggregate_function": "max", "sort_columns": True},
        {"index": "i", "aggregate_function": "first", "separator": ":"},
        {"index": "i", "values": "v", "aggregate_function": "len"},
    ]:
        mine, yours = ours.pivot("on", **arguments), theirs.pivot("on", **arguments)
        assert mine.columns == yours.columns and mine.rows() == yours.rows()
    with pytest.raises(E.PlanError, match="a lazy frame must be told its columns"):
        ours.lazy().pivot("on", index="i", values="v")
    with pytest.raises(E.PlanError, match="unknown aggregate `sums`"):
        ours.pivot("on", index="i", values="v", aggregate_function="sums")


def test_a_query_is_kept_shown_and_called_sorted(capsys):
    lazy = frame().lazy()
    assert lazy.cache().collect().rows() == frame().rows() and lazy.set_sorted("i").collect().height == 3
    lazy.show(1)
    assert "shape: (1, 3)" in capsys.readouterr().out
    with pytest.raises(E.PlanError, match="unknown column `j`"):
        lazy.set_sorted("j")


def test_groups_are_walked():
    groups = gf.DataFrame({"k": ["b", "a", "b"], "v": [1, 2, 3]}).group_by("k", maintain_order=True)
    assert [(key, rows["v"].to_list()) for key, rows in groups] == [(("b",), [1, 3]), (("a",), [2])]
    assert groups.map_groups(lambda rows: rows.head(1)).rows() == [("b", 1), ("a", 2)]


WRONG = {
    "other lengths": (lambda: gf.DataFrame({"a": [1, 2], "b": [1]}), E.ShapeError, "column `b` has 1 values"),
    "mixed values": (lambda: gf.DataFrame({"a": [1, "x"]}), E.DTypeError, "column `a`"),
    "a value that does not fit": (lambda: gf.DataFrame({"a": [300]}, schema={"a": gf.Int8}), E.DTypeError, "column `a`"),
    "other names": (lambda: gf.DataFrame({"a": [1]}, schema={"b": int}), E.PlanError, "the schema names b"),
    "no frame": (lambda: gf.DataFrame(3), E.DTypeError, "no frame can be made of a int"),
    "rows that differ": (lambda: gf.DataFrame([(1, 2), (3,)], orient="row"), E.ShapeError, "rows have 1 to 2 values"),
    "unknown type": (lambda: gf.DataFrame({"a": [1]}, schema={"a": "int63"}), E.DTypeError, "no type `int63`"),
    "unknown column": (lambda: frame()["j"], KeyError, "unknown column `j`"),
    "no such row": (lambda: frame().row(3), IndexError, "there is no row 3"),
    "several items": (lambda: frame().item(), E.ShapeError, "expected one row and one column, got 3 and 3"),
    "hstack of a name": (lambda: frame().hstack([gf.Series("i", [1, 2, 3])]), E.PlanError, "there is a column `i` already"),
    "hstack of another length": (lambda: frame().hstack([gf.Series("y", [1])]), E.ShapeError, "`y` has 1 values, the frame 3 rows"),
    "vstack of other columns": (lambda: frame().vstack(frame().drop("i")), E.PlanError, "the columns differ"),
    "a sample of more rows": (lambda: frame().sample(4), E.ShapeError, "4 rows of 3"),
    "assignment": (lambda: frame().__setitem__("i", 1), TypeError, "with_columns"),
    "no method of a namespace": (lambda: gf.Series("a", [1]).nothing, AttributeError, "nothing"),
}


@pytest.mark.parametrize("name", WRONG)
def test_bad_input_is_named(name):
    action, kind, message = WRONG[name]
    with pytest.raises(kind, match=message):
        action()


def test_a_frame_is_described():
    table = frame().describe(percentiles=None)
    assert table["statistic"].to_list() == ["count", "null_count", "mean", "std", "min", "max"]
    assert table["i"].to_list() == [3.0, 0.0, 2.0, 1.0, 1.0, 3.0] and table["s"].to_list() == ["2", "1", None, None, "a", "c"]


def test_what_does_not_fit_its_stated_type_or_name_is_refused():
    with pytest.raises(E.DTypeError, match="column `a`"):
        gf.DataFrame({"a": [1.5]}, schema={"a": gf.Int64})
    assert gf.DataFrame({"a": [1.0, None]}, schema={"a": gf.Int64})["a"].to_list() == [1, None]
    with pytest.raises(E.PlanError, match="two columns have the name `a`"):
        gf.DataFrame([gf.Series("a", [1]), gf.Series("a", [2])])


def test_lists_of_texts_go_to_pandas():
    words = gf.DataFrame({"a": ["x y", None]}).select(gf.col("a").str.split(" ")).to_pandas()["a"]
    assert [None if word is None else list(word) for word in words] == [["x", "y"], None]
    assert gf.from_polars(pl.DataFrame({"a": [["x"], None]})).to_pandas()["a"][0].tolist() == ["x"]


def test_spearmans_ranks_are_those_of_complete_pairs():
    data = {"k": [2, 2, 1, 0, 3, -2], "i": [1, None, 3, -7, 5, 3]}
    ours = gf.DataFrame(data).select(gf.corr("k", "i", method="spearman"))["k"][0]
    assert ours == pytest.approx(pl.DataFrame(data).select(pl.corr("k", "i", method="spearman")).item())


def test_single_rows_and_values_are_found_in_frames_of_many_batches():
    batches = [pa.record_batch({"x": [i], "s": [str(i)]}) for i in range(300)]
    frame = gf.from_arrow(pa.Table.from_batches([batches[0].slice(0, 0), *batches]))
    assert frame.n_chunks() > 100
    for i in (0, 1, 150, 299, -1, -300):
        at = i % 300
        assert frame.row(i) == (at, str(at)) and frame.row(i, named=True) == {"x": at, "s": str(at)}
        assert frame.item(i, "s") == str(at) and frame["x"][i] == at and frame[i].rows() == [(at, str(at))]
    assert frame[298:].rows() == [(298, "298"), (299, "299")] and frame[5:5].shape == (0, 2) and frame["s"][298:].to_list() == ["298", "299"]
    assert frame["x"].slice(-2).to_list() == [298, 299] and frame["x"].slice(400).to_list() == []
    for wrong in (300, -301):
        with pytest.raises(IndexError):
            frame.row(wrong)


def test_one_list_of_a_series_is_looked_in_for_all_values():
    values = gf.Series("a", [1, 2, None])
    assert values.is_in(gf.Series("b", [[1, 3]])).to_list() == [True, False, None]
    assert gf.Series("a", ["x", "y"]).is_in(gf.Series("b", [["x"]])).to_list() == [True, False]
    assert values.is_in(gf.Series("b", [[1], [3], [4]])).to_list() == [True, False, None]


def test_errors_of_a_series_of_another_length_name_the_method():
    with pytest.raises(gf.errors.ShapeError, match="str.contains: the Series `a` has 3 and `b` has 2 values"):
        gf.Series("a", ["x", "y", "z"]).str.contains(gf.Series("b", ["x", "q"]))
