"""SQL over a frame, and Python functions over it: each case is written once and run by both libraries."""

import polars as pl
import pytest
from same import assert_same

import gradframe as gf

TRIPS = {"region": ["EU", "US", "EU", None, "US"], "fare": [12.0, 40.0, 18.0, 7.5, None], "riders": [1, 2, 3, 4, 5]}

CASES = {
    "sql": lambda f, x: f.sql("SELECT region, riders * 2 AS twice FROM self WHERE riders > 2 ORDER BY riders"),
    "sql with a name": lambda f, x: f.sql("SELECT riders FROM t WHERE fare > 10 ORDER BY riders", table_name="t"),
    "a function over batches": lambda f, x: f.map_batches(lambda d: d.with_columns(riders=x.col("riders") + 1)),
    "a function over a column": lambda f, x: f.select(
        x.col("riders").map_batches(lambda s: s.to_numpy() * 2, return_dtype=x.Int64, is_elementwise=True)
    ),
    "a function over all values": lambda f, x: f.with_columns(
        x.col("riders").map_batches(lambda s: s.to_numpy() - s.to_numpy().sum(), return_dtype=x.Int64).alias("less")
    ),
    "a function over each value": lambda f, x: f.select(x.col("fare").map_elements(lambda v: v + 1, return_dtype=x.Float64)),
    "a function over nulls too": lambda f, x: f.select(
        x.col("region").map_elements(lambda v: v or "?", return_dtype=x.String, skip_nulls=False)
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_same_answer_as_polars(name):
    case = CASES[name]
    assert_same(case(gf.DataFrame(TRIPS).lazy(), gf).collect(), case(pl.DataFrame(TRIPS).lazy(), pl).collect())


def test_a_function_over_a_column_keeps_its_exception_and_its_length():
    frame = gf.DataFrame(TRIPS)
    with pytest.raises(gf.errors.ExecutionError, match="ZeroDivisionError") as caught:
        frame.select(gf.col("riders").map_elements(lambda v: v / 0))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    with pytest.raises(gf.errors.ShapeError, match="gave 1 values for 5"):
        frame.select(gf.col("riders").map_batches(lambda s: [1]))
    with pytest.raises(gf.errors.DTypeError, match="gave values of type .*, expected Int64"):
        frame.select(gf.col("riders").map_elements(str))
