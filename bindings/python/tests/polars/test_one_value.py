"""Constants and computed scalars are columns of one value, whatever the number of rows: alone, beside rows, in groups, of nothing."""

import polars as pl
import pytest

import gradframe as gf

from same import check, ours


def frame() -> pl.DataFrame:
    return pl.DataFrame({"k": [1, 1, 2], "v": [3, None, 5], "f": [0.5, 1.5, -1.0], "s": ["a", "b", None]})


#: What is computed of a column of one value `c`, a whole number.
OF_ONE = {
    "sum": lambda c: c.sum(),
    "count": lambda c: c.count(),
    "len": lambda c: c.len(),
    "mean": lambda c: c.mean(),
    "max": lambda c: c.max(),
    "std": lambda c: c.std(),
    "var of the population": lambda c: c.var(ddof=0),
    "median": lambda c: c.median(),
    "quantile": lambda c: c.quantile(0.5),
    "product": lambda c: c.product(),
    "n_unique": lambda c: c.n_unique(),
    "null_count": lambda c: c.null_count(),
    "first": lambda c: c.first(),
    "last": lambda c: c.last(),
    "arg_max": lambda c: c.arg_max(),
    "any": lambda c: (c > 0).any(),
    "implode": lambda c: c.implode(),
    "imploded, len": lambda c: c.implode().list.len(),
    "sum of a sum": lambda c: c.sum().sum(),
    "cum_sum": lambda c: c.cum_sum(),
    "cum_count": lambda c: c.cum_count(),
    "cum_max": lambda c: c.cum_max(),
    "shift": lambda c: c.shift(1),
    "shift back": lambda c: c.shift(-1),
    "shift by none": lambda c: c.shift(0),
    "shift, filled": lambda c: c.shift(1, fill_value=7),
    "diff": lambda c: c.diff(),
    "pct_change": lambda c: c.pct_change(),
    "rank": lambda c: c.rank(),
    "reverse": lambda c: c.reverse(),
    "sort": lambda c: c.sort(descending=True),
    "rolling": lambda c: c.rolling_sum(2),
    "rolling of one": lambda c: c.rolling_mean(1),
    "is_unique": lambda c: c.is_unique(),
    "is_duplicated": lambda c: c.is_duplicated(),
    "is_first_distinct": lambda c: c.is_first_distinct(),
    "is_last_distinct": lambda c: c.is_last_distinct(),
    "rle_id": lambda c: c.rle_id().cast(gf_or_polars(c).Int64),
    "forward_fill": lambda c: c.forward_fill(),
    "forward_fill, limited": lambda c: c.forward_fill(limit=1),
    "interpolate": lambda c: c.interpolate(),
    "plus its sum": lambda c: c + c.sum() * 2,
}

#: Results of several values, or none.
OF_SEVERAL = {
    "filter": lambda c: c.filter(c > 0),
    "filter, none": lambda c: c.filter(c < 0),
    "head": lambda c: c.head(2),
    "tail": lambda c: c.tail(2),
    "unique": lambda c: c.unique(),
    "mode": lambda c: c.mode(),
    "top_k": lambda c: c.top_k(2),
    "gather_every": lambda c: c.gather_every(2),
    "append": lambda c: c.append(c + 1),
    "filter, sum": lambda c: c.filter(c > 0).sum(),
}

#: The columns of one value: a constant, and what is computed of the frame.
ONES = {
    "a constant": lambda x: x.lit(3),
    "a computed constant": lambda x: x.lit(1) + x.lit(2),
    "a sum": lambda x: x.col("v").sum(),
    "computed of a sum": lambda x: x.col("v").sum() + 1,
    "a count": lambda x: x.col("v").count().cast(x.Int64) + 1,
}


def gf_or_polars(expr):
    """The library whose expression it is."""
    return pl if isinstance(expr, pl.Expr) else gf


@pytest.mark.parametrize("of", OF_ONE)
@pytest.mark.parametrize("one", ONES)
def test_alone_and_beside_rows(one, of):
    q = lambda x: OF_ONE[of](ONES[one](x))
    check(lambda f, x: f.select(q=q(x)), frame())
    check(lambda f, x: f.with_columns(q=q(x)), frame())
    check(lambda f, x: f.select("k", q=q(x), r=x.col("v") + 1), frame())


