"""Quotients and remainders of every pair of integers, and expressions that hold themselves many times: asked of Polars too."""

import time

import gradframe as gf
import polars as pl
import pytest
from same import check

KINDS = ("Int8", "Int32", "Int64", "UInt8", "UInt32", "UInt64")


def numbers(left: str, right: str) -> pl.DataFrame:
    a = [7, 1, 8, 100, None, 5, 0] if left[0] == "U" else [7, -1, 8, -100, None, 5, 0]
    b = [2, 2, 3, 7, 1, 0, 0] if right[0] == "U" else [2, 2, -3, -7, 1, 0, 0]
    return pl.DataFrame({"a": a, "b": b}, schema={"a": getattr(pl, left), "b": getattr(pl, right)})


def whole(expr, x):
    """Polars gives an Int128 where Gradframe gives a decimal without a fraction."""
    return expr.cast(x.Int64)


@pytest.mark.parametrize("left", KINDS)
@pytest.mark.parametrize("right", KINDS)
def test_integers_of_any_two_types_are_divided(left, right):
    def parts(f, x):
        a, b = x.col("a"), x.col("b")
        return f.select(floor=whole(a // b, x), whole=whole(a.truncdiv(b), x), rest=whole(a % b, x), true=a / b)

    check(parts, numbers(left, right))


WIDE = {
    "a difference divided": lambda f, x: f.select(q=(x.col("u") - x.col("n")) / 2),
    "a sum divided by a sum": lambda f, x: f.select(q=(x.col("u") + x.col("n")) / (x.col("n") - x.col("u"))),
    "a quotient divided": lambda f, x: f.select(q=(x.col("u") // x.col("n")) / 4),
    "more than 64 bits": lambda f, x: f.select(q=(x.col("u") + x.col("n")) / 1, p=((x.col("u") + x.col("n")) // 3).cast(x.Float64)),
    "sums of narrower ones": lambda f, x: f.select(q=whole(x.col("w").cast(x.UInt64).sum() // x.col("n"), x)),
    "in groups": lambda f, x: f.group_by("g", maintain_order=True).agg(q=whole(x.col("u").sum() // x.col("n").sum(), x)),
    "over groups": lambda f, x: f.select(q=whole(x.col("u").sum().over("g") // x.col("n"), x)),
}


def wide() -> pl.DataFrame:
    schema = {"u": pl.UInt64, "n": pl.Int64, "w": pl.UInt32, "g": pl.String}
    return pl.DataFrame({"u": [7, 1, 8, 2**63], "n": [2, 2, -3, 5], "w": [10, 11, 12, 0], "g": ["a", "a", "b", "b"]}, schema=schema)


@pytest.mark.parametrize("name", WIDE)
def test_what_64_bits_do_not_hold_is_divided_as_whole_numbers(name):
    check(WIDE[name], wide())


@pytest.mark.parametrize("op", ["+", "-", "*", "//", "%"])
def test_a_schema_tells_the_type_that_comes(op):
    frame = gf.DataFrame({"u": [7], "n": [2]}, schema={"u": gf.UInt64, "n": gf.Int64}).lazy()
    query = frame.select(q=eval(f"gf.col('u') {op} gf.col('n')"))
    assert query.collect_schema() == query.collect().schema


FLOATS = {
    "remainders": lambda f, x: f.select(q=x.col("x") % x.col("z"), r=x.col("x") % 2, s=x.col("x") % -2),
    "quotients": lambda f, x: f.select(q=x.col("x") // x.col("y")),
    "signs": lambda f, x: f.select(x.col("x").sign(), n=x.col("n").sign(), u=x.col("n").abs().cast(x.UInt8).sign()),
    "close": lambda f, x: f.select(x.col("x").is_close(x.col("y")), n=x.col("x").is_close(x.col("y"), nans_equal=True), w=x.col("n").is_close(1, abs_tol=2)),
    "peaks": lambda f, x: f.select(a=x.col("n").peak_max(), b=x.col("n").peak_min(), c=x.col("x").peak_max(), d=x.col("x").peak_min()),
    "peaks over groups": lambda f, x: f.select(a=x.col("n").peak_max().over(x.col("n") > 0)),
}


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("rows", [7, 1, 0])
def test_floats_with_all_their_oddities(name, rows):
    x = [-4.0, 5.5, -5.5, float("nan"), float("inf"), None, 0.0]
    y = [2.0, -2.0, float("inf"), 1.0, float("inf"), 1.0, 0.5]
    z = [2.0, -2.0, 1.5, 1.0, 3.0, 1.0, 0.5]  # by an infinity Polars leaves NaN, here as in Python the dividend is left
    frame = pl.DataFrame({"x": x, "y": y, "z": z, "n": [1, -3, 0, 5, 5, 2, 7]}, schema_overrides={"n": pl.Int16})
    check(FLOATS[name], frame.head(rows))


NESTED = {
    "quotients": lambda e: e // 3,
    "remainders": lambda e: (e + 5) % 7,
    "signs": lambda e: e.sign() + 2,
    "close": lambda e: e.is_close(1).cast(gf.Int64) + 1,
    "peaks": lambda e: e.peak_max().cast(gf.Int64) + 1,
}


@pytest.mark.parametrize("name", NESTED)
def test_an_expression_in_itself_is_planned_in_time_that_grows_with_its_depth(name):
    expr = gf.col("n")
    for _ in range(12):
        expr = NESTED[name](expr)
    begin = time.monotonic()
    assert gf.DataFrame({"n": [10**9, 1, 5]}).lazy().select(expr).collect().height == 3
    assert time.monotonic() - begin < 20  # where a part stood four times in its whole this was hours


IN_GROUPS = {
    "values": lambda e: e,
    "quantile": lambda e: e.quantile(0.5),
    "skew": lambda e: e.skew(),
    "unique": lambda e: e.unique().sort(),
    "mode": lambda e: e.mode().sort(),
}


@pytest.mark.parametrize("name", IN_GROUPS)
def test_groups_take_what_is_divided_again_and_again(name):
    frame = pl.DataFrame({"g": ["a", "b", "a", "a"], "x": [50.5, -2.0, 7.0, 7.5]})
    check(lambda f, x: f.group_by("g", maintain_order=True).agg(q=IN_GROUPS[name](((x.col("x") // 2) // 3) // 2)), frame)


def test_aggregates_are_ordered_by_what_is_computed():
    frame = gf.from_dict({"g": ["a", "b", "a"], "x": [9.5, -2.0, 1.5], "n": [1, 2, 3]})
    key = "floor(floor(x / 2) / 2)"
    query = f"SELECT g, first_value(n ORDER BY {key}) AS f, array_agg(n ORDER BY {key}) AS l FROM frame GROUP BY g ORDER BY g"
    assert gf.sql(query, frame=frame).collect().rows() == [("a", 3, [3, 1]), ("b", 2, [2])]
