"""Every row of the "coming from" pages is run, and compared with the other library where it is there."""

import coming_from
import pandas as pd
import polars as pl
import pytest
from coming_from import PAGES, TRIPS, ZONES

import gradframe as gf


def ours(expression):
    names = {"gf": gf, "df": gf.DataFrame(TRIPS), "zones": gf.DataFrame(ZONES), "data": TRIPS}
    return eval(expression, names)


def rows(answer):
    """An answer as plain values: rows of a frame, where NaN of pandas is null."""
    if isinstance(answer, gf.DataFrame | pl.DataFrame):
        return answer.columns, answer.rows()
    if isinstance(answer, pd.DataFrame):
        nulls = answer.astype(object).where(answer.notna(), None)
        return list(answer.columns), list(nulls.itertuples(index=False, name=None))
    return answer


@pytest.mark.parametrize(("topic", "theirs", "expression", "difference"), PAGES["Polars"], ids=lambda v: str(v)[:30])
def test_polars(topic, theirs, expression, difference):
    expected = eval(theirs, {"pl": pl, "df": pl.DataFrame(TRIPS), "zones": pl.DataFrame(ZONES), "data": TRIPS})
    if topic == "Types of a schema":
        assert ours(expression).names() == expected.names()
    else:
        assert rows(ours(expression)) == rows(expected)


@pytest.mark.parametrize(("topic", "theirs", "expression", "difference"), PAGES["pandas"], ids=lambda v: str(v)[:30])
def test_pandas(topic, theirs, expression, difference):
    expected = eval(theirs, {"pd": pd, "df": pd.DataFrame(TRIPS), "zones": pd.DataFrame(ZONES)})
    assert rows(ours(expression)) == rows(expected)


@pytest.mark.parametrize(("topic", "theirs", "expression", "difference"), PAGES["PySpark"], ids=lambda v: str(v)[:30])
def test_pyspark_rows_run(topic, theirs, expression, difference):
    assert len(ours(expression)) > 0


@pytest.mark.parametrize("library", PAGES)
def test_pages_are_current(library):
    assert coming_from.path(library).read_text() == coming_from.page(library), "stale: run python bindings/python/tests/polars/coming_from.py"
