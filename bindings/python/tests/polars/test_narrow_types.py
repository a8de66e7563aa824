"""Columns of Arrow's narrow and coarse types, as pyarrow, DuckDB and Parquet files bring them: each case is asked of Polars too."""

import datetime as dt
from decimal import Decimal

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

import gradframe as gf

from same import THEIRS, assert_same, check, check_sql

DECIMALS = [Decimal("1.50"), None, Decimal("2.25"), Decimal("-0.75"), Decimal("1.50")]
TIMES = [dt.time(0, 30), None, dt.time(12, 30, 1), dt.time(23, 59, 59), dt.time(0)]
DATES = [dt.date(2020, 1, 1), None, dt.date(1969, 12, 31), dt.date(2024, 2, 29), dt.date(2020, 1, 1)]
SPANS = [dt.timedelta(days=1), None, dt.timedelta(seconds=-5), dt.timedelta(0), dt.timedelta(hours=2)]

OF_DECIMALS = {
    "arithmetic": lambda f, x: f.select(a=x.col("c") * 2, b=x.col("c") + 1, c=x.col("c") - x.col("c"), d=-x.col("c"), e=1 + x.col("c"), f=x.col("c") * 0.5, g=x.col("c") / 2),
    "compared": lambda f, x: f.select(a=x.col("c") > 1, b=x.col("c") == Decimal("2.25"), c=x.col("c") < 1.5, d=x.col("c").is_in([Decimal("1.50")]), e=x.col("c").is_between(0, 2)),
    "aggregates": lambda f, x: f.select(s=x.col("c").sum(), m=x.col("c").mean(), md=x.col("c").median(), lo=x.col("c").min(), hi=x.col("c").max(), n=x.col("c").n_unique(), v=x.col("c").var()),
    "in order": lambda f, x: f.select(a=x.col("c").cum_sum(), b=x.col("c").rank(), c=x.col("c").diff(), d=x.col("c").shift(1), e=x.col("c").sort()),
    "rounded": lambda f, x: f.select(a=x.col("c").round(1), b=x.col("c").floor(), c=x.col("c").abs()),
    "filled": lambda f, x: f.select(a=x.col("c").fill_null(0), b=x.coalesce("c", x.lit(Decimal("9.99"))), c=x.when(x.col("i") > 2).then("c").otherwise(x.lit(Decimal("0.25")))),
    "grouped": lambda f, x: f.group_by("c").agg(x.col("i").sum()).sort("c"),
    "filtered": lambda f, x: f.filter(x.col("c") > 1),
    "in lists": lambda f, x: f.select(x.col("c").implode()).select(a=x.col("c").list.max(), b=x.col("c").list.get(2)),
}
OF_TIMES = {
    "compared": lambda f, x: f.select(a=x.col("c") > dt.time(0, 30), b=x.col("c") == dt.time(12, 30, 1), c=x.col("c").is_in([dt.time(0, 30)]), d=x.col("c").is_between(dt.time(0), dt.time(13))),
    "filled": lambda f, x: f.select(a=x.col("c").fill_null(dt.time(1)), b=x.coalesce("c", x.lit(dt.time(2))), c=x.when(x.col("i") > 2).then("c").otherwise(x.lit(dt.time(3)))),
    "replaced": lambda f, x: f.select(x.col("c").replace(dt.time(0), dt.time(4))),
    "aggregates": lambda f, x: f.select(m=x.col("c").mean(), md=x.col("c").median(), lo=x.col("c").min(), hi=x.col("c").max(), n=x.col("c").n_unique()),
    "parts": lambda f, x: f.select(a=x.col("c").dt.hour(), b=x.col("c").dt.second(), c=x.col("c").dt.strftime("%H:%M:%S")),
    "filtered": lambda f, x: f.filter(x.col("c") >= dt.time(12)),
    "sorted": lambda f, x: f.sort("c", "i", descending=True, nulls_last=True),
    "joined": lambda f, x: f.join(f.select("c", j=x.col("i") * 10), on="c").sort("i", "j"),
}
OF_DATES = {
    "compared": lambda f, x: f.select(a=x.col("c") > dt.date(2020, 1, 1), b=x.col("c").is_in([dt.date(2020, 1, 1)]), c=x.col("c") == dt.date(1969, 12, 31)),
    "aggregates": lambda f, x: f.select(m=x.col("c").mean(), md=x.col("c").median(), lo=x.col("c").min(), hi=x.col("c").max()),
    "moved": lambda f, x: f.select(a=x.col("c") + dt.timedelta(days=1), b=x.col("c") - dt.date(2020, 1, 1), c=x.col("c").dt.offset_by("1mo")),
    "as text": lambda f, x: f.select(a=x.col("c").cast(x.String), b=x.col("c").dt.strftime("%d.%m.%Y")),
    "filled": lambda f, x: f.select(x.col("c").fill_null(dt.date(2000, 1, 1))),
    "grouped": lambda f, x: f.group_by("c").agg(x.col("i").sum()).sort("c"),
}
OF_SPANS = {
    "filled": lambda f, x: f.select(a=x.col("c").fill_null(dt.timedelta(0)), b=x.coalesce("c", x.lit(dt.timedelta(days=2))), c=x.when(x.col("i") > 2).then("c").otherwise(x.lit(dt.timedelta(seconds=3)))),
    "compared": lambda f, x: f.select(a=x.col("c") > dt.timedelta(seconds=1), b=x.col("c") == dt.timedelta(hours=2), c=x.col("c").is_in([dt.timedelta(hours=2)]), d=x.col("c").is_between(dt.timedelta(0), dt.timedelta(hours=3))),
    "chosen": lambda f, x: f.select(a=x.max_horizontal("c", x.lit(dt.timedelta(seconds=1))), b=x.concat_list("c", x.lit(dt.timedelta(hours=1)))),
    "arithmetic": lambda f, x: f.select(a=x.col("c") + dt.timedelta(seconds=1), b=x.col("c") * 2, c=x.col("c") / 2, d=-x.col("c")),
    "aggregates": lambda f, x: f.select(s=x.col("c").sum(), m=x.col("c").mean(), lo=x.col("c").min(), hi=x.col("c").max()),
    "stacked": lambda f, x: x.concat([f.select("c"), f.select(c=x.lit(dt.timedelta(days=3)))], how="vertical_relaxed"),
}
OF_NUMBERS = {
    "aggregates": lambda f, x: f.select(s=x.col("c").sum(), m=x.col("c").mean(), lo=x.col("c").min(), hi=x.col("c").max(), md=x.col("c").median(), v=x.col("c").std()),
    "so far": lambda f, x: f.select(a=x.col("c").cum_sum(), b=x.col("c").cum_max(), c=x.col("c").diff()),
    "arithmetic": lambda f, x: f.select(a=x.col("c") + 1, b=x.col("c") > 1, c=x.col("c").abs()),
    "chosen": lambda f, x: f.select(a=x.when(x.col("i") > 2).then("c").otherwise(0), b=x.coalesce("c", x.lit(7)), c=x.col("c").fill_null(0)),
    "in groups": lambda f, x: f.group_by("i").agg(x.col("c").sum()).sort("i"),
}

