"""The first rows of groups, as they come and by keys: each is asked of Polars too, in batches of one, three and all, and of rows that
hypothesis makes, of every type."""

import datetime as dt
import decimal

import polars as pl
import pyarrow as pa
import pytest
from frames import NAN
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from same import assert_same, check

import gradframe as gf

ROWS = 240
DAY = dt.datetime(2024, 3, 31, 1, 30)


def table():
    """A key `k` with nulls, a text, a float with NaN and zeros of both signs, an integer with nulls, one without, a boolean, lists, moments, decimals."""
    each = [(i * 7919) % 997 for i in range(ROWS)]
    return pa.table({
        "k": pa.array([None if h % 11 == 0 else h % 7 for h in each], pa.int64()),
        "s": pa.array([None if h % 5 == 0 else f"t{h % 9} {'long text ' * (h % 3)}" for h in each], pa.large_string()),
        "x": pa.array([None if h % 6 == 0 else (NAN if h % 17 == 0 else (-0.0 if h % 3 else 0.0) if h % 4 == 0 else (h % 101 - 50) / 8) for h in each], pa.float64()),
        "n": pa.array([None if h % 4 == 0 else h % 23 - 9 for h in each], pa.int32()),
        "u": pa.array([(h * 5) % 200 for h in each], pa.uint8()),
        "o": pa.array(each, pa.int16()),
        "b": pa.array([None if h % 3 == 0 else h % 2 == 0 for h in each], pa.bool_()),
        "l": pa.array([None if h % 9 == 0 else [h % 4, None] * (h % 3) for h in each], pa.large_list(pa.int64())),
        "t": pa.array([None if h % 8 == 0 else DAY + dt.timedelta(minutes=h * 31) for h in each], pa.timestamp("us", "Europe/Berlin")),
        "d": pa.array([None if h % 7 == 0 else decimal.Decimal(h - 400) / 4 for h in each], pa.decimal128(9, 2)),
    })


COLUMNS = ["s", "x", "n", "u", "b", "l", "t", "d"]
AGGREGATES = {
    "first": lambda x: x.col(*COLUMNS).first(), "last": lambda x: x.col(*COLUMNS).last(),
    "first of some": lambda x: x.col(*COLUMNS).filter(x.col("u") > 90).first(), "last of some": lambda x: x.col(*COLUMNS).filter(x.col("n") > 0).last(),
    "not null": lambda x: [x.col("s").first(ignore_nulls=True), x.col("x").last(ignore_nulls=True), x.col("b").drop_nulls().first()],
    "by a number": lambda x: [x.col(c).min_by("u").alias(f"least {c}") for c in ("s", "t", "l")] + [x.col(c).max_by("u").alias(f"greatest {c}") for c in ("n", "d")],
    "places": lambda x: [x.col("u").arg_min().alias("a"), x.col("s").drop_nulls().first(), x.col("n").drop_nulls().arg_max().alias("b")],
    "none": lambda x: [x.col("n").top_k(0), x.col("u").head(0)],
    "sorted": lambda x: [x.col("n").sort(nulls_last=True).head(4), x.col("u").sort(descending=True).head(3), x.col("s").sort_by("u", descending=True).head(2), x.col("s").sort_by("u").head(100).alias("l")],
    "of a few": lambda x: [x.col("u").top_k(2).sum().alias("sum"), x.col("u").sort().head(3).last().alias("last"), x.col("u").cast(x.Int64).top_k(3).sum().alias("s")],
    "texts": lambda x: [x.col("s").drop_nulls().sort().head(2)],
}
#: In no order that Polars would promise.
GREATEST = {
    "top_k": lambda x: [x.col("n").top_k(3).alias("a"), x.col("u").bottom_k(2).alias("b"), x.col("t").drop_nulls().top_k(70).alias("c")],
    "of floats": lambda x: [x.col("x").drop_nans().drop_nulls().abs().top_k(4).alias("a"), x.col("x").drop_nans().drop_nulls().bottom_k(4).alias("b"), x.col("u").cast(x.Float32).top_k(9).alias("c")],
    "by keys": lambda x: [x.col("s").top_k_by("o", 3).alias("a"), x.col("d").bottom_k_by(["u", "o"], 2).alias("b"), x.col("u").top_k_by(["u", "o"], 3, reverse=[False, True]).alias("c")],
    "computed": lambda x: [(x.col("o") * 2).top_k(3).alias("a"), x.col("s").drop_nulls().top_k(3).alias("b"), x.col("o").filter(x.col("n") > 0).top_k(2).alias("c")],
}


@pytest.mark.parametrize("rows", [1, 3, ROWS])
@pytest.mark.parametrize("name", AGGREGATES)
def test_of_groups(name, rows):
    batches = gf.from_arrow(pa.Table.from_batches(table().to_batches(max_chunksize=rows)))
    aggregate, keys = AGGREGATES[name], ["k"]
    mine = batches.group_by(*keys, maintain_order=True).agg(aggregate(gf))
    assert_same(mine, pl.from_arrow(table()).group_by(*keys, maintain_order=True).agg(aggregate(pl)))


@pytest.mark.parametrize("rows", [1, 3, ROWS])
@pytest.mark.parametrize("name", GREATEST)
def test_the_greatest_of_groups(name, rows):
    def query(f, x):
        return f.group_by("k", maintain_order=True).agg(GREATEST[name](x)).with_columns(x.col("a", "b", "c").list.sort())

    assert_same(query(gf.from_arrow(pa.Table.from_batches(table().to_batches(max_chunksize=rows))), gf), query(pl.from_arrow(table()), pl))


