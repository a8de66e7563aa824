"""What operators mean over types: results that overflow, types of results, times and texts, and what is refused."""

import datetime as dt

import polars as pl
import pyarrow as pa
import pytest

import gradframe as gf

from same import assert_same, check, ours

INTEGERS = ["Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"]
NUMBERS = [*INTEGERS, "Float32", "Float64"]
DAY, NOON = dt.date(2024, 1, 5), dt.datetime(2024, 1, 1, 12)


def numbers() -> pl.DataFrame:
    """A column of each type of numbers, named after it, and booleans."""
    columns = {name: pl.Series([1, 2, None, 100], dtype=getattr(pl, name)) for name in NUMBERS}
    return pl.DataFrame({**columns, "Boolean": [True, False, None, True]})


def moments() -> pl.DataFrame:
    """Dates, times with and without a zone, durations, and what they meet."""
    return pl.DataFrame(
        {
            "d": [DAY, None, dt.date(1969, 12, 30)],
            "e": [dt.date(2024, 1, 1)] * 3,
            "t": [NOON, None, dt.datetime(1969, 1, 1)],
            "u": [dt.datetime(2024, 1, 1, 10)] * 3,
            "w": [dt.timedelta(hours=3), dt.timedelta(days=-2), None],
            "us": [dt.timedelta(microseconds=-3), dt.timedelta(microseconds=7), dt.timedelta(hours=-25)],
            "i": [2, -2, 0],
            "f": [0.3, float("nan"), 2.5],
            "s": ["a", None, "ß"],
            "b": [True, None, False],
            "c": [dt.time(3, 4), dt.time(1, 2), None],
        }
    ).with_columns(z=pl.col("u").dt.replace_time_zone("UTC"))


def exact_types(case, frame):
    """Values and types, widths of integers included, are Polars's; before the rows are there, too."""
    mine, theirs = case(ours(frame), gf), case(frame.lazy(), pl).collect()
    expected = {name: plain(field) for name, field in zip(theirs.columns, theirs.to_arrow().schema, strict=True)}
    assert {field.name: plain(field) for field in pa.schema(mine.collect_schema().to_arrow())} == expected
    collected = pa.table(mine.collect())
    assert {field.name: plain(field) for field in collected.schema} == expected
    assert_same(collected, theirs)


def plain(field):
    return str(field.type).replace("large_", "").replace("_view", "")


