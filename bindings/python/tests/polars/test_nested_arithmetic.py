"""Arithmetic of lists, arrays and structs: each case is asked of Polars too."""

import operator

import polars as pl
import pytest
from same import check, ours

import gradframe as gf

LISTS = pl.DataFrame({"l": [[1, None], [3], None, []], "k": [[10, 20], [30], [1], []], "f": [[1.5, 2.0], [2.0], [1.0], []], "s": [2, None, 1, 0]})
ARRAYS = pl.DataFrame({"a": [[1, 2], [3, 4], None], "b": [[5, 6], None, [7, 8]], "s": [2, 3, 4]}, schema={"a": pl.Array(pl.Int64, 2), "b": pl.Array(pl.Int64, 2), "s": pl.Int64})
STRUCTS = pl.DataFrame({"x": [1, 2, None], "y": [1.5, None, 2.0]})

OPERATORS = {name: getattr(operator, name) for name in ("add", "sub", "mul", "truediv", "floordiv", "mod")}
SIDES = {
    "lists": (LISTS, lambda x: (x.col("l"), x.col("k"))),
    "lists of other types": (LISTS, lambda x: (x.col("l"), x.col("f"))),
    "list and column": (LISTS, lambda x: (x.col("l"), x.col("s"))),
    "column and list": (LISTS, lambda x: (x.col("s"), x.col("k"))),
    "list and constant": (LISTS, lambda x: (x.col("l"), 2)),
    "constant and list": (LISTS, lambda x: (2, x.col("l"))),
    "list and float": (LISTS, lambda x: (x.col("l"), 2.5)),
    "arrays": (ARRAYS, lambda x: (x.col("a"), x.col("b"))),
    "array and constant": (ARRAYS, lambda x: (x.col("a"), 3)),
    "array and column": (ARRAYS, lambda x: (x.col("a"), x.col("s"))),
    "structs": (STRUCTS, lambda x: (x.struct("x", "y"), x.struct("x", "y"))),
    "struct and constant": (STRUCTS, lambda x: (x.struct("x", "y"), 2)),
    "struct and column": (STRUCTS, lambda x: (x.struct("x", "y"), x.col("x"))),
    "null structs": (STRUCTS, lambda x: (x.when(x.col("x") > 1).then(x.struct("x", "y")), 2)),
}


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("sides", SIDES)
def test_items_and_fields_are_computed(name, sides):
    frame, make = SIDES[sides]
    check(lambda f, x: f.select(q=OPERATORS[name](*make(x))), frame)


def test_narrow_items_stay_narrow():
    frame = LISTS.with_columns(pl.col("l").cast(pl.List(pl.Int8)))
    check(lambda f, x: f.select(q=(x.col("l") + 1).list.sum()), frame)
    assert ours(frame).select(gf.col("l") + 1).collect_schema()["l"] == gf.List(gf.Int8)


def test_what_has_no_meaning_is_refused():
    frame = ours(pl.DataFrame({"l": [[1, 2]], "m": [[1]], "t": [["a"]]}))
    with pytest.raises(gf.errors.ExecutionError, match="different numbers of values"):
        frame.select(gf.col("l") + gf.col("m")).collect()
    for wrong in (gf.col("t") + gf.col("t"), gf.col("l") + gf.col("t"), gf.col("l") + "x"):
        with pytest.raises(gf.errors.DTypeError, match=r"arithmetic: .* which `\+` does not take"):
            frame.select(wrong)


STRUCT_COMPARISONS = {
    "other names": lambda x: x.struct(p="x") == x.struct(q="x"),
    "other names, not equal": lambda x: x.struct(p="x") != x.struct(q="x"),
    "other names, missing": lambda x: x.struct(p="x").eq_missing(x.struct(q="x")),
    "more fields": lambda x: x.struct("x") == x.struct("x", "y"),
    "another order": lambda x: x.struct("x", "y") == x.struct("y", "x"),
    "the same": lambda x: x.struct("x", "y") == x.struct("x", "y"),
    "nulls": lambda x: x.when(x.col("x") > 1).then(x.struct("x")) == x.struct(q="x"),
    "nulls, missing": lambda x: x.when(x.col("x") > 1).then(x.struct("x")).eq_missing(x.when(x.col("x") > 1).then(x.struct(q="x"))),
}


@pytest.mark.parametrize("name", STRUCT_COMPARISONS)
def test_structs_of_other_names_are_different(name):
    check(lambda f, x: f.select(q=STRUCT_COMPARISONS[name](x)), STRUCTS)


def test_structs_have_no_order():
    with pytest.raises(gf.errors.DTypeError, match="only == and != take structs"):
        ours(STRUCTS).select(gf.struct("x") < gf.struct("x"))
