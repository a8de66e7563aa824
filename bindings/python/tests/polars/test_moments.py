"""Moments made of parts, ranges of them, and windows that go by them: each case is asked of Polars too."""

import datetime as dt

import polars as pl
import pytest
from same import check

import gradframe as gf

PARTS = pl.DataFrame({"y": [2024, 2023, None], "m": [2, 12, 1], "d": [29, 31, 1], "h": [0, 23, 5]})
DAY, NOON = dt.date(2024, 1, 30), dt.datetime(2024, 1, 30, 12)

MADE = {
    "date": lambda f, x: f.select(x.date("y", "m", "d"), z=x.date(2024, 1, x.col("d"))),
    "datetime": lambda f, x: f.select(x.datetime("y", "m", "d", "h"), b=x.datetime(2024, 1, 1, time_unit="ms"), c=x.datetime("y", "m", "d", 12, time_zone="Europe/Berlin")),
    "time": lambda f, x: f.select(x.time("h", 30), z=x.time(1, 2, 3, 4)),
    "duration": lambda f, x: f.select(a=x.duration(days="d", hours=1), b=x.duration(weeks=1, minutes="h", milliseconds=5), c=x.duration(nanoseconds=7)),
    "from_epoch": lambda f, x: f.select(a=x.from_epoch("y"), b=x.from_epoch("y", "d"), c=x.from_epoch(x.col("m"), "ms")),
    "date_ranges": lambda f, x: f.select(x.date_ranges(x.date("y", "m", 1), x.date("y", "m", "d"), "1w")),
    "datetime_ranges": lambda f, x: f.select(x.datetime_ranges(x.datetime("y", "m", 1), x.datetime("y", "m", 2), "7h", closed="left")),
    "time_ranges": lambda f, x: f.select(r=x.time_ranges(x.time(1), x.time(3), "30m")),
}

RANGES = {
    "days": lambda f, x: x.select(r=x.date_range(DAY, DAY + dt.timedelta(days=5))),
    "months": lambda f, x: x.select(r=x.date_range(DAY, dt.date(2024, 6, 30), "1mo")),
    **{f"closed {c}": lambda f, x, c=c: x.select(r=x.date_range(DAY, DAY + dt.timedelta(days=4), "2d", closed=c)) for c in ["both", "left", "right", "none"]},
    "hours": lambda f, x: x.select(r=x.datetime_range(NOON, NOON + dt.timedelta(days=1), "6h")),
    "of a zone": lambda f, x: x.select(r=x.datetime_range(dt.datetime(2024, 3, 30), dt.datetime(2024, 4, 1), "1d", time_zone="Europe/Berlin")),
    "of dates": lambda f, x: x.select(r=x.datetime_range(DAY, DAY + dt.timedelta(days=1), dt.timedelta(hours=8), time_unit="ms")),
    "times": lambda f, x: x.select(r=x.time_range(dt.time(22), interval="45m")),
    "backwards": lambda f, x: x.select(r=x.date_range(DAY, DAY - dt.timedelta(days=5))),
}


@pytest.mark.parametrize("name", MADE)
def test_moments_of_parts(name):
    check(MADE[name], PARTS)


@pytest.mark.parametrize("name", RANGES)
def test_ranges(name):
    theirs = RANGES[name](None, pl)
    mine = RANGES[name](None, _Ours())
    assert mine.get_column("r").to_list() == theirs.get_column("r").to_list()


class _Ours:
    """The library, whose `select` needs a frame."""

    def __getattr__(self, name):
        return getattr(gf, name)

    def select(self, **exprs):
        return gf.DataFrame({"one": [1]}).select(**exprs)


def test_ranges_at_once():
    assert gf.date_range(DAY, DAY, eager=True).to_list() == [DAY]
    assert gf.from_epoch([0, 86_400]).to_list() == [dt.datetime(1970, 1, 1), dt.datetime(1970, 1, 2)]


MOVING = pl.DataFrame(
    {
        "t": [NOON + dt.timedelta(minutes=m) for m in (0, 50, 20, 200, 200, 100)],
        "d": [DAY + dt.timedelta(days=n) for n in (0, 9, 3, 40, 41, 1)],
        "i": [1, 9, 4, 30, 31, 2],
        "x": [1.0, 2.0, None, 4.0, 8.0, 3.0],
        "n": [5, 1, 4, 2, 3, 6],
    }
)

