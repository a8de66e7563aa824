"""Dates, datetimes, times and durations made of their parts, at equal distances, and from numbers."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from gradframe._dtypes import Date, Datetime, Int32, Int64
from gradframe._expr.base import IntoExpr, call, column
from gradframe._expr.expr import Expr
from gradframe._expr.functions import lit
from gradframe._expr.temporal import interval_text

__all__ = ["date", "date_range", "date_ranges", "datetime", "datetime_range", "datetime_ranges", "duration", "from_epoch", "time",
           "time_range", "time_ranges"]

Closed = Literal["both", "left", "right", "none"]
Unit = Literal["ns", "us", "ms"]
Interval = str | dt.timedelta


def _part(value: Any) -> Any:
    return column(0 if value is None else value)


def date(year: IntoExpr, month: IntoExpr, day: IntoExpr) -> Expr:
    """A date of its parts: columns or numbers. One that is not in the calendar is an error."""
    return call("date", _part(year), _part(month), _part(day)).alias("date")


def datetime(
    year: IntoExpr,
    month: IntoExpr,
    day: IntoExpr,
    hour: IntoExpr | None = None,
    minute: IntoExpr | None = None,
    second: IntoExpr | None = None,
    microsecond: IntoExpr | None = None,
    *,
    time_unit: Unit = "us",
    time_zone: str | None = None,
) -> Expr:
    """A datetime of its parts: columns or numbers. In a time zone they are what its clock shows."""
    parts = [_part(part) for part in (year, month, day, hour, minute, second, microsecond)]
    made = call("datetime", *parts, time_unit=time_unit, time_zone=time_zone)
    return made if made.meta.root_names() else made.alias("datetime")


def time(
    hour: IntoExpr | None = None, minute: IntoExpr | None = None, second: IntoExpr | None = None, microsecond: IntoExpr | None = None
) -> Expr:
    """A time of the day of its parts: columns or numbers."""
    return call("time", *[_part(part) for part in (hour, minute, second, microsecond)]).alias("time")


def duration(
    *,
    weeks: IntoExpr | None = None,
    days: IntoExpr | None = None,
    hours: IntoExpr | None = None,
    minutes: IntoExpr | None = None,
    seconds: IntoExpr | None = None,
    milliseconds: IntoExpr | None = None,
    microseconds: IntoExpr | None = None,
    nanoseconds: IntoExpr | None = None,
    time_unit: Unit | None = None,
) -> Expr:
    """A duration, the sum of its parts: columns or whole numbers."""
    parts = [weeks, days, hours, minutes, seconds, milliseconds, microseconds, nanoseconds]
    unit = time_unit or ("us" if nanoseconds is None else "ns")
    return call("duration", *[_part(part) for part in parts], time_unit=unit).alias("duration")


def date_range(start: IntoExpr, end: IntoExpr, interval: Interval = "1d", *, closed: Closed = "both", eager: bool = False) -> Any:
    """Dates from `start` to `end`, an interval apart ("1d", "2w", "1mo"). With `eager` a Series, at once."""
    return _range("date_range", start, end, eager, interval=interval_text(interval), closed=closed)


def date_ranges(start: IntoExpr, end: IntoExpr, interval: Interval = "1d", *, closed: Closed = "both", eager: bool = False) -> Any:
    """In each row a list of the dates from `start` to `end`."""
    return _range("date_ranges", start, end, eager, interval=interval_text(interval), closed=closed)


def datetime_range(
    start: IntoExpr,
    end: IntoExpr,
    interval: Interval = "1d",
    *,
    closed: Closed = "both",
    time_unit: Unit | None = None,
    time_zone: str | None = None,
    eager: bool = False,
) -> Any:
    """Datetimes from `start` to `end`, an interval apart ("1h", "1d12h", "1mo"). With `eager` a Series, at once."""
    options = {"interval": interval_text(interval), "closed": closed, "time_unit": time_unit, "time_zone": time_zone}
    return _range("datetime_range", start, end, eager, **options)


def datetime_ranges(
    start: IntoExpr,
    end: IntoExpr,
    interval: Interval = "1d",
    *,
    closed: Closed = "both",
    time_unit: Unit | None = None,
    time_zone: str | None = None,
    eager: bool = False,
) -> Any:
    """In each row a list of the datetimes from `start` to `end`."""
    options = {"interval": interval_text(interval), "closed": closed, "time_unit": time_unit, "time_zone": time_zone}
    return _range("datetime_ranges", start, end, eager, **options)


def time_range(
    start: IntoExpr | None = None,
    end: IntoExpr | None = None,
    interval: Interval = "1h",
    *,
    closed: Closed = "both",
    eager: bool = False,
) -> Any:
    """Times of the day from `start` (midnight) to `end` (the day's end), an interval apart."""
    ends = _whole_day(start, end)
    return _range("time_range", *ends, eager, interval=interval_text(interval), closed=closed)


def time_ranges(
    start: IntoExpr | None = None,
    end: IntoExpr | None = None,
    interval: Interval = "1h",
    *,
    closed: Closed = "both",
    eager: bool = False,
) -> Any:
    """In each row a list of the times of the day from `start` to `end`."""
    ends = _whole_day(start, end)
    return _range("time_ranges", *ends, eager, interval=interval_text(interval), closed=closed)


def _whole_day(start: IntoExpr | None, end: IntoExpr | None) -> tuple[IntoExpr, IntoExpr]:
    return dt.time(0) if start is None else start, dt.time(23, 59, 59, 999_999) if end is None else end


def _range(name: str, start: IntoExpr, end: IntoExpr, eager: bool, **options: Any) -> Any:
    expr = call(name, column(start), column(end), **options)
    if not isinstance(start, (str, Expr)):
        expr = expr.alias("literal")
    if not eager:
        return expr
    from gradframe._frame.eager import DataFrame

    return DataFrame({"__one": [0]}).select(expr).to_series()


def from_epoch(column: Any, time_unit: Literal["ns", "us", "ms", "s", "d"] = "s") -> Any:
    """Numbers since 1970 as datetimes, or of days as dates: a column's name, an expression, a Series or a list."""
    if not isinstance(column, (str, Expr)):
        from gradframe._frame.series import Series

        series = Series(column) if not isinstance(column, Series) else column
        return series.to_frame().select(from_epoch(series.name, time_unit)).to_series()
    number = call("col", names=column) if isinstance(column, str) else column
    if time_unit == "d":
        return number.cast(Int32).cast(Date)
    if time_unit == "s":
        return (number.cast(Int64) * lit(1_000_000)).cast(Datetime("us"))
    if time_unit not in ("ns", "us", "ms"):
        raise ValueError(f"from_epoch: unknown time unit {time_unit!r}; hint: ns, us, ms, s or d")
    return number.cast(Int64).cast(Datetime(time_unit))
