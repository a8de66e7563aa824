"""What collected frames do as wholes, each asked of Polars too: operators, slices, rows, columns."""

import operator

import pandas as pd
import polars as pl
import pytest
from same import assert_same

import gradframe as gf

ROWS = {"x": [4, 3, 1], "y": [10, 20, None]}

OPERATORS = {
    "equal": lambda f, x: f == f,
    "not equal": lambda f, x: f != f.with_columns(x.col("x") + 1),
    "equal to a value": lambda f, x: f == 3,
    "greater": lambda f, x: f > 3,
    "at most": lambda f, x: f <= f,
    "plus": lambda f, x: f + 1,
    "value plus": lambda f, x: 1 + f,
    "minus a frame": lambda f, x: f - f,
    "times": lambda f, x: f * 2,
    "times a frame": lambda f, x: f * f,
    "over": lambda f, x: f / 2,
    "floor": lambda f, x: f // 2,
    "rest": lambda f, x: f % 3,
    "plus a series": lambda f, x: f + f["x"],
    "shorter": lambda f, x: f + f.head(1),
    "names of another": lambda f, x: f + f.rename({"x": "z"}),
    "texts": lambda f, x: f.select(a=x.lit("p").repeat_by(1).list.join("")) + "q",
}

WHOLE = {
    "n_unique": lambda f, x: x.DataFrame({"n": [f.n_unique(), f.n_unique("x"), x.concat([f, f]).n_unique(), f.n_unique(["x", "y"])]}),
    "slices": lambda f, x: x.concat(list(f.iter_slices(2))),
    "slice": lambda f, x: list(f.iter_slices(2))[1],
    "gather": lambda f, x: f.gather([2, 0]),
    "product": lambda f, x: f.product(),
    "sums": lambda f, x: f.sum_horizontal().to_frame("q"),
    "means": lambda f, x: f.mean_horizontal().to_frame("q"),
    "least": lambda f, x: f.min_horizontal().to_frame("q"),
    "greatest": lambda f, x: f.max_horizontal().to_frame("q"),
    "fold": lambda f, x: f.fold(lambda a, b: a + b).to_frame("q"),
    "map_columns": lambda f, x: f.map_columns(["x"], lambda s: s * 2),
    "map_rows": lambda f, x: f.map_rows(lambda row: (row[0], row[0] * 2)),
    "map_rows of values": lambda f, x: f.map_rows(lambda row: row[0] * 2),
    "sorted": lambda f, x: x.DataFrame({"q": [f.is_sorted("x"), f.is_sorted("x", descending=True), f.is_sorted("x", "y"), f.sort("x", "y").is_sorted("x", "y")]}),
    "zip_with": lambda f, x: f["x"].zip_with(x.Series([True, False, True]), f["y"]).to_frame("q"),
    "set": lambda f, x: f["x"].set(f["x"] > 3, 0).to_frame("q"),
    "scatter": lambda f, x: x.Series("q", [1, 2, 3]).scatter([0, 2], [7, 8]).to_frame(),
    "new_from_index": lambda f, x: f["x"].new_from_index(1, 3).to_frame("q"),
    "dummies": lambda f, x: f["x"].to_dummies().select("x_1", "x_3", "x_4"),
    "histogram": lambda f, x: f["x"].hist(bin_count=2, include_category=False),
    "histogram, counts": lambda f, x: f["x"].hist([1, 3, 4], include_category=False, include_breakpoint=False).rename(lambda name: "q"),
    "glimpse": lambda f, x: f.glimpse(return_type="frame").select("column"),
    "rows that are there again": lambda f, x: x.concat([f, f.head(1)]).is_duplicated().to_frame(),
    "rows that are there once": lambda f, x: x.concat([f, f.tail(1)]).is_unique().to_frame(),
    "NaN rows": lambda f, x: x.DataFrame({"a": [float("nan"), 1.0, float("nan")], "b": ["p", "q", "p"]}).is_duplicated().to_frame("q"),
    "no rows": lambda f, x: f.clear().is_unique().to_frame("q"),
    "parts": lambda f, x: x.concat([part.with_columns(n=part.height) for part in x.concat([f, f]).partition_by("y", maintain_order=True)]),
    "parts by two": lambda f, x: x.concat([f, f]).partition_by("x", "y", maintain_order=True)[2],
    "turned, of several types": lambda f, x: f.with_columns(f=f["x"] / 2, s=x.lit("p"), b=x.lit(True)).transpose(include_header=True),
    "clear": lambda f, x: f["x"].clear(2).to_frame("q"),
    "extend": lambda f, x: x.Series("q", [1]).extend(x.Series([2])).to_frame(),
    "append": lambda f, x: x.Series("q", [1]).append(x.Series([2, 3])).to_frame(),
    "one column below the other": lambda f, x: x.concat([f["x"], f["y"]]).to_frame("q"),
    **{
        f"concat, {how}": lambda f, x, how=how: x.concat([f, x.DataFrame({"x": [1, 4, 9], "z": ["p", "q", "r"]})], how=how)
        for how in ("align", "align_full", "align_inner", "align_left", "align_right")
    },
    **{
        f"concat of null keys, {how}": lambda f, x, how=how: x.concat([x.DataFrame({"k": [1, None, 2], "a": [1, 2, 5]}), x.DataFrame({"k": [1, None, 3], "b": [3, 4, 6]})], how=how)
        for how in ("align", "align_full", "align_inner", "align_left", "align_right")
    },
    "from_pandas": lambda f, x: x.from_pandas(pd.DataFrame({"a": [1, 2]}, index=pd.Index(["p", "q"], name="k")), include_index=True),
    "from_pandas, rows counted": lambda f, x: x.from_pandas(pd.DataFrame({"a": [1, 2]}), include_index=True),
    "from_pandas, several": lambda f, x: x.from_pandas(pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_tuples([(1, "p"), (2, "q")], names=["m", "n"])), include_index=True),
    "from_pandas, NaN": lambda f, x: x.from_pandas(pd.DataFrame({"a": [1.5, float("nan")]}), nan_to_null=False),
    "from_pandas, a series": lambda f, x: x.from_pandas(pd.Series([1, 2], name="q")).to_frame(),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_go_column_by_column(name):
    assert_same(OPERATORS[name](gf.DataFrame(ROWS), gf), OPERATORS[name](pl.DataFrame(ROWS), pl))


