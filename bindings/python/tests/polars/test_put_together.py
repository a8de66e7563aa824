"""Lists and arrays of what was a list of lists, or nothing but nulls; and numbers of values that mean nothing."""

import gradframe as gf
import polars as pl
import pytest
from same import check

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
