"""Functions of dates, times, datetimes and durations."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from gradframe._expr.base import IntoExpr, column
from gradframe._expr.namespace import Namespace

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr

WEEK = (True, True, True, True, True, False, False)


class DtNamespace(Namespace):
    """Functions of dates, times, datetimes and durations. Null gives null.

    Parts are those that a clock in the column's time zone shows. An interval is written with units (`ns us ms s m h d w mo q y`):
    "1mo", "2w", "1h30m"; a `timedelta` is one, too.
    """

    __slots__ = ()

    def add_business_days(
        self,
        n: int | IntoExpr,
        *,
        week_mask: Iterable[bool] = WEEK,
        holidays: Iterable[datetime.date] = (),
        roll: str = "raise",
    ) -> Expr:
        """So many business days on. From a day that is none: an error, or from the next one "forward" or "backward"."""
        calendar = {"week_mask": list(week_mask), "holidays": list(holidays)}
        return self._call("dt.add_business_days", column(n), roll=roll, **calendar)

    def base_utc_offset(self) -> Expr:
        """How far the zone's clock is ahead of UTC, without summer time."""
        return self._call("dt.base_utc_offset")

    def cast_time_unit(self, time_unit: str) -> Expr:
        """The same in "ns", "us" or "ms", rounded down."""
        return self._call("dt.cast_time_unit", time_unit=time_unit)

    def century(self) -> Expr:
        """21 for the years 2001 to 2100."""
        return self._call("dt.century")

    def combine(self, time: datetime.time | Expr, time_unit: str = "us") -> Expr:
        """Its date at another time."""
        return self._call("dt.combine", time, time_unit=time_unit)

    def convert_time_zone(self, time_zone: str) -> Expr:
        """The same moments on the clock of another zone; a datetime without one is taken for UTC."""
        return self._call("dt.convert_time_zone", time_zone=time_zone)

    def date(self) -> Expr:
        """The date that the clock shows."""
        return self._call("dt.date")

    def day(self) -> Expr:
        """The day of the month."""
        return self._call("dt.day")

    def days_in_month(self) -> Expr:
        """How many days the month has."""
        return self._call("dt.days_in_month")

    def dst_offset(self) -> Expr:
        """What summer time adds to the zone's offset to UTC."""
        return self._call("dt.dst_offset")

    def epoch(self, time_unit: str = "us") -> Expr:
        """How many "ns", "us", "ms", "s" or "d" since 1970."""
        return self._call("dt.epoch", time_unit=time_unit)

    def hour(self) -> Expr:
        """0 to 23."""
        return self._call("dt.hour")

    def is_business_day(self, *, week_mask: Iterable[bool] = WEEK, holidays: Iterable[datetime.date] = ()) -> Expr:
        """Whether it is a day of the week that is worked on (7 truths, Monday first), and no holiday."""
        return self._call("dt.is_business_day", week_mask=list(week_mask), holidays=list(holidays))

    def is_leap_year(self) -> Expr:
        """Whether the year has 366 days."""
        return self._call("dt.is_leap_year")

    def iso_year(self) -> Expr:
        """The year that the ISO week belongs to."""
        return self._call("dt.iso_year")

    def microsecond(self) -> Expr:
        """Microseconds since the second began."""
        return self._call("dt.microsecond")

    def millennium(self) -> Expr:
        """3 for the years 2001 to 3000."""
        return self._call("dt.millennium")

    def millisecond(self) -> Expr:
        """Milliseconds since the second began."""
        return self._call("dt.millisecond")

    def minute(self) -> Expr:
        """0 to 59."""
        return self._call("dt.minute")

    def month(self) -> Expr:
        """1 to 12."""
        return self._call("dt.month")

    def month_end(self) -> Expr:
        """The same time on the last of the month."""
        return self._call("dt.month_end")

    def month_start(self) -> Expr:
        """The same time on the first of the month."""
        return self._call("dt.month_start")

    def nanosecond(self) -> Expr:
        """Nanoseconds since the second began."""
        return self._call("dt.nanosecond")

    def offset_by(self, by: str | datetime.timedelta | Expr) -> Expr:
        """Moved by an interval such as "1mo" or "-2d12h". Months and days move the clock, what is shorter the moment; a month on
        from the 31st is the last of the month. A reading that the clock of a time zone skips is moved by the length of the gap, backwards
        from winter time and forwards from summer time, as in Polars.
        """
        return self._call("dt.offset_by", interval_text(by))

    def ordinal_day(self) -> Expr:
        """The day of the year."""
        return self._call("dt.ordinal_day")

    def quarter(self) -> Expr:
        """1 to 4."""
        return self._call("dt.quarter")

    def replace(
        self,
        *,
        year: int | IntoExpr | None = None,
        month: int | IntoExpr | None = None,
        day: int | IntoExpr | None = None,
        hour: int | IntoExpr | None = None,
        minute: int | IntoExpr | None = None,
        second: int | IntoExpr | None = None,
        microsecond: int | IntoExpr | None = None,
        ambiguous: str | Expr = "raise",
    ) -> Expr:
        """With other parts; those that are not given, or null, stay."""
        parts = [column(part) for part in (year, month, day, hour, minute, second, microsecond)]
        return self._call("dt.replace", *parts, ambiguous)

    def replace_time_zone(
        self, time_zone: str | None, *, ambiguous: str | Expr = "raise", non_existent: str = "raise"
    ) -> Expr:
        """The same reading of the clock of another zone, or of none.

        What that clock shows twice: `ambiguous` is "raise", "earliest", "latest" or "null". What it skips: `non_existent` is "raise" or
        "null".
        """
        return self._call("dt.replace_time_zone", ambiguous, time_zone=time_zone, non_existent=non_existent)

    def round(self, every: str | datetime.timedelta | IntoExpr) -> Expr:
        """The nearest multiple of an interval; of two, the later."""
        return self._call("dt.round", interval_text(every))

    def second(self, *, fractional: bool = False) -> Expr:
        """0 to 59, or with its fraction."""
        return self._call("dt.second_fractional" if fractional else "dt.second")

    def strftime(self, format: str) -> Expr:
        """As text, by a format of strftime's."""
        return self._call("dt.to_string", format=format)

    def time(self) -> Expr:
        """The time that the clock shows."""
        return self._call("dt.time")

    def timestamp(self, time_unit: str = "us") -> Expr:
        """How many "ns", "us" or "ms" since 1970."""
        return self._call("dt.epoch", time_unit=time_unit)

    def to_string(self, format: str | None = None) -> Expr:
        """As text: by a format of strftime's, as ISO 8601 has it ("iso", the default; "iso:strict" with a T), or a duration in units
        ("polars").
        """
        return self._call("dt.to_string", format=format)

    def total_days(self, *, fractional: bool = False) -> Expr:
        """How many days a duration is, rounded towards 0 or with their fraction."""
        return self._call("dt.total_days", fractional=fractional)

    def total_hours(self, *, fractional: bool = False) -> Expr:
        """How many hours a duration is."""
        return self._call("dt.total_hours", fractional=fractional)

    def total_microseconds(self, *, fractional: bool = False) -> Expr:
        """How many microseconds a duration is."""
        return self._call("dt.total_microseconds", fractional=fractional)

    def total_milliseconds(self, *, fractional: bool = False) -> Expr:
        """How many milliseconds a duration is."""
        return self._call("dt.total_milliseconds", fractional=fractional)

    def total_minutes(self, *, fractional: bool = False) -> Expr:
        """How many minutes a duration is."""
        return self._call("dt.total_minutes", fractional=fractional)

    def total_nanoseconds(self, *, fractional: bool = False) -> Expr:
        """How many nanoseconds a duration is."""
        return self._call("dt.total_nanoseconds", fractional=fractional)

    def total_seconds(self, *, fractional: bool = False) -> Expr:
        """How many seconds a duration is."""
        return self._call("dt.total_seconds", fractional=fractional)

    def truncate(self, every: str | datetime.timedelta | Expr) -> Expr:
        """The latest multiple of an interval ("1mo", "1w", "15m") that is not after it; weeks begin on Mondays."""
        return self._call("dt.truncate", interval_text(every))

    def week(self) -> Expr:
        """The ISO week, 1 to 53."""
        return self._call("dt.week")

    def weekday(self) -> Expr:
        """1 for Monday to 7 for Sunday."""
        return self._call("dt.weekday")

    def year(self) -> Expr:
        """The year."""
        return self._call("dt.year")


def interval_text(interval: Any) -> Any:
    """A timedelta as an interval's text."""
    if not isinstance(interval, datetime.timedelta):
        return interval
    microseconds = interval // datetime.timedelta(microseconds=1)
    days, rest = divmod(abs(microseconds), 86_400_000_000)
    parts = f"{days}d" * (days > 0) + f"{rest}us" * (rest > 0 or days == 0)
    return "-" * (microseconds < 0) + parts