@pytest.mark.parametrize("name", ["first", "last", "first of some", "by a number", "sorted"])
def test_of_groups_in_several_threads(name):
    session, aggregate = gf.Session(in_memory=True, threads=4), AGGREGATES[name]
    session.sql("SET datafusion.execution.batch_size = 16").collect()
    mine = session.from_arrow(pa.Table.from_batches(table().to_batches(max_chunksize=7)))
    mine = mine.group_by("k", maintain_order=True).agg(aggregate(gf))
    assert_same(mine, pl.from_arrow(table()).group_by("k", maintain_order=True).agg(aggregate(pl)))


WHOLE = {
    "top_k": lambda f, x: f.select(x.col("n").drop_nulls().top_k(5)).sort("n"),
    "two": lambda f, x: f.select(x.col("u").sort(descending=True).head(4), s=x.col("u").sort().head(4)),
    "beside one": lambda f, x: f.select(x.col("u").bottom_k(3), s=x.col("n").sum()).sort("u"),
    "by keys": lambda f, x: f.select(x.col("s").top_k_by("o", 3)).sort("s"),
    "many": lambda f, x: f.select(x.col("u").top_k(100)).sort("u"),
    "none": lambda f, x: f.head(0).select(x.col("u").top_k(3)),
    "sorted": lambda f, x: f.select(x.col("n").sort(descending=True, nulls_last=False).head(70)),
}


@pytest.mark.parametrize("name", WHOLE)
def test_of_all_rows(name):
    check(WHOLE[name], pl.from_arrow(table()).drop("l"))


OVER = {
    "first": lambda x: x.col("s").first().over("k"), "last": lambda x: x.col("s").last().over("k"), "last number": lambda x: x.col("n").last().over("k", "u"),
    "list": lambda x: x.col("l").last().over("k"), "in another order": lambda x: x.col("s").last().over("k", order_by="u"), "boolean": lambda x: x.col("b").first().over("k"),
    "not null": lambda x: x.col("t").last(ignore_nulls=True).over("k"), "sorted": lambda x: x.col("u").sort().head(2).over("k", mapping_strategy="join"), "of all": lambda x: x.col("n").last(),
}


@pytest.mark.parametrize("rows", [1, ROWS])
@pytest.mark.parametrize("name", OVER)
def test_over_groups(name, rows):
    batches = gf.from_arrow(pa.Table.from_batches(table().to_batches(max_chunksize=rows)))
    assert_same(batches.select("u", q=OVER[name](gf)), pl.from_arrow(table()).select("u", q=OVER[name](pl)))


KEEP = ["last", "none"]


@pytest.mark.parametrize("keys", [["k"], ["b"], ["k", "n"], ["s"]])
@pytest.mark.parametrize("keep", KEEP)
def test_unique(keep, keys):
    check(lambda f, x: f.unique(keys, keep=keep, maintain_order=True), pl.from_arrow(table()))
    check(lambda f, x: f.unique(keys, keep=keep).select("k", "n", "s", "u"), pl.from_arrow(table()), sort=True)


VALUES = {
    pl.Int8: st.integers(-128, 127), pl.UInt64: st.integers(0, 2**64 - 1), pl.Float32: st.floats(width=32, allow_nan=False), pl.String: st.text(max_size=20),
    pl.Boolean: st.booleans(), pl.Date: st.dates(), pl.Datetime("ns", "America/New_York"): st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)),
    pl.Duration("ms"): st.timedeltas(dt.timedelta(-9999), dt.timedelta(9999)), pl.Binary: st.binary(max_size=20), pl.Time: st.times(), pl.List(pl.String): st.lists(st.text(max_size=3), max_size=2),
    pl.Struct({"a": pl.Int64}): st.fixed_dictionaries({"a": st.integers(-9, 9)}), pl.Categorical: st.sampled_from(["x", "y", "zz"]),
}


@st.composite
def columns(draw):
    """A key, a value of some type, a number by which rows are ordered: no two alike."""
    rows, own = draw(st.integers(0, 30)), draw(st.sampled_from(list(VALUES)))
    values = draw(st.lists(st.one_of(st.none(), VALUES[own]), min_size=rows, max_size=rows))
    keys = draw(st.lists(st.one_of(st.none(), st.integers(0, 4)), min_size=rows, max_size=rows))
    order = draw(st.permutations(range(-rows, rows, 2)))
    if isinstance(own, pl.Datetime):
        value = pl.Series(values, dtype=pl.Datetime("ns")).dt.replace_time_zone("UTC").dt.convert_time_zone(own.time_zone)
    else:
        value = pl.Series(values, dtype=own)
    return pl.DataFrame({"k": pl.Series(keys, dtype=pl.Int64), "v": value, "o": pl.Series(order, dtype=pl.Int64)})


@given(columns())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_made_groups(frame):
    check(lambda f, x: f.group_by("k").agg(a=x.col("v").first(), z=x.col("v").last(), f=x.col("v").filter(x.col("o") > 0).last(), l=x.col("v").min_by("o"), g=x.col("v").max_by("o")), frame, sort=True)
    check(lambda f, x: f.group_by("k").agg(t=x.col("v").sort_by("o", descending=True).head(2), s=x.col("v").sort_by("o").head(3), h=x.col("o").top_k(2)).with_columns(x.col("h").list.sort()), frame, sort=True)
    check(lambda f, x: f.select("o", a=x.col("v").first().over("k"), z=x.col("v").last().over("k")), frame)
