"""Dates beside moments of a time zone: a date is its midnight in UTC, as in Polars."""

import datetime as dt

import polars as pl
import pyarrow as pa
import pytest

import gradframe as gf

from same import check, ours


def frame(zone: str, unit: str = "us") -> pl.DataFrame:
    """Dates `d`, their midnights in the zone `z`, and in UTC `u`."""
    days = [dt.date(2024, 1, 1), None, dt.date(2024, 7, 1), dt.date(1969, 12, 31)]
    midnight = pl.col("d").cast(pl.Datetime(unit))
    return pl.DataFrame({"d": days}).with_columns(
        z=midnight.dt.replace_time_zone(zone), u=midnight.dt.replace_time_zone("UTC").dt.convert_time_zone(zone), n=midnight
    )


def listed(x, column):
    """One list of lists."""
    return x.concat_list(column).implode()


CASES = {
    "compared": lambda f, x: f.select(a=x.col("d") == x.col("z"), b=x.col("d") == x.col("u"), c=x.col("d") < x.col("z"), d=x.col("z") >= x.col("d"), e=x.col("d") != x.col("u"), f=x.col("d").eq_missing(x.col("u"))),
    "between": lambda f, x: f.select(a=x.col("z").is_between("d", "d"), b=x.col("d").is_between("z", "u"), c=x.col("u").is_between(dt.date(2024, 1, 1), dt.date(2024, 7, 1))),
    "constants": lambda f, x: f.select(a=x.col("z") > dt.date(2024, 1, 1), b=x.col("u") == dt.date(2024, 7, 1), c=x.lit(dt.date(2024, 7, 1)) <= x.col("u")),
    "filtered": lambda f, x: f.filter(x.col("u") >= x.col("d")).select("d"),
    "chosen": lambda f, x: f.select(a=x.coalesce("d", "z"), b=x.when(x.col("d") > dt.date(2024, 1, 2)).then("d").otherwise("u"), c=x.max_horizontal("d", "z"), d=x.min_horizontal("z", "d")),
    "listed": lambda f, x: f.select(a=x.concat_list("d", "z"), b=x.concat_list("u", "d"), c=x.concat_list(x.concat_list("d", "d"), "z")),
    "stacked": lambda f, x: x.concat([f.select(a="d"), f.select(a="u"), f.select(a=x.lit(None))], how="vertical_relaxed"),
    "side by side": lambda f, x: x.concat([f.select(a="z", b="d"), f.select(a="d")], how="diagonal_relaxed"),
    "stacked lists": lambda f, x: x.concat([f.select(a=x.concat_list("d")), f.select(a=x.concat_list("u"))], how="vertical_relaxed"),
    "stacked structs": lambda f, x: x.concat([f.select(a=x.struct("d", "n")), f.select(a=x.struct(x.col("u").alias("d"), "n"))], how="vertical_relaxed"),
    "stacked lists of lists": lambda f, x: x.concat([f.select(a=listed(x, "d")), f.select(a=listed(x, "z"))], how="vertical_relaxed"),
    "stacked lists of structs": lambda f, x: x.concat([f.select(a=x.concat_list(x.struct(q=c))) for c in ("z", "d")], how="diagonal_relaxed"),
    "unpivoted": lambda f, x: f.unpivot(on=["d", "z", "u"]).sort("variable", "value"),
    "unpivoted structs": lambda f, x: f.select(**{c: x.struct(q=c) for c in ("d", "z")}).unpivot(on=["d", "z"]).unnest("value").sort("variable", "q"),
    "differences": lambda f, x: f.select(a=x.col("z") - x.col("d"), b=x.col("d") - x.col("u")),
}


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("name", CASES)
def test_dates_beside_moments_of_a_zone(name, zone):
    check(CASES[name], frame(zone))


@pytest.mark.parametrize("unit", ["ms", "ns"])
def test_moments_of_other_units(unit):
    check(CASES["compared"], frame("Asia/Tokyo", unit))
    check(CASES["differences"], frame("Asia/Tokyo", unit))


def test_what_goes_with_no_date_is_refused_still():
    some = ours(frame("UTC"))
    for wrong in (gf.col("n") == gf.col("z"), gf.col("n") < gf.col("u"), gf.col("d").is_in(gf.col("z").implode())):
        with pytest.raises(gf.errors.DTypeError, match="`[nd]` is Date"):
            some.select(wrong)


