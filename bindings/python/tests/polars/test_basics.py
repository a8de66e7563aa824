"""Arithmetic, comparison, selectors, windows: one table of cases, each asked of Polars too."""

import pytest
from hypothesis import HealthCheck, given, settings

import gradframe as gf

from frames import FRAMES, made, mixed, numbers
from same import check

ARITHMETIC = {
    "floordiv": lambda f, x: f.select(q=x.col("a") // x.col("b"), by_zero=x.col("a") // 0, of_float=x.col("x") // 2),
    "mod": lambda f, x: f.select(q=x.col("a") % x.col("b"), by_zero=x.col("a") % 0),
    "truncdiv": lambda f, x: f.select(x.col("a").truncdiv(x.col("b"))),
    "truediv": lambda f, x: f.select(x.col("a") / x.col("b")),
    "named": lambda f, x: f.select(
        a=x.col("a").add(1), b=x.col("a").sub(1), c=x.col("a").mul(2), d=x.col("a").neg(), e=x.col("a").abs(), f=x.col("x").truediv(2)
    ),
    "pow": lambda f, x: f.select(x.col("k") ** 3, h=x.col("k") ** 0.5),
    "bits": lambda f, x: f.select(u=x.col("a") & 3, v=x.col("a") | 4, w=x.col("a") ^ 5, n=~x.col("a")),
    "rounding": lambda f, x: f.select(x.col("x").floor(), c=x.col("x").ceil(), r=x.col("x").abs().sqrt()),
}


@pytest.mark.parametrize("name", ARITHMETIC)
def test_arithmetic(name):
    check(ARITHMETIC[name], numbers())


ON_ROWS = {
    "names_of_results": lambda f, x: f.select(1 + x.col("i"), x.col("n") + x.col("i")),
    "name_rules": lambda f, x: f.select(
        x.col("i").alias("q").name.keep(), x.col("n").name.suffix("_x"), (x.col("f") + x.col("n")).name.prefix("p_"), x.col("b").name.to_uppercase()
    ),
    "name_of_when": lambda f, x: f.select(x.when(x.col("b")).then(x.col("i")).otherwise(x.col("n"))),
    "several_conditions": lambda f, x: f.select(x.when(x.col("b"), x.col("n") > 3).then(1).otherwise(0).alias("w")),
    "compare": lambda f, x: f.select(e=x.col("i") == 4, n=x.col("i") != 4, l=x.col("i") < x.col("n"), g=x.col("i") >= 4),
    "compare_missing": lambda f, x: f.select(e=x.col("i").eq_missing(x.lit(None)), n=x.col("i").ne_missing(4)),
    "is_between": lambda f, x: f.select(
        *(x.col("i").is_between(0, 4, closed=c).alias(c) for c in ["both", "left", "right", "none"]),
    ),
    "is_in": lambda f, x: f.select(a=x.col("i").is_in([4, 9]), n=x.col("i").is_in([4, None]), m=x.col("i").is_in([4, None], nulls_equal=True)),
    "nan": lambda f, x: f.select(x.col("f").is_nan(), n=x.col("f").is_not_nan(), y=x.col("f").is_finite(), z=x.col("f").is_infinite()),
    "fill": lambda f, x: f.select(x.col("f").fill_nan(0.0), i=x.col("i").fill_null(7), s=x.col("s").fill_null("?")),
    "nan_is_the_greatest": lambda f, x: f.select(x.col("f") > 1.0, e=x.col("f") == x.col("f")),
    "cast": lambda f, x: f.select(x.col("n").cast(x.Float64), s=x.col("n").cast(x.String), b=x.col("b").cast(x.Int64)),
    "cast_not_strict": lambda f, x: f.select(x.col("s").cast(x.Int64, strict=False)),
    "logic": lambda f, x: f.select(a=x.col("b") & (x.col("n") > 3), o=x.col("b") | (x.col("n") > 3), x=x.col("b") ^ (x.col("n") > 3), n=~x.col("b")),
    "coalesce": lambda f, x: f.select(x.coalesce("i", "n"), c=x.coalesce(["i", x.lit(5)])),
}

SELECTING = {
    "several": lambda f, x: f.select(x.col("i", "n")),
    "pattern": lambda f, x: f.select(x.col("^[a-f]$")),
    "pattern_as_name": lambda f, x: f.select("^[i-n]$"),
    "types": lambda f, x: f.select(x.col(x.Int64)),
    "all": lambda f, x: f.select(x.all()),
    "all_computed": lambda f, x: f.select(x.all().is_null().name.suffix("_null")),
    "pairs": lambda f, x: f.select(x.col("i", "n") + x.col("n", "i")),
    "exclude": lambda f, x: f.select(x.exclude("i", "^[a-d]$"), x.all().exclude(x.Int64).is_null().name.prefix("_")),
    "families": lambda f, x: f.select(x.selectors.numeric() - x.selectors.by_name("n"), x.selectors.string().name.suffix("_")),
    "algebra": lambda f, x: f.select((x.selectors.numeric() & x.selectors.float()) | x.selectors.boolean(), ~x.selectors.numeric() - x.selectors.boolean()),
    "first_last": lambda f, x: f.select(x.selectors.first(), x.selectors.last(), x.selectors.temporal()),
    "by_text": lambda f, x: f.select(x.selectors.starts_with("i"), x.selectors.ends_with("f"), x.selectors.contains("s"), x.selectors.matches("^t$")),
    "spread": lambda f, x: f.select(x.coalesce(x.col("i", "n"))),
    "computed": lambda f, x: f.select(x.selectors.numeric() * 2),
}

COLUMNWISE = {
    "aggregates": lambda f, x: f.select(
        s=x.col("i").sum(), m=x.col("i").mean(), lo=x.col("i").min(), hi=x.col("i").max(), med=x.col("i").median(), c=x.col("i").count(),
        n=x.col("i").null_count(), l=x.col("i").len(), u=x.col("i").n_unique(), sd=x.col("i").std(), v=x.col("i").var(ddof=0), v3=x.col("i").var(ddof=3),
    ),
    "of_floats": lambda f, x: f.select(lo=x.col("f").min(), hi=x.col("f").max()),
    "of_booleans": lambda f, x: f.select(s=x.col("b").sum(), m=x.col("b").mean()),
    "of_text": lambda f, x: f.select(lo=x.col("s").min(), hi=x.col("s").max(), u=x.col("s").n_unique(), c=x.col("s").count()),
    "ends": lambda f, x: f.select(a=x.col("i").first(), z=x.col("i").last(), w=x.col("f").last(ignore_nulls=True)),
    "conditional": lambda f, x: f.select(s=x.col("i").filter(x.col("n") > 3).sum(), c=x.col("i").filter(x.col("b")).count()),
    "repeated": lambda f, x: f.select("n", d=x.col("n") - x.col("n").mean(), s=x.col("i").sum()),
    "repeated_in_with_columns": lambda f, x: f.with_columns(c=x.len(), d=x.col("n").max()),
    "filter_by_an_aggregate": lambda f, x: f.filter(x.col("n") > x.col("n").mean()),
    "nested": lambda f, x: f.select(v=(x.col("n") - x.col("n").mean()).abs().sum()),
    "kept_rows": lambda f, x: f.select(x.col("i").drop_nulls()),
    "kept_rows_computed": lambda f, x: f.select(x.col("i").drop_nulls() * 2, k=x.len()),
    "filtered": lambda f, x: f.select(x.col("i").filter(x.col("n") > 3)),
    "slices": lambda f, x: f.select(x.col("n").head(3)),
    "tail": lambda f, x: f.select(x.col("n").tail(3) * 2),
    "slice": lambda f, x: f.select(x.col("i").slice(-4, 2)),
    "aggregate_of_a_slice": lambda f, x: f.select(a=x.col("n").head(3).sum(), b=x.col("i").drop_nulls().head(2).len()),
    "shift": lambda f, x: f.select(x.col("i").shift(), b=x.col("i").shift(-2), c=x.col("n").shift(1, fill_value=0), d=x.col("s").shift(3)),
    "diff": lambda f, x: f.select(x.col("n").diff(), i=x.col("i").diff(2)),
    "cumulative": lambda f, x: f.select(
        x.col("i").cum_sum(), b=x.col("i").cum_min(), c=x.col("i").cum_max(reverse=True), d=x.col("i").cum_count(), e=x.col("n").cum_sum(reverse=True)
    ),
    "over": lambda f, x: f.with_columns(m=x.col("n").mean().over("g"), s=x.col("n").shift().over("g"), c=x.col("n").cum_sum().over("g")),
    "over_several": lambda f, x: f.with_columns(m=x.col("n").sum().over("g", "b"), k=x.len().over(["g", "b"])),
    "over_an_expression": lambda f, x: f.with_columns(m=x.col("n").max().over(x.col("n") % 2)),
    "over_ordered": lambda f, x: f.with_columns(s=x.col("n").shift().over("g", order_by="n"), t=x.col("n").cum_sum().over("g", order_by="n", descending=True)),
    "over_joined": lambda f, x: f.select("g", l=x.col("n").over("g", mapping_strategy="join")),
    "over_computed": lambda f, x: f.select(x.col("n") / x.col("n").sum().over("g")),
    "constants": lambda f, x: f.select(x.lit(1), b=x.lit("a")),
    "window_of_window": lambda f, x: f.select(x.col("n").cum_sum().shift().cum_max()),
    "chained": lambda f, x: f.with_columns(c=x.col("n").cum_sum()).with_columns(d=x.col("c").shift()).filter(x.col("d") > 5),
    "implode": lambda f, x: f.select(x.col("i").implode(), k=x.col("n").filter(x.col("n") > 4).implode()),
}

GROUPED = {
    "aggregates": lambda f, x: f.group_by("g").agg(x.col("i").sum(), m=x.col("f").max(), k=x.len(), h=x.col("n").filter(x.col("b")).sum()),
    "lists": lambda f, x: f.group_by("g").agg(x.col("n"), d=x.col("i").drop_nulls(), e=x.col("n") * 2),
    "windows": lambda f, x: f.group_by("g").agg(x.col("n").cum_sum(), s=x.col("n").shift().sum()),
    "ends": lambda f, x: f.group_by("g").agg(a=x.col("n").first(), z=x.col("s").last()),
    "relative": lambda f, x: f.group_by("g").agg(v=(x.col("n") - x.col("n").mean()).abs().max()),
    "all": lambda f, x: f.group_by("g").agg(x.all().count()),
    "expression_as_key": lambda f, x: f.group_by(x.col("n") % 2).agg(x.col("i").sum()),
}


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("name", ON_ROWS)
def test_on_rows(name, frame):
    check(ON_ROWS[name], FRAMES[frame]())


@pytest.mark.parametrize("name", SELECTING)
def test_selecting(name):
    check(SELECTING[name], mixed())


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("name", COLUMNWISE)
def test_columnwise(name, frame):
    check(COLUMNWISE[name], FRAMES[frame]())


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("name", GROUPED)
def test_grouped(name, frame):
    check(GROUPED[name], FRAMES[frame](), sort=True)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frame=made())
