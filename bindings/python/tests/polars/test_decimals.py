"""Decimals: arithmetic, rounding, statistics; each case is asked of Polars too."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gradframe as gf

from same import check, ours


def decimals() -> pl.DataFrame:
    d = [Decimal("1.25"), Decimal("-1.25"), None, Decimal("7.50"), Decimal("-0.05")]
    e = [Decimal("3.001"), Decimal("0.500"), Decimal("1"), Decimal("2"), Decimal("-0.125")]
    return pl.DataFrame({"d": pl.Series(d, dtype=pl.Decimal(10, 2)), "e": pl.Series(e, dtype=pl.Decimal(8, 3)), "i": [2, 3, 4, -4, 7], "f": [0.5, 0.25, 1.0, -2.0, 3.0]}).with_columns(g=pl.col("f").cast(pl.Float32))


CASES = {
    "of decimals": lambda f, x: f.select(a=x.col("d") + x.col("e"), b=x.col("d") - x.col("e"), d=x.col("d") / x.col("e"), e=x.col("d") // x.col("e"), f=x.col("d") % x.col("e")),
    "with integers": lambda f, x: f.select(a=x.col("d") + x.col("i"), b=x.col("i") - x.col("d"), c=x.col("d") * x.col("i"), d=x.col("d") / x.col("i"), e=x.col("d") // x.col("i"), f=x.col("d") % x.col("i")),
    "with constants": lambda f, x: f.select(a=x.col("d") + 1, b=10 - x.col("d"), c=x.col("d") * 3, d=x.col("d") / 3, e=1 / x.col("e"), f=x.col("d") + Decimal("1.255")),
    "with floats": lambda f, x: f.select(a=x.col("d") + x.col("f"), b=x.col("d") * 1.5, c=x.col("d") // 0.5, d=x.col("d") % 0.5, e=x.col("d") / x.col("f")),
    "compared with floats": lambda f, x: f.select(a=x.col("d") < x.col("f"), b=x.col("f") == x.col("d"), c=x.col("d").is_between(x.col("f"), 9.5), d=x.col("f").is_between("d", "e"), e=x.col("d") >= 1.25, f=x.col("d") != -0.05, g=x.col("d") > 0.1 + 0.2, h=x.col("g") < x.col("d"), i=x.col("d").eq_missing(x.col("f"))),
    "beside floats": lambda f, x: f.select(a=x.coalesce("d", "f"), b=x.when(x.col("i") > 2).then("d").otherwise("f"), c=x.max_horizontal("d", "f"), d=x.min_horizontal("e", "f", "i"), e=x.concat_list("d", "f"), f=x.sum_horizontal("d", "f"), g=x.col("d").fill_null(1.5), h=x.col("f").fill_null(x.col("d")), i=x.coalesce("g", "d"), j=x.col("f").clip(x.col("d"), x.col("e"))),
    "under floats": lambda f, x: f.select("d", "f").unpivot(["d", "f"]).sort("variable", "value"),
    "truncated": lambda f, x: f.select(a=x.col("d").truncdiv(x.col("e")), b=x.col("d").truncate(1)),
    "rounded": lambda f, x: f.select(a=x.col("d").round(1), b=x.col("d").round(0), c=x.col("d").floor(), d=x.col("d").ceil(), e=x.col("d").round(1, mode="half_away_from_zero")),
    "signs": lambda f, x: f.select(a=-x.col("d"), b=x.col("d").abs(), c=x.col("d").sign()),
    "compared": lambda f, x: f.select(a=x.col("d") > x.col("e"), b=x.col("d") == 1.25, c=x.col("d") > 1, d=x.col("d") == Decimal("1.25"), e=x.col("d").is_in([Decimal("1.25")]), f=x.col("d").is_between(0, 2)),
    "filled": lambda f, x: f.select(a=x.col("d").fill_null(0), b=x.coalesce("d", "e"), c=x.coalesce("d", "i"), d=x.when(x.col("i") > 2).then("d").otherwise("e")),
    "aggregates": lambda f, x: f.select(s=x.col("d").sum(), m=x.col("d").mean(), p=x.col("d").product(), v=x.col("d").var(), md=x.col("d").median(), q=x.col("d").quantile(0.25), n=x.col("d").n_unique(), lo=x.col("d").min()),
    "of lists": lambda f, x: f.select(x.col("d").implode()).select(s=x.col("d").list.sum(), m=x.col("d").list.mean(), o=x.col("d").list.median(), v=x.col("d").list.var(), t=x.col("d").list.std()),
    "in lists of rows": lambda f, x: f.select(x.concat_list("d", "e").list.sum()),
    "in order": lambda f, x: f.select(a=x.col("d").cum_sum(), b=x.col("d").cum_max(), c=x.col("d").rank(), d=x.col("d").diff(), e=x.col("d").interpolate()),
    "mathematics": lambda f, x: f.select(a=x.col("e").abs().sqrt(), b=x.col("e").abs().log(), c=x.col("e").exp()),
    "across": lambda f, x: f.select(a=x.sum_horizontal("d", "e"), b=x.max_horizontal("d", "e"), c=x.min_horizontal("d", "i")),
}


@pytest.mark.parametrize("name", CASES)
def test_decimals(name):
    check(CASES[name], decimals())


def far_apart() -> pl.DataFrame:
    """Floats that no decimal holds, beside decimals."""
    d = pl.Series([Decimal("1.25"), Decimal("-0.05"), None, Decimal("7"), Decimal("0"), Decimal("9999999999.99")], dtype=pl.Decimal(12, 2))
    return pl.DataFrame({"d": d, "e": d.cast(pl.Decimal(30, 10)), "f": [1e30, float("-inf"), 0.5, float("nan"), -1e300, 9999999999.99]})


BEYOND = {
    "compared": lambda f, x: f.select(a=x.col("d") < x.col("f"), b=x.col("f") <= x.col("d"), c=x.col("d") == x.col("f"), d=x.col("e") != x.col("f"), e=x.col("d").eq_missing(x.col("f")), f=x.col("f").is_between("d", "e")),
    "with constants": lambda f, x: f.select(a=x.col("d") < 1e30, b=x.col("d") > float("-inf"), c=x.col("e") < 9999999999.99, d=x.col("d") == 9999999999.99, e=x.col("d") < 1.250000000001, f=x.lit(1).cast(x.Decimal(12, 2)) < x.col("f")),
    "chosen": lambda f, x: f.select(a=x.coalesce("d", "f"), b=x.max_horizontal("d", "f"), c=x.min_horizontal("f", "d"), d=x.col("f").fill_null(x.col("d")), e=x.concat_list("d", "f"), f=x.col("f").clip(x.col("d"), x.col("d"))),
    "united": lambda f, x: x.concat([f.select(q="f"), f.select(q="d")], how="vertical_relaxed"),
}


@pytest.mark.parametrize("name", BEYOND)
def test_decimals_beside_floats_that_no_decimal_holds(name):
    check(BEYOND[name], far_apart())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.decimals(-9999, 9999, places=3), min_size=1, max_size=8), st.one_of(st.floats(-9999, 9999), st.decimals(-9999, 9999, places=4).map(float)))
def test_a_float_is_compared_with_a_decimal_as_a_float(values, constant):
    frame = pl.DataFrame({"d": pl.Series(values, dtype=pl.Decimal(12, 3))})
    check(lambda f, x: f.select(a=x.col("d") < constant, b=x.col("d") == constant, c=constant <= x.col("d")), frame)


NUMBERS = st.one_of(st.none(), st.integers(-(10**9), 10**9).map(lambda n: Decimal(n).scaleb(-3)))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(pairs=st.lists(st.tuples(NUMBERS, NUMBERS, st.integers(1, 1000)), min_size=1, max_size=6))
def test_made_decimals(pairs):
    frame = pl.DataFrame({"a": [a for a, _, _ in pairs], "b": [b for _, b, _ in pairs], "i": [i for _, _, i in pairs]}, schema={"a": pl.Decimal(20, 3), "b": pl.Decimal(15, 5), "i": pl.Int64})
    check(lambda f, x: f.select(s=x.col("a") + x.col("b"), p=x.col("a") * x.col("i"), q=x.col("a") / x.col("i"), r=x.col("b") % x.col("i"), d=x.col("a") // x.col("i"), z=x.col("b").round(2)), frame)


def test_products_are_exact():
    """Polars rounds them to the decimals of the finer side."""
    frame = gf.DataFrame({"d": [Decimal("1.25"), Decimal("-0.05")], "e": [Decimal("3.001"), Decimal("0.125")]}, schema={"d": gf.Decimal(10, 2), "e": gf.Decimal(8, 3)})
    assert frame.select(gf.col("d") * gf.col("e"))["d"].to_list() == [Decimal("3.75125"), Decimal("-0.00625")]
    assert frame.select(gf.col("d") * gf.col("e") * gf.col("d"))["d"].to_list() == [Decimal("4.6890625"), Decimal("0.0003125")]


def test_what_has_no_decimal_is_an_error():
    frame = ours(decimals())
    with pytest.raises(gf.errors.ExecutionError, match=r"arithmetic: `truediv\(d, 0\)` divides by 0; hint: cast a side to Float64"):
        frame.select(gf.col("d") / 0).collect()
    with pytest.raises(gf.errors.ExecutionError, match="has more than 38 digits"):
        frame.select(gf.col("d") * 10**18 * 10**18 * 10**18).collect()
    with pytest.raises(gf.errors.DTypeError, match="`d` is Decimal"):
        frame.select(gf.col("d") + (gf.col("i") > 1))


NINES = Decimal("9" * 38)
SUMS_BEYOND = {
    "all": lambda f: f.select(gf.col("d").sum()),
    "of groups": lambda f: f.group_by("g").agg(gf.col("d").sum()),
    "beside rows": lambda f: f.select(gf.col("d").sum().over("g")),
    "so far": lambda f: f.select(gf.col("d").cum_sum()),
    "of lists": lambda f: f.select(gf.col("d").implode()).select(gf.col("d").list.sum()),
    "of SQL": lambda f: gf.sql("SELECT sum(d) FROM f", f=f),
    "of SQL's groups": lambda f: gf.sql("SELECT g, sum(d) FROM f GROUP BY g", f=f),
    "of different values": lambda f: gf.sql("SELECT sum(DISTINCT d) FROM f", f=f),
    "of SQL's windows": lambda f: gf.sql("SELECT sum(d) OVER (ORDER BY i ROWS 1 PRECEDING) FROM f", f=f),
}


@pytest.mark.parametrize("name", SUMS_BEYOND)
def test_a_sum_that_no_decimal_holds_is_an_error(name):
    frame = pl.DataFrame({"i": [1, 2], "g": [1, 1], "d": pl.Series([NINES, Decimal("9" * 37 + "8")], dtype=pl.Decimal(38, 0))})
    with pytest.raises(gf.errors.ExecutionError, match="fit|beyond"):
        SUMS_BEYOND[name](gf.from_polars(frame).lazy()).collect()


def test_a_sum_that_leaves_the_range_and_comes_back_is_exact():
    frame = gf.from_polars(pl.DataFrame({"g": [1] * 5, "d": pl.Series([NINES, NINES, NINES.copy_negate(), NINES.copy_negate(), Decimal(7)], dtype=pl.Decimal(38, 0))}))
    assert frame.select(gf.col("d").sum()).item() == 7
    assert frame.group_by("g").agg(gf.col("d").sum()).rows() == [(1, 7)]
