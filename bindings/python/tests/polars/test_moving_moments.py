"""Moving windows of dates, datetimes, times and durations, and whole frames of them: each is asked of Polars too."""

import datetime as dt

import polars as pl
import pytest
from same import assert_same, check

import gradframe as gf
from gradframe.errors import DTypeError, PlanError

FRAME = pl.DataFrame({
    "g": ["a", "a", "b", "b"],
    "d": [dt.date(2024, 1, 1), dt.date(1, 1, 1), None, dt.date(9999, 12, 31)],
    "t": [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 4, 1), None, dt.datetime(2024, 1, 9)],
    "u": [dt.timedelta(1), dt.timedelta(2), None, dt.timedelta(9)],
    "h": [dt.time(1), dt.time(2), None, dt.time(9)],
    "by": [dt.datetime(2024, 1, day) for day in (1, 4, 6, 9)],
    "n": [3, 4, 5, 7],
})
COLUMNS = "dtuh"


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("statistic", ["min", "max", "mean", "median"])
def test_moments_move_as_numbers_do(name, statistic):
    check(lambda f, x: f.select(r=getattr(x.col(name), f"rolling_{statistic}")(2, min_samples=1)), FRAME)
    check(lambda f, x: f.select(r=getattr(x.col(name), f"rolling_{statistic}_by")("by", "4d")), FRAME)


@pytest.mark.parametrize("name", COLUMNS)
def test_quantiles_of_moments_move(name):
    check(lambda f, x: f.select(r=x.col(name).rolling_quantile(0.5, window_size=2, min_samples=1)), FRAME)
    check(lambda f, x: f.select(r=x.col(name).rolling_quantile_by("by", "4d", quantile=0.5)), FRAME)


def test_moments_have_no_moving_sum():
    with pytest.raises(DTypeError, match="`t` is .*expected numbers"):
        gf.from_arrow(FRAME).lazy().select(gf.col("t").rolling_sum(2))


WHOLE = {
    "interpolate": lambda f, x: f.select("t", "u", "n").interpolate(),
    "fill_null with a time": lambda f, x: f.select("h", "n").fill_null(dt.time(2)),
    "max of lists": lambda f, x: f.select("n", l=x.concat_list("n", "n")).max().select("n"),
    "moving covariances in groups": lambda f, x: f.with_columns(m=x.col("n") * 2).group_by("g", maintain_order=True).agg(r=x.rolling_cov("n", "m", window_size=2)),
    "moving correlations in groups": lambda f, x: f.with_columns(m=x.col("n") * 2).group_by("g", maintain_order=True).agg(r=x.rolling_corr("n", "m", window_size=2)),
    "n_unique over no rows": lambda f, x: f.filter(x.col("n") > 100).select(x.col("g").n_unique().over("n")),
    "names by a pattern": lambda f, x: f.select(x.col("n", "g").name.replace("^(.)", "q_$1")),
    "names by a text": lambda f, x: f.select(x.col("n").alias("n.x").name.replace(".", "_", literal=True)),
}


@pytest.mark.parametrize("name", WHOLE)
def test_frames_of_moments_do_what_frames_do(name):
    check(WHOLE[name], FRAME)


def test_a_selection_of_nothing_has_no_rows():
    nothing = gf.from_arrow(FRAME).lazy().select().collect()
    assert nothing.shape == FRAME.lazy().select().collect().shape == (0, 0)


def test_a_pattern_that_is_none_is_refused():
    with pytest.raises(PlanError, match=r"name.replace: the pattern `\(` is wrong"):
        gf.col("n").name.replace("(", "")


def test_null_keys_are_on_as_many_rows_as_they_like():
    left = pl.DataFrame({"k": [1, None, None], "a": [1, 2, 3]})
    check(lambda f, x: f.join(f, on="k", validate="1:1"), left)


def test_columns_of_a_pivot_come_in_the_order_of_an_enum():
    frame = pl.DataFrame({"i": [1, 1, 1], "e": ["low", "high", "mid"], "v": [1, 2, 3]}, schema_overrides={"e": pl.Enum(["low", "mid", "high"])})
    theirs = frame.pivot("e", index="i", values="v", sort_columns=True)
    assert_same(gf.from_arrow(frame).pivot("e", index="i", values="v", sort_columns=True), theirs)
    assert theirs.columns == ["i", "low", "mid", "high"]


def test_a_frame_equals_itself_with_nan_within():
    for values in ([[1.0, float("nan")]], [{"a": float("nan")}], [[{"a": [float("nan"), None]}]]):
        frame = gf.DataFrame({"l": values})
        assert frame.equals(frame)
    assert not gf.DataFrame({"l": [[1.0, float("nan")]]}).equals(gf.DataFrame({"l": [[1.0, 2.0]]}))
    assert not gf.DataFrame({"l": [[1.0, float("nan")]]}).equals(gf.DataFrame({"l": [[1.0]]}))


def test_an_error_shows_moments_as_they_are_written():
    with pytest.raises(DTypeError, match="2024-01-01T00:00:00"):
        gf.DataFrame({"n": [1]}).lazy().filter(gf.col("n") == dt.datetime(2024, 1, 1))
