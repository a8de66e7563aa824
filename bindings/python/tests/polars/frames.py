"""Frames that the cases are asked of: fixed ones with everything awkward in them, and ones that hypothesis makes."""

from __future__ import annotations

import datetime as dt

import polars as pl
from hypothesis import strategies as st

NAN, INF = float("nan"), float("inf")


def mixed() -> pl.DataFrame:
    """A group key `g` with nulls, an integer `i`, a float `f` with NaN and infinities, text `s`, a boolean `b`, a date `d`, a
    datetime `t`, an integer without nulls `n`.
    """
    day, noon = dt.date(2024, 2, 28), dt.datetime(2024, 2, 28, 12, 30)
    return pl.DataFrame(
        {
            "g": ["x", "y", "x", None, "y", "x", None, "z"],
            "i": [3, None, -7, 4, 4, 0, None, 9],
            "f": [1.5, NAN, None, -2.25, 8.0, INF, 0.5, -0.75],
            "s": ["héllo", "", None, "Wörld", "a b", "ß", "日本", "a b"],
            "b": [True, False, None, True, True, None, False, True],
            "d": [day, None, day + dt.timedelta(days=2), day, dt.date(1969, 1, 1), day, day, day + dt.timedelta(days=400)],
            "t": [noon, noon + dt.timedelta(hours=5), None, noon, noon, noon - dt.timedelta(days=90), None, noon],
            "n": [5, 2, 8, 1, 9, 3, 7, 4],
        }
    )


def numbers() -> pl.DataFrame:
    """Integers and floats without nulls, NaN or zero, and a key."""
    return pl.DataFrame({"k": [1, 2, 1, 2, 1, 3], "a": [7, -7, 3, 10, -10, 1], "b": [2, 2, -2, -3, 3, 5], "x": [0.5, 2.5, -1.5, 4.0, 3.0, 1.0]})


def empty() -> pl.DataFrame:
    """The columns of `mixed` and no row."""
    return mixed().head(0)


FRAMES = {"mixed": mixed, "empty": empty}

integers = st.one_of(st.none(), st.integers(-1000, 1000))
floats = st.one_of(st.none(), st.floats(-1e6, 1e6, allow_nan=False, width=32), st.just(NAN))
texts = st.one_of(st.none(), st.text(alphabet="abßé日 ", max_size=4))


@st.composite
def made(draw: st.DrawFn, max_rows: int = 12) -> pl.DataFrame:
    """A frame of the columns `g`, `i`, `f`, `s`, `b`, `n`."""
    rows = draw(st.integers(0, max_rows))

    def column(values: st.SearchStrategy) -> list:
        return draw(st.lists(values, min_size=rows, max_size=rows))

    return pl.DataFrame(
        {
            "g": pl.Series(column(st.sampled_from(["x", "y", None])), dtype=pl.String),
            "i": pl.Series(column(integers), dtype=pl.Int64),
            "f": pl.Series(column(floats), dtype=pl.Float64),
            "s": pl.Series(column(texts), dtype=pl.String),
            "b": pl.Series(column(st.sampled_from([True, False, None])), dtype=pl.Boolean),
            "n": pl.Series(column(st.integers(1, 9)), dtype=pl.Int64),
        }
    )
