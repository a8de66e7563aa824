"""What arithmetic makes of infinities is the one NaN that is above all numbers, in windows and in aggregates too: each case is asked of
Polars."""

import polars as pl
import pytest
from same import check

INF = float("inf")

FRAME = pl.DataFrame(
    {
        "g": [1, 1, 1, 2, 2, 3],
        "i": [0, 1, 2, 3, 4, 5],
        "x": [INF, 1.0, -INF, 3.0, None, -2.0],
        "n": [INF, 1.0, -INF, 3.0, 9.0, -2.0],
        "l": [[INF, -INF], [1.0], [], None, [2.0, 3.0], [-INF]],
    },
    schema_overrides={"n": pl.Float32},
)

#: What makes a NaN of infinities, one value a row.
WINDOWS = {
    **{f"{name} over": lambda x, name=name: getattr(x.col("x"), name)().over("g") for name in ("sum", "mean", "std", "var", "median", "product", "cum_sum")},
    **{name: lambda x, name=name: getattr(x.col("x"), name)() for name in ("cum_sum", "diff")},
    "sum of all": lambda x: x.col("x").sum(), "narrow sum": lambda x: x.col("n").sum().over("g"), "narrow mean": lambda x: x.col("n").mean().over("g"),
    "sum in order": lambda x: x.col("x").cum_sum().over("g", order_by="i"), "covariance": lambda x: x.cov("x", "i").over("g"),
    "rolling sum": lambda x: x.col("x").fill_null(0).rolling_sum(3, min_samples=1), "rolling mean": lambda x: x.col("x").fill_null(0).rolling_mean(3, min_samples=1),
    "items": lambda x: x.col("l").list.sum(), "mean of items": lambda x: x.col("l").list.mean(),
}

AGGREGATES = {name: lambda x, name=name: getattr(x.col("x"), name)() for name in ("sum", "mean", "std", "var", "median")} | {
    "narrow sum": lambda x: x.col("n").sum(), "covariance": lambda x: x.cov("x", "i"), "quantile": lambda x: x.col("x").quantile(0.5, "linear"),
}

#: Who reads it.
READERS = {
    "largest": lambda f, x: f.select(x.col("q").nan_max(), s=x.col("q").nan_min()), "after": lambda f, x: f.select("i", a=x.col("q") > 5, b=x.col("q") == float("nan"), c=x.col("q") <= 1),
    "kept": lambda f, x: f.filter(x.col("q") > 5).select("i"), "sorted": lambda f, x: f.sort("q", "i", nulls_last=True).select("i"),
    "ranked": lambda f, x: f.select("i", r=x.col("q").rank("min")), "grouped": lambda f, x: f.group_by("q").agg(x.len()).sort("q"),
    "different": lambda f, x: f.select(n=x.col("q").n_unique()), "joined": lambda f, x: f.join(f, on="q").select("i", "i_right").sort("i", "i_right"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", WINDOWS)
def test_a_window_s_nan_is_the_largest(name, reader):
    check(lambda f, x: READERS[reader](f.with_columns(q=WINDOWS[name](x)).select("q", "i"), x), FRAME)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", AGGREGATES)
def test_an_aggregate_s_nan_is_the_largest(name, reader):
    check(lambda f, x: READERS[reader](f.group_by("g", maintain_order=True).agg(q=AGGREGATES[name](x)).select("q", i="g"), x), FRAME)
