"""Integers, dates and groups are computed as what they are, not as floats or as the whole frame: each case is asked of Polars too."""

import datetime as dt

import polars as pl
import pytest
from same import assert_same, check

import gradframe as gf

BIG = 2**60

#: Values whose sums and means lie beyond what floats hold, and a place for each.
FRAMES = {
    "far apart": lambda x: x.DataFrame({"t": [1, 2, 3, 4, 6], "g": [1, 1, 2, 2, 2], "v": [BIG, 1, 1, 1, 3]}),
    "nearly equal": lambda x: x.DataFrame({"t": [1, None, 3, 4, 5], "g": [1, 1, 1, 2, 2], "v": [BIG + 1, BIG, None, BIG + 3, BIG + 2]}),
    "unsigned": lambda x: x.DataFrame({"t": [5, 4, 3, 2, 1], "g": [1, 2, 1, 2, 1], "v": x.Series([2**63 + 1, 2**63, None, 2**63 + 3, 7], dtype=x.UInt64)}),
    "narrow": lambda x: x.DataFrame({"t": [1, 2, 3], "g": [1, 1, 2], "v": x.Series([200, 100, 100], dtype=x.UInt8)}),
    "flags": lambda x: x.DataFrame({"t": [1, 2, 3], "g": [1, 1, 2], "v": [True, False, None]}),
    "none": lambda x: x.DataFrame({"t": x.Series([], dtype=x.Int64), "g": x.Series([], dtype=x.Int64), "v": x.Series([], dtype=x.Int64)}),
}

CASES = {
    "rolling_mean": lambda x: x.col("v").rolling_mean(2), "rolling_mean of few": lambda x: x.col("v").rolling_mean(3, min_samples=1),
    "rolling_mean over": lambda x: x.col("v").rolling_mean(2).over("g"), "rolling_mean_by": lambda x: x.col("v").rolling_mean_by("t", "2i"),
    "rolling_min_by": lambda x: x.col("v").rolling_min_by("t", "3i"), "rolling_max_by": lambda x: x.col("v").rolling_max_by("t", "3i", min_samples=2),
    "nearest": lambda x: x.col("v").interpolate("nearest"),
}
#: What takes no booleans, or sums to what Polars wraps around.
SUMS = {"rolling_sum_by": lambda x: x.col("v").rolling_sum_by("t", "2i"), "rolling_sum": lambda x: x.col("v").rolling_sum(2)}


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("name", [*CASES, *SUMS])
def test_integers_are_exact(name, frame):
    if frame == "flags" and (name == "nearest" or name == "rolling_sum") or frame == "unsigned" and name in SUMS or (name, frame) == ("rolling_sum_by", "nearly equal"):
        pytest.skip("Polars has no answer, wraps around, or has 0 and null for windows of nulls only")
    case = {**CASES, **SUMS}[name]
    mine, theirs = FRAMES[frame](gf).select(q=case(gf)), FRAMES[frame](pl).select(q=case(pl))
    assert_same(mine, theirs)
    assert [(type(a), a) for a in mine["q"].to_list()] == [(type(a), a) for a in theirs["q"].to_list()] or "mean" in name


def test_a_sum_beyond_64_bits_is_an_error():
    frame = gf.DataFrame({"t": [1, 2], "v": [2**63 - 1, 1]})
    with pytest.raises(gf.errors.ExecutionError, match="rolling_sum_by: `v`: the sum of a window is 9223372036854775808"):
        frame.select(gf.col("v").rolling_sum_by("t", "3i"))


def moments(x):
    day, noon = dt.date(2024, 1, 1), dt.datetime(2024, 1, 1, 12)
    return x.DataFrame({"d": [None, day, None, None, day + dt.timedelta(8), None], "t": [noon, None, noon + dt.timedelta(1), None, None, None]})


def test_moments_are_interpolated_to_the_nearest():
    assert_same(moments(gf).select(gf.all().interpolate("nearest")), moments(pl).select(pl.all().interpolate("nearest")))


