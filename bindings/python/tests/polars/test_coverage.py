"""The committed table of Polars's names says what the tables of cases say."""

import polars_coverage
from recorder import names_called


def test_the_page_is_current():
    assert polars_coverage.PAGE.read_text() == polars_coverage.page(), "stale: run python bindings/python/tests/polars/polars_coverage.py"


def test_a_name_counts_once_a_case_calls_it():
    seen = names_called(lambda f, x: f.trips.filter(x.col("a").str.contains("b")).group_by("a").agg(x.col("c").sum() + 1))
    assert seen == {
        ("LazyFrame", "filter"),
        ("LazyFrame", "group_by"),
        ("GroupBy", "agg"),
        ("Expr", "sum"),
        ("Expr", "__add__"),
        ("Expr.str", "contains"),
    }
    assert names_called(lambda f: f.no_such_thing().head(1 / 0)) == set()


def test_differences_are_of_names_that_polars_has():
    owners = {title: theirs for title, theirs, _ in polars_coverage.owners()}
    for title, name in polars_coverage.DIFFERS:
        assert hasattr(owners[title], name), name
