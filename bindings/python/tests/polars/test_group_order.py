"""Groups in the order of their first rows, whatever their aggregates need; extremes of infinities."""

import polars as pl
import pytest

import gradframe as gf

ROWS = {"g": ["z", "a", None, "z", "b", "a"], "k": [1, 2, 3, 4, 5, 6]}
AGGREGATES = {
    "cum_sum": lambda x: x.col("k").cum_sum(),
    "shift": lambda x: x.col("k").shift(1),
    "rank": lambda x: x.col("k").rank(),
    "deviation": lambda x: x.col("k") - x.col("k").mean(),
    "first": lambda x: x.col("k").first(),
    "last": lambda x: x.col("k").last(),
    "sum": lambda x: x.col("k").sum(),
}


@pytest.mark.parametrize("name", AGGREGATES)
def test_the_order_of_groups_is_that_of_their_first_rows(name):
    ours = gf.DataFrame(ROWS).group_by("g", maintain_order=True).agg(AGGREGATES[name](gf))
    theirs = pl.DataFrame(ROWS).group_by("g", maintain_order=True).agg(AGGREGATES[name](pl))
    assert ours.to_dict() == theirs.to_dict(as_series=False)


def test_groups_of_several_chunks_are_in_order_each_time():
    rows = pl.DataFrame({"g": [None, "a", "ü", "b"] * 5000, "r": range(20000)})
    chunks = pl.concat([rows[:7], rows[7:9000], rows[9000:9001], rows[9001:]], rechunk=False)
    frame = gf.from_polars(chunks)
    for _ in range(40):
        grouped = frame.group_by("g", maintain_order=True).agg(gf.col("r").first(), last=gf.col("r").last())
        assert grouped["g"].to_list() == [None, "a", "ü", "b"]


def test_extremes_of_infinities_are_infinite():
    infinity, nan = float("inf"), float("nan")
    frame = gf.DataFrame({"g": [1, 2, 3, 3], "f": [infinity, -infinity, nan, -infinity]})
    got = frame.group_by("g", maintain_order=True).agg(least=gf.col("f").min(), greatest=gf.col("f").max())
    assert got.to_dict() == {"g": [1, 2, 3], "least": [infinity, -infinity, -infinity], "greatest": [infinity, -infinity, -infinity]}


def test_a_reversed_running_sum_sees_only_what_comes_after():
    values = [1e16, 2.0, float("inf"), 0.25, float("nan"), 4.0, 0.5]
    got = gf.DataFrame({"a": values}).select(gf.col("a").cum_sum(reverse=True))["a"].to_list()
    assert got[-2:] == [4.5, 0.5]
    assert gf.DataFrame({"a": [1e16, 2.0, 0.5]}).select(gf.col("a").cum_sum(reverse=True))["a"].to_list()[1:] == [2.5, 0.5]