ARITHMETIC = {
    "plus a constant": lambda f, x, n: f.select(x.col(n) + 1),
    "a constant less": lambda f, x, n: f.select(100 - x.col(n)),
    "plus a large constant": lambda f, x, n: f.select(x.col(n) + 300),
    "plus a float": lambda f, x, n: f.select(x.col(n) + 1.5),
    "divided": lambda f, x, n: f.select(x.col(n) / 2),
    "floor divided": lambda f, x, n: f.select(x.col(n) // 2),
    "remainder": lambda f, x, n: f.select(x.col(n) % 7),
    "squared": lambda f, x, n: f.select(x.col(n).clip(0, 3) ** 2),
    "filled": lambda f, x, n: f.select(x.col(n).fill_null(0)),
    "filled with a large value": lambda f, x, n: f.select(x.col(n).fill_null(300)),
    "chosen": lambda f, x, n: f.select(x.when(x.col(n) > 1).then(x.col(n)).otherwise(0)),
    "absolute": lambda f, x, n: f.select(x.col(n).abs()),
    "differences": lambda f, x, n: f.select(x.col(n).diff()),
    "square root": lambda f, x, n: f.select(x.col(n).sqrt()),
    "mean": lambda f, x, n: f.select(x.col(n).mean()),
}


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("case", ARITHMETIC)
def test_numbers_keep_their_type(case, name):
    exact_types(lambda f, x: ARITHMETIC[case](f, x, name), numbers())


@pytest.mark.parametrize("a", [*NUMBERS, "Boolean"])
def test_two_types_meet_in_the_narrowest_that_holds_both(a):
    others = [b for b in [*NUMBERS, "Boolean"] if {a, b} != {"UInt64", b} or not b.startswith("Int")]
    if a.startswith("Int"):
        others = [b for b in others if b != "UInt64"]
    exact_types(lambda f, x: f.select((x.col(a) + x.col(b)).alias(b) for b in others), numbers().with_columns(pl.selectors.integer().clip(0, 5)))


@pytest.mark.parametrize("name", ["Int8", "Int16", "UInt8", "UInt16", "Int64", "UInt64", "Float32", "Float64"])
def test_sums_have_a_type_that_holds_them(name):
    exact_types(lambda f, x: f.select(s=x.col(name).sum(), c=x.col(name).cum_sum().last()), numbers())


NEGATED = {name: lambda f, x, n=name: f.select(-x.col(n), c=x.col(n) * -1) for name in NUMBERS if not name.startswith("U")}
NEGATED |= {name: lambda f, x, n=name: f.select(x.col(n) * -1) for name in INTEGERS if name.startswith("U")}


@pytest.mark.parametrize("name", NEGATED)
def test_negative_numbers(name):
    exact_types(NEGATED[name], numbers())


MOMENTS = {
    "durations by numbers": lambda f, x: f.select(a=x.col("us") / 2, b=x.col("us") / x.col("i"), c=x.col("w") * 2, d=3 * x.col("w"), e=x.col("w") * x.col("i")),
    "durations by floats": lambda f, x: f.select(a=x.col("us") * x.col("f"), b=x.col("us") / x.col("f"), c=x.col("w") * 1.5, d=x.col("w") / 1.5),
    "durations": lambda f, x: f.select(a=x.col("w") + x.col("us"), b=x.col("w") - x.col("us"), c=x.col("w") / x.col("us"), n=-x.col("w"), m=x.col("w").abs()),
    "dates": lambda f, x: f.select(x.col("d") - x.col("e"), p=x.col("d") + x.col("us"), m=x.col("d") - x.col("us"), q=x.col("us") + x.col("d")),
    "dates and python": lambda f, x: f.select(x.col("d") + dt.timedelta(days=1), m=x.col("d") - dt.timedelta(hours=30), s=x.col("d") - DAY),
    "moments": lambda f, x: f.select(x.col("t") - x.col("u"), p=x.col("t") + x.col("w"), m=x.col("t") - x.col("w"), q=x.col("w") + x.col("t")),
    "zones": lambda f, x: f.select(x.col("z") + x.col("w"), d=x.col("z") - x.col("z")),
    "moments and dates": lambda f, x: f.select(a=x.col("t") - x.col("d"), b=x.col("d") - x.col("t")),
    "times": lambda f, x: f.select(x.col("c") - dt.time(1, 0)),
    "sums of durations": lambda f, x: f.select(x.col("w").sum(), m=x.col("w").mean(), c=x.col("us").cum_sum()),
    "differences": lambda f, x: f.select(x.col("d").diff(), t=x.col("t").diff()),
    "compared": lambda f, x: f.select(a=x.col("d") > x.col("e"), b=x.col("d") <= x.col("t"), c=x.col("z") == dt.datetime(2024, 1, 1, 10, tzinfo=dt.timezone.utc)),
    "texts": lambda f, x: f.select(x.col("s") + "x", b="x" + x.col("s"), c=x.col("s") + x.col("s"), d=x.col("s") + x.col("b")),
    "booleans": lambda f, x: f.select(a=x.col("b") + x.col("b"), b=x.col("b") + x.col("i"), c=x.col("b") == 1),
    "outside the domain": lambda f, x: f.select(
        a=(-x.col("f")).sqrt(), b=(-x.col("f")).log(), c=(x.col("f") * 0).log(), d=x.col("i").arcsin(), e=x.col("i").arccos(), g=x.col("i").arctanh(),
        h=x.col("i").arccosh(), i=(-x.col("f")).log10(), j=x.col("i").sqrt(), k=x.col("b").exp(),
    ),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_times_and_texts(name):
    check(MOMENTS[name], moments())


NANS = {
    "cumulative": lambda f, x: f.select(a=x.col("q").cum_max(), b=x.col("q").cum_min(), c=x.col("q").cum_max(reverse=True), d=x.col("p").cum_max()),
    "by a key": lambda f, x: f.select(a=x.col("k").max_by("q"), b=x.col("k").min_by("q"), c=x.col("q").arg_max(), d=x.col("q").arg_min()),
    "moving": lambda f, x: f.select(a=x.col("q").rolling_min(2, min_samples=1), b=x.col("q").rolling_max(2, min_samples=1), c=x.col("q").rolling_sum(2, min_samples=1)),
}


@pytest.mark.parametrize("name", NANS)
def test_nan(name):
    nan = float("nan")
    check(NANS[name], pl.DataFrame({"q": [1.0, nan, 3.0, None, 2.0], "p": [nan, 1.0, None, nan, 0.5], "k": [5, 6, 7, 8, 9]}))


def test_nan_outside_a_domain_is_above_all_numbers():
    check(lambda f, x: f.select(a=(-x.col("b") - 1).sqrt() > 1, b=(-x.col("b") - 1).log() > 1, c=(x.col("b") + 2).arccos() > 1), pl.DataFrame({"b": [0.0, 2.0, 5.0]}))


def test_nan_is_a_key_that_joins():
    nan = float("nan")
    frame, other = pl.DataFrame({"q": [nan, 1.0, None]}), pl.DataFrame({"q": [nan, None], "r": [1, 2]})
    theirs = frame.join(other, on="q", how="left", maintain_order="left")
    mine = gf.from_polars(frame).join(gf.from_polars(other), on="q", how="left", maintain_order="left")
    assert mine["r"].to_list() == theirs["r"].to_list()


WIDE = pl.DataFrame({"g": ["a", "a", "b"], "x": [2**63 - 1, 1, 5], "u": pl.Series([2**64 - 1, 1, 5], dtype=pl.UInt64), "low": [-(2**63), 0, 0]})
OVERFLOWS = {
    "sum": lambda f: f.select(gf.col("x").sum()),
    "sum of unsigned": lambda f: f.select(gf.col("u").sum()),
    "sum of groups": lambda f: f.group_by("g").agg(gf.col("x").sum()),
    "sum beside rows": lambda f: f.with_columns(s=gf.col("x").sum().over("g")),
    "sum so far": lambda f: f.select(gf.col("x").cum_sum()),
    "moving sum": lambda f: f.select(gf.col("x").rolling_sum(2)),
    "sum of durations": lambda f: f.select(gf.col("x").cast(gf.Duration("us")).sum()),
}


@pytest.mark.parametrize("name", OVERFLOWS)
def test_a_sum_that_does_not_fit_is_an_error(name):
    with pytest.raises(gf.errors.ExecutionError, match="sum: .* is (9223372036854775808|9223372036854775813|18446744073709551621), which does not fit in"):
        OVERFLOWS[name](gf.from_polars(WIDE).lazy()).collect()


def test_a_sum_is_exact_in_whatever_order():
    values = [2**63 - 1, 1, -1, -(2**63), 2**63 - 1] * 1000 + [-(2**63)] * 1000
    frame = gf.DataFrame({"k": [i % 3 for i in range(6000)], "x": values})
    assert frame.select(gf.col("x").sum()).item() == sum(values)
    expected = {k: sum(x for i, x in enumerate(values) if i % 3 == k) for k in range(3)}
    fits = {k: total for k, total in expected.items() if -(2**63) <= total < 2**63}
    grouped = frame.filter(gf.col("k").is_in(list(fits))).group_by("k").agg(gf.col("x").sum())
    assert dict(grouped.rows()) == fits


SQL_OVERFLOWS = [
    "SELECT sum(x) FROM d",
    "SELECT g, sum(x) FROM d GROUP BY g",
    "SELECT sum(x) OVER (ORDER BY x DESC) FROM d",
    "SELECT sum(DISTINCT x) FROM (SELECT * FROM d WHERE x > 0)",
    "SELECT sum(DISTINCT x), sum(DISTINCT low) FROM (SELECT * FROM d WHERE x > 0)",
    "SELECT -low FROM d",
    "SELECT abs(low) FROM d",
]


@pytest.mark.parametrize("query", SQL_OVERFLOWS)
def test_sql_does_not_wrap_either(query):
    with pytest.raises(gf.errors.ExecutionError):
        gf.sql(query, d=gf.from_polars(WIDE)).collect()


@pytest.mark.parametrize("make", [lambda c: -c, lambda c: c.abs(), lambda c: c - 1], ids=["neg", "abs", "sub"])
def test_negations_do_not_wrap(make):
    with pytest.raises(gf.errors.ExecutionError, match="does not fit|overflow"):
        gf.from_polars(WIDE).select(make(gf.col("low")))


REFUSED = {
    "is_nan of text": (lambda f: f.select(gf.col("s").is_nan()), "is_nan: `s` is"),
    "is_finite of a date": (lambda f: f.select(gf.col("d").is_finite()), "is_finite: `d` is Date"),
    "fill_nan of text": (lambda f: f.select(gf.col("s").fill_nan(1.0)), "fill_nan: `s` is"),
    "a number as a condition": (lambda f: f.filter("i"), "filter: `i` is Int64, expected a condition"),
    "text as a condition": (lambda f: f.filter(gf.col("s")), "filter: `s` is"),
    "a number in when": (lambda f: f.select(gf.when(gf.col("i")).then(1)), "when: `i` is Int64"),
    "a number in filter": (lambda f: f.select(gf.col("i").filter(gf.col("i")).sum()), "filter: `i` is Int64"),
    "a number and a condition": (lambda f: f.select(gf.col("i") & gf.col("b")), "and_: `i` is Int64"),
    "not of text": (lambda f: f.select(~gf.col("s")), "not_: `s` is"),
    "zones": (lambda f: f.filter(gf.col("z") > gf.col("t")), "comparison: `z` is .* and `t` is .*replace_time_zone"),
    "zones in a difference": (lambda f: f.select(gf.col("z") - gf.col("t")), "arithmetic: `z` is"),
    "text and number": (lambda f: f.filter(gf.col("s") == gf.col("i")), "comparison: `s` is .* and `i` is Int64"),
    "text and a constant": (lambda f: f.filter(gf.col("s") > 1), "comparison: `s` is"),
    "text among numbers": (lambda f: f.filter(gf.col("i").is_in(["a"])), "comparison: `i` is Int64"),
    "text plus number": (lambda f: f.select(gf.col("s") + 1), "arithmetic: `s` is .*does not take"),
    "text times number": (lambda f: f.select(gf.col("s") * 2), "arithmetic: `s` is"),
    "dates plus numbers": (lambda f: f.select(gf.col("d") + 1), "arithmetic: `d` is Date"),
    "two moments": (lambda f: f.select(gf.col("t") + gf.col("t")), "arithmetic: `t` is"),
    "minus unsigned": (lambda f: f.select(-gf.col("i").cast(gf.UInt8)), "neg: .* is UInt8"),
    "minus text": (lambda f: f.select(-gf.col("s")), "neg: `s` is"),
    "sine of text": (lambda f: f.select(gf.col("s").sin()), "sin: `s` is"),
    "logarithm of text": (lambda f: f.select(gf.col("s").log()), "log: `s` is"),
    "quotient of text": (lambda f: f.select(gf.col("s") / 2), "truediv: `s` is"),
    "quantile of text": (lambda f: f.select(gf.col("s").quantile(0.5)), "quantile: `s` is"),
    "skewness of text": (lambda f: f.select(gf.col("s").skew()), "skew: `s` is"),
    "product of text": (lambda f: f.select(gf.col("s").product()), "product: `s` is"),
    "product so far of text": (lambda f: f.select(gf.col("s").cum_prod()), "cum_prod: `s` is"),
    "interpolated text": (lambda f: f.select(gf.col("s").interpolate()), "interpolate: `s` is"),
    "smoothed text": (lambda f: f.select(gf.col("s").ewm_mean(alpha=0.5)), "ewm: `s` is"),
    "rounded text": (lambda f: f.select(gf.col("s").round(1)), "round: `s` is"),
    "sign of text": (lambda f: f.select(gf.col("s").sign()), "sign: `s` is"),
    "correlation with text": (lambda f: f.select(gf.corr("i", "s")), "corr: `s` is"),
    "sum of text across": (lambda f: f.select(gf.sum_horizontal("i", "s")), "sum_horizontal: `s` is"),
    "extremes of text and numbers": (lambda f: f.select(gf.max_horizontal("i", "s")), "max_horizontal: `i` is Int64 and `s` is"),
    "lists of text and numbers": (lambda f: f.select(gf.concat_list("i", "s")), "concat_list: `i` is Int64 and `s` is"),
    "lists of texts plus numbers": (lambda f: f.select(gf.concat_list("s") + 1), "arithmetic: .* is Int64, which `\\+` does not take"),
    "structures and numbers": (lambda f: f.select(gf.struct("i") == 1), "comparison: .* is Int64, which cannot be compared"),
    "minus a structure": (lambda f: f.select(-gf.struct("i")), "neg: .* has no negative values"),
    "any of texts": (lambda f: f.select(gf.col("s").any()), "any: `s` is String, expected a condition"),
    "branches of dates and numbers": (lambda f: f.select(gf.when(gf.col("b")).then("d").otherwise("i")), "when: `d` is Date and `i` is Int64, which have no common type"),
    "nulls of dates as numbers": (lambda f: f.select(gf.col("d").fill_null(1)), "coalesce: `d` is Date and `1` is Int64.* in `fill_null"),
    "differences of text": (lambda f: f.select(gf.col("s").diff()), "arithmetic: `s` is .*, in `diff"),
    "part of a larger expression": (lambda f: f.select((gf.col("i") + gf.col("s").sum()) * 2), r"sum: `s` is .*, in `i \+ sum\(s\) \* 2`"),
    "sum so far of text": (lambda f: f.select(gf.col("s").cum_sum()), "cum_sum: `s` is"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_means_nothing_is_refused_before_data_are_read(name):
    make, message = REFUSED[name]
    with pytest.raises(gf.errors.DTypeError, match=message):
        make(ours(moments()))


SAID = {
    "list plus text": lambda f: f.select(gf.concat_list("i") + "x"),
    "struct and number": lambda f: f.select(gf.struct("i") == 1),
    "lengths": lambda f: f.with_columns(gf.col("i").append(gf.col("i"))),
    "lengths over": lambda f: f.with_columns(q=gf.col("i").shift(1).drop_nulls().over("b")),
    "differences": lambda f: f.select(gf.col("b").diff()),
    "shifted": lambda f: f.select(gf.col("s").shift(1) * 2),
    "first": lambda f: f.select(gf.col("s").first() * 2),
    "two results": lambda f: f.select(gf.col("i") + 1, gf.col("i") * 2),
    "two columns": lambda f: f.with_columns(gf.col("i") + 1, gf.col("i") * 2),
    "two aggregates": lambda f: f.group_by("b").agg(gf.col("i").sum(), gf.col("i").max()),
    "sum so far": lambda f: f.select(gf.col("i").cast(gf.Int64).clip(2**62, 2**63 - 1).cum_sum()).collect(),
}


@pytest.mark.parametrize("name", SAID)
def test_messages_have_no_names_of_ours(name):
    with pytest.raises(gf.errors.GradframeError) as raised:
        SAID[name](ours(moments()))
    for ours_ in ("__", "?table?", "literal", "ORDER BY", "lag(", "first_value(", "CASE WHEN", "DataFusion"):
        assert ours_ not in str(raised.value), str(raised.value)


POWERS = {
    "exact": lambda f, x: f.select(p=x.col("i") ** x.col("e"), q=x.col("i") ** 3, h=x.col("i") ** 0.5, r=2 ** x.col("e").clip(0, 9)),
    "narrow": lambda f, x: f.select(x.col("i").cast(x.Int8) ** 2, u=x.col("e").cast(x.UInt16) ** 2),
}


@pytest.mark.parametrize("name", POWERS)
def test_powers_of_integers_are_exact(name):
    check(POWERS[name], pl.DataFrame({"i": [2, 3, -3, None], "e": [3, 35, 2, 1]}))


def test_powers_that_are_no_integers_are_errors():
    frame = gf.DataFrame({"i": [2, 3], "e": [-1, 50]})
    with pytest.raises(gf.errors.ExecutionError, match="pow: `i`: 2 to the power of -1 is no integer"):
        frame.select(gf.col("i") ** gf.col("e"))
    with pytest.raises(gf.errors.ExecutionError, match="pow: `i`: 3 to the power of 50 does not fit in Int64"):
        frame.select(gf.col("i") ** 50)


@pytest.mark.parametrize("make", [lambda f: f, lambda f: f.lazy(), lambda f: f["i"]], ids=["frame", "lazy", "series"])
def test_frames_are_neither_true_nor_false(make):
    with pytest.raises(TypeError, match="truth value"):
        bool(make(gf.from_polars(moments())))


NESTED = {
    "list": pl.DataFrame({"v": [["1"], ["2", "x"], None]}).with_columns(to=pl.lit(0)),
    "struct": pl.DataFrame({"v": [{"a": "1"}, {"a": "x"}, None]}),
}
TARGETS = {"list": lambda x: x.List(x.Int64), "struct": lambda x: x.Struct({"a": x.Int64})}


@pytest.mark.parametrize("name", NESTED)
def test_strict_casts_reach_inside(name):
    frame = NESTED[name]
    with pytest.raises(gf.errors.ExecutionError, match=r"cast: `v` has '.*x.*', which is no .*\(row 1\).*strict=False"):
        ours(frame).select(gf.col("v").cast(TARGETS[name](gf))).collect()
    check(lambda f, x: f.select(x.col("v").cast(TARGETS[name](x), strict=False)), frame)
    check(lambda f, x: f.select(x.col("v").cast(TARGETS[name](x))), frame.filter(pl.Series([True, False, True])))


def test_the_row_of_a_failing_cast_is_that_of_the_frame():
    texts = [str(i) for i in range(20_000)]
    texts[17_003] = "x"
    frame = gf.from_arrow(pa.table({"s": pa.chunked_array([texts[:9000], texts[9000:]])})).lazy()
    with pytest.raises(gf.errors.ExecutionError, match=r"cast: `s` has 'x', which is no Int64 \(row 17003\)"):
        frame.with_columns(gf.col("s").cast(gf.Int64)).collect()
    with pytest.raises(gf.errors.ExecutionError, match=r"\(row 16003\)"):
        frame.slice(1000).filter(gf.col("s").str.len_chars() > 0).select(gf.col("s").cast(gf.Int64).sum()).collect()


ONE_VALUE = {
    "shift": lambda f, x: f.select(x.col("n").sum().shift(1)),
    "shift beside rows": lambda f, x: f.select("n", q=x.col("n").sum().shift(1)),
    "sum so far": lambda f, x: f.select(x.col("n").sum().cum_sum()),
    "rank": lambda f, x: f.select(x.col("n").sum().rank()),
    "order": lambda f, x: f.select(a=x.col("n").sum().reverse(), b=x.col("n").sum().sort(), c=x.col("n").sum().diff()),
    "sum": lambda f, x: f.select(a=x.col("n").sum().sum(), b=x.col("n").sum().len(), c=x.col("n").sum().mean(), d=x.col("n").sum().first()),
    "kept": lambda f, x: f.select(x.col("n").sum().drop_nulls()),
    "head": lambda f, x: f.select(x.col("n").sum().head(1)),
    "unique": lambda f, x: f.select(x.col("n").sum().unique()),
    "none": lambda f, x: f.select(x.col("n").sum().filter(x.col("n").sum() > 1000)),
    "count of rows": lambda f, x: f.select(x.len().sum()),
    "over": lambda f, x: f.select(x.col("n").sum().over("g")),
}


@pytest.mark.parametrize("name", ONE_VALUE)
def test_a_scalar_is_a_column_of_one_value(name):
    check(ONE_VALUE[name], pl.DataFrame({"g": ["a", "b", "a"], "n": [1, 4, 2]}))


def test_in_groups_a_scalar_is_one_value_too():
    frame = pl.DataFrame({"g": ["a", "b", "a"], "n": [1, 4, 2]})
    check(lambda f, x: f.group_by("g").agg(a=x.col("n").sum().shift(1), b=x.col("n").sum().sum(), c=x.col("n").sum().cum_sum()), frame, sort=True)


NAMES = {
    "null_count": lambda f, x: f.select(x.all().null_count()),
    "is_in nothing": lambda f, x: f.select(x.col("i").is_in([])),
    "int_range": lambda f, x: f.select(x.int_range(x.len())),
    "row_index": lambda f, x: f.select(x.row_index()),
}


@pytest.mark.parametrize("name", NAMES)
def test_results_are_named_after_their_column(name):
    check(NAMES[name], moments().select("i", "f", "s"))


def test_a_schema_says_what_the_rows_will_be():
    d = gf.DataFrame({"i": [3, 1], "f": [1.5, 2.5], "u": pl.Series([1, 2], dtype=pl.UInt8)})
    for frame in (
        gf.sql("SELECT CASE WHEN i > 1 THEN i ELSE f END AS z FROM d", d=d),
        gf.sql("SELECT sum(CASE WHEN i > 1 THEN i ELSE f END) AS z FROM d", d=d),
        gf.sql("SELECT z FROM (SELECT CASE WHEN i > 1 THEN i ELSE f END AS z FROM d) WHERE z > 0", d=d),
        d.lazy().select(z=gf.when(gf.col("i") > 1).then("i").otherwise("f").sum()),
        d.lazy().group_by("u").agg(z=gf.when(gf.col("i") > 1).then("u").otherwise("f").max()).select("z"),
    ):
        assert frame.collect_schema()["z"] == gf.Float64
        assert str(pa.table(frame.collect()).schema.field("z").type) == "double"
