"""Random SELECTs, each asked of DuckDB too."""

from __future__ import annotations

import math
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, event, given, note, settings

import gradframe as gf

from .random_sql import queries, tables

#: Under the profile of CI the same queries each time; by hand and with --explore more, and new ones.
EXAMPLES = 120 if settings.get_current_profile_name() == "ci" else 500


def value(cell: object) -> object:
    """Numbers as numbers: a sum is a HUGEINT there and an Int64 here."""
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, int | Decimal):
        return float(cell)
    return cell


def key(row: list) -> str:
    return repr([f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row])


def rows(table: pa.Table) -> list[list]:
    return sorted(([value(cell) for cell in row] for row in zip(*(column.to_pylist() for column in table.columns), strict=True)), key=key)


def same(mine: object, theirs: object) -> bool:
    if isinstance(mine, float) and isinstance(theirs, float):
        return math.isnan(mine) and math.isnan(theirs) or math.isclose(mine, theirs, rel_tol=1e-9, abs_tol=1e-9)
    return mine == theirs


def answer_of_duckdb(query: str, data: dict[str, pa.Table]) -> pa.Table | None:
    """None where DuckDB refuses the query."""
    connection = duckdb.connect(config={"threads": 1})
    try:
        for name, table in data.items():
            connection.register(name, table)
        return connection.execute(query).fetch_arrow_table()
    except duckdb.Error as error:
        note(f"DuckDB: {type(error).__name__}: {error}")
        return None
    finally:
        connection.close()


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(query=queries(), data=tables())
def test_queries_answer_as_in_duckdb(query, data):
    note(query)
    theirs = answer_of_duckdb(query, data)
    try:
        mine = pa.table(gf.sql(query, **{name: gf.from_arrow(table) for name, table in data.items()}).collect())
    except gf.errors.InternalError:
        raise
    except gf.errors.GradframeError as error:
        if theirs is None:
            event("refused by both")
            return
        pytest.fail(f"{query}\n{type(error).__name__}: {error}")
    if theirs is None:
        event("refused by DuckDB")
        return
    event("compared")
    got, expected = rows(mine), rows(theirs)
    assert len(got) == len(expected), f"{len(got)} rows, expected {len(expected)}"
    for mine_row, their_row in zip(got, expected, strict=True):
        assert all(map(same, mine_row, their_row)), f"{mine_row}, expected {their_row}"
