"""search_sorted beside nulls, and nearly counted values: each case is asked of Polars too."""

import datetime as dt

import polars as pl
import pytest
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


def test_nearly_counted_in_groups():
    frame = pl.DataFrame({"g": [1, 1, 2, 2], "x": [None, 1, None, None], "y": ["a", None, "b", "b"]})
    check(lambda f, x: f.group_by("g").agg(x.col("x", "y").approx_n_unique()), frame, sort=True)
