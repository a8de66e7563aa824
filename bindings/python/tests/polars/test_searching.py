"""search_sorted beside nulls, and nearly counted values: each case is asked of Polars too."""

import datetime as dt

import polars as pl
import pytest

import gradframe as gf

from same import check

SORTED = {
    "nulls first": ([None, 1, 2, 2, 3], False),
    "nulls last": ([1, 2, 2, 3, None, None], False),
    "no nulls": ([1, 2, 2, 3], False),
    "down": ([3, 2, 2, 1], True),
    "down, nulls first": ([None, 3, 2, 1], True),
    "down, nulls last": ([3, 2, 1, None], True),
    "only nulls": ([None, None], False),
    "nothing": ([], False),
}


@pytest.mark.parametrize("side", ["any", "left", "right"])
@pytest.mark.parametrize("element", [0, 1, 3, 9, None])
@pytest.mark.parametrize("name", SORTED)
def test_a_place_is_found_beside_nulls(name, element, side):
    if side == "any" and element in (None, 2):
        return
    values, descending = SORTED[name]
    frame = pl.DataFrame({"x": values}, schema={"x": pl.Int64})
    check(lambda f, x: f.select(q=x.col("x").search_sorted(x.lit(element, dtype=x.Int64), side, descending=descending)), frame)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("name", [name for name in SORTED if name != "nothing"])
def test_each_value_of_a_column_is_looked_for(name, side):
    values, descending = SORTED[name]
    found = [9, 2, None, 0, 3, 1][: len(values)]
    frame = pl.DataFrame({"x": values, "v": found}, schema={"x": pl.Int64, "v": pl.Int32})
    check(lambda f, x: f.select(q=x.col("x").search_sorted(x.col("v"), side, descending=descending)), frame)


def test_each_value_is_looked_for_within_groups_and_among_floats():
    frame = pl.DataFrame({"k": ["a", "a", "b", "b"], "x": [1.0, 3.0, -1.0, float("nan")], "v": [2.0, float("nan"), -0.5, 1e300]})
    check(lambda f, x: f.group_by("k").agg(q=x.col("x").search_sorted(x.col("v"))), frame, sort=True)
    check(lambda f, x: f.with_columns(q=x.col("x").search_sorted(x.col("v"), "right").over("k")), frame)


@pytest.mark.parametrize("values", [[1, 3, 5, 7], [], [2], [None, 2]])
@pytest.mark.parametrize("found", [[4, 0], [9, 1, 2, 3, 4, 5], [3]])
def test_a_series_is_looked_for_in_a_series_of_another_length(values, found):
    ours, theirs = gf.Series("s", values, dtype=gf.Int64), pl.Series("s", values, dtype=pl.Int64)
    for side in ("left", "right"):
        got, expected = ours.search_sorted(gf.Series("v", found), side), theirs.search_sorted(pl.Series("v", found), side)
        assert isinstance(got, gf.Series)
        assert got.to_list() == expected.to_list()


def test_enums_are_looked_for_by_their_categories():
    kind = pl.Enum(["z", "m", "a"])
    frame = pl.DataFrame({"e": ["z", "m", "a"], "v": ["a", "z", "m"]}, schema={"e": kind, "v": kind})
    check(lambda f, x: f.select(q=x.col("e").search_sorted(x.col("v"))), frame)


@pytest.mark.parametrize("other", ["s", "n", "l"])
def test_what_cannot_be_compared_is_not_looked_for(other):
    frame = gf.from_dict({"i": [9, 10], "s": ["9", "10"], "l": [[1], [2]], "n": [dt.datetime(2024, 1, 1)] * 2}).lazy()
    with pytest.raises(gf.errors.DTypeError, match=f"`i` is Int64 and `{other}` is"):
        frame.select(gf.col("i").search_sorted(gf.col(other)))


VALUES = {
    "numbers": [1, 2, 2, None],
    "nulls": [None, None],
    "floats": [1.0, float("nan"), None, -0.0, 0.0],
    "texts": ["a", None, "a", ""],
    "flags": [True, False, None],
    "dates": [dt.date(2024, 1, 1), None],
    "lists": [[1], [1], None, []],
    "nothing": [],
}


@pytest.mark.parametrize("name", VALUES)
def test_null_is_a_value_that_is_counted(name):
    frame = pl.DataFrame({"x": VALUES[name]}, strict=False)
    check(lambda f, x: f.select(q=x.col("x").n_unique()), frame)
    if name not in ("lists", "nothing"):
        check(lambda f, x: f.select(q=x.col("x").approx_n_unique()), frame)


def test_nearly_counted_is_a_count_like_others():
    frame = gf.LazyFrame({"x": [1, 2], "f": [1.5, 2.5]})
    assert frame.select(gf.col("x", "f").approx_n_unique()).collect_schema().dtypes() == [gf.Int64, gf.Int64]


def test_nearly_counted_in_groups():
    frame = pl.DataFrame({"g": [1, 1, 2, 2], "x": [None, 1, None, None], "y": ["a", None, "b", "b"]})
    check(lambda f, x: f.group_by("g").agg(x.col("x", "y").approx_n_unique()), frame, sort=True)


@pytest.mark.parametrize("values", [[1, 2, None], [], [5]])
@pytest.mark.parametrize("others", [[3, 1], [2, None, 7, 1], [5], []])
@pytest.mark.parametrize("nulls_equal", [False, True])
def test_a_series_is_asked_whether_its_values_are_among_those_of_another_length(values, others, nulls_equal):
    ours, theirs = ((library.Series("a", values, dtype=library.Int64), library.Series("b", others, dtype=library.Int64)) for library in (gf, pl))
    assert ours[0].is_in(ours[1], nulls_equal=nulls_equal).to_list() == theirs[0].is_in(theirs[1], nulls_equal=nulls_equal).to_list()


def test_series_of_one_value_go_with_any_and_of_other_lengths_with_none():
    one, three = gf.Series("a", [1]), gf.Series("b", [1, 2, 3])
    assert (one + three).to_list() == (three + one).to_list() == [2, 3, 4]
    assert (one + gf.Series("b", [], dtype=gf.Int64)).to_list() == []
    for asked in (lambda: three + gf.Series("a", [1, 2]), lambda: three == gf.Series("a", [1, 2]), lambda: three.dot(gf.Series("a", [1, 2]))):
        with pytest.raises(gf.errors.ShapeError, match="`b` has 3 and `a` has 2 values"):
            asked()


def test_series_say_what_is_replaced_by_what():
    for library in (gf, pl):
        old, new = library.Series([1, 2, 3]), library.Series([9, 8, 7])
        assert library.Series([3, 1, 1]).replace(old, new).to_list() == [7, 9, 9]
        assert library.Series([3, 1, 1]).replace_strict(old, new).to_list() == [7, 9, 9]
