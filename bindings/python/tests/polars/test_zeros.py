"""-0.0 is 0.0 wherever values are told apart: each case is asked of Polars too."""

import polars as pl
import pytest
from same import check

FRAMES = {
    "among others": pl.DataFrame({"x": [0.0, -0.0, 1.0, None, -0.0, -1.0, float("nan")], "n": [3, 2, 1, 5, 4, 6, 0]}),
    "alone": pl.DataFrame({"x": [-0.0, 0.0], "n": [1, 2]}),
    "narrow": pl.DataFrame({"x": [0.0, -0.0, 1.5, -0.0], "n": [4, 3, 2, 1]}, schema_overrides={"x": pl.Float32}),
    "NaNs with a sign": pl.DataFrame({"x": [-float("nan"), 1.0, float("nan"), None, -float("nan"), 0.0], "n": [3, 2, 1, 5, 4, 6]}),
    "none": pl.DataFrame({"x": [], "n": []}, schema={"x": pl.Float64, "n": pl.Int64}),
}

CASES = {
    **{f"rank, {method}": lambda f, x, m=method: f.select(x.col("x").rank(m)) for method in ("average", "min", "max", "dense", "ordinal")},
    "rank, descending": lambda f, x: f.select(x.col("x").rank("dense", descending=True)),
    **{
        name: lambda f, x, name=name: f.select(getattr(x.col("x"), name)().alias("q"))
        for name in (
            "n_unique", "approx_n_unique", "is_unique", "is_duplicated", "is_first_distinct", "is_last_distinct", "arg_unique", "rle_id",
            "arg_sort",
        )
    },
    "rle": lambda f, x: f.select(x.col("x").rle().struct.field("len").cast(x.Int64)),
    "mode": lambda f, x: f.select(x.col("x").mode().sort().len()),
    "unique": lambda f, x: f.select(x.col("x").unique(maintain_order=True)),
    "unique counts": lambda f, x: f.select(x.col("x").unique_counts().cast(x.Int64)),
    "value counts": lambda f, x: f.select(x.col("x").value_counts().struct.field("count").sort().cast(x.Int64)),
    "equal to NaN": lambda f, x: f.select(p=x.col("x") == float("nan"), q=x.col("x") > 1.0),
    "joined": lambda f, x: f.join(f, on="x").select("n", "n_right").sort("n", "n_right"),
    "groups": lambda f, x: f.group_by("x").agg(x.col("n").sum()).sort("x"),
    "over": lambda f, x: f.select("n", q=x.col("n").sum().over("x")),
    "over, ordered": lambda f, x: f.select("n", q=x.col("n").cum_sum().over("x", order_by="n")),
    "over, ordered by it": lambda f, x: f.select("n", q=x.col("n").shift().over(x.lit(1), order_by="x")),
    "is_in": lambda f, x: f.select(x.col("x").is_in([0.0])),
    "is_in a column": lambda f, x: f.select(x.col("x").is_in((x.col("x") * -1).implode())),
    "hash": lambda f, x: f.select(x.col("x").hash().n_unique().alias("q")),
    "unique rows": lambda f, x: f.unique("x", keep="first", maintain_order=True),
    "last of equal rows": lambda f, x: f.unique("x", keep="last", maintain_order=True),
    "none of equal rows": lambda f, x: f.unique("x", keep="none", maintain_order=True),
    "sorted by two": lambda f, x: f.sort("x", "n"),
    "sorted by two, down": lambda f, x: f.sort("x", "n", descending=[True, False]),
    "sorted, stable": lambda f, x: f.sort("x", maintain_order=True),
    "sort_by": lambda f, x: f.select(x.col("n").sort_by("x")),
    "groups": lambda f, x: f.group_by("x", maintain_order=True).agg(x.len(), x.col("n").sum().alias("s")),
    "windows in groups": lambda f, x: f.group_by("x", maintain_order=True).agg(x.col("n").rle_id(), d=x.col("n").diff(), s=x.col("n").cum_sum(), m=x.col("n").shift()),
    "structs": lambda f, x: f.select(x.struct("x").n_unique().alias("q")),
    "structs, rows": lambda f, x: f.select(x.struct("x").is_first_distinct().alias("q")),
    "min_by": lambda f, x: f.select(x.col("n").min_by("x").alias("q")),
}


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("name", CASES)
def test_zeros_are_equal(name, frame):
    check(CASES[name], FRAMES[frame])