BY = {
    **{
        f"{s}": lambda f, x, s=s: f.select(a=getattr(x.col("n"), f"rolling_{s}_by")("t", "1h"), b=getattr(x.col("x"), f"rolling_{s}_by")("d", "1w"), c=getattr(x.col("x"), f"rolling_{s}_by")("i", "3i"))
        for s in ["sum", "mean", "min", "max", "std", "var", "median"]
    },
    "quantile": lambda f, x: f.select(x.col("n").rolling_quantile_by("t", "2h", quantile=0.3)),
    "rank": lambda f, x: f.select(x.col("n").rolling_rank_by("t", "2h")),
    "months": lambda f, x: f.select(x.col("n").rolling_sum_by("d", "1mo")),
    **{f"closed {c}": lambda f, x, c=c: f.select(x.col("n").rolling_sum_by("t", "50m", closed=c)) for c in ["left", "right", "both", "none"]},
    "min_samples": lambda f, x: f.select(x.col("x").rolling_mean_by("t", "1h", min_samples=2)),
    "rolling_map": lambda f, x: f.select(a=x.col("n").rolling_map(lambda s: s.sum(), 2), b=x.col("x").rolling_map(lambda s: s.max(), 3, min_samples=1), c=x.col("n").rolling_map(lambda s: s.to_list()[0], 3, center=True, min_samples=1)),
    "rolling_corr": lambda f, x: f.select(a=x.rolling_corr("n", "x", window_size=3, min_samples=2), b=x.rolling_cov("n", "x", window_size=3, min_samples=2), c=x.rolling_cov("n", "i", window_size=2)),
    "diff": lambda f, x: f.select(x.col("n").diff(2, null_behavior="drop")),
    "cum_fold": lambda f, x: f.select(x.cum_fold(x.lit(1), lambda a, b: a + b, [x.col("n"), x.col("i")]), r=x.cum_reduce(lambda a, b: a * b, [x.col("n"), x.col("i")])),
    "cum_sum_horizontal": lambda f, x: f.select(x.cum_sum_horizontal("n", "i")),
    "interpolate_by": lambda f, x: f.select(x.col("x").interpolate_by("i")),
}


@pytest.mark.parametrize("name", BY)
def test_windows_by_a_column(name):
    check(BY[name], MOVING)


PLAIN = {
    "comparisons": lambda f, x: f.select(a=x.col("n").eq(3), b=x.col("n").ne(3), c=x.col("n").lt(3), d=x.col("n").le(3), e=x.col("n").gt(3), g=x.col("n").ge(x.col("i"))),
    "logic": lambda f, x: f.select(a=(x.col("n") > 2).and_(x.col("x") > 2), b=(x.col("n") > 2).or_(x.col("x") > 2), c=(x.col("n") > 2).xor(x.col("i") > 2), d=(x.col("n") > 2).not_()),
    "arithmetic": lambda f, x: f.select(a=x.col("n").floordiv(2), b=x.col("n").mod(4), c=x.col("n").pow(2)),
    "presence": lambda f, x: f.select(a=x.col("x").is_not_null(), b=x.col("n").pipe(lambda c, k: c + k, 2)),
    "first ones": lambda f, x: f.select(x.col("n").limit(2)),
    "drop_nans": lambda f, x: f.select((x.col("x") / 0).drop_nans()),
    "sorted": lambda f, x: f.sort("n").select(x.col("n").set_sorted()),
    "about": lambda f, x: f.select(x.lit((x.col("n") + x.col("i")).meta.output_name()).alias("z")),
}


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.filterwarnings("ignore")
def test_plain_names(name):
    check(PLAIN[name], MOVING)


WRONG = {
    "no such day": (lambda f: f.select(gf.date(2023, 2, "d")).collect(), gf.errors.ExecutionError, "date: there is no date of the parts 2023, 2, 29"),
    "an unknown zone": (lambda f: f.select(gf.datetime(2024, 1, 1, time_zone="Europe/Berln")), gf.errors.PlanError, "did you mean `Europe/Berlin`"),
    "a part that is text": (lambda f: f.select(gf.date("y", "m", gf.lit("x"))), gf.errors.DTypeError, "date: .*expected a whole number"),
    "an interval of nothing": (lambda f: f.select(gf.date_range(DAY, DAY, "0d")), gf.errors.PlanError, "must be longer than nothing"),
    "an interval of no unit": (lambda f: f.select(gf.date_range(DAY, DAY, "5x")), gf.errors.PlanError, "`5x` is no interval"),
    "hours of dates": (lambda f: f.select(gf.date_ranges(gf.date("y", "m", "d"), DAY, "1h")), gf.errors.PlanError, "no part shorter than a day"),
    "an unknown end": (lambda f: f.select(gf.date_range(DAY, DAY, closed="middle")), gf.errors.PlanError, "both, left, right, none"),
    "a window over text": (lambda f: f.select(gf.col("y").rolling_sum_by(gf.col("m").cast(gf.String), "1h")).collect(), gf.errors.DTypeError, "expected moments or whole numbers"),
    "a window in hours over numbers": (lambda f: f.select(gf.col("y").rolling_sum_by("m", "1h")).collect(), gf.errors.PlanError, "write `10i`"),
}


@pytest.mark.parametrize("name", WRONG)
def test_bad_input_is_named(name):
    make, kind, message = WRONG[name]
    with pytest.raises(kind, match=message):
        make(gf.from_polars(PARTS).lazy())
