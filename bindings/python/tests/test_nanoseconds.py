"""Moments and spans of nanoseconds: Python's own objects hold whole microseconds, as Polars gives them, also where pandas is installed."""

from datetime import datetime, timedelta

import polars as pl
import pytest

import gradframe as gf

AT, SPAN = datetime(2024, 1, 2, 3, 4, 5, 6), timedelta(days=1, microseconds=7)


def frame(x):
    made = x.DataFrame({"t": [AT, None], "d": [SPAN, None]})
    return made.select(x.col("t").cast(x.Datetime("ns")), x.col("d").cast(x.Duration("ns")))


READ = {
    "rows": lambda f, x: f.rows(),
    "dicts": lambda f, x: f.to_dicts(),
    "columns": lambda f, x: f.to_dict(as_series=False),
    "a row": lambda f, x: f.row(0),
    "rows one by one": lambda f, x: list(f.iter_rows()),
    "a value": lambda f, x: f.item(0, "d"),
    "a value of a Series": lambda f, x: f["t"][0],
    "values": lambda f, x: f["t"].to_list() + list(f["d"]),
    "an extreme": lambda f, x: f["t"].max(),
    "in zones": lambda f, x: f.select(x.col("t").dt.replace_time_zone("Asia/Tokyo")).rows(),
    "in lists": lambda f, x: f.select(x.col("t").implode()).rows(),
    "in structs": lambda f, x: f.select(x.struct("t", "d").alias("s")).rows(),
    "keys of parts": lambda f, x: list(f.partition_by("t", as_dict=True, maintain_order=True)),
}


@pytest.mark.parametrize("way", READ)
def test_values_are_pythons_own(way):
    ours, theirs = READ[way](frame(gf), gf), READ[way](frame(pl), pl)
    assert ours == theirs and repr(ours) == repr(theirs)
