"""What is computed of some of a column's rows, or of another number of rows: functions see those, and no others."""

import polars as pl
import pytest

from same import check

FRAME = pl.DataFrame(
    {"i": [3, None, -1, 2, 2, 7], "u": [1, None, 255, 0, 7, 8], "f": [1.5, float("nan"), None, -0.0, 0.0, 1e10], "s": ["a", "b", None, "", "ß", "a"], "g": ["x", "y", "x", None, "y", "x"]}
)

#: From a column to some of its rows or to others.
ROWS = {
    "drop_nulls": lambda c, x: c.drop_nulls(),
    "filter": lambda c, x: c.filter(x.col("u") > 1),
    "head": lambda c, x: c.head(3),
    "tail": lambda c, x: c.tail(2),
    "slice": lambda c, x: c.slice(1, 3),
    "gather_every": lambda c, x: c.gather_every(2),
    "unique": lambda c, x: c.unique(maintain_order=True),
    "nothing": lambda c, x: c.filter(x.col("u") > 1000),
    "gather": lambda c, x: c.gather([0, 1, 3], null_on_oob=True),
    "append": lambda c, x: c.append(c),
    "implode and explode": lambda c, x: c.implode().explode(),
    "extend_constant": lambda c, x: c.extend_constant(None, 2),
}

#: Of values of any type.
FUNCTIONS = {
    "is_duplicated": lambda c: c.is_duplicated(),
    "is_unique": lambda c: c.is_unique(),
    "is_first_distinct": lambda c: c.is_first_distinct(),
    "is_last_distinct": lambda c: c.is_last_distinct(),
    "unique": lambda c: c.unique(maintain_order=True),
    "unique of unique": lambda c: c.unique(maintain_order=True).unique(maintain_order=True),
    "arg_unique": lambda c: c.arg_unique(),
    "n_unique": lambda c: c.n_unique(),
    "shift": lambda c: c.shift(1),
    "shift back": lambda c: c.shift(-2),
    "cum_count": lambda c: c.cum_count(),
    "cum_count from the end": lambda c: c.cum_count(reverse=True),
    "forward_fill": lambda c: c.forward_fill(),
    "rle_id": lambda c: c.rle_id(),
    "reverse": lambda c: c.reverse(),
    "rank": lambda c: c.rank("dense"),
    "first": lambda c: c.first(),
    "len": lambda c: c.len(),
}
#: Of whole numbers.
OF_NUMBERS = {
    "cum_sum": lambda c: c.cum_sum(),
    "cum_sum from the end": lambda c: c.cum_sum(reverse=True),
    "cum_max": lambda c: c.cum_max(),
    "cum_min": lambda c: c.cum_min(),
    "diff": lambda c: c.diff(),
    "pct_change": lambda c: c.pct_change(),
    "arg_max": lambda c: c.arg_max(),
    "arg_min": lambda c: c.arg_min(),
    "rolling_sum": lambda c: c.rolling_sum(2, min_samples=1),
    "two windows": lambda c: c.cum_sum().shift(1),
}
CASES = [(column, name) for column in "ifs" for name in FUNCTIONS] + [("i", name) for name in OF_NUMBERS]


def computed(column, rows, name):
    function = (FUNCTIONS | OF_NUMBERS)[name]
    return lambda x: function(ROWS[rows](x.col(column), x))


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize(("column", "name"), CASES)
def test_functions_see_the_rows_that_are_left(column, name, rows):
    made = computed(column, rows, name)
    check(lambda f, x: f.select(made(x)), FRAME)
    check(lambda f, x: f.group_by("g", maintain_order=True).agg(made(x)), FRAME)
    check(lambda f, x: f.select(made(x)), FRAME.clear())


@pytest.mark.parametrize("rows", ["head", "tail", "slice", "implode and explode"])
def test_equal_values_are_counted_among_the_rows_that_are_left(rows):
    """Of others, and in groups, Polars 2.1 has an error: "zip node received non-equal length inputs"."""
    check(lambda f, x: f.select(ROWS[rows](x.col("i"), x).unique_counts()), FRAME)


PLACES = {
    "from the end": lambda x: x.col("i").slice(x.len().cast(x.Int64) - 2, 2),
    "a computed length": lambda x: x.col("i").slice(1, x.col("i").null_count().cast(x.Int64) + 1),
    "a negative offset": lambda x: x.col("i").slice(-x.col("i").null_count().cast(x.Int64) - 1),
    "both": lambda x: x.col("i").slice(x.col("i").null_count(), x.len() // 2),
    "half": lambda x: x.col("i").head(x.len() // 2),
    "the last": lambda x: x.col("i").tail(x.len().cast(x.Int64) // 2),
    "none of the last": lambda x: x.col("i").tail(x.len().cast(x.Int64) * 0),
    "of what is left": lambda x: x.col("i").drop_nulls().head(x.col("i").count().cast(x.Int64) // 2),
}


@pytest.mark.parametrize("name", PLACES)
def test_places_may_be_computed(name):
    made = PLACES[name]
    check(lambda f, x: f.select(made(x)), FRAME)
    check(lambda f, x: f.group_by("g", maintain_order=True).agg(made(x)), FRAME)
    check(lambda f, x: f.select(made(x)), FRAME.clear())


def test_rows_that_are_drawn_again_are_as_many_as_wanted():
    of = {"n": lambda c: c.sample(n=5, with_replacement=True, seed=1), "fraction": lambda c: c.sample(fraction=2.0, with_replacement=True, seed=1)}
    for drawn in of.values():
        check(lambda f, x: f.select(drawn(x.col("i")).len()), FRAME)
        check(lambda f, x: f.select(drawn(x.col("i"))), FRAME.clear())
        check(lambda f, x: f.select(drawn(x.col("u")).is_in([0, 1, 7, 8, 255]).all()), FRAME.drop_nulls())
    check(lambda f, x: f.group_by("g", maintain_order=True).agg(x.col("i").sample(n=4, with_replacement=True, seed=1).len()), FRAME)
    lists = pl.DataFrame({"l": [[1], [], None]}, schema={"l": pl.List(pl.Int64)})
    check(lambda f, x: f.select(x.col("l").list.sample(n=2, with_replacement=True, seed=1)), lists)
