"""What stands above a join: the order that was asked for, and fields of structs."""

import polars as pl
import pytest

from same import check

PAIRS = {"i": [None, 4, 3, 4, 5, None], "d": [1, 2, 3, 2, 5, 6]}

#: Orders that both libraries promise for a kind of join.
ORDERS = {"left": ["left", "left_right"], "right": ["right", "right_left"], "full": ["left_right", "right_left"], "inner": ["left_right", "right_left"]}


@pytest.mark.parametrize("coalesce", [True, False])
@pytest.mark.parametrize(("how", "order"), [(how, order) for how, orders in ORDERS.items() for order in orders])
def test_the_order_of_a_side_is_kept_whatever_columns_are_left(how, order, coalesce):
    def joined(f, x, **some):
        return f.filter(x.col("i") >= 3).join(f, on=["d", "i"], how=how, maintain_order=order, coalesce=coalesce, **some)

    check(joined, pl.DataFrame(PAIRS))
    check(lambda f, x: joined(f, x, nulls_equal=True), pl.DataFrame(PAIRS))
    check(lambda f, x: joined(f, x).select(x.all().last()), pl.DataFrame(PAIRS))
    check(lambda f, x: joined(f, x).head(4), pl.DataFrame(PAIRS))
    check(lambda f, x: joined(f, x).join(f.select(j="i", e="d"), left_on="i", right_on="j", how="left", maintain_order="left_right"), pl.DataFrame(PAIRS))


def test_the_order_of_many_rows_is_kept():
    n = 40_000
    many = pl.DataFrame({"k": [i * 7919 % n for i in range(n)], "v": range(n)})
    for how, order in [("right", "right"), ("left", "left")]:
        check(lambda f, x: f.filter(x.col("v") % 3 == 0).join(f, on="k", how=how, maintain_order=order, coalesce=False), many)


STRUCTS = {"k": [1, 2, 3], "b": [1, 2, 5], "st": [{"x": 1, "y": "q"}, {"x": None, "y": "z"}, {"x": 0, "y": None}]}

FIELDS = {
    "sorted": lambda f, x: f.sort(x.col("st").struct.field("x"), "b"),
    "keys": lambda f, x: f.group_by(x.col("st").struct.field("x")).agg(x.col("b").sum()),
    "aggregates": lambda f, x: f.group_by("b").agg(x.col("st").struct.field("x").sum()),
    "filtered": lambda f, x: f.filter((x.col("st").struct.field("x") == 1) | (x.col("b") > 1)),
    "computed": lambda f, x: f.with_columns(m=x.col("st").struct.field("x") + x.col("b"), n=x.col("st_right").struct.field("y")),
    "windows in windows": lambda f, x: f.with_columns(n=x.col("st").struct.with_fields(x=x.field("x") + 1).shift(1).shift(1), m=x.col("b").shift(1)),
    "windows over fields": lambda f, x: f.with_columns(n=x.col("st").struct.field("x").shift(1).cum_sum(), m=x.col("b").shift(1), o=x.col("k") + 1),
}


@pytest.mark.parametrize("how", ["left", "full", "right", "inner"])
@pytest.mark.parametrize("name", FIELDS)
def test_fields_of_structs_above_a_join(name, how):
    order = "right_left" if how == "right" else "left_right"
    case = lambda f, x: FIELDS[name](f.join(f.filter(x.col("b") > 1), on="k", how=how, maintain_order=order), x)
    check(case, pl.DataFrame(STRUCTS), sort=name in ("keys", "aggregates"))


#: Conditions and sort keys of whole columns that want the order of the rows.
ORDERED = {
    "product over": lambda x: x.col("u").product().over("k") > 1,
    "product over, in order": lambda x: x.col("u").product().over("k", order_by="u") > 1,
    "mode": lambda x: x.col("s").mode().sort().first() <= x.col("s"),
    "quantile": lambda x: x.col("u") > x.col("u").quantile(0.5),
    "skew over": lambda x: x.col("u").skew().over("k") >= 0,
    "first over": lambda x: x.col("u").first().over("k") == x.col("u"),
}


@pytest.mark.parametrize("name", ORDERED)
def test_conditions_and_keys_of_whole_columns_in_order(name):
    frame = pl.DataFrame({"k": [1, 1, 2, 2], "u": [3, 1, 2, 7], "s": ["a", "b", "a", "c"]})
    check(lambda f, x: f.filter(ORDERED[name](x)), frame)
    check(lambda f, x: f.sort(ORDERED[name](x), "u"), frame)
