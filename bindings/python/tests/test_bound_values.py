"""`params` of `sql`: values in the places of placeholders, never read as SQL."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pytest

import gradframe as gf
from gradframe.errors import PlanError


def one(query, params):
    return gf.sql(query, params=params).collect().rows()


@pytest.mark.parametrize(
    "value",
    [
        7,
        -7,
        2**63 - 1,
        -(2**63),
        2**64 - 1,
        0.1,
        -1e-300,
        1e300,
        "it's -- '; DROP TABLE t; $1 ?",
        "",
        "é\n\\",
        True,
        None,
        b"\x00\xff",
        dt.date(1969, 12, 31),
        dt.date(9999, 12, 31),
        dt.datetime(2024, 1, 5, 10, 11, 12, 345678),
        dt.datetime(1900, 1, 5),
        dt.time(10, 11, 12, 5),
        dt.timedelta(days=-3, microseconds=5),
        Decimal("-12.50"),
        Decimal("0.001"),
        [1, 2, None],
        ["a", "it's"],
        [0.5, 1.0],
        [dt.date(2024, 1, 5)],
        [[1], [2, 3]],
    ],
)
def test_a_value_comes_back_as_it_was(value):
    assert one("SELECT $1", [value]) == [(value,)]
    assert one("SELECT ?", (value,)) == [(value,)]
    assert one("SELECT $v", {"v": value}) == [(value,)]


def test_floats_that_are_no_numbers():
    (row,) = one("SELECT $1, $2", [float("nan"), float("-inf")])
    assert row[0] != row[0] and row[1] == float("-inf")


def test_a_moment_keeps_its_instant():
    moment = dt.datetime(2024, 1, 5, 10, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert one("SELECT $1 = TIMESTAMPTZ '2024-01-05 08:00:00+00'", [moment]) == [(True,)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int32(-3), -3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("a'b"), "a'b"),
        (np.datetime64("2024-01-05T10:11:12.000000000"), dt.datetime(2024, 1, 5, 10, 11, 12)),
        (np.timedelta64(5, "s"), dt.timedelta(seconds=5)),
        (np.array([1, 2]), [1, 2]),
    ],
)
def test_values_of_numpy(value, expected):
    assert one("SELECT $1", [value]) == [(expected,)]


def test_placeholders_in_queries():
    trips = gf.DataFrame({"id": [1, 2, 3], "city": ["a", "b'", None], "fare": [1.5, 20.0, 30.0]})
    query = "SELECT id FROM trips WHERE fare > $least AND city = ANY ($cities) ORDER BY id LIMIT $most"
    params = {"least": 1, "cities": ["a", "b'"], "most": 1}
    assert gf.sql(query, params=params, trips=trips).collect().rows() == [(1,)]
    assert gf.sql("SELECT id FROM trips WHERE id = $1 OR id - 1 = $1 ORDER BY id", params=[1]).collect().rows() == [(1,), (2,)]
    assert trips.sql("SELECT id FROM self WHERE id > ? AND id -? > 0", params=[1, -1]).rows() == [(2,), (3,)]
    assert trips.lazy().sql("SELECT $1 AS x FROM self LIMIT 1", params=["x"]).collect().rows() == [("x",)]
    assert gf.sql("SELECT count(*) FROM generate_series(1, $n)", params={"N": 5}).collect().rows() == [(5,)]


def test_statements_with_effects_keep_the_values(tmp_path):
    session = gf.Session(home=tmp_path, threads=2)
    session.sql("CREATE TABLE t AS SELECT value AS x FROM generate_series(1, $1)", params=[5])
    session.sql("CREATE VIEW v AS SELECT x FROM t WHERE x -$1 > 5", params=[-2])
    session.sql("INSERT INTO t SELECT ?", params=[10])
    assert session.sql("SELECT x FROM v ORDER BY x").collect().rows() == [(4,), (5,), (10,)]
    again = gf.Session(home=tmp_path, threads=2)
    assert again.sql("SELECT count(*) FROM v").collect().rows() == [(3,)]
    session.sql("PREPARE p AS SELECT x FROM t WHERE x = $1")
    assert session.sql("EXECUTE p($1)", params=[10]).collect().rows() == [(10,)]


@pytest.mark.parametrize(
    ("query", "params", "said"),
    [
        ("SELECT $1", None, r"`\$1` stands for a value that is not given"),
        ("SELECT ?, ?", [1], "the `\\?` at 2 stands for a value that is not given"),
        ("SELECT $b", {"a": 1}, r"`\$b` stands for a value that is not given.*params has `a`"),
        ("SELECT $a", [1], r"`\$a` stands for a value that is not given"),
        ("SELECT ?", {"a": 1}, "has no name"),
        ("SELECT 1", [1], "no placeholder asks"),
        ("SELECT 1", {"a": 1}, "no `\\$a` stands"),
        ("SELECT ?, $1", [1], "stand in one text"),
    ],
)
def test_what_is_missing_or_left_over_is_said(query, params, said):
    with pytest.raises(PlanError, match=said):
        gf.sql(query, params=params)


def test_what_has_no_type():
    with pytest.raises(TypeError, match=r"the value of `\$2`: a constant cannot be a object"):
        gf.sql("SELECT $1, $2", params=[1, object()])
    with pytest.raises(TypeError, match="params is str, expected a list of values"):
        gf.sql("SELECT $1", params="a")
    with pytest.raises(OverflowError, match="the value of `x`"):
        gf.sql("SELECT $x", params={"x": 2**64})