@pytest.mark.parametrize("other", [gf.col("n"), gf.col("z").dt.convert_time_zone("Asia/Tokyo")], ids=["none", "another"])
def test_moments_of_two_time_zones_have_no_common_type(other):
    some = ours(frame("Europe/Berlin")).with_columns(o=other)
    with pytest.raises(gf.errors.DTypeError, match="Datetime.*hint: cast one of them"):
        gf.concat([some.select("z"), some.select(z="o")], how="vertical_relaxed").collect_schema()
    with pytest.raises(gf.errors.DTypeError, match="`z` is Datetime"):
        some.select(gf.concat_list("z", "o"))
    with pytest.raises(gf.errors.DTypeError, match="`z` is Datetime"):
        some.select(gf.concat_list("d", "z", "o"))
    with pytest.raises(gf.errors.DTypeError, match="`z` is Datetime"):
        some.select(gf.max_horizontal("d", "z", "o"))
    with pytest.raises(gf.errors.DTypeError, match="`z` .* and `o` .* have no common type"):
        some.unpivot(on=["z", "o"])


NESTED = {
    "structs": lambda column: gf.struct(gf.col(column).alias("q")),
    "lists of lists": lambda column: gf.concat_list(column).implode(),
    "structs in lists": lambda column: gf.concat_list(gf.struct(gf.col(column).alias("q"))),
    "structs in structs": lambda column: gf.struct(gf.struct(gf.col(column).alias("q")).alias("p")),
}


@pytest.mark.parametrize("other", [gf.col("n"), gf.col("z").dt.convert_time_zone("Asia/Tokyo")], ids=["none", "another"])
@pytest.mark.parametrize("name", NESTED)
def test_moments_of_two_time_zones_have_no_common_type_within_others(name, other):
    some = ours(frame("Europe/Berlin")).with_columns(o=other)
    for how in ("vertical_relaxed", "diagonal_relaxed"):
        with pytest.raises(gf.errors.DTypeError, match="column `q` is .* in one frame and .* in another, which have no common type"):
            gf.concat([some.select(q=NESTED[name]("z")), some.select(q=NESTED[name]("o"))], how=how).collect_schema()
    with pytest.raises(gf.errors.DTypeError, match="`z` .* and `o` .* have no common type"):
        some.select(z=NESTED[name]("z"), o=NESTED[name]("o")).unpivot(on=["z", "o"])


def test_of_several_types_those_are_named_that_clash():
    columns = {"a": [1], "b": [1.5], "c": [2], "d": [[1]]}
    with pytest.raises(gf.errors.DTypeError, match=r"columns `a` \(Int64\) and `d` \(List\(Int64\)\) have no common type"):
        gf.from_dict(columns).unpivot(on=list(columns))
    frames = [gf.from_dict({"x": values}) for values in columns.values()]
    with pytest.raises(gf.errors.DTypeError, match=r"`x` is Int64 in one frame and List\(Int64\) in another, which have no common type"):
        gf.concat(frames, how="vertical_relaxed")
    zones = [gf.from_dict({"x": [dt.datetime(2024, 1, 1)]}).with_columns(gf.col("x").dt.replace_time_zone(zone)) for zone in ("UTC", "UTC", "Asia/Tokyo")]
    with pytest.raises(gf.errors.DTypeError, match="UTC.* in one frame and .*Asia/Tokyo"):
        gf.concat(zones, how="vertical_relaxed")


def test_utc_has_two_names():
    moment = dt.datetime(2024, 1, 1)
    named = [gf.from_arrow(pa.table({"t": pa.array([moment], pa.timestamp("us", zone))})) for zone in ("UTC", "+00:00")]
    assert gf.concat(named, how="vertical_relaxed").height == 2


@pytest.mark.parametrize("unit", ["us", "ms"])
@pytest.mark.parametrize("name", CASES)
def test_dates_beside_moments_of_no_zone_have_their_unit(name, unit):
    """Dates that nanoseconds do not reach among them: 9999-12-31 is everybody's "valid until"."""
    days = [dt.date(2024, 1, 1), None, dt.date(9999, 12, 31), dt.date(1066, 10, 14)]
    midnight = pl.col("d").cast(pl.Datetime(unit))
    check(CASES[name], pl.DataFrame({"d": days}).with_columns(z=midnight, u=midnight + pl.duration(days=-1), n=midnight))


def test_dates_among_moments_of_no_zone():
    frame = pl.DataFrame({"d": [dt.date(2024, 1, 1), dt.date(9999, 12, 31)]})
    check(lambda f, x: f.select(x.col("d").clip(dt.datetime(2024, 1, 1), dt.datetime(2030, 1, 1))), frame)
    check(lambda f, x: f.select(x.col("d").fill_null(dt.datetime(2024, 1, 1))), frame)
    # Which Polars refuses.
    moments = [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, 1)]
    assert ours(frame).select(gf.col("d").is_in(moments)).collect()["d"].to_list() == [True, False]