TYPES = [
    (OF_DECIMALS, DECIMALS, pa.decimal32(7, 2)),
    (OF_DECIMALS, DECIMALS, pa.decimal64(12, 2)),
    (OF_DECIMALS, DECIMALS, pa.decimal128(12, 2)),
    (OF_TIMES, TIMES, pa.time32("s")),
    (OF_TIMES, TIMES, pa.time32("ms")),
    (OF_TIMES, TIMES, pa.time64("us")),
    (OF_TIMES, TIMES, pa.time64("ns")),
    (OF_DATES, DATES, pa.date32()),
    (OF_DATES, DATES, pa.date64()),
    (OF_SPANS, SPANS, pa.duration("s")),
    (OF_SPANS, SPANS, pa.duration("ms")),
    (OF_SPANS, SPANS, pa.duration("us")),
    (OF_SPANS, SPANS, pa.duration("ns")),
    (OF_NUMBERS, [3, None, -1, 3, 0], pa.dictionary(pa.int8(), pa.int64())),
    (OF_NUMBERS, [1.5, None, -1.0, 1.5, 0.0], pa.dictionary(pa.int32(), pa.float64())),
]
CASES = [pytest.param(case, values, of, id=f"{of}: {name}") for cases, values, of in TYPES for name, case in cases.items()]


def table(values, of):
    column = pa.array(values).dictionary_encode().cast(of) if pa.types.is_dictionary(of) else pa.array(values, of)
    return pa.table({"i": list(range(len(values))), "c": column})


def polars(given):
    """The table in Polars, where dates in milliseconds are moments: the dates that they are."""
    dates = [field.name for field in given.schema if field.type == pa.date64()]
    return pl.from_arrow(given).lazy().with_columns(pl.col(dates).cast(pl.Date))