@pytest.mark.parametrize("of", OF_SEVERAL)
@pytest.mark.parametrize("one", ONES)
def test_alone_as_rows(one, of):
    check(lambda f, x: f.select(q=OF_SEVERAL[of](ONES[one](x))), frame())


@pytest.mark.parametrize("of", ["filter", "head", "unique", "mode", "top_k", "gather_every"])
def test_one_of_several_is_repeated_beside_rows(of):
    for one in ONES.values():
        check(lambda f, x: f.with_columns(q=OF_SEVERAL[of](one(x))), frame())


@pytest.mark.parametrize("of", OF_ONE)
def test_in_groups(of):
    for one in ONES.values():
        check(lambda f, x: f.group_by("k", maintain_order=True).agg(q=OF_ONE[of](one(x))), frame())


@pytest.mark.parametrize("of", ["sum", "count", "cum_sum", "shift", "rank", "mean", "is_unique"])
def test_over_groups(of):
    for one in ONES.values():
        check(lambda f, x: f.with_columns(q=OF_ONE[of](one(x)).over("k")), frame())


@pytest.mark.parametrize("of", OF_ONE)
def test_of_a_frame_without_rows(of):
    for one in ONES.values():
        check(lambda f, x: f.select(q=OF_ONE[of](one(x))), frame().head(0))


def test_conditions_of_constants():
    check(lambda f, x: f.filter(x.lit(3).is_unique()), frame())
    check(lambda f, x: f.filter(x.lit(3).shift(1).is_not_null()), frame())
    check(lambda f, x: f.filter(x.col("v") > x.lit(3).sum()), frame())
    check(lambda f, x: f.filter(x.lit(3).unique().is_not_null()), frame())


def test_texts_and_lists_of_one_value():
    check(lambda f, x: f.select(a=x.lit("a").str.join("-"), b=x.lit([1, 2]).explode().sum(), c=x.lit([1, 2]).list.sum()), frame())
    check(lambda f, x: f.select(x.lit([1, 2]).explode()), frame())
    check(lambda f, x: f.select(x.lit(3).unique_counts()), frame())
    check(lambda f, x: f.select(a=x.lit(None).fill_null(strategy="forward"), b=x.lit(None).count()), frame())


def test_the_number_of_rows_is_not_that_of_a_constant():
    check(lambda f, x: f.select(a=x.len(), b=x.lit(1).count(), c=x.lit(1).len(), d=x.len().sum(), e=x.col("v").len()), frame())
    check(lambda f, x: f.with_columns(a=x.len(), b=x.lit(1).count(), c=x.int_range(0, x.len())), frame())
    check(lambda f, x: f.group_by("k", maintain_order=True).agg(a=x.len(), b=x.lit(1).count(), c=x.len() + 1), frame())
    check(lambda f, x: f.select(a=x.len(), b=x.lit(1).sum()), frame().head(0))
    check(lambda f, x: f.filter(x.len() > 2).select(x.len()), frame())


def test_a_scalar_within_groups_is_computed_once_for_each():
    check(lambda f, x: f.with_columns(q=(x.col("v").sum() + 1).sum().over("k"), r=(x.col("f").max() * 2).rank().over("k")), frame())
    check(lambda f, x: f.with_columns(q=(x.col("v").sum() + 1).sum(), r=x.col("s").first().str.len_chars().max()), frame())


def test_several_values_beside_rows_are_an_error_that_names_them():
    with pytest.raises(gf.errors.ShapeError, match="`q` has 0 values, expected one for all rows"):
        ours(frame()).with_columns(q=gf.lit(3).filter(gf.lit(3) > 9)).collect()


def test_functions_of_python_see_the_one_value():
    values = pl.DataFrame({"a": [1, 2, 3]})
    check(lambda f, x: f.select(x.col("a").sum().map_batches(lambda s: s + len(s), return_dtype=x.Int64)), values)


def test_constants_inside_elements():
    lists = pl.DataFrame({"l": [[1, 5], [], None, [3]]})
    check(lambda f, x: f.select(x.col("l").list.eval(x.element() + x.lit(1).max())), lists)
    check(lambda f, x: f.select(x.col("l").list.filter(x.element() > x.lit(2).max())), lists)


def test_no_values_at_the_end():
    check(lambda f, x: f.select(x.col("v").tail(0)), frame())
