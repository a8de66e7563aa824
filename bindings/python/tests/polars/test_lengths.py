"""What is computed of results of another length than the frame's: lists that stand for rows, alone and in groups."""

import polars as pl
import pytest

import gradframe as gf

from same import check, ours


def frame() -> pl.DataFrame:
    """Groups `g`, values `v` with ties, lists `l` with an empty one and a null, texts `s`."""
    return pl.DataFrame(
        {"g": [1, 1, 2, 2, 2], "v": [1, 1, 2, 3, 3], "l": [[1, 2], [3], [4], [], None], "s": ["a", "b", "a", None, "c"], "f": [0.5, float("nan"), 2.0, None, 1.0]}
    )


LENGTHS = {
    "mode, sum": lambda x: x.col("v").mode().sum(),
    "mode, mean": lambda x: x.col("v").mode().mean(),
    "mode, times": lambda x: x.col("v").mode().sort() * 2,
    "mode, len": lambda x: x.col("v").mode().len(),
    "mode, first": lambda x: x.col("v").mode().sort().first(),
    "mode, last": lambda x: x.col("v").mode().sort().last(),
    "mode, sorted": lambda x: x.col("v").mode().sort(descending=True),
    "mode, max less min": lambda x: x.col("v").mode().max() - x.col("v").mode().min(),
    "explode, sum": lambda x: x.col("l").explode().sum(),
    "explode, mean": lambda x: x.col("l").explode().mean(),
    "explode, extremes": lambda x: x.col("l").explode().max() * 10 + x.col("l").explode().min(),
    "explode, count": lambda x: x.col("l").explode().count(),
    "explode, median": lambda x: x.col("l").explode().median(),
    "explode, std": lambda x: x.col("l").explode().drop_nulls().std(),
    "explode, quantile": lambda x: x.col("l").explode().quantile(0.5),
    "explode, plus": lambda x: x.col("l").explode().drop_nulls() + 1,
    "explode, reversed": lambda x: x.col("l").explode().drop_nulls().reverse(),
    "explode, head": lambda x: x.col("l").explode().head(2),
    "explode, tail": lambda x: x.col("l").explode().drop_nulls().tail(1),
    "explode, filtered": lambda x: x.col("l").explode().filter(x.col("l").explode() > 1),
    "explode, beside a scalar": lambda x: x.col("l").explode().drop_nulls() - x.col("v").sum(),
    "explode, relative": lambda x: (x.col("l").explode().drop_nulls() - x.col("l").explode().mean()).abs().sum(),
    "explode, conditional": lambda x: x.when(x.col("l").explode() > 2).then(1).otherwise(0).sum(),
    "explode of some": lambda x: x.col("l").filter(x.col("v") > 1).explode().sum(),
    "gather, sum": lambda x: x.col("v").gather([0, 1]).sum(),
    "append, sum": lambda x: x.col("v").append(x.col("v")).sum(),
    "append, floats": lambda x: x.col("f").append(x.col("f")).max(),
    "counts, len": lambda x: x.col("v").value_counts().len(),
    "counts, field": lambda x: x.col("v").value_counts(sort=True).struct.field("count").sum().cast(x.Int64),
    "counts, head": lambda x: x.col("v").value_counts(sort=True).head(1),
    "unique, len": lambda x: x.col("v").unique().len(),
    "filter, sum": lambda x: x.col("v").filter(x.col("v") > 1).sum(),
    "drop nulls, mean": lambda x: x.col("f").drop_nulls().mean(),
    "imploded, len": lambda x: x.col("v").implode().list.len(),
    "texts": lambda x: x.col("s").append(x.col("s")).str.to_uppercase().count(),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_of_the_frame(name):
    check(lambda f, x: f.select(q=LENGTHS[name](x)), frame(), sort=True)


@pytest.mark.parametrize("name", LENGTHS)
def test_of_groups(name):
    check(lambda f, x: f.group_by("g").agg(q=LENGTHS[name](x)), frame(), sort=True)


@pytest.mark.parametrize("name", [name for name in LENGTHS if name.startswith(("explode, sum", "mode, sum", "mode, len", "append, sum", "counts, len"))])
def test_of_nothing(name):
    check(lambda f, x: f.select(q=LENGTHS[name](x)), frame().head(0))


def test_a_scalar_of_items_is_repeated_beside_rows():
    check(lambda f, x: f.with_columns(q=x.col("l").explode().sum(), r=x.col("v") - x.col("v").mode().max()), frame())
    check(lambda f, x: f.with_columns(q=x.col("v").mode().sum().over("g")), frame())


NUMBERS = {"a": [1, None, 2], "b": [None, 3, 4], "c": [5, 6, 6]}

SIDE_BY_SIDE = {
    "drop_nulls": lambda f, x: f.select(x.col("a", "b").drop_nulls()),
    "with a constant": lambda f, x: f.select(x.col("a", "b").drop_nulls(), k=x.lit(1)),
    "with an aggregate": lambda f, x: f.select(x.col("a", "b").drop_nulls(), k=x.col("c").sum()),
    "head and tail": lambda f, x: f.select(x.col("a").head(2), x.col("b").tail(2)),
    "unique": lambda f, x: f.select(x.col("a", "b").unique().sort()),
    "unique and mode": lambda f, x: f.select(x.col("a").unique().sort(), x.col("b").mode().sort()),
    "filters": lambda f, x: f.select(x.col("a").filter(x.col("a") > 1), x.col("b").filter(x.col("b") > 3)),
    "all rows and some": lambda f, x: f.select("a", x.col("c").drop_nulls()),
    "sum": lambda f, x: f.select(x.col("a").drop_nulls() + x.col("b").drop_nulls()),
    "sum of a sum": lambda f, x: f.select((x.col("a").drop_nulls() * x.col("b").drop_nulls()).sum()),
    "counts": lambda f, x: f.select(x.col("a", "b").value_counts(sort=True).struct.field("count").head(1).cast(x.Int64).name.keep()),
    "is_in of some": lambda f, x: f.select(x.col("a").is_in(x.col("b").filter(x.col("b") < 4).implode())),
    "is_in of the first of those that are there": lambda f, x: f.select(x.col("a").is_in(x.col("c").drop_nulls().head(1).implode())),
    "is_in of those that are there": lambda f, x: f.select(x.col("a").is_in(x.col("c").drop_nulls().unique().implode())),
}


@pytest.mark.parametrize("name", SIDE_BY_SIDE)
def test_results_of_equal_lengths_go_side_by_side(name):
    check(SIDE_BY_SIDE[name], pl.DataFrame(NUMBERS), sort=name == "unique and mode")


def test_results_of_different_lengths_are_named():
    frame = ours(pl.DataFrame(NUMBERS))
    with pytest.raises(gf.errors.ShapeError, match=r"select: `a` has 2 rows and `c` 3; hint: filter or shorten all of them alike"):
        frame.select(gf.all().drop_nulls()).collect()
    with pytest.raises(gf.errors.ShapeError, match=r"select: `a` has 3 rows and `b` 0"):
        frame.select("a", gf.col("b").filter(gf.col("b") > 9)).collect()


def test_windows_go_over_items():
    check(lambda f, x: f.select(x.col("l").explode().cum_sum()), frame())