def compare(case, mine, theirs):
    query = case(mine, gf)
    answer = query.collect()
    assert_same(answer, case(theirs, THEIRS).collect())
    check_sql(query, answer, sort=False)


@pytest.mark.parametrize(("case", "values", "of"), CASES)
def test_from_pyarrow(case, values, of):
    given = table(values, of)
    compare(case, gf.from_arrow(given).lazy(), polars(given))


@pytest.mark.parametrize(("case", "values", "of"), CASES)
def test_from_files(case, values, of, tmp_path):
    given = table(values, of)
    pq.write_table(given, tmp_path / "a.parquet")
    compare(case, gf.scan_parquet(tmp_path / "a.parquet"), polars(given))
    with pa.ipc.new_file(tmp_path / "a.arrow", given.schema) as file:
        file.write_table(given)
    compare(case, gf.scan_ipc(tmp_path / "a.arrow"), polars(given))


NARROW = [(values, of) for _, values, of in TYPES if not pa.types.is_dictionary(of)]
EXPECTED = {"duration[s]": "duration[ms]", "duration": "duration", "decimal": "decimal128", "time": "time64[ns]", "date": "date32[day]"}


@pytest.mark.parametrize(("values", "of"), NARROW, ids=lambda v: str(v)[:20])
def test_every_way_in_gives_the_same_type(values, of, tmp_path):
    given = table(values, of)
    pq.write_table(given, tmp_path / "a.parquet")
    expected = next(own for kind, own in EXPECTED.items() if str(of).startswith(kind))
    frames = [gf.from_arrow(given), gf.read_parquet(tmp_path / "a.parquet"), gf.sql("SELECT * FROM t", t=given).collect()]
    frames.append(gf.DataFrame({"i": given["i"], "c": gf.Series("c", given["c"])}))
    frames.append(gf.DataFrame({"i": [0]}).lazy().map_batches(lambda _: given, schema=given.schema).collect())
    for frame in frames:
        assert str(frame.to_arrow().schema.field("c").type).startswith(expected)
        assert frame["c"].to_list() == values
    frames[0].write_parquet(tmp_path / "b.parquet")
    assert str(pq.read_schema(tmp_path / "b.parquet").field("c").type).startswith(expected)


UNITS = {"s": "Second", "ms": "Millisecond", "us": "Microsecond", "ns": "Nanosecond"}


def in_sql(of):
    """The type as `arrow_cast` names it."""
    if pa.types.is_decimal(of):
        return f"Decimal{of.bit_width}({of.precision}, {of.scale})"
    name = {pa.types.is_date: "Date", pa.types.is_time: "Time"}
    name = next((name for is_one, name in name.items() if is_one(of)), "Duration")
    width = "" if name == "Duration" else of.bit_width
    return f"{name}{width}" if name == "Date" else f"{name}{width}({UNITS[of.unit]})"


def made_by_sql(values, of):
    return gf.sql(f"SELECT i, arrow_cast(c, '{in_sql(of)}') AS c FROM given", given=table(values, of))


@pytest.mark.parametrize(("case", "values", "of"), [case for case in CASES if not pa.types.is_dictionary(case.values[2])])
def test_of_what_sql_makes(case, values, of):
    query = case(made_by_sql(values, of), gf)
    # What only passes them on leaves them in the type that SQL made; `from_arrow` gives them their own.
    answer = gf.from_arrow(query.collect().to_arrow())
    assert_same(answer, case(polars(table(values, of)), THEIRS).collect())


@pytest.mark.parametrize(("values", "of"), NARROW, ids=lambda v: str(v)[:20])
def test_what_sql_makes_goes_out_as_it_is(values, of, tmp_path):
    frame = made_by_sql(values, of).collect()
    given = table(values, of)
    assert frame.to_arrow().schema.field("c").type == of
    assert frame["c"].to_list() == values
    assert frame.to_pandas()["c"].isna().tolist() == [value is None for value in values]
    assert pl.from_arrow(frame.to_arrow())["c"].to_list() == polars(given).collect()["c"].to_list() or of == pa.date64()
    for kind in ("parquet", "ipc", "csv", "ndjson"):
        getattr(frame, f"write_{kind}")(tmp_path / "a")
        back = getattr(gf, f"read_{kind}")(tmp_path / "a")
        if kind in ("parquet", "ipc"):
            assert back["c"].to_list() == values
        else:
            assert len(back) == len(values)
    path = tmp_path / "b.parquet"
    gf.sql(f"COPY (SELECT i, arrow_cast(c, '{in_sql(of)}') AS c FROM given) TO '{path}'", given=given).collect()
    # Parquet has no seconds of a day and no dates in milliseconds: other readers see their numbers.
    if of not in (pa.time32("s"), pa.date64()):
        assert pq.read_table(path)["c"].to_pylist() == values
    assert gf.read_parquet(path)["c"].to_list() == values


