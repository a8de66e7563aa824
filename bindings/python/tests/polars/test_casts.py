"""Casts: of each type to each other, of texts in every form, of nested values and of whole frames; each asked of Polars too."""

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import gradframe as gf

from same import THEIRS, assert_same, check, ours

NAN, INF = float("nan"), float("inf")
NUMBERS = ["Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64"]

VALUES = {
    "i": [0, 1, -1, 300, 2**35, -(2**33), None],
    "u": pl.Series([0, 1, 255, 2**63, None, 7, 7], dtype=pl.UInt64),
    "n": pl.Series([0, 1, -128, 127, None, 5, 5], dtype=pl.Int8),
    "f": [0.5, -1.5, NAN, INF, 1e20, -0.0, None],
    "h": pl.Series([0.5, 1e13, NAN, -1e-7, 3.4e38, 1e12, None], dtype=pl.Float32),
    "b": [True, False, None, True, False, True, True],
    "d": [dt.date(1969, 12, 31), dt.date(2024, 2, 29), None, dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(1970, 1, 1), dt.date(2000, 2, 29)],
    "t": [dt.datetime(1969, 12, 31, 23, 59, 59, 999999), dt.datetime(1969, 1, 1, 0, 0, 0, 1), None, dt.datetime(2024, 3, 31, 2, 30), dt.datetime(1, 1, 1), dt.datetime(1970, 1, 1), dt.datetime(2024, 1, 1, 23, 59, 59, 5)],
    "w": [dt.timedelta(microseconds=-1), dt.timedelta(days=5), None, dt.timedelta(hours=-25, microseconds=7), dt.timedelta(0), dt.timedelta(1), dt.timedelta(2)],
    "c": pl.Series([Decimal("1.25"), Decimal("-1.35"), None, Decimal("999.99"), Decimal("0.00"), Decimal("-0.50"), Decimal("127.99")], dtype=pl.Decimal(12, 2)),
    "m": [dt.time(0), dt.time(23, 59, 59, 999999), None, dt.time(1, 2, 3, 4), dt.time(12), dt.time(1), dt.time(2)],
    "s": ["1", "-2.5", None, "nan", "x", " 4", "1e3"],
    "q": [0, 86_399_999_999_999, 86_400_000_000_000, -1, 1, None, 12],
}


def frame() -> pl.DataFrame:
    return pl.DataFrame(VALUES).with_columns(
        z=pl.col("t").dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo"), ms=pl.col("t").cast(pl.Datetime("ms")), ns=pl.col("w").cast(pl.Duration("ns"))
    )


TARGETS = {
    **{name: lambda x, n=name: getattr(x, n) for name in NUMBERS},
    "Boolean": lambda x: x.Boolean, "String": lambda x: x.String, "Date": lambda x: x.Date, "Time": lambda x: x.Time,
    "Datetime(ms)": lambda x: x.Datetime("ms"), "Datetime(us)": lambda x: x.Datetime("us"), "Datetime(ns)": lambda x: x.Datetime("ns"),
    "Datetime(zone)": lambda x: x.Datetime("us", "Europe/Berlin"), "Duration(ms)": lambda x: x.Duration("ms"), "Duration(us)": lambda x: x.Duration("us"),
    "Decimal": lambda x: x.Decimal(6, 1), "Decimal(38)": lambda x: x.Decimal(38, 4),
}
#: What Polars has no cast for, and we have: texts in ISO 8601 as moments, `true` and `false`, durations as text.
OURS = {("s", target) for target in TARGETS if target.startswith(("Date", "Time", "Boolean"))} | {("w", "String"), ("ns", "String")}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("column", [*VALUES, "z", "ms", "ns"])
def test_each_type_to_each_other(column, target):
    case = lambda f, x: f.select(x.col(column).cast(TARGETS[target](x), strict=False))  # noqa: E731
    if (column, target) in OURS:
        return
    try:
        expected = case(frame().lazy(), THEIRS).collect()
    except pl.exceptions.PolarsError:
        with pytest.raises(gf.errors.DTypeError, match=f"cast: `{column}` is .*, which cannot become"):
            case(ours(frame()), gf)
        return
    assert_same(case(ours(frame()), gf).collect(), expected)
    strict = lambda f, x: f.select(x.col(column).cast(TARGETS[target](x)))  # noqa: E731
    try:
        strict(frame().lazy(), THEIRS).collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        with pytest.raises(gf.errors.ExecutionError, match=rf"cast: `{column}` has .*, which is no .*\(row \d\)"):
            strict(ours(frame()), gf).collect()
        return
    check(strict, frame())


