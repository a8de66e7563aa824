"""Windows over rows as they come: each is asked of Polars too, of rows in batches of one, three and all, and of more rows than memory holds."""

import functools
import subprocess
import sys

import polars as pl
import pyarrow as pa
import pytest
from same import assert_same

import gradframe as gf

ROWS = 200


def table():
    each = [(i * 7919) % 997 for i in range(ROWS)]
    return pa.table({
        "k": pa.array([None if h % 11 == 0 else h % 7 for h in each], pa.int64()),
        "f": pa.array([None if h % 13 == 0 else (-0.0 if h % 3 == 0 else float(h % 3)) for h in each], pa.float64()),
        "s": pa.array([None if h % 5 == 0 else f"t{h % 9}" for h in each], pa.large_string()),
        "x": pa.array([None if h % 6 == 0 else (float("nan") if h % 17 == 0 else (h % 101) / 8) for h in each], pa.float64()),
        "n": pa.array([None if h % 4 == 0 else h - 400 for h in each], pa.int64()),
        "u": pa.array([h % 200 for h in each], pa.uint8()),
    })


EXPRESSIONS = {
    "shift": lambda x: x.col("s").shift(2), "shift back": lambda x: x.col("n").shift(-3), "shift far": lambda x: x.col("x").shift(1000),
    "shift fill": lambda x: x.col("n").shift(1, fill_value=7), "diff": lambda x: x.col("n").diff(), "diff of unsigned": lambda x: x.col("u").diff(2),
    "shift over": lambda x: x.col("s").shift(1).over("k"), "diff over": lambda x: x.col("n").diff().over("s"),
    "cum_sum": lambda x: x.col("n").cum_sum(), "cum_sum over": lambda x: x.col("n").cum_sum().over("k"), "cum_sum of floats": lambda x: x.col("n").cast(x.Float64).cum_sum().over("f"),
    "cum_sum reverse": lambda x: x.col("n").cum_sum(reverse=True).over("k"), "cum_min": lambda x: x.col("x").cum_min(), "cum_max over": lambda x: x.col("x").cum_max().over("s"),
    "cum_max of windows": lambda x: x.col("x").shift(1).cum_max().cum_min(reverse=True), "cum_min of windows over": lambda x: x.col("n").cum_sum().cum_min().over("k"),
    "cum_max of texts": lambda x: x.col("s").shift(1).cum_max(), "deep": lambda x: functools.reduce(lambda e, _: e.sum().cum_max(), range(9), x.col("x").fill_nan(1.0)),
    "cum_sum of windows": lambda x: x.col("n").shift(1).cum_sum().cum_sum(reverse=True).over("k"), "cum_sum of a filter": lambda x: x.col("n").filter(x.col("n") > 3).cum_sum().cum_sum().sum(),
    "deep sums": lambda x: functools.reduce(lambda e, _: e.cum_sum(), range(10), x.col("n") * 0), "deep sums of one": lambda x: functools.reduce(lambda e, _: e.sum().cum_sum(), range(4), x.col("n")),
    "cum_count": lambda x: x.col("x").cum_count().over("k"), "cum_prod": lambda x: (x.col("u") % 2 + 1).cum_prod().over("s", "k"),
    "sum over": lambda x: x.col("n").sum().over("k"), "mean over two": lambda x: x.col("n").mean().over("k", "s"), "over floats": lambda x: x.col("n").max().over("f"),
    "min of texts": lambda x: x.col("s").min().over("k"), "median over": lambda x: x.col("n").median().over("s"), "n_unique over": lambda x: x.col("s").n_unique().over("k"),
    "first over": lambda x: x.col("s").first().over("k"), "len over": lambda x: x.len().over("s"), "beside rows": lambda x: x.col("n") - x.col("n").max(),
    **{f"rank {m}": lambda x, m=m: x.col("n").rank(m) for m in ["average", "min", "max", "dense", "ordinal"]},
    "rank of floats": lambda x: x.col("f").rank("min"), "rank of NaN": lambda x: x.col("x").rank("dense", descending=True), "rank of texts": lambda x: x.col("s").rank("dense").over("k"),
    "rank over": lambda x: x.col("x").rank().over("s"), "rank of unsigned": lambda x: x.col("u").rank("ordinal", descending=True),
    "rolling_sum": lambda x: x.col("n").rolling_sum(4), "rolling_mean": lambda x: x.col("n").cast(x.Float64).rolling_mean(3, min_samples=1),
    "rolling_mean centred": lambda x: x.col("u").cast(x.Float64).rolling_mean(4, center=True), "rolling_max": lambda x: x.col("n").rolling_max(5, min_samples=2),
    "rolling_min": lambda x: x.col("u").rolling_min(3, center=True), "rolling_mean over": lambda x: x.col("u").rolling_mean(3).over("k"),
    "rolling_median": lambda x: x.col("n").rolling_median(7, min_samples=3), "rolling wide": lambda x: x.col("u").cast(x.Float64).rolling_sum(150, min_samples=10),
    "is_duplicated": lambda x: x.col("s").is_duplicated(), "is_first_distinct": lambda x: x.col("f").is_first_distinct(), "rle_id": lambda x: x.col("k").rle_id(),
    "numbers from 1": lambda x: x.int_range(1, x.len() + 1), "numbers from 1 over": lambda x: x.int_range(1, x.len() + 1).over("k"),
    "numbers over, in an order": lambda x: x.int_range(1, 1 + x.len()).over("k", order_by="n"), "numbers from -1": lambda x: x.int_range(-1, x.len() - 1).over("s"),
    "several": lambda x: x.col("n").sum().over("k") - x.col("n").shift(1) + x.col("n").rank("dense").over("s"),
}


@pytest.mark.parametrize("rows", [1, 3, ROWS])
@pytest.mark.parametrize("name", EXPRESSIONS)
def test_windows_are_those_of_polars_whatever_the_batches(name, rows):
    batches = pa.Table.from_batches(table().to_batches(max_chunksize=rows))
    expression = EXPRESSIONS[name]
    mine = gf.from_arrow(batches).with_columns(q=expression(gf)).select("k", "q")
    assert_same(mine, pl.from_arrow(table()).with_columns(q=expression(pl)).select("k", "q"))


MANY_KEYS = """
import resource, sys, gradframe as gf
rows = gf.Session(in_memory=True, memory_limit_bytes=60_000_000).sql("SELECT value * 7919 % 1000003 AS a, value AS b FROM generate_series(1, 2000000)")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    print(rows.select(gf.col("b").sum().over("a").max()).collect().item())
except gf.errors.ResourcesError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_many_groups_keep_to_the_memory_limit():
    answer, grown = subprocess.run([sys.executable, "-c", MANY_KEYS], capture_output=True, text=True, check=True).stdout.splitlines()
    assert answer == "2999997"
    assert int(grown) < 200, f"{grown} MiB for a limit of 60 MB"
