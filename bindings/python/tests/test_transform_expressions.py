"""What a frame computes of each row by itself a model can store: its transform makes the values that `with_columns` makes, at training,
after it was loaded in another process, and in SQL."""

import datetime as dt
import subprocess
import sys

import pytest

import gradframe as gf
from gradframe import col, lit, when

WORDS = ["the cat", "A big dog", "", None, "Zoë's", "it's \"so\"", "a.b.c", "ünder", " pad ", "x1y22", "cat,dog", "€5"]
DAYS = [dt.date(2024, 1, 31), None, dt.date(2024, 2, 29), dt.date(2023, 12, 31), dt.date(1969, 7, 20), dt.date(2100, 3, 1)]
STAMPS = ["2024-01-31 12:30:00", "2023-02-01 00:00:05", "2024-12-31 23:59:59", None]
LISTS = [[3, 1, 2], [5], [2, 2, None], [], None, [7, -1]]


def frame():
    rows = range(48)
    return gf.from_dict(
        {
            "n": [None if i % 11 == 10 else i - 20 for i in rows],
            "x": [0.125 + i * 1.37 for i in rows],
            "z": [None if i % 7 == 3 else (-1) ** i * i / 3 for i in rows],
            "s": [WORDS[i % len(WORDS)] for i in rows],
            "digits": [str(i * 37 % 100) for i in rows],
            "mixed": ["a" if i % 5 == 0 else str(i) for i in rows],
            "b": [None if i % 9 == 4 else i % 2 == 0 for i in rows],
            "d": [DAYS[i % len(DAYS)] for i in rows],
            "t": [dt.datetime(2024, 2, 27, 22, 45, 30, 123456) + dt.timedelta(hours=13 * i) for i in rows],
            "stamp": [STAMPS[i % len(STAMPS)] for i in rows],
            "l": [LISTS[i % len(LISTS)] for i in rows],
            "c": [("red", "green", "blue")[i % 3] for i in rows],
            "y": [2.0 * i + i % 3 for i in rows],
        }
    ).with_columns(
        st=gf.struct(col("n").alias("a"), col("s").alias("b")),
        i8=col("n").cast(gf.Int8),
        dec=col("x").cast(gf.Decimal(12, 3)),
        e=col("c").cast(gf.Enum(["red", "green", "blue"])),
    )


