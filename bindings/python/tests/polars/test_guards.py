"""What an earlier filter drops does not fail in a later one, whatever is pushed below whatever."""

import polars as pl
import pytest
from same import check

TEXTS = pl.DataFrame({"id": [1, 2, 3, 4, 5], "s": ["1", "x", "2", None, "0"], "y": [0, 2, 5, None, 3]})

PIPELINES = {
    "a cast of what can be cast": lambda f, x: (
        f.filter(x.col("s").is_in(["1", "2", "0"])).with_columns(v=x.col("s").cast(x.Int64)).filter(x.col("v") > 0)
    ),
    "two filters": lambda f, x: f.filter(x.col("s") != "x").filter(x.col("s").cast(x.Int64) > 0),
    "one filter": lambda f, x: f.filter((x.col("s") != "x") & (x.col("s").cast(x.Int64) > 0)),
    "the guard last": lambda f, x: f.filter((x.col("s").cast(x.Int64, strict=False) > 0) & (x.col("s") != "x")),
    "a division": lambda f, x: f.filter(x.col("y") != 0).filter(10 // x.col("y") > 3),
    "a table of values": lambda f, x: (
        f.filter(x.col("s").is_in(["1", "2"])).with_columns(v=x.col("s").replace_strict({"1": 10, "2": 20})).filter(x.col("v") > 10)
    ),
    "above a join": lambda f, x: (
        f.filter(x.col("s") != "x")
        .with_columns(v=x.col("s").cast(x.Int64))
        .join(f.select("id"), on="id")
        .filter(x.col("v") > 0)
        .sort("id")
    ),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_a_guard_holds_as_in_polars(name):
    check(PIPELINES[name], TEXTS)
