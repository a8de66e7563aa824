"""Expressions within groups that have an order of their own, and groups one after the other: each case is asked of Polars too."""

import polars as pl
import pytest
from same import check

FRAME = pl.DataFrame({"g": ["a", "a", "b", "b", "a"], "x": [1, 2, 3, 4, 5], "o": [3, 1, 5, 4, 2], "s": ["m", "n", None, "", "m"]})

VALUES = {
    "get": lambda x: x.col("x").get(0),
    "get, last": lambda x: x.col("x").get(-1),
    "item": lambda x: x.col("x").head(1).item(),
    "gather": lambda x: x.col("x").gather([0, 1]).first(),
    "gather, sum": lambda x: x.col("x").gather([0, 1]).sum(),
    "append": lambda x: x.col("x").append(x.col("o")).first(),
    "append, last": lambda x: x.col("x").append(x.col("o")).last(),
    "extend": lambda x: x.col("x").extend_constant(9, 1).first(),
    "is_sorted": lambda x: x.col("x").is_sorted(),
    "mode": lambda x: x.col("s").mode(maintain_order=True).first(),
    "rle": lambda x: x.col("x").rle().first().struct.field("value"),
    "join": lambda x: x.col("s").str.join("-"),
    "first": lambda x: x.col("x").first(),
    "last": lambda x: x.col("x").last(),
    "head": lambda x: x.col("x").head(2).sum(),
    "shift": lambda x: x.col("x").shift(),
    "cum_sum": lambda x: x.col("x").cum_sum(),
    "arg_min": lambda x: x.col("x").arg_min(),
    "index_of": lambda x: x.col("x").index_of(4),
    "implode": lambda x: x.col("x").implode(),
    "get and its own order": lambda x: x.col("x").sort_by("x").get(0),
}


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("name", VALUES)
def test_a_group_has_its_order(name, descending):
    check(lambda f, x: f.select(q=VALUES[name](x).over("g", order_by="o", descending=descending)), FRAME)


@pytest.mark.parametrize("name", VALUES)
def test_the_frame_has_another_order(name):
    check(lambda f, x: f.select(q=VALUES[name](x).over(order_by="o")), FRAME)


NESTED = FRAME.with_columns(
    lists=pl.Series([[2], [None, 1], [1, 5], None, [1]]),
    structs=pl.struct(pl.Series("n", [1, None, 1, None, 0]), pl.col("s")),
    enums=pl.Series([["q", "p"], ["p"], None, ["q"], []], dtype=pl.List(pl.Enum(["q", "p"]))),
)
ORDERED_BY = {
    "list": lambda x: x.col("lists"),
    "list of enums": lambda x: x.col("enums"),
    "computed list": lambda x: x.concat_list("o", "x"),
    "struct": lambda x: x.col("structs"),
    "struct of two": lambda x: x.struct("s", "x"),
}


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("nulls_last", [False, True])
@pytest.mark.parametrize("name", ORDERED_BY)
def test_groups_are_in_the_order_of_nested_values(name, descending, nulls_last):
    order = dict(descending=descending, nulls_last=nulls_last)
    check(lambda f, x: f.select(x.col("x").implode().over("g", order_by=ORDERED_BY[name](x), **order), q=x.col("x").cum_sum().over("g", order_by=ORDERED_BY[name](x), **order)), NESTED)


@pytest.mark.parametrize("name", ["lists", "structs", "enums"])
def test_groups_are_of_nested_values(name):
    check(lambda f, x: f.select(q=x.col("x").sum().over(name)), NESTED)


EXPLODED = {
    "sorted": lambda x: x.col("x").sort(descending=True).over("g", mapping_strategy="explode"),
    "as they are": lambda x: x.col("x").over("g", mapping_strategy="explode"),
    "ordered": lambda x: x.col("x").over("g", order_by="o", mapping_strategy="explode"),
    "head": lambda x: x.col("x").head(1).over("g", mapping_strategy="explode"),
    "filter": lambda x: x.col("x").filter(x.col("x") > 1).over("g", mapping_strategy="explode"),
    "aggregate": lambda x: x.col("x").sum().over("g", mapping_strategy="explode"),
    "running": lambda x: x.col("x").cum_sum().over("g", order_by="o", mapping_strategy="explode"),
    "unique": lambda x: x.col("s").unique(maintain_order=True).over("g", mapping_strategy="explode"),
    "append": lambda x: x.col("x").append(x.col("o")).over("g", mapping_strategy="explode"),
    "computed of": lambda x: x.col("x").sort().over("g", mapping_strategy="explode") + 1,
    "texts": lambda x: x.col("s").sort().over("g", mapping_strategy="explode"),
}


@pytest.mark.parametrize("name", EXPLODED)
def test_groups_follow_each_other(name):
    check(lambda f, x: f.select(q=EXPLODED[name](x)), FRAME)


def test_several_columns_go_side_by_side():
    check(lambda f, x: f.select(x.col("g", "x", "s").sort_by("x", descending=True).over("g", mapping_strategy="explode")), FRAME)