def test_decimals_of_256_bits_round_as_those_of_128():
    values = [Decimal(text) for text in ("2.25", "2.35", "-2.25", "-0.75", "0.05", "-0.05", "9.99", "3.00")] + [None]
    c = gf.col("c")
    rounded = {f"round {n} {mode}": c.round(n, mode=mode) for n in (0, 1, 2, 5) for mode in ("half_to_even", "half_away_from_zero")} | {"floor": c.floor(), "ceil": c.ceil(), "truncate": c.truncate(1)}
    narrow, wide = (gf.DataFrame({"c": gf.Series("c", pa.array(values, of))}) for of in (pa.decimal128(38, 2), pa.decimal256(60, 2)))
    answer = wide.select(**rounded)
    assert answer.to_dict(as_series=False) == narrow.select(**rounded).to_dict(as_series=False)
    # What is rounded up may have a digit more; what is cut, or has no more decimals, has not.
    kept = {"truncate", *(name for name in rounded if name.startswith(("round 2", "round 5")))}
    assert all(field.type == pa.decimal256(60 if field.name in kept else 61, 2) for field in answer.to_arrow().schema)
    long = pa.array([Decimal("9" * 40 + ".25"), Decimal("-" + "9" * 40 + ".75")], pa.decimal256(60, 2))
    assert gf.DataFrame({"c": gf.Series("c", long)}).select(c.round(1))["c"].to_list() == [Decimal("9" * 40 + ".2"), Decimal("-" + "9" * 40 + ".8")]


def test_nested_values_come_in_their_own_types():
    given = pa.table({"c": pa.array([{"t": [dt.time(1), None], "n": Decimal("1.50")}, None], pa.struct({"t": pa.list_(pa.time32("s")), "n": pa.decimal32(5, 2)}))})
    frame = gf.from_arrow(given)
    assert frame["c"].to_list() == given["c"].to_pylist() == pl.from_arrow(given)["c"].to_list()
    doubled = frame.select(n=gf.col("c").struct.field("n") * 2, t=gf.col("c").struct.field("t").list.max())
    assert doubled.rows() == [(Decimal("3.00"), dt.time(1)), (None, None)]


def test_a_copy_that_must_be_is_told_and_no_other_is_made():
    given = pa.table({"n": pa.array(DECIMALS, pa.decimal64(12, 2)), "i": pa.array(range(5), pa.int64())})
    frame = gf.from_arrow(given)
    told = frame.lazy().select("n", "i").profile()[1].to_dicts()
    assert any(row["copied_bytes"] > 0 and "Decimal64(12, 2) is brought in as Decimal128(12, 2)" in (row["copied_why"] or "") for row in told), told
    told = frame.lazy().select("i").profile()[1].to_dicts()
    assert all(row["copied_bytes"] == 0 for row in told), told
    assert frame.to_arrow()["i"].chunk(0).buffers()[1].address == given["i"].chunk(0).buffers()[1].address


def test_times_of_duckdb(tmp_path):
    path = tmp_path / "a.parquet"
    duckdb.sql(f"COPY (SELECT * FROM (VALUES (TIME '12:30:00', 1.50::DECIMAL(9, 2)), (TIME '00:10:00', 2.25), (NULL, NULL)) AS t(c, n)) TO '{path}' (FORMAT parquet)")
    for case in (
        lambda f, x: f.filter(x.col("c") > dt.time(0, 30)),
        lambda f, x: f.select(x.col("c").min(), hi=x.col("c").max(), s=x.col("n").sum(), d=x.col("n").max() * 2),
    ):
        compare(case, gf.scan_parquet(path), pl.scan_parquet(path))
    assert gf.sql(f"SELECT n * 2 FROM '{path}' WHERE c > TIME '00:30:00'").collect().rows() == [(Decimal("3.00"),)]
    assert gf.sql(f"SELECT max(c), min(c), max(n) * 2 FROM '{path}'").collect().rows() == [(dt.time(12, 30), dt.time(0, 10), Decimal("4.50"))]