# A row is an expression of single rows, whose value a model can learn from.
EXPRESSIONS = [
    # arithmetic and comparison
    col("n") + 1,
    col("n") / 7,
    col("n") // 7,
    col("n") % 7,
    -col("x") ** 2,
    (col("x") - col("z")) * 0.1 + 1e-17,
    col("x") * lit(1.5, dtype=gf.Float32),
    col("dec") * 2 + 1,
    col("i8") * 3,
    2 ** (col("n") / 10),
    (col("n") > 3) & (col("x") < 40.5) | ~col("b"),
    col("n").eq_missing(None),
    col("z").ne_missing(col("x")),
    col("n").is_between(-3, 12, closed="left"),
    col("n").is_in([1, 2, 3, None]),
    col("s").is_in(["the cat", "it's \"so\""]),
    col("d").is_in([dt.date(2024, 2, 29)]),
    col("t") > dt.datetime(2024, 3, 1, 12),
    col("n") ^ 5,
    # conditions and nulls
    when(col("n") > 3).then(1).when(col("n") < -5).then(2.5).otherwise(None),
    when(col("b")).then(lit("yes")).otherwise("s"),
    col("n").fill_null(0),
    col("z").fill_null(col("x")),
    col("s").fill_null("none"),
    col("z").is_null(),
    gf.coalesce("z", "n", 0),
    col("z").fill_nan(0.0),
    col("x").is_finite(),
    # mathematics
    col("x").log(),
    col("x").log(2),
    col("x").log10(),
    col("x").log1p(),
    col("x").sqrt(),
    col("z").cbrt(),
    col("x").exp() / 1e20,
    col("x").sin() + col("x").arctan() + col("x").tanh(),
    col("z").abs(),
    col("z").sign(),
    col("x").round(),
    col("x").round(2),
    col("x").round(1, "half_away_from_zero"),
    col("x").round_sig_figs(2),
    col("x").floor() - col("z").ceil(),
    col("x").truncate(1),
    col("x").clip(3, 20),
    col("z").clip(lower_bound=-1.5),
    col("n").clip(upper_bound=2),
    col("x").cut([10, 20.5]).cast(gf.String),
    col("x").cut([10, 20.5], labels=["low", "mid", "high"], left_closed=True).cast(gf.String),
    col("n").hash() % 1000,
    col("s").hash(7) % 1000,
    gf.max_horizontal("n", "x", 5),
    gf.sum_horizontal("n", "x"),
    gf.mean_horizontal("n", "z"),
    gf.min_horizontal("d", dt.date(2024, 1, 1)),
    gf.any_horizontal(col("n") > 1, "b"),
    # casts
    col("x").cast(gf.Int64),
    col("x").cast(gf.Float32),
    col("n").cast(gf.String),
    col("b").cast(gf.Int8),
    col("digits").cast(gf.Int32),
    col("mixed").cast(gf.Int64, strict=False),
    col("d").cast(gf.Datetime("us")),
    col("t").cast(gf.Date),
    col("x").cast(gf.Decimal(10, 2)),
    col("s").cast(gf.Categorical).cast(gf.String),
    # replace
    col("n").replace(1, 100),
    col("c").replace({"red": "rouge", "blue": "bleu"}),
    col("c").replace_strict({"red": 1, "green": 2}, default=0),
    col("c").replace_strict(["red", "green", "blue"], [1.5, 2.5, 3.5], return_dtype=gf.Float64),
    # enums
    col("e") > "red",
    col("e").to_physical(),
    col("e").cast(gf.String).str.len_chars(),
    # texts
    col("s").str.len_chars(),
    col("s").str.len_bytes(),
    col("s").str.to_uppercase(),
    col("s").str.to_lowercase(),
    col("s").str.to_titlecase(),
    col("s").str.contains("cat"),
    col("s").str.contains(r"^\w+\s", literal=False),
    col("s").str.contains(".", literal=True),
    col("s").str.contains_any(["cat", "dog"]),
    col("s").str.starts_with("a"),
    col("s").str.ends_with(" "),
    col("s").str.strip_chars(),
    col("s").str.strip_chars("ab "),
    col("s").str.strip_prefix("the "),
    col("s").str.strip_suffix("dog"),
    col("s").str.slice(1, 3),
    col("s").str.slice(-3),
    col("s").str.head(2) + "|" + col("s").str.tail(2),
    col("s").str.replace(r"(\w+)", "<$1>"),
    col("s").str.replace_all("a", "'"),
    col("s").str.replace_many(["cat", "dog"], ["1", "2"]),
    col("s").str.extract(r"(\d+)"),
    col("s").str.count_matches(r"[aeiou]"),
    col("s").str.find("o"),
    col("s").str.split(" ").list.len(),
    col("s").str.split(" ").list.first(),
    col("s").str.splitn(".", 2).struct.field("field_0"),
    col("s").str.pad_start(8, "*"),
    col("digits").str.zfill(5),
    col("s").str.reverse(),
    col("digits").str.to_integer(),
    col("mixed").str.to_integer(strict=False),
    gf.concat_str("c", "digits", separator="-"),
    gf.concat_str("s", col("n").cast(gf.String), ignore_nulls=True),
    gf.format("{}:{}", "c", "n"),
    # dates and times
    col("d").dt.year(),
    col("d").dt.month() + col("d").dt.day(),
    col("d").dt.weekday(),
    col("d").dt.week() + col("d").dt.quarter(),
    col("d").dt.ordinal_day(),
    col("d").dt.is_leap_year(),
    col("d").dt.month_start(),
    col("d").dt.month_end(),
    col("d").dt.offset_by("1mo2d"),
    col("d").dt.truncate("1q"),
    col("t").dt.hour() + col("t").dt.minute() / 60,
    col("t").dt.microsecond(),
    col("t").dt.truncate("6h"),
    col("t").dt.round("1d"),
    col("t").dt.date(),
    col("t").dt.epoch("s"),
    col("t").dt.strftime("%Y/%m/%d %H"),
    col("t").dt.to_string("%A"),
    col("t").dt.replace_time_zone("Europe/Berlin").dt.hour(),
    col("t").dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo").dt.day(),
    (col("t") - dt.datetime(2024, 1, 1)).dt.total_hours(),
    (col("t") + dt.timedelta(days=2)).dt.day(),
    col("stamp").str.to_datetime("%Y-%m-%d %H:%M:%S"),
    col("stamp").str.to_datetime(),
    col("stamp").str.to_date("%Y-%m-%d %H:%M:%S"),
    col("stamp").str.strptime(gf.Datetime("us"), "%Y-%m-%d %H:%M:%S").dt.hour(),
    gf.datetime(2024, col("n").abs() % 12 + 1, 5),
    # lists and structs
    col("l").list.len(),
    col("l").list.sum(),
    col("l").list.max(),
    col("l").list.mean(),
    col("l").list.first(),
    col("l").list.get(1, null_on_oob=True),
    col("l").list.contains(2),
    col("l").list.sort().list.last(),
    col("l").list.unique().list.len(),
    col("l").list.slice(0, 2).list.sum(),
    col("l").list.eval(gf.element() * 2).list.sum(),
    col("l").list.filter(gf.element() > 1).list.len(),
    col("l").list.agg(gf.element().max() - gf.element().min()),
    gf.concat_list("n", "n").list.sum(),
    col("s").str.split(" ").list.join("_"),
    col("st").struct.field("a") + 1,
    col("st").struct.field("b").str.len_chars(),
    gf.struct("n", "x").struct.field("x"),
    col("st").struct.json_encode(),
]
NAMES = [f"f{i}" for i in range(len(EXPRESSIONS))]


