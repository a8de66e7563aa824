"""The namespace `dt`: one table of cases, each asked of Polars too, on datetimes with and without zones, dates, times, durations."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from same import check, ours

import gradframe as gf

D = dt.datetime
READINGS = [D(2024, 2, 29, 23, 59, 59, 123456), D(1969, 12, 31, 1, 2, 3), None, D(2000, 1, 1), D(1905, 5, 6, 7, 8, 9, 1), D(2024, 3, 31, 12), D(2024, 10, 27, 3, 30), D(2023, 12, 31, 22)]


def moments(zone: str | None = None) -> pl.DataFrame:
    """Datetimes `t`."""
    frame = pl.DataFrame({"t": READINGS}, schema={"t": pl.Datetime("us")})
    return frame if zone is None else frame.select(pl.col("t").dt.replace_time_zone("UTC").dt.convert_time_zone(zone))


def dates() -> pl.DataFrame:
    """Dates `t`."""
    return pl.DataFrame({"t": [dt.date(2024, 2, 29), dt.date(1969, 12, 28), None, dt.date(1600, 1, 1), dt.date(2023, 1, 1)]})


FRAMES = {"none": moments, "berlin": lambda: moments("Europe/Berlin"), "new_york": lambda: moments("America/New_York"), "utc": lambda: moments("UTC"), "dates": dates, "empty": lambda: moments().head(0)}
GRIDS = ["1d", "1w", "1mo", "1q", "1y", "2w", "5mo", "3d", "10y"]
PARTS = ["year", "iso_year", "quarter", "month", "week", "weekday", "day", "ordinal_day", "century", "millennium", "is_leap_year", "days_in_month", "date", "month_start", "month_end"]

ON_MOMENTS = {
    "parts": lambda f, x: f.select(*[getattr(x.col("t").dt, part)().alias(part) for part in PARTS]),
    "truncate": lambda f, x: f.select(*[x.col("t").dt.truncate(every).alias(every) for every in GRIDS]),
    # Of decades, Polars takes another for the nearer one: it does not count the days.
    "round": lambda f, x: f.select(*[x.col("t").dt.round(every).alias(every) for every in GRIDS if every != "10y"]),
    "offset_by": lambda f, x: f.select(*[x.col("t").dt.offset_by(by).alias(by) for by in ["1mo", "-1mo", "1y", "1mo1d", "1d", "-1y2mo", "1w", "-3d"]]),
    "epoch": lambda f, x: f.select(*[x.col("t").dt.epoch(unit).alias(unit) for unit in ["us", "ms", "s", "d"]], t=x.col("t").dt.timestamp("ms")),
    "to_string": lambda f, x: f.select(a=x.col("t").dt.to_string(), b=x.col("t").dt.strftime("%d.%m.%y %a %B %j"), c=x.col("t").dt.to_string("iso:strict")),
    "replace": lambda f, x: f.select(a=x.col("t").dt.replace(month=1, day=2), b=x.col("t").dt.replace(year=2023, day=28)),
    "business": lambda f, x: f.select(a=x.col("t").dt.is_business_day(), b=x.col("t").dt.is_business_day(holidays=[dt.date(2024, 2, 29)]), c=x.col("t").dt.add_business_days(5, roll="forward"), d=x.col("t").dt.add_business_days(-7, roll="backward", holidays=[dt.date(2024, 2, 27)])),
}


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("name", ON_MOMENTS)
def test_moments(name, frame):
    check(ON_MOMENTS[name], FRAMES[frame]())


ON_CLOCKS = {
    "parts": lambda f, x: f.select(*[getattr(x.col("t").dt, part)().alias(part) for part in ["hour", "minute", "second", "millisecond", "microsecond", "nanosecond", "time"]], s=x.col("t").dt.second(fractional=True)),
    "truncate": lambda f, x: f.select(*[x.col("t").dt.truncate(every).alias(every) for every in ["1h", "15m", "90m", "7h", "1h30m", "1s", "1us"]]),
    "round": lambda f, x: f.select(*[x.col("t").dt.round(every).alias(every) for every in ["1h", "15m", "7h", "1s"]]),
    "offset_by": lambda f, x: f.select(*[x.col("t").dt.offset_by(by).alias(by) for by in ["1h", "-90m", "1d12h", "1us"]]),
    "convert": lambda f, x: f.select(a=x.col("t").dt.convert_time_zone("Asia/Tokyo"), b=x.col("t").dt.convert_time_zone("America/New_York").dt.hour()),
    "unzoned": lambda f, x: f.select(x.col("t").dt.replace_time_zone(None)),
    "units": lambda f, x: f.select(*[x.col("t").dt.cast_time_unit(unit).alias(unit) for unit in ["ms", "us", "ns"]]),
    "strftime": lambda f, x: f.select(x.col("t").dt.strftime("%Y-%m-%dT%H:%M:%S%.3f %p %q")),
    "replace": lambda f, x: f.select(x.col("t").dt.replace(hour=5, minute=6, second=7, microsecond=8)),
}


@pytest.mark.parametrize("frame", ["none", "berlin", "new_york", "utc", "empty"])
@pytest.mark.parametrize("name", ON_CLOCKS)
def test_clocks(name, frame):
    check(ON_CLOCKS[name], FRAMES[frame]())


# Of a zone, Polars takes the date that it is in UTC; here it is the date that the zone's clock shows.
OF_READINGS = {"combine": lambda f, x: f.select(x.col("t").dt.combine(dt.time(11, 2, 3)))}


@pytest.mark.parametrize("frame", ["none", "dates", "empty"])
def test_readings(frame):
    check(OF_READINGS["combine"], FRAMES[frame]())


OF_ZONES = {
    "offsets": lambda f, x: f.select(b=x.col("t").dt.base_utc_offset(), d=x.col("t").dt.dst_offset()),
    "names": lambda f, x: f.select(x.col("t").dt.strftime("%z %Z")),
}


@pytest.mark.parametrize("name", OF_ZONES)
def test_zones(name):
    check(OF_ZONES[name], moments("Europe/Berlin"))


@pytest.mark.parametrize("ambiguous", ["earliest", "latest", "null"])
def test_edges_of_summer_time(ambiguous):
    frame = pl.DataFrame({"t": [D(2024, 3, 31, 2, 30), D(2024, 10, 27, 2, 30), D(2024, 7, 1), None]})
    check(lambda f, x: f.select(x.col("t").dt.replace_time_zone("Europe/Berlin", ambiguous=ambiguous, non_existent="null")), frame)


def test_times():
    frame = pl.DataFrame({"t": [dt.time(1, 2, 3, 4), dt.time(23, 59, 59), None]})
    check(lambda f, x: f.select(*[getattr(x.col("t").dt, part)().alias(part) for part in ["hour", "minute", "second", "microsecond", "nanosecond"]], s=x.col("t").dt.to_string("%H.%M")), frame)


UNITS = ["days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"]

OF_DURATIONS = {
    "whole": lambda f, x: f.select(*[getattr(x.col("t").dt, f"total_{unit}")().alias(unit) for unit in UNITS]),
    "fractional": lambda f, x: f.select(*[getattr(x.col("t").dt, f"total_{unit}")(fractional=True).alias(unit) for unit in UNITS]),
    "text": lambda f, x: f.select(a=x.col("t").dt.to_string(), b=x.col("t").dt.to_string("polars")),
}


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_durations(unit):
    spans = [dt.timedelta(days=-1, microseconds=1000), dt.timedelta(hours=25, seconds=1.5), None, dt.timedelta(0), dt.timedelta(milliseconds=-5)]
    frame = pl.DataFrame({"t": pl.Series(spans, dtype=pl.Duration(unit))})
    for case in OF_DURATIONS.values():
        check(case, frame)


moment = st.one_of(st.none(), st.datetimes(D(1800, 1, 1), D(2200, 1, 1)))


@given(st.lists(moment, max_size=8), st.sampled_from([None, "Europe/Berlin", "Asia/Kathmandu"]))
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_made_moments(values, zone):
    frame = pl.DataFrame({"t": pl.Series(values, dtype=pl.Datetime("us"))})
    if zone is not None:
        frame = frame.select(pl.col("t").dt.replace_time_zone("UTC").dt.convert_time_zone(zone))
    check(ON_MOMENTS["parts"], frame)
    check(ON_CLOCKS["parts"], frame)
    if zone is None:
        for name in ("truncate", "offset_by"):
            check(ON_MOMENTS[name], frame)


ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia", "Asia/Kathmandu", "Africa/Freetown"]
SHORT = ["1ns", "700us", "1s", "15m", "1h", "7h", "1h30m"]
LONG = ["1d", "3d", "1w", "2w", "1mo", "5mo", "1q", "1y"]


@given(st.lists(st.one_of(st.none(), st.datetimes(D(1890, 1, 1), D(2110, 1, 1))), max_size=8), st.sampled_from([None, *ZONES]), st.sampled_from(["ms", "us", "ns"]))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_made_grids(values, zone, unit):
    frame = pl.DataFrame({"t": pl.Series(values, dtype=pl.Datetime(unit))})
    if zone is not None:
        frame = frame.select(pl.col("t").dt.replace_time_zone("UTC").dt.convert_time_zone(zone))
    # Polars divides by 0 where an interval is shorter than the unit.
    short = SHORT[{"ns": 0, "us": 1, "ms": 2}[unit]:]
    grids = short + LONG if zone is None or zone == "UTC" else short[:-2]
    for every in grids:
        check(lambda f, x, every=every: f.select(x.col("t").dt.truncate(every)), frame)
    if zone is None:
        check(lambda f, x: f.select(*[x.col("t").dt.round(every).alias(every) for every in short]), frame)
        check(lambda f, x: f.select(x.col("t").dt.truncate(x.lit("1mo"))), frame)


@pytest.mark.parametrize("zone", ZONES)
def test_grids_about_changes_of_the_clock(zone):
    """A day is the one that the clock shows: what is truncated to it and brought back is midnight, or where that is skipped the first moment of the day."""
    start = D(2023, 1, 1, 0, 30)
    moments = pl.DataFrame({"t": [start + dt.timedelta(hours=5 * i) for i in range(3500)]}).select(pl.col("t").dt.replace_time_zone("UTC").dt.convert_time_zone(zone))
    got = ours(moments).select(t="t", d=gf.col("t").dt.truncate("1d"), m=gf.col("t").dt.truncate("1mo"), h=gf.col("t").dt.truncate("1h")).collect()
    for t, day, month, hour in zip(*(got[name].to_list() for name in "tdmh"), strict=True):
        assert day <= t and (day.date(), month.date()) == (t.date(), t.date().replace(day=1))
        before = (day.astimezone(dt.timezone.utc) - dt.timedelta(microseconds=1)).astimezone(day.tzinfo)
        assert before.date() < t.date()
        assert hour.replace(tzinfo=None) == t.replace(tzinfo=None, minute=0, second=0) or hour <= t


ERRORS = {
    "an interval": (lambda t: t.truncate("1x"), "`1x` is no interval"),
    "a mixed grid": (lambda t: t.truncate("1mo2d"), "mixes months, weeks and shorter units"),
    "a zone": (lambda t: t.convert_time_zone("Asia/Tokio"), "unknown time zone `Asia/Tokio`, of `t`; hint: did you mean `Asia/Tokyo`?"),
    "a unit": (lambda t: t.epoch("h"), "`h` is no time unit"),
    "a format": (lambda t: t.strftime("%!"), "`%!` is no format"),
    "a choice": (lambda t: t.replace_time_zone("UTC", ambiguous="first"), "`first` is no choice"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_is_wrong_is_said_before_data_are_read(name):
    call, said = ERRORS[name]
    frame = gf.from_arrow(moments()).lazy()
    with pytest.raises(gf.errors.GradframeError) as error:
        frame.select(call(gf.col("t").dt))
    assert said in str(error.value)


def test_what_the_clock_skips_is_an_error():
    frame = gf.from_arrow(pl.DataFrame({"t": [D(2024, 3, 31, 2, 30)]})).lazy()
    with pytest.raises(gf.errors.GradframeError, match="2024-03-31 02:30:00 does not exist"):
        frame.select(gf.col("t").dt.replace_time_zone("Europe/Berlin")).collect()


SKIPPED = [
    (D(2024, 3, 30, 2, 30), "1d", "Europe/Berlin"), (D(2024, 4, 1, 2, 30), "-1d", "Europe/Berlin"), (D(2024, 3, 30, 2, 0), "1d", "Europe/Berlin"),
    (D(2024, 2, 29, 2, 30), "1mo2d", "Europe/Berlin"), (D(2023, 3, 31, 2, 30), "1y", "Europe/Berlin"), (D(2024, 3, 30, 2, 30), "1d1h", "Europe/Berlin"),
    (D(2024, 3, 9, 2, 30), "1d", "America/New_York"), (D(2024, 10, 5, 2, 15), "1d", "Australia/Lord_Howe"), (D(2024, 10, 26, 2, 30), "1d", "Europe/Berlin"),
    (D(2024, 10, 28, 2, 30), "-1d", "Europe/Berlin"), (D(2024, 10, 20, 2, 30), "1w", "Europe/Berlin"),
]


@pytest.mark.parametrize("moment, by, zone", SKIPPED)
def test_readings_that_the_clock_skips_or_shows_twice_are_moved_to(moment, by, zone):
    check(lambda f, x: f.select(x.col("t").dt.replace_time_zone(zone).dt.offset_by(by)), pl.DataFrame({"t": [moment]}))


def test_a_range_of_days_goes_over_a_change_of_the_clock():
    ends = {"a": [D(2024, 3, 30, 2, 30)], "b": [D(2024, 4, 1, 2, 30)]}
    zoned = pl.DataFrame(ends).select(pl.all().dt.replace_time_zone("Europe/Berlin"))
    check(lambda f, x: f.select(r=x.datetime_ranges("a", "b", "1d")), zoned)
