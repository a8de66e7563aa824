"""Selectors in groups by something computed: they leave out the columns that have a key's name, as in Polars."""

import polars as pl
import pytest
from same import check

FRAME = pl.DataFrame({"n": [1, 2, 3, 4], "v": [1.0, 2.0, 3.0, 4.0], "w": [5, 6, 7, 8]})

KEYS = {
    "computed": lambda f, x: f.group_by(x.col("n") % 2, maintain_order=True),
    "by keyword": lambda f, x: f.group_by(n=x.col("v") > 2, maintain_order=True),
    "under a column's name": lambda f, x: f.group_by((x.col("v") > 2).alias("w"), maintain_order=True),
    "under a name of its own": lambda f, x: f.group_by((x.col("v") > 2).alias("key"), maintain_order=True),
    "a column": lambda f, x: f.group_by("n", maintain_order=True),
}

RESULTS = {
    "all": lambda x: x.all().sum(),
    "of a kind": lambda x: x.selectors.numeric().mean(),
    "of a type": lambda x: x.col(x.Int64).max(),
    "by a pattern": lambda x: x.col("^.*$").min(),
    "but one": lambda x: x.exclude("v").sum(),
    "with a suffix": lambda x: x.all().sum().name.suffix("_sum"),
    "by name": lambda x: x.col("n").sum().alias("sum of n"),
}


@pytest.mark.parametrize("result", RESULTS)
@pytest.mark.parametrize("key", KEYS)
def test_selectors_leave_out_the_names_of_keys(key, result):
    check(lambda f, x: KEYS[key](f, x).agg(RESULTS[result](x)), FRAME)