def trained(data, exprs, **options):
    return data.fit(gf.ml.LinearRegression(l2_reg=0.1), "y", transform={**exprs, "y": col("y")}, **options)


def same(made, expected):
    assert made.dtype == expected.dtype
    assert made.to_list() == expected.to_list()


@pytest.fixture(scope="module")
def data():
    return frame()


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=str)
def test_a_transform_makes_what_with_columns_makes(data, expr):
    model = trained(data, {"made": expr})
    same(data.transform(model)["made"], data.with_columns(made=expr)["made"])


def test_a_stored_transform_makes_the_same_in_another_process_and_in_sql(data, tmp_path):
    data.write_parquet(tmp_path / "rows.parquet")
    session = gf.Session(home=tmp_path / "home")
    rows = session.scan_parquet(tmp_path / "rows.parquet")
    exprs = dict(zip(NAMES, EXPRESSIONS, strict=True))
    model = trained(rows, exprs, name="m")
    rows.predict(model).select("predicted_y").collect().write_parquet(tmp_path / "here.parquet")
    rows.select(**exprs).collect().write_parquet(tmp_path / "expected.parquet")
    program = (
        "import gradframe as gf, pathlib, sys\n"
        "at = pathlib.Path(sys.argv[1])\n"
        "session = gf.Session(home=at / 'home')\n"
        "rows = session.scan_parquet(at / 'rows.parquet')\n"
        "session.sql(f\"SELECT * FROM ML.TRANSFORM(MODEL m, (SELECT * FROM '{at}/rows.parquet'))\").collect().write_parquet(at / 'made.parquet')\n"
        "rows.predict('m').select('predicted_y').collect().write_parquet(at / 'there.parquet')\n"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path], check=True)
    made, expected = gf.read_parquet(tmp_path / "made.parquet"), gf.read_parquet(tmp_path / "expected.parquet")
    for name in NAMES:
        same(made[name], expected[name])
    same(gf.read_parquet(tmp_path / "there.parquet")["predicted_y"], gf.read_parquet(tmp_path / "here.parquet")["predicted_y"])


