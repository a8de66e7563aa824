"""Messages: each names the column or the expression at fault, as the user wrote it, and nothing of the engine."""

from __future__ import annotations

import datetime as dt
import re

import polars as pl
import pytest

import gradframe as gf

from same import ours

#: Words of the engine, of which no user has written one.
ENGINE = re.compile(
    r"Utf8|LargeList|LargeBinary|BinaryView|ListView|Date32|Date64|Time32|Time64|Timestamp\(|Dictionary\(|FixedSizeList|Field \{|DataFusion|"
    r"[Aa]rrow error|Schema error|Internal error|Execution error|ScalarValue|ColumnarValue|physical plan|logical plan|SessionContext|\?table\?|"
    r"__\w+|UserDefined|TypeSignature|RecordBatch|array_agg|first_value|Optimizer rule|type_coercion|Cast error|Invalid argument error|Compute error|Parser error|Coercion"
)

ROWS = pl.DataFrame(
    {
        "i": [1, 2, None],
        "f": [1.5, float("nan"), None],
        "s": ["1", "x", None],
        "b": [True, None, False],
        "d": [dt.date(2024, 1, 31), None, dt.date(1969, 1, 1)],
        "t": [dt.datetime(2024, 3, 31, 2, 30), None, dt.datetime(1969, 1, 1)],
        "w": [dt.timedelta(hours=1), None, dt.timedelta(days=-1)],
        "l": [[1, 2], [], None],
        "p": [{"x": 1}, None, {"x": 2}],
        "y": [b"a", b"\xff", None],
        "m": ["a", "b", None],
    }
).with_columns(z=pl.col("t").dt.replace_time_zone("UTC"), c=pl.col("i").cast(pl.Decimal(10, 2)), e=pl.col("m").cast(pl.Categorical))

c = gf.col

#: What is called on a column that it does not take: the column's name and the call.
CALLS = {
    "i": [
        lambda x: x.str.contains("a"), lambda x: x.str.starts_with("a"), lambda x: x.str.len_chars(), lambda x: x.str.to_uppercase(), lambda x: x.str.slice(1),
        lambda x: x.str.split(","), lambda x: x.str.replace("a", "b"), lambda x: x.str.extract("(a)"), lambda x: x.str.to_date("%Y"), lambda x: x.str.strip_chars(),
        lambda x: x.str.json_path_match("$.a"), lambda x: x.list.len(), lambda x: x.list.sum(), lambda x: x.list.get(0), lambda x: x.list.max(), lambda x: x.list.join("-"),
        lambda x: x.list.unique(), lambda x: x.list.eval(gf.element() + 1), lambda x: x.arr.sum(), lambda x: x.arr.to_list(), lambda x: x.struct.field("x"),
        lambda x: x.struct.rename_fields(["q"]), lambda x: x.bin.size(), lambda x: x.bin.encode("hex"), lambda x: x.bin.starts_with(b"a"), lambda x: x.dt.year(),
        lambda x: x.dt.truncate("1d"), lambda x: x.cat.physical(), lambda x: ~(x > 1) & x, lambda x: x.cast(gf.List(gf.Int64)),
        lambda x: x.cast(gf.Categorical), lambda x: x + gf.col("y"), lambda x: x == gf.col("p"), lambda x: x + gf.col("d"),
    ],
    "s": [
        lambda x: x.dt.year(), lambda x: x.dt.hour(), lambda x: x.dt.offset_by("1d"), lambda x: x.dt.strftime("%Y"), lambda x: x.dt.convert_time_zone("UTC"),
        lambda x: x.dt.total_hours(), lambda x: x.dt.epoch("s"), lambda x: x.dt.month_end(), lambda x: x.sum(), lambda x: x.mean(), lambda x: x.std(), lambda x: x.median(),
        lambda x: x.quantile(0.5), lambda x: x.abs(), lambda x: x.round(1), lambda x: x.sqrt(), lambda x: x.log(), lambda x: x.sin(), lambda x: x.cum_sum(), lambda x: x.cum_prod(),
        lambda x: x.rolling_mean(2), lambda x: x.ewm_mean(alpha=0.5), lambda x: x.interpolate(), lambda x: x.pct_change(), lambda x: x.skew(), lambda x: x.is_nan(),
        lambda x: x.fill_nan(0.0), lambda x: -x, lambda x: ~x, lambda x: x * 2, lambda x: x / 2, lambda x: x // 2, lambda x: x % 2, lambda x: x ** 2, lambda x: x > 1,
        lambda x: x.is_between(1, 2), lambda x: x.is_in([1, 2]), lambda x: x.product(), lambda x: x.dot(gf.col("i")), lambda x: gf.sum_horizontal(x, "i"), lambda x: x.cast(gf.List(gf.String)),
        lambda x: x.str.contains("("), lambda x: x.str.extract("(a"), lambda x: x.cut([1, 2]), lambda x: x.clip(1, 2), lambda x: x.sign(), lambda x: gf.corr(x, "i"), lambda x: x.bitwise_and(),
    ],
    "l": [lambda x: x.max(), lambda x: x.sum(), lambda x: x.str.len_chars(), lambda x: x + "a", lambda x: x.list.join("-"), lambda x: x.cast(gf.String), lambda x: x > 1, lambda x: x.dt.year()],
    "p": [lambda x: x.min(), lambda x: x.sum(), lambda x: x.struct.field("q"), lambda x: x.struct.drop(["q"]), lambda x: x.struct.rename_fields(["q", "r"]), lambda x: x.cast(gf.Struct({"q": gf.Int64})), lambda x: x.cast(gf.Int64), lambda x: x.list.len()],
    "d": [lambda x: x.dt.hour(), lambda x: x.dt.truncate("1 day"), lambda x: x.dt.offset_by("abc"), lambda x: x.sum(), lambda x: x + 1, lambda x: x.cast(gf.Boolean), lambda x: x.cast(gf.Time), lambda x: x.str.len_chars(), lambda x: x.dt.total_days(), lambda x: x.dt.base_utc_offset()],
    "t": [lambda x: x.dt.convert_time_zone("Europe/Berln"), lambda x: x.dt.replace_time_zone("Mars/Base"), lambda x: x.cast(gf.Datetime("us", "Nowhere")), lambda x: x + gf.col("t"), lambda x: x > gf.col("z"), lambda x: x.dt.cast_time_unit("h"), lambda x: x.cast(gf.Duration("us")), lambda x: x.dt.total_hours(), lambda x: x.dt.epoch("y")],
    "z": [lambda x: x - gf.col("t"), lambda x: x.sum(), lambda x: x.list.len(), lambda x: x.dt.round("1mo1d")],
    "w": [lambda x: x.dt.year(), lambda x: x.std(), lambda x: x > 1, lambda x: x + 1, lambda x: x.cast(gf.Date), lambda x: x * gf.col("w"), lambda x: x.str.len_chars()],
    "y": [lambda x: x.str.len_chars(), lambda x: x.sum(), lambda x: x + 1, lambda x: x.dt.year(), lambda x: x.bin.decode("hexx")],
    "c": [lambda x: x.str.len_chars(), lambda x: x.cum_prod(), lambda x: x + gf.col("b"), lambda x: x.dt.year(), lambda x: x + gf.col("s")],
    "e": [lambda x: x.sum(), lambda x: x.cast(gf.Int64), lambda x: x.dt.year(), lambda x: x + 1, lambda x: x.list.len()],
}
ALL = [(name, at) for name, calls in CALLS.items() for at in range(len(calls))]