TEXTS = st.one_of(
    st.text(alphabet="0123456789+-.eE ", max_size=7),
    st.integers(-(10**20), 10**20).map(str),
    st.floats(allow_nan=True).map(repr),
    st.decimals(-1000, 1000, places=3).map(str),
    st.sampled_from(["inf", "-inf", "+inf", "nan", "NaN", "INF", "Infinity", "infinity", "-Infinity", "true", "True", "", " ", "0x10", "1_000", "1,5", "٤", "１", "1e400", "-0", "+0", "5.", ".5", "-.5", "1d", "--1"]),
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(st.one_of(st.none(), TEXTS), min_size=1, max_size=8))
@example(texts=[" 4", "4 ", "+4", "\t4", "4\n"])
def test_texts_as_numbers(texts):
    check(
        lambda f, x: f.select(
            *(x.col("s").cast(getattr(x, name), strict=False).alias(name) for name in NUMBERS), d=x.col("s").cast(x.Duration("ms"), strict=False).dt.total_milliseconds(),
            c=x.col("s").cast(x.Decimal(7, 2), strict=False), e=x.col("s").cast(x.Decimal(38, 0), strict=False),
        ),
        pl.DataFrame({"s": pl.Series(texts, dtype=pl.String)}),
    )


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(numbers=st.lists(st.one_of(st.none(), st.floats(allow_nan=True), st.floats(width=32), st.integers(-(2**60), 2**60).map(float)), min_size=1, max_size=8))
def test_numbers_as_texts_and_decimals(numbers):
    check(
        lambda f, x: f.select(s=x.col("f").cast(x.String), h=x.col("f").cast(x.Float32).cast(x.String), i=x.col("f").cast(x.Int32, strict=False)),
        pl.DataFrame({"f": pl.Series(numbers, dtype=pl.Float64)}),
    )


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(numbers=st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9), st.integers(-4000, 4000).map(lambda n: n / 8), st.just(NAN), st.just(INF)), min_size=1, max_size=8))
def test_numbers_as_decimals(numbers):
    check(lambda f, x: f.select(c=x.col("f").cast(x.Decimal(20, 2), strict=False)), pl.DataFrame({"f": pl.Series(numbers, dtype=pl.Float64)}))


NESTED = {
    "fields by name": lambda f, x: f.select(x.col("p").cast(x.Struct({"a": x.Float64, "b": x.String}))),
    "lists": lambda f, x: f.select(x.col("l").cast(x.List(x.Float32))),
    "lists of texts": lambda f, x: f.select(x.col("l").cast(x.List(x.String))),
    "structs in lists": lambda f, x: f.select(x.col("lp").cast(x.List(x.Struct({"a": x.String, "b": x.String})))),
    "arrays": lambda f, x: f.select(x.col("l2").cast(x.Array(x.Int8, 2))),
    "moments in lists": lambda f, x: f.select(x.col("lt").cast(x.List(x.Datetime("ms"))), d=x.col("lt").cast(x.List(x.Date))),
}


def nested() -> pl.DataFrame:
    return pl.DataFrame(
        {"p": [{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}], "l": [[1, None], [], None], "l2": [[1, 2], None, [3, 4]], "lp": [[{"a": 1, "b": "x"}], [], None], "lt": [[dt.datetime(1969, 1, 1, 0, 0, 0, 1)], [None], None]}
    )


@pytest.mark.parametrize("name", NESTED)
def test_nested_values(name):
    check(NESTED[name], nested())


def test_fields_are_found_by_their_name():
    frame = ours(nested())
    turned = frame.select(gf.col("p").cast(gf.Struct({"b": gf.String, "a": gf.Float64}))).collect()
    assert turned["p"].to_list() == [{"b": "x", "a": 1.0}, None, {"b": "y", "a": None}]
    with pytest.raises(gf.errors.DTypeError, match="cast: `p` is .*it has no field `c`"):
        frame.select(gf.col("p").cast(gf.Struct({"a": gf.Int64, "c": gf.String})))
    with pytest.raises(gf.errors.DTypeError, match="its field `b` would be lost"):
        frame.select(gf.col("p").cast(gf.Struct({"a": gf.Int64})))
    with pytest.raises(gf.errors.PlanError, match="struct.rename_fields: 1 names are given for 2 fields"):
        frame.select(gf.col("p").struct.rename_fields(["q"]))


#: What we have beside Polars: only whole texts, in one form.
OWN = {
    "truth": (["true", "false", "True", "t", "1", " true", None], lambda x: x.Boolean, [True, False, None, None, None, None, None]),
    "dates": (["2024-02-29", "2023-02-29", " 2024-02-29", "x"], lambda x: x.Date, [dt.date(2024, 2, 29), None, None, None]),
    "datetimes": (["2024-02-29 12:30:00", "2024-02-29T12:30:00.5", "12:30 "], lambda x: x.Datetime("us"), [dt.datetime(2024, 2, 29, 12, 30), dt.datetime(2024, 2, 29, 12, 30, 0, 500000), None]),
}


@pytest.mark.parametrize("name", OWN)
def test_texts_as_what_polars_does_not_read(name):
    texts, target, expected = OWN[name]
    assert gf.DataFrame({"s": texts}).select(gf.col("s").cast(target(gf), strict=False))["s"].to_list() == expected


def plain() -> pl.DataFrame:
    return pl.DataFrame({"a": [1, 2], "b": [1.5, None], "s": ["1", "2"]})


FRAMES = {
    "by name": lambda f, x: f.cast({"a": x.Float32, "s": x.Int64}),
    "by selector": lambda f, x: f.cast({x.selectors.numeric(): x.Float32}),
    "by selectors and name": lambda f, x: f.cast({x.selectors.integer(): x.String, "b": x.String}),
    "by type": lambda f, x: f.cast({x.Int64: x.UInt8, x.String: x.Float64}),
    "all": lambda f, x: f.cast(x.String),
    "not strict": lambda f, x: f.cast({"b": x.UInt8, "s": x.Int8}, strict=False),
}


@pytest.mark.parametrize("name", FRAMES)
def test_casts_of_frames(name):
    check(FRAMES[name], plain())
