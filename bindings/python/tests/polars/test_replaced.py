"""`replace` and `replace_strict` over every kind of column: values are looked up where equal ones have the same bytes, else compared."""

from datetime import date, datetime

import polars as pl
import pytest
from same import check

import gradframe as gf

NAN = float("nan")

#: The column, what is replaced, and by what.
COLUMNS = {
    "integers": ([1, 2, None, 4], {1: 10, 4: 40}),
    "integers and null": ([1, 2, None, 4], {1: 10, None: 0}),
    "into null": ([1, 2, None, 4], {1: None, 2: 5}),
    "null alone": ([1, None], {None: 9}),
    "nothing": ([1, None], {}),
    "one": ([1, 2], {2: 1}),
    "floats that are whole": ([1, 2, 3], {1.0: 7, 2.0: 8}),
    "floats": ([1.5, NAN, None, -0.0, 0.0], {NAN: 1.0, 0.0: 2.0}),
    "texts": (["a", "", None, "é"], {"a": "b", "": "empty", "é": "e"}),
    "texts and null": (["a", None], {None: "none", "a": "A"}),
    "booleans": ([True, False, None], {True: False, None: True}),
    "dates": ([date(2024, 1, 1), None, date(1969, 1, 1)], {date(2024, 1, 1): date(2025, 1, 1)}),
    "moments": ([datetime(2024, 1, 1, 5), None], {datetime(2024, 1, 1, 5): datetime(2025, 1, 1)}),
}


def column_of(name):
    values, mapping = COLUMNS[name]
    return pl.DataFrame({"v": values}), mapping


@pytest.mark.parametrize("name", COLUMNS)
def test_values_are_replaced_and_others_stay(name):
    frame, mapping = column_of(name)
    check(lambda f, x: f.select(x.col("v").replace(mapping), again=x.col("v").replace(list(mapping), list(mapping.values()))), frame)


@pytest.mark.parametrize("name", COLUMNS)
def test_values_become_others_or_the_default(name):
    frame, mapping = column_of(name)
    if not mapping:
        pytest.skip("the type of nothing is Polars's own affair")
    named = {old: f"to {at}" for at, old in enumerate(mapping)}
    check(lambda f, x: f.select(x.col("v").replace_strict(named, default="other"), own=x.col("v").replace_strict(mapping, default=x.col("v"))), frame)


@pytest.mark.parametrize("name", COLUMNS)
def test_every_value_becomes_another(name):
    frame, mapping = column_of(name)
    whole = {value: f"to {at}" for at, value in enumerate(frame["v"].unique(maintain_order=True)) if value is not None}
    check(lambda f, x: f.select(x.col("v").replace_strict(whole)), frame)
    check(lambda f, x: f.select(x.col("v").replace_strict({**whole, None: "none"})), frame)


@pytest.mark.parametrize("dtype", ["Int8", "UInt16", "Int64", "Float32"])
def test_narrow_numbers_are_looked_up_as_they_are(dtype):
    frame = pl.DataFrame({"v": pl.Series([1, 2, None], dtype=getattr(pl, dtype))})
    check(lambda f, x: f.select(x.col("v").replace_strict({1: "one", 2: "two"}), own=x.col("v").replace({1: 3})), frame)


def test_a_value_that_the_type_does_not_have_is_nowhere():
    frame = gf.DataFrame({"v": [1, 2]}, schema={"v": gf.Int8})
    assert frame.select(gf.col("v").replace_strict({1: "one", 2: "two", 70_000: "many"}))["v"].to_list() == ["one", "two"]