@pytest.mark.parametrize(("name", "at"), ALL)
def test_a_call_that_does_not_fit_names_the_column(name, at):
    with pytest.raises(gf.errors.GradframeError) as raised:
        ours(ROWS).select(CALLS[name][at](gf.col(name)).alias("result"))
    message = str(raised.value)
    assert any(re.search(rf"\b{name}\b", quoted) for quoted in re.findall(r"`([^`]*)`", message)), message
    assert not ENGINE.search(message), message
    assert not isinstance(raised.value, gf.errors.InternalError), message


#: What goes wrong at verbs, or with the values: what the message must hold.
VERBS = {
    "unknown in select": (lambda f: f.select("ii"), "`ii`"),
    "unknown in an expression": (lambda f: f.select(c("ii") + 1), "`ii`"),
    "unknown in filter": (lambda f: f.filter(c("ii") > 1), "`ii`"),
    "unknown in sort": (lambda f: f.sort("ii"), "`ii`"),
    "unknown in group_by": (lambda f: f.group_by("ii").agg(c("i").sum()), "`ii`"),
    "unknown in agg": (lambda f: f.group_by("i").agg(c("ii").sum()), "`ii`"),
    "unknown in over": (lambda f: f.select(c("i").sum().over("ii")), "`ii`"),
    "unknown in join": (lambda f: f.join(f, on="ii"), "`ii`"),
    "unknown in unique": (lambda f: f.unique("ii"), "`ii`"),
    "unknown in drop": (lambda f: f.drop("ii"), "`ii`"),
    "unknown in rename": (lambda f: f.rename({"ii": "q"}), "`ii`"),
    "unknown in explode": (lambda f: f.explode("ii"), "`ii`"),
    "unknown in cast": (lambda f: f.cast({"ii": gf.Int64}), "`ii`"),
    "unknown in fill_null": (lambda f: f.with_columns(c("ii").fill_null(0)), "`ii`"),
    "unknown in drop_nulls": (lambda f: f.drop_nulls("ii"), "`ii`"),
    "keys of other types": (lambda f: f.join(f, left_on="i", right_on="s"), "`i` of Int64 and `s` of String"),
    "explode of numbers": (lambda f: f.explode("i"), "`i`"),
    "unnest of numbers": (lambda f: f.unnest("i"), "`i`"),
    "filter by text": (lambda f: f.filter("s"), "`s` is String"),
    "one name twice": (lambda f: f.select("i", c("f").alias("i")), "`i`"),
    "an element outside of lists": (lambda f: f.select(gf.element() + 1), "is of the elements of a list, and none is looked into here"),
    "an element that is no text": (lambda f: f.select(gf.concat_list("i").list.eval(gf.element().str.len_chars())), "`element()` is Int64, expected text"),
    "elements that cannot be compared": (lambda f: f.select(gf.concat_list("s").list.filter(gf.element() > 1)), "`element()` is String and `1` is Int64"),
    "lists in CSV": (lambda f: f.select("i", gf.concat_list("i").alias("l")).collect().write_csv(), "column `l` is List(Int64), which CSV files do not have"),
    "a cast of a value": (lambda f: f.select(c("s").cast(gf.Int64)).collect(), "`s` has 'x', which is no Int64 (row 1)"),
    "a cast of a datetime": (lambda f: f.select(c("s").cast(gf.Datetime("us"))).collect(), "`s` has '1', which is no Datetime(us) (row 0)"),
    "a cast of a decimal": (lambda f: f.select(c("s").cast(gf.Decimal(5, 2))).collect(), "`s` has 'x', which is no Decimal(5, 2) (row 1)"),
    "concat of other types": (lambda f: gf.concat([f.select("i"), f.select(c("s").alias("i"))]), "`i` is Int64 in one frame and String in another"),
    "branches of other types": (lambda f: f.select(gf.when("b").then("d").otherwise("i")), "`d` is Date and `i` is Int64"),
    "a division of decimals by 0": (lambda f: f.select(c("c") / 0).collect(), "`truediv(c, 0)` divides by 0"),
    "a skipped reading of the clock": (lambda f: f.select(c("t").dt.replace_time_zone("Europe/Berlin")).collect(), "2024-03-31 02:30:00 does not exist"),
    "text that is no date": (lambda f: f.select(c("s").str.to_date("%Y-%m-%d")).collect(), "`s`"),
    "bytes that are no text": (lambda f: f.select(c("y").cast(gf.String)).collect(), "`y`"),
}