GROUPS = {"g": [1, 1, 1, 1, 2, 2, 2, 2], "v": [1, 2, 3, 4, 100, 200, 300, 400]}

OF_GROUPS = {
    "over": lambda f, x: f.select("g", q=x.col("v").qcut(2).over("g").cast(x.String)),
    "agg": lambda f, x: f.group_by("g", maintain_order=True).agg(q=x.col("v").qcut(2, labels=["low", "high"]).cast(x.String)),
    "ends": lambda f, x: f.select(q=x.col("v").qcut([0.5], include_breaks=True).over("g").struct.field("breakpoint")),
}


@pytest.mark.filterwarnings("ignore:`qcut` is deprecated")
@pytest.mark.parametrize("name", OF_GROUPS)
def test_quantiles_are_those_of_the_group(name):
    assert_same(OF_GROUPS[name](gf.DataFrame(GROUPS), gf), OF_GROUPS[name](pl.DataFrame(GROUPS), pl))


def stored(x):
    """Columns of what is stored as numbers."""
    return x.DataFrame({
        "e": x.Series(["b", "a", None], dtype=x.Enum(["a", "b"])), "c": x.Series(["q", "p", "q"], dtype=x.Categorical),
        "l": [[dt.date(2020, 1, 1)], None, []], "s": [{"a": dt.date(2020, 1, 1)}, {"a": None}, {"a": dt.date(1969, 1, 1)}],
        "t": [dt.time(1), None, dt.time(2)], "w": [dt.timedelta(1), None, dt.timedelta(-1)],
    })


@pytest.mark.parametrize("name", ["e", "l", "s", "t", "w"])
def test_what_is_stored_as_numbers_is_seen_as_numbers(name):
    assert_same(stored(gf).select(gf.col(name).to_physical()), stored(pl).select(pl.col(name).to_physical()))


def test_categories_are_seen_as_their_codes():
    codes = stored(gf)["c"].to_physical().to_list()
    assert codes[0] == codes[2] != codes[1] and stored(gf).select(gf.col("c").to_physical()).schema == {"c": gf.UInt32}


def test_decimals_are_seen_as_whole_numbers():
    frame = gf.DataFrame({"d": ["1.50", None, "-0.07"]}).select(gf.col("d").cast(gf.Decimal(10, 2)).to_physical())
    assert [None if value is None else int(value) for value in frame["d"].to_list()] == [150, None, -7]


#: What has to hold an integer of 32 bits and a half, which a float of 32 bits does not.
WIDE = {
    "unpivot": lambda f, x: f.unpivot(["g", "i"]), "concat_list": lambda f, x: f.select(q=x.concat_list("i", "g")),
    "max_horizontal": lambda f, x: f.select(q=x.max_horizontal("i", "g")), "min_horizontal": lambda f, x: f.select(q=x.min_horizontal("i", "g")),
}


@pytest.mark.parametrize("name", WIDE)
def test_integers_beside_narrow_floats_lose_nothing(name):
    frame = pl.DataFrame({"i": [2**24 + 1, 3], "g": [0.5, 7.5]}, schema={"i": pl.Int32, "g": pl.Float32})
    check(WIDE[name], frame, sort=name == "unpivot")


def test_frames_of_narrow_floats_and_integers_lose_nothing():
    stacked = [x.concat([x.DataFrame({"a": x.Series([2**24 + 1], dtype=x.Int32)}), x.DataFrame({"a": x.Series([0.5], dtype=x.Float32)})], how="vertical_relaxed") for x in (gf, pl)]
    assert_same(*stacked)


def test_bins_of_quantiles_leave_out_nan():
    frame = pl.DataFrame({"a": [1.0, 2.0, 3.0, float("nan"), None]})
    check(lambda f, x: f.select(q=x.col("a").qcut([0.5]).cast(x.String), r=x.col("a").qcut(4, labels=["a", "b", "c", "d"]).cast(x.String)), frame)
    check(lambda f, x: f.select(m=x.col("b").quantile(0.5, "midpoint")), pl.DataFrame({"b": [1e308, 1e308]}))