def doubled(values):
    return values * 2


@pytest.mark.parametrize(
    ("expr", "named"),
    [
        (col("x").map_elements(doubled, return_dtype=gf.Float64).round(2), "`doubled()`"),
        (col("x").round(2) + col("z").map_batches(doubled, return_dtype=gf.Float64, is_elementwise=True), "`doubled()`"),
        (col("l").list.eval(gf.element().map_elements(doubled, return_dtype=gf.Int64)).list.sum(), "`list.eval("),
    ],
    ids=["map_elements", "map_batches", "elements"],
)
def test_what_cannot_be_stored_is_named_as_it_was_written(data, expr, named):
    with pytest.raises(gf.errors.UnsupportedError) as raised:
        trained(data, {"made": expr})
    assert named in str(raised.value) and "`made` cannot be stored in a model" in str(raised.value)


def test_what_needs_other_rows_is_refused(data):
    for expr in (col("x") / col("x").mean(), col("x").cum_sum(), col("x").shift(1), gf.int_range(gf.len()), col("x").rank()):
        with pytest.raises(gf.errors.PlanError, match="looks at more than its own row"):
            trained(data, {"made": expr})


# (type at training, type at prediction, item, what it makes of the value)
OTHER_TYPES = [
    (gf.Int64, gf.Float64, col("t"), 25.5, 25.5),
    (gf.Int64, gf.Float64, col("t") / 7, 25.5, 25.5 / 7),
    (gf.Int64, gf.Float64, col("t") * 2 + 1, 25.5, 52.0),
    (gf.Int64, gf.Float64, when(col("t") > 25).then(1).otherwise(0), 25.5, 1),
    (gf.Int64, gf.Float64, col("t").log1p(), 25.5, 3.2771447329921766),
    (gf.Int64, gf.Float64, col("t").sqrt().round(2), 25.5, 5.05),
    (gf.Int64, gf.Float64, col("t").clip(3, 30) + col("t").fill_null(0), 25.5, 51.0),
    (gf.Int64, gf.Float64, col("t").cut([10, 25.2], labels=["a", "b", "c"]).cast(gf.String), 25.5, "c"),
    (gf.Int64, gf.Float64, gf.ml.bucketize("t", [10, 25.2]), 25.5, "bin_3"),
    (gf.Int64, gf.Float64, gf.ml.max_abs_scaler("t"), 25.5, 25.5 / 39),
    (gf.Int8, gf.Float64, col("t") / 7, 25.7, 25.7 / 7),
    (gf.Int8, gf.Int64, col("t"), 300, 300),
    (gf.Int8, gf.Int64, col("t") / 7, 300, 300 / 7),
    (gf.Int8, gf.Int64, col("t") // 7, 30, 4),
    (gf.Int64, gf.Int8, col("t") // 7, 30, 4),
    (gf.Float64, gf.Int64, col("t") // 7, 30, 4.0),
    (gf.Float32, gf.Float64, col("t"), 0.1, 0.1),
    (gf.Int64, gf.Float64, col("t"), None, None),
    (gf.Int64, gf.Float64, col("t") // 7, 25.0, 3),
    (gf.Int64, gf.Float64, col("t").cast(gf.String), 25.0, "25"),
    (gf.Int32, gf.Float64, col("t") * 2, 25.0, 50),
    (gf.Int64, gf.UInt64, col("t") - 30, 25, -5),
    (gf.Int8, gf.UInt8, -col("t"), 25, -25),
    (gf.UInt8, gf.Int64, col("t"), 300, 300),
    (gf.Decimal(12, 2), gf.Float64, col("t"), 25.555, 25.555),
    (gf.Decimal(12, 2), gf.Float64, (col("t") / 2).cast(gf.Float64), 25.5, 12.75),
    (gf.Decimal(12, 2), gf.Decimal(15, 2), col("t").round(1).cast(gf.Float64), 25, 25.0),
    (gf.Int64, gf.Float64, col("t").is_finite(), float("nan"), False),
    (gf.Int64, gf.Float64, ~col("t").is_nan() & col("t").is_not_nan(), float("nan"), False),
    (gf.Int64, gf.Float64, col("t").is_infinite(), float("inf"), True),
    (gf.Int64, gf.Float64, col("t").is_finite(), 25.5, True),
    (gf.Int64, gf.Float64, (col("t") + 1).is_finite(), None, None),
    (gf.Int64, gf.Int64, col("t").is_finite(), None, None),
    (gf.Int8, gf.Int64, col("t").is_infinite(), 300, False),
    (gf.Decimal(12, 2), gf.Float64, col("t").is_finite(), float("nan"), False),
]


@pytest.mark.parametrize(("trained_on", "came", "item", "value", "expected"), OTHER_TYPES, ids=str)
def test_a_column_of_another_type_loses_nothing(trained_on, came, item, value, expected):
    data = gf.from_dict({"t": list(range(40)), "y": [2.0 * i + i % 3 for i in range(40)]}).with_columns(col("t").cast(trained_on))
    model = trained(data, {"made": item})
    rows = gf.from_dict({"t": [value]}).with_columns(col("t").cast(came))
    assert rows.transform(model)["made"].to_list() == [pytest.approx(expected) if isinstance(expected, float) else expected]
    if value == value and value != float("inf"):
        assert rows.predict(model)["predicted_y"].null_count() == 0


@pytest.mark.parametrize(("item", "is_checked"), [(col("t") // 7, True), (col("t"), False), (col("t").hash() % 10, True)], ids=str)
def test_what_comes_with_another_type_has_words(item, is_checked):
    data = gf.from_dict({"t": list(range(40)), "y": [2.0 * i + i % 3 for i in range(40)]})
    model = trained(data, {"made": item})
    came = gf.from_dict({"t": [25.0, None, 3.0]}).lazy().transform(model)
    text, frames = came.to_sql()
    assert gf.sql(text, **frames).collect().to_dict() == came.collect().to_dict()
    assert ("as_trained" in text) == is_checked


@pytest.mark.parametrize("item", [col("t") // 7, col("t").cast(gf.String), col("t").hash() % 10, col("t").floor() + 1, (col("t") + 1).floor()], ids=str)
def test_a_number_that_the_transform_has_no_meaning_for_is_an_error_that_names_it(item):
    data = gf.from_dict({"t": list(range(40)), "y": [2.0 * i + i % 3 for i in range(40)]})
    model = trained(data, {"made": item})
    for use in (lambda rows: rows.transform(model), lambda rows: rows.predict(model)):
        with pytest.raises(gf.errors.DTypeError, match="column `t` of the model has 25.5, expected Int64, got Float64"):
            use(gf.from_dict({"t": [25.0, 25.5]})).to_dict()


def test_a_whole_number_that_training_s_type_does_not_hold_is_an_error_that_names_it():
    data = gf.from_dict({"t": list(range(40)), "y": [2.0 * i + i % 3 for i in range(40)]}).with_columns(col("t").cast(gf.Int8))
    model = trained(data, {"made": col("t") // 7})
    with pytest.raises(gf.errors.DTypeError, match="column `t` of the model has 300, expected Int8, got Int64"):
        gf.from_dict({"t": [1, 300]}).predict(model).to_dict()
