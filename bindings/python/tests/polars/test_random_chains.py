"""Random chains of verbs and expressions over one schema, each asked of Polars too."""

from __future__ import annotations

import polars as pl
import pytest
from chains import OTHER, case, chains, frames
from hypothesis import HealthCheck, event, given, note, settings
from same import THEIRS, assert_same, ours

import gradframe as gf

#: Under the profile of CI the same chains each time; by hand and with --explore more, and new ones.
EXAMPLES = 150 if settings.get_current_profile_name() == "ci" else 600

#: Where Polars wraps around without a word, we say that a number does not fit.
OVERFLOW = ("overflow", "does not fit", "64 bits", "beyond")


def answer_of_polars(text: str, frame: pl.DataFrame) -> pl.DataFrame | None:
    """None where Polars refuses the chain."""
    try:
        return case(text)(frame.lazy(), OTHER.lazy(), THEIRS).collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, TypeError, OverflowError) as error:
        note(f"Polars: {type(error).__name__}: {error}")
        return None


def answer(text: str, frame: pl.DataFrame) -> object | None:
    """None where the chain is refused, which only our own errors may do."""
    try:
        return case(text)(ours(frame), ours(OTHER), gf).collect()
    except gf.errors.InternalError:
        raise
    except gf.errors.GradframeError as error:
        note(f"ours: {type(error).__name__}: {error}")
        return error


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=chains(), frame=frames())
def test_chains_mean_what_they_mean_in_polars(text, frame):
    note(text)
    theirs = answer_of_polars(text, frame)
    mine = answer(text, frame)
    if theirs is None:
        event("refused by Polars")
        return
    if isinstance(mine, gf.errors.GradframeError):
        if any(word in str(mine) for word in OVERFLOW):
            event("overflow")
            return
        pytest.fail(f"{text}\n{type(mine).__name__}: {mine}")
    event("compared")
    assert_same(mine, theirs)
