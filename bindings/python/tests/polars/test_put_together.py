"""Lists and arrays of what was a list of lists, or nothing but nulls; and numbers of values that mean nothing."""

import gradframe as gf
import polars as pl
import pytest
from same import assert_same, check

ARRAYS = pl.DataFrame(
    {"a": [[1, 2], None], "f": [[0.5, 4.0], [1.0, 1.0]], "w": [[1, 2, 3], [1, 1, 1]], "la": [[[1, 2]], None], "n": [1, -2]},
    schema={"a": pl.Array(pl.Int64, 2), "f": pl.Array(pl.Float64, 2), "w": pl.Array(pl.Int64, 3), "la": pl.List(pl.Array(pl.Int64, 2)), "n": pl.Int64},
)

FRAME = pl.DataFrame({"l": [[[1]], [[2], [3]], None], "nul": [None, None, None], "n": [1, 2, 3], "s": [{"a": [1]}, {"a": [2]}, {"a": None}]})

CASES = {
    "lists of lists": lambda f, x: f.select(x.concat_list("l", "l")),
    "structs of lists": lambda f, x: f.select(x.concat_list("s", "s")),
    "nulls": lambda f, x: f.select(x.concat_arr("nul", "nul").arr.to_list().list.eval(x.element().is_null())),
    "all that there are": lambda f, x: f.select(x.col("n").sample(n=3, seed=1).sort()),
    "never repeated": lambda f, x: f.select(x.col("n").repeat_by(0).list.len().cast(x.Int64)),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_put_together(name):
    check(CASES[name], FRAME)


def test_numbers_that_mean_nothing_are_refused():
    frame = gf.DataFrame({"n": [1, 2, 3]}).lazy()
    with pytest.raises(gf.errors.ShapeError, match="more values are wanted"):
        frame.select(gf.col("n").sample(n=100)).collect()
    with pytest.raises(gf.errors.PlanError, match="`by` is -1"):
        frame.select(gf.col("n").repeat_by(-1))
    frame = gf.DataFrame({"n": [1, 2], "k": [2, -1]}).lazy()
    with pytest.raises(gf.errors.ExecutionError, match="repeat_by: `k` has a negative number"):
        frame.select(gf.col("n").repeat_by("k")).collect()


def test_arrays_put_together_are_items_of_lists():
    check(lambda f, x: f.select(a=x.concat_list("a", "a"), b=x.concat_list("a", "la"), c=x.concat_list("a"), d=x.concat_list("a", "f")), ARRAYS)
    for other in ("w", "n"):
        with pytest.raises(gf.errors.DTypeError, match="expected types that go together"):
            gf.from_polars(ARRAYS).lazy().select(gf.concat_list("a", other))


def test_values_are_repeated_as_often_as_a_column_says():
    check(lambda f, x: f.select(x.col("n").repeat_by("k")), pl.DataFrame({"n": [1, 2, 3], "k": [2, None, 0]}))


HIDDEN = pl.DataFrame({"a": [1, 2], "b": [3, 4], "__row": [5, 6], "__right_row": [7, 8], "__there": [9, 9], "b__new": [1, 1], "__place": [2, 3], "__first": [4, 5], "__row_key": [0, 0]})


def test_columns_that_have_the_names_of_hidden_ones_are_nobodys_else():
    check(lambda f, x: x.concat([f, f.select(c="a")], how="horizontal"), HIDDEN)
    check(lambda f, x: x.concat([f.select("a"), f.drop("a")], how="horizontal"), HIDDEN)
    for how in ("left", "inner", "full"):
        check(lambda f, x, how=how: f.update(f.select("a", b=x.col("b") * 2, __there=x.col("a")), on="a", how=how), HIDDEN, sort=True)
        check(lambda f, x, how=how: f.update(f.select(b=x.col("b") * 2), how=how), HIDDEN)
    check(lambda f, x: f.group_by("a").head(1), HIDDEN, sort=True)
    check(lambda f, x: f.group_by("a").tail(1), HIDDEN, sort=True)
    shuffled = gf.from_polars(HIDDEN).sample(fraction=1.0, shuffle=True, seed=1)
    assert shuffled.columns == HIDDEN.columns and shuffled.height == 2


ONE_BELOW_THE_OTHER = {
    "nothing but nulls below": ({"a": [1], "b": ["x"]}, {"a": [None], "b": ["y"]}, "vertical"),
    "nothing but nulls above": ({"a": [None], "b": ["x"]}, {"a": [1.5], "b": [None]}, "vertical_relaxed"),
    "nulls alone": ({"a": [None]}, {"a": [None]}, "vertical"),
    "nulls by name": ({"a": [1], "b": ["x"]}, {"b": [None], "c": [2]}, "diagonal"),
    "structs of other fields": ({"s": [{"a": 1}]}, {"s": [{"a": 1.5, "b": "x"}, None]}, "vertical_relaxed"),
    "structs within structs": ({"s": [{"t": {"a": 1}}]}, {"s": [{"t": {"b": 2}}]}, "diagonal_relaxed"),
}


@pytest.mark.parametrize("name", ONE_BELOW_THE_OTHER)
def test_frames_one_below_the_other(name):
    above, below, how = ONE_BELOW_THE_OTHER[name]
    assert_same(gf.concat([gf.DataFrame(above), gf.DataFrame(below)], how=how), pl.concat([pl.DataFrame(above), pl.DataFrame(below)], how=how))
