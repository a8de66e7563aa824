"""What `head`, `tail`, `slice` take, whatever comes after them: rows by their places, of frames in memory and in files, as in Polars."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from same import THEIRS, assert_same

import gradframe as gf

ROWS = 60
FRAME = pl.DataFrame(
    {
        "a": [row * 37 % ROWS for row in range(ROWS)],
        "k": [row % 3 for row in range(ROWS)],
        "t": [None if row % 7 == 2 else f"t{row * 11 % 13}" for row in range(ROWS)],
    }
)

#: What takes rows by their places, and what puts others in those places. No two rows have one `a`, so each has one answer.
STEPS = [
    ".filter(x.col('a') % 5 != 1)",
    ".filter(x.col('k') < 2)",
    ".head(20)",
    ".head(5)",
    ".limit(9)",
    ".slice(3, 12)",
    ".slice(2)",
    ".tail(7)",
    ".sort('a')",
    ".sort('a', descending=True)",
    ".sort('k', 'a')",
    ".with_columns(r=x.col('a').rank())",
    ".with_columns(s=x.col('a').cum_sum().over('k', order_by='a'))",
    ".with_columns(n=x.col('a').shift(1))",
    ".unique('k', keep='first', maintain_order=True)",
    ".unique('k', keep='last', maintain_order=True)",
    ".group_by('k', maintain_order=True).agg(x.col('a').first(), x.col('t').last())",
    ".join(f.head(30), on='a', how='semi', maintain_order='left')",
    ".reverse()",
]


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The frame in memory, and in a file of many row groups."""
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    FRAME.write_parquet(path, row_group_size=7)
    return [gf.from_arrow(FRAME).lazy(), gf.scan_parquet(str(path))]


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(st.sampled_from(STEPS), min_size=2, max_size=5))
def test_rows_are_taken_by_their_places(sources, steps):
    text = "f" + "".join(steps)
    note(text)
    theirs = eval(text, {"f": FRAME.lazy(), "x": THEIRS}).collect()
    for frame in sources:
        assert_same(eval(text, {"f": frame, "x": gf}).collect(), theirs)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f.filter(x.col('a') > 5).head(3).sort('a')", [37, 51, 14]),
        ("f.filter(x.col('a') > 5).slice(1, 3).sort('a')", [14, 51, 28]),
        ("f.slice(3, 4).sort('a')", [51, 28, 5, 42]),
        ("f.filter(x.col('a') > 5).head(4).sort('a').head(2)", [14, 28]),
    ],
)
def test_a_sort_after_the_first_rows_sorts_those(sources, text, expected):
    for frame in sources:
        found = eval(text, {"f": frame, "x": gf}).collect()
        assert found["a"].to_list() == sorted(expected)
