"""Moments of a time zone that Python does not know: read as Python's objects they are in UTC, as they are printed."""

from datetime import datetime, timezone

import pyarrow as pa
import pytest

import gradframe as gf

FIRST, LAST = datetime(1970, 1, 1, tzinfo=timezone.utc), datetime(2020, 9, 13, 12, 26, 40, tzinfo=timezone.utc)
ZONE = pa.timestamp("us", tz="Mars/Phobos")


@pytest.fixture
def frame():
    moments = pa.array([0, None, 1_600_000_000_000_000], ZONE)
    return gf.DataFrame(pa.table({
        "t": moments,
        "n": [1, 2, 3],
        "l": pa.array([[0], None, [None, 1_600_000_000_000_000]], pa.list_(ZONE)),
        "s": pa.StructArray.from_arrays([moments, pa.array([1, 2, 3])], names=["at", "n"]),
    }))


VALUES = [FIRST, None, LAST]
LISTS = [[FIRST], None, [None, LAST]]
STRUCTS = [{"at": at, "n": n} for n, at in enumerate(VALUES, 1)]
ROWS = list(zip(VALUES, [1, 2, 3], LISTS, STRUCTS))
NAMES = ["t", "n", "l", "s"]

READ = {
    "rows": (lambda f: f.rows(), ROWS),
    "rows named": (lambda f: f.rows(named=True), [dict(zip(NAMES, row)) for row in ROWS]),
    "row": (lambda f: f.row(2), ROWS[2]),
    "iter_rows": (lambda f: list(f.iter_rows()), ROWS),
    "item": (lambda f: f.item(2, "t"), LAST),
    "to_dict": (lambda f: f.to_dict(), {"t": VALUES, "n": [1, 2, 3], "l": LISTS, "s": STRUCTS}),
    "to_dicts": (lambda f: f.to_dicts(), [dict(zip(NAMES, row)) for row in ROWS]),
    "rows_by_key": (lambda f: f.select("n", "t").rows_by_key("n", unique=True), {n: (at,) for n, at in enumerate(VALUES, 1)}),
    "a Series": (lambda f: f["t"].to_list(), VALUES),
    "a value": (lambda f: f["t"][2], LAST),
    "an extreme": (lambda f: f["t"].max(), LAST),
}


@pytest.mark.parametrize("method", READ)
def test_moments_are_read_in_utc(frame, method):
    read, expected = READ[method]
    assert read(frame) == expected


def test_they_are_described_and_glimpsed(frame):
    described = dict(zip(*frame.select("t").describe().to_dict().values()))
    assert described["min"].startswith("1970-01-01 00:00:00") and described["max"].startswith("2020-09-13 12:26:40")
    glimpsed = frame.glimpse(return_type="string")
    assert "<timestamp[us, tz=Mars/Phobos]>" in glimpsed and "datetime.datetime(1970, 1, 1" in glimpsed


MARS = pa.array([0, None], ZONE)
NESTED = {
    "map": (pa.array([[(0, 0)], None], pa.map_(ZONE, ZONE)), [[(FIRST, FIRST)], None]),
    "dictionary": (MARS.dictionary_encode(), [FIRST, None]),
    "dictionary in a struct": (pa.StructArray.from_arrays([MARS.dictionary_encode()], ["t"]), [{"t": FIRST}, {"t": None}]),
    "map in a list": (pa.array([[[(1, 0)]], []], pa.list_(pa.map_(pa.int64(), ZONE))), [[[(1, FIRST)]], []]),
}


@pytest.mark.parametrize("column", NESTED)
def test_moments_in_maps_and_dictionaries_are_read_in_utc(column):
    from gradframe._zones import in_known_zones

    values, expected = NESTED[column]
    assert in_known_zones(values).to_pylist() == expected
    assert in_known_zones(pa.table({"c": values}))["c"].to_pylist() == expected
    assert gf.DataFrame(pa.table({"c": values}))["c"][0] == expected[0]


def test_maps_and_dictionaries_without_unknown_zones_stay():
    from gradframe._zones import in_known_zones

    for values in (pa.array(["a"]).dictionary_encode(), pa.array([[(1, "a")]], pa.map_(pa.int64(), pa.string()))):
        assert in_known_zones(values) is values


def test_other_zones_stay():
    import zoneinfo

    berlin = gf.DataFrame(pa.table({"t": pa.array([0], pa.timestamp("us", tz="Europe/Berlin"))}))
    assert berlin.rows()[0][0].tzinfo == zoneinfo.ZoneInfo("Europe/Berlin")
    assert berlin.to_arrow().schema.field("t").type.tz == "Europe/Berlin"