@pytest.mark.parametrize("name", ["aggregates", "shift", "cumulative", "over", "of_floats", "kept_rows"])
def test_made_frames(name, frame):
    check(COLUMNWISE[name], frame)


WRONG = {
    "unknown column": (lambda f: f.select(gf.col("nn") + 1), "select: unknown column `nn`.*did you mean `n`"),
    "unknown column in a selector": (lambda f: f.select(gf.col("i", "jj")), "unknown column `jj`"),
    "mixed lengths": (lambda f: f.select("n", gf.col("i").drop_nulls().head(1)).collect(), r"select: `n` has \d+ rows and `i` 1"),
    "mixed lengths in an expression": (lambda f: f.select(gf.col("n") + gf.col("i").head(1)).collect(), "different numbers of values"),
    "lengths beside columns": (lambda f: f.with_columns(gf.col("i").drop_nulls()).collect(), "values, the frame"),
    "selectors of different widths": (lambda f: f.select(gf.col("i", "n") + gf.col("i", "n", "f")), "selectors of 2 and 3 columns"),
    "sum of text": (lambda f: f.select(gf.col("s").sum()), "sum: `s` is"),
    "unknown choice": (lambda f: f.select(gf.col("i").is_between(1, 2, closed="bth")), "did you mean `both`"),
    "a pattern that is none": (lambda f: f.select(gf.col("^($")), "pattern"),
    "over nothing": (lambda f: f.select(gf.col("i").over()), "neither keys nor an order"),
}


@pytest.mark.parametrize("name", WRONG)
def test_bad_input_is_named(name):
    make, message = WRONG[name]
    with pytest.raises(gf.errors.GradframeError, match=message):
        make(gf.from_arrow(mixed()).lazy())