BIG = pl.DataFrame({"i": [2**63 - 1, 1], "j": [2**62, 2], "n": pl.Series([127, 1], dtype=pl.Int8), "l": [[2**63 - 1], [1]]})
#: What does not fit: the expression, and what the message calls it.
OVERFLOWS = {
    "sum": (lambda: c("i") + 1, "`i + 1` does not fit in Int64: 9223372036854775807 + 1"),
    "difference": (lambda: -c("i") - c("j"), "`0 - i - j` does not fit in Int64"),
    "product, narrow": (lambda: c("n") * 2, "`n * 2` does not fit in Int8"),
    "in a whole": (lambda: (c("i") * c("j")).cast(gf.Float64) / 2, "`i * j` does not fit in Int64"),
    "several": (lambda: gf.sum_horizontal("i", "j"), " does not fit in Int64"),
    "dot": (lambda: c("i").dot("j"), "`i * j` does not fit in Int64"),
    "power": (lambda: c("i") ** 2, "pow: `i`: 9223372036854775807 to the power of 2 does not fit in Int64"),
    "product": (lambda: c("i").product() + c("j").product(), "product: `"),
    "cum_prod": (lambda: c("j").cum_prod().cum_prod(), "64 bits"),
    "abs": (lambda: (c("i") * -1 - 1).abs(), "does not fit in Int64"),
    "in lists": (lambda: c("l").list.eval(gf.element() + 1), "`element() + 1` does not fit in Int64: 9223372036854775807 + 1"),
    "lists": (lambda: c("l") + 1, "does not fit in Int64: 9223372036854775807 + 1"),
    "a list and a number of its row": (lambda: c("l") * c("j"), "does not fit in Int64: 9223372036854775807 * 4611686018427387904"),
    "of a cast": (lambda: c("n").cast(gf.Int16).cast(gf.Int8) * 2, "`cast(CAST(n AS Int16)) * 2` does not fit in Int8"),
    "sum of rows": (lambda: gf.concat_list("i", "j").explode().sum(), "does not fit"),
}


@pytest.mark.parametrize("name", OVERFLOWS)
def test_what_does_not_fit_names_the_expression(name):
    make, part = OVERFLOWS[name]
    with pytest.raises(gf.errors.ExecutionError) as raised:
        ours(BIG).select(make()).collect()
    message = str(raised.value)
    assert part in message, message
    assert not ENGINE.search(message), message


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_that_does_not_fit_names_what_is_wrong(name):
    make, part = VERBS[name]
    with pytest.raises(gf.errors.GradframeError) as raised:
        made = make(ours(ROWS))
        if hasattr(made, "collect"):
            made.collect()
    message = str(raised.value)
    assert part in message, message
    assert not ENGINE.search(message), message
    assert not isinstance(raised.value, gf.errors.InternalError), message