def test_files_of_two_units_are_one_table(tmp_path):
    pq.write_table(pa.table({"c": pa.array([dt.time(1), dt.time(9)], pa.time64("ns"))}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"c": pa.array([dt.time(23), dt.time(5)], pa.time64("us"))}), tmp_path / "b.parquet")
    pq.write_table(pa.table({"c": pa.array([dt.time(0, 1)], pa.time32("ms"))}), tmp_path / "c.parquet")
    path = str(tmp_path / "*.parquet")
    frame = gf.scan_parquet(path)
    assert frame.select(lo=gf.col("c").min(), hi=gf.col("c").max()).collect().rows() == [(dt.time(0, 1), dt.time(23))]
    assert gf.sql(f"SELECT min(c), max(c) FROM '{path}'").collect().rows() == [(dt.time(0, 1), dt.time(23))]
    assert frame.filter(gf.col("c") > dt.time(10)).collect().rows() == [(dt.time(23),)]
    assert frame.sort("c", descending=True).head(1).collect().rows() == [(dt.time(23),)]


def test_run_ends_are_their_values_in_functions():
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3, 5], pa.int32()), pa.array([1, None, 4]))
    given = pa.table({"c": runs})
    frame = gf.from_arrow(given)
    assert frame.to_arrow().schema == given.schema
    answer = frame.select(s=gf.col("c").sum(), m=gf.col("c").mean(), lo=gf.col("c").min(), hi=gf.col("c").max())
    plain = pl.DataFrame({"c": runs.to_pylist()})
    assert_same(answer, plain.select(s=pl.col("c").sum(), m=pl.col("c").mean(), lo=pl.col("c").min(), hi=pl.col("c").max()))


NESTED = {
    "structs": [{"x": 1, "y": "b"}, {"x": None, "y": "a"}, {"x": 0, "y": None}, None, {"x": 1, "y": None}],
    "lists": [[1], [None], [0], None, [], [0, None]],
    "lists of structs": [[{"x": 1}], [{"x": None}], None, [{"x": 0}]],
}


@pytest.mark.parametrize("values", NESTED.values(), ids=NESTED)
@pytest.mark.parametrize("nulls_last", [False, True])
@pytest.mark.parametrize("descending", [False, True])
def test_nulls_within_are_the_least_in_any_sort(values, descending, nulls_last):
    frame = pl.DataFrame({"c": values, "i": range(len(values))})
    how = {"descending": descending, "nulls_last": nulls_last}
    check(lambda f, x: f.sort("c", **how), frame)
    check(lambda f, x: f.sort("c", "i", **how), frame)
    check(lambda f, x: f.select(x.col("c").sort(**how), a=x.col("c").arg_sort(**how), b=x.col("i").sort_by("c", **how)), frame)


@pytest.mark.parametrize("values", NESTED.values(), ids=NESTED)
def test_ranks_and_extremes_go_by_the_same_order(values):
    frame = pl.DataFrame({"c": values})
    check(lambda f, x: f.select(a=x.col("c").rank("min"), b=x.col("c").rank("min", descending=True)), frame)
    check(lambda f, x: f.top_k(2, by="c"), frame)
    check(lambda f, x: f.bottom_k(2, by="c"), frame)


@pytest.mark.parametrize("width", [8, 16, 32, 64])
def test_bits_are_read_as_another_type(width):
    signed, unsigned = f"Int{width}", f"UInt{width}"
    frame = pl.DataFrame({"s": [-1, None, 100], "u": [2**width - 1, None, 100]}, schema={"s": getattr(pl, signed), "u": getattr(pl, unsigned)})
    check(lambda f, x: f.select(*[x.col(name).reinterpret(signed=flag).alias(f"{name}{flag}") for name in "su" for flag in (True, False)]), frame)
    check(lambda f, x: f.select(x.col("s").reinterpret(dtype=getattr(x, unsigned)), u=x.col("u").reinterpret(dtype=getattr(x, signed))), frame)
    if width >= 32:
        # What is no number has one pattern of bits here.
        check(lambda f, x: f.select(x.col("s").abs().reinterpret(dtype=getattr(x, f"Float{width}")).reinterpret(dtype=getattr(x, unsigned))), frame)
    with pytest.raises(gf.errors.PlanError, match="which has not the bits of"):
        gf.from_polars(frame).lazy().select(gf.col("s").reinterpret(dtype=gf.Int64 if width < 64 else gf.Int32))
    check(lambda f, x: f.select(x.col("q").reinterpret(signed=False)), pl.DataFrame({"q": [1.5, None]}))
