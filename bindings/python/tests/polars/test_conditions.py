"""Conditions whose branches differ in type give their common type, in the schema and in the rows."""

import polars as pl
import pytest

import gradframe as gf

ROWS = {"i": [3, 1, 2], "s": ["a", "b", "c"], "f": [1.5, 2.5, float("nan")]}

CASES = {
    "int then float": lambda x: x.when(x.col("i") > 1).then(x.col("i")).otherwise(x.col("f")),
    "text then text": lambda x: x.when(x.col("i") == 1).then(x.lit("n")).otherwise(x.col("s")),
    "fill_nan of integers": lambda x: x.struct(a=x.col("i").fill_nan(0.5), b=x.col("i").fill_nan(None), c=x.col("i").fill_nan(0)),
    "fill_nan by an integer": lambda x: x.col("f").fill_nan(0),
    "shift by another type": lambda x: x.col("i").shift(1, fill_value=0.5),
    "narrow then wide": lambda x: x.when(x.col("i") > 1).then(x.col("i").cast(x.Int32)).otherwise(2**40),
}


@pytest.mark.parametrize("name", CASES)
def test_branches_have_one_type(name):
    theirs = pl.DataFrame(ROWS).select(CASES[name](pl).alias("z"))
    frame = gf.from_polars(pl.DataFrame(ROWS)).lazy().select(CASES[name](gf).alias("z"))
    ours = frame.collect()
    assert ours.to_polars()["z"].to_list() == theirs["z"].to_list()
    assert frame.collect_schema().names() == ["z"]
    assert ours.filter(gf.col("z").is_not_null()).to_polars()["z"].to_list() == theirs["z"].drop_nulls().to_list()


def test_sql_conditions_have_one_type():
    d = gf.DataFrame({"i": [3, 1, 2], "f": [1.5, 2.5, 0.5]})
    rows = gf.sql("SELECT CASE WHEN i > 1 THEN i ELSE f END AS z FROM d", d=d).collect()
    assert rows.to_polars()["z"].to_list() == [3.0, 2.5, 2.0]
