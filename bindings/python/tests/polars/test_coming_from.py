"""Every row of the "coming from" pages is run, and compared with the other library where it is there."""

import coming_from
import pandas as pd
import polars as pl
import pytest
from coming_from import PAGES, SQL, TRIPS, ZONES

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


def first_column(answer):
    """The answer as a list, or the name of its error."""
    try:
        frame = answer()
        frame = frame.collect() if isinstance(frame, gf.LazyFrame) else frame
        return repr(frame.get_columns()[0].to_list())
    except gf.errors.GradframeError as error:
        return type(error).__name__


@pytest.mark.parametrize(("topic", "sql", "frame", "of_sql", "of_frame"), SQL, ids=lambda v: str(v)[:30])
def test_sql_beside_frames(topic, sql, frame, of_sql, of_frame):
    df = gf.DataFrame({**TRIPS, "x": [1.0, float("nan"), None, -0.5, 2.0]})
    assert first_column(lambda: gf.sql(sql, df=df)) == of_sql
    assert first_column(lambda: eval(frame, {"gf": gf, "df": df})) == of_frame


def test_the_page_of_sql_is_current():
    assert coming_from.path("SQL").read_text() == coming_from.sql_page(), "stale: run python bindings/python/tests/polars/coming_from.py"


@pytest.mark.parametrize("library", PAGES)
def test_pages_are_current(library):
    assert coming_from.path(library).read_text() == coming_from.page(library), "stale: run python bindings/python/tests/polars/coming_from.py"