@pytest.mark.parametrize("name", WHOLE)
def test_whole_frames(name):
    assert_same(WHOLE[name](gf.DataFrame(ROWS), gf), WHOLE[name](pl.DataFrame(ROWS), pl))


def test_what_does_not_go_together_says_why():
    frame = gf.DataFrame(ROWS)
    with pytest.raises(gf.errors.ShapeError, match=r"comparison: the frames have the shapes \(3, 2\) and \(1, 2\)"):
        frame == frame.head(1)
    with pytest.raises(gf.errors.PlanError, match=r"comparison: the frames have different columns"):
        frame == frame.rename({"x": "z"})
    with pytest.raises(TypeError, match="comparison: a LazyFrame has no rows yet"):
        operator.eq(frame.lazy(), frame.lazy())
    with pytest.raises(gf.errors.PlanError, match="from_pandas: the index and a column are both called `a`"):
        gf.from_pandas(pd.DataFrame({"a": [1]}, index=pd.Index([5], name="a")), include_index=True)
    with pytest.raises(gf.errors.PlanError, match="concat: how='horizontal' is for frames"):
        gf.concat([frame["x"], frame["y"]], how="horizontal")


def test_equal_rows_have_equal_hashes():
    hashes = gf.concat([gf.DataFrame(ROWS), gf.DataFrame(ROWS)]).hash_rows().to_list()
    assert hashes[:3] == hashes[3:] and len(set(hashes)) == 3
