"""Other libraries' data that no frame can be made of: errors of ours that name the column, and what is wrong in it."""

import collections
import dataclasses
import datetime as dt
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import gradframe as gf

E = gf.errors

#: How pyarrow and others say it.
FOREIGN = ("pyarrow", "ArrowInvalid", "Conversion failed", "tried to convert", "Expected", "Schema", "Utf8View", "LargeList", "PyCapsule", "ArrowTypeError")

REFUSED = {
    "duplicate names": (lambda: gf.from_arrow(pa.table([[1], [2]], names=["a", "a"])), E.PlanError, "from_arrow: two columns have the name `a`"),
    "duplicate names, renamed": (lambda: gf.DataFrame(pa.table([[1], [2]], names=["a", "b"]), schema=["q", "q"]), E.PlanError, "two columns have the name `q`"),
    "duplicate names of pandas": (lambda: gf.from_pandas(pd.DataFrame([[1, 2]], columns=["a", "a"])), E.PlanError, "from_pandas: two columns have the name `a`"),
    "objects of pandas": (
        lambda: gf.from_pandas(pd.DataFrame({"ok": [1, 2], "a": pd.Series([1, "x"], dtype=object)})),
        E.DTypeError,
        r"from_pandas: column `a` mixes int \(row 0: 1\) and str \(row 1: 'x'\)",
    ),
    "objects of pandas in a frame": (lambda: gf.DataFrame(pd.DataFrame({"a": pd.Series([1.5, "x"], dtype=object)})), E.DTypeError, "column `a` mixes float .* and str"),
    "a series of pandas": (lambda: gf.DataFrame({"a": pd.Series([1, "x"], dtype=object)}), E.DTypeError, "column `a` mixes int .* and str"),
    "mixed values": (lambda: gf.DataFrame({"a": [1, "x"]}), E.DTypeError, r"column `a` mixes int \(row 0: 1\) and str \(row 1: 'x'\)"),
    "dates and texts": (lambda: gf.DataFrame({"a": [None, dt.date(2024, 1, 1), "x"]}), E.DTypeError, "column `a` mixes date .row 1.* and str .row 2"),
    "objects of numpy": (lambda: gf.from_numpy(np.array([[1], ["x"]], dtype=object)), E.DTypeError, "column `column_0` mixes int .* and str"),
    "objects of one's own": (lambda: gf.DataFrame({"a": [object()]}), E.DTypeError, "column `a` has values of type object"),
    "complex numbers": (lambda: gf.from_numpy(np.array([1 + 2j]), schema=["z"]), E.DTypeError, "column `z` has complex numbers, .*two columns"),
    "complex numbers in two axes": (lambda: gf.from_numpy(np.ones((2, 2), dtype=np.complex64), schema=["x", "y"]), E.DTypeError, "column `x` has complex numbers"),
    "complex numbers in a list": (lambda: gf.DataFrame({"z": [1.0, 2j]}), E.DTypeError, "column `z` has complex numbers"),
    "complex numbers of pandas": (lambda: gf.from_pandas(pd.DataFrame({"z": [1j]})), E.DTypeError, "column `z` has complex numbers"),
    "ragged lists": (lambda: gf.DataFrame({"a": [[1], [2, [3]]]}), E.DTypeError, "column `a` mixes lists of int .* and lists of int and lists of int"),
    "lists and numbers": (lambda: gf.DataFrame({"a": [[1], 2]}), E.DTypeError, "column `a` mixes lists of int .* and int"),
    "huge integers": (lambda: gf.DataFrame({"a": [1, 2**70]}), E.DTypeError, r"column `a` has 1180591620717411303424 \(row 1\), which does not fit in 64 bits"),
    "huge integers of pandas": (lambda: gf.from_pandas(pd.DataFrame({"a": [2**70]})), E.DTypeError, "column `a` has 1180591620717411303424"),
    "both ends": (lambda: gf.DataFrame({"a": [2**63, -1]}), E.DTypeError, r"column `a` has -1 \(row 1\) and 9223372036854775808 \(row 0\), which no integer of 64 bits"),
    "a mixed list inside": (lambda: gf.DataFrame({"a": [{"x": [1, {"y": 2}]}]}), E.DTypeError, "column `a` has a list of int and dictionaries in row 0"),
    "periods of pandas": (lambda: gf.from_pandas(pd.DataFrame({"p": pd.period_range("2024-01", periods=2, freq="M")})), E.DTypeError, "from_pandas: column `p` has periods.*to_timestamp"),
    "too large for the type": (lambda: gf.DataFrame({"a": [1, 300]}, schema={"a": gf.UInt8}), E.DTypeError, r"column `a` has 300 \(row 1\), which is no UInt8"),
    "text for a number": (lambda: gf.DataFrame({"a": [1, "x"]}, schema={"a": gf.Int64}), E.DTypeError, r"column `a` has 'x' \(row 1\), which is no Int64.*strict=False"),
    "no frame at all": (lambda: gf.from_arrow([1, 2]), E.DTypeError, "from_arrow: got a list"),
    "no pandas": (lambda: gf.from_pandas({"a": [1]}), E.DTypeError, "from_pandas: got a dict"),
    "lengths": (lambda: gf.DataFrame({"a": [1, 2], "b": [1]}), E.ShapeError, "column `b` has 1 values"),
    "three axes": (lambda: gf.from_numpy(np.zeros((2, 2, 2))), E.ShapeError, "axes"),
    "a series": (lambda: gf.Series("a", [1, "x"]), E.DTypeError, "column `a` mixes int .* and str"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_column_is_named(name):
    make, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message) as raised:
        make()
    for word in FOREIGN:
        assert word not in str(raised.value), str(raised.value)


def test_what_is_only_null_has_no_type_and_is_counted():
    frame = gf.DataFrame({"a": [None, None], "b": [1, 2]})
    assert frame.schema["a"] == gf.Null
    row = frame.select(gf.col("a").sum(), n=gf.col("a").count(), m=gf.col("a").max(), k=gf.col("a").null_count(), l=gf.col("a").is_null().all())
    assert row.row(0) == (None, 0, None, 2, True)
    assert frame.group_by("a").agg(gf.col("b").sum()).rows() == [(None, 3)]


def test_what_does_not_fit_is_null_if_not_strict():
    assert gf.DataFrame({"a": [1, "x"]}, schema={"a": gf.Int64}, strict=False)["a"].to_list() == [1, None]


Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class City:
    name: str
    at: Point


#: Values that Python programs have, and the column's type and values.
TAKEN = {
    "beyond Int64": (lambda: gf.DataFrame({"a": [2**63, None, 1]}), {"a": gf.UInt64}, [(2**63,), (None,), (1,)]),
    "days of NumPy": (lambda: gf.DataFrame({"a": [np.datetime64("2024-01-01"), None]}), {"a": gf.Date}, [(dt.date(2024, 1, 1),), (None,)]),
    "minutes of NumPy": (lambda: gf.DataFrame({"a": [np.datetime64("2024-01-01T01:02"), np.datetime64("NaT")]}), {"a": gf.Datetime("us")}, [(dt.datetime(2024, 1, 1, 1, 2),), (None,)]),
    "durations of NumPy": (lambda: gf.DataFrame({"a": [np.timedelta64(2, "D"), None]}), {"a": gf.Duration("us")}, [(dt.timedelta(days=2),), (None,)]),
    "named tuples": (lambda: gf.DataFrame([Point(1, 2.5), Point(3, None)]), {"x": gf.Int64, "y": gf.Float64}, [(1, 2.5), (3, None)]),
    "named tuples of other names": (lambda: gf.DataFrame([Point(1, 2), Point(3, 4)], schema=["p", "q"], orient="row"), {"p": gf.Int64, "q": gf.Int64}, [(1, 2), (3, 4)]),
    "dataclasses": (lambda: gf.DataFrame([City("Bern", Point(1, 2)), None]), {"name": gf.String, "at": gf.Struct({"x": gf.Int64, "y": gf.Int64})}, [("Bern", {"x": 1, "y": 2}), (None, None)]),
    "records in a column": (lambda: gf.DataFrame({"a": [Point(1, 2)]}), {"a": gf.Struct({"x": gf.Int64, "y": gf.Int64})}, [({"x": 1, "y": 2},)]),
    "sparse columns of pandas": (lambda: gf.from_pandas(pd.DataFrame({"a": pd.arrays.SparseArray([0, 1])})), {"a": gf.Int64}, [(0,), (1,)]),
}


@pytest.mark.parametrize("name", TAKEN)
def test_values_that_programs_have_are_columns(name):
    make, schema, rows = TAKEN[name]
    frame = make()
    assert (frame.schema, frame.rows()) == (schema, rows)


NO_UTF8 = {
    "text": pa.array([b"ok", b"\xff\xfe"]).view(pa.string()),
    "large text": pa.array([b"ok", b"\xff\xfe"], type=pa.large_binary()).view(pa.large_string()),
    "half a character": pa.array(["\u00e4".encode()[:1], "\u00e4".encode()[1:]]).view(pa.string()),
    "short views": pa.array([b"ok", b"\xff\xfe"], type=pa.binary_view()).view(pa.string_view()),
    "long views": pa.array([b"ok", b"\xff" * 20], type=pa.binary_view()).view(pa.string_view()),
    "in a list": pa.ListArray.from_arrays([0, 1, 2], pa.array([b"ok", b"\xff"]).view(pa.string())),
    "in a structure": pa.StructArray.from_arrays([pa.array([b"ok", b"\xff"]).view(pa.string())], names=["t"]),
    "in a dictionary": pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array([b"ok", b"\xff"]).view(pa.string())),
}


@pytest.mark.parametrize("case", NO_UTF8)
def test_texts_that_are_no_utf8_are_refused_with_their_column(case):
    table = pa.table({"n": [1, 2], "a": NO_UTF8[case]})
    for read in (lambda: gf.from_arrow(table), lambda: gf.from_arrow(table.to_reader()), lambda: gf.sql("select a from t", t=table)):
        with pytest.raises((E.ExecutionError, E.PlanError), match=r"column `a` has a text that is no UTF-8: b"):
            read()
    assert gf.from_arrow(table.slice(0, 1).select(["n"])).height == 1


def buffers(kind, rows, *given, children=None):
    """An array of these buffers, whatever they say."""
    given = [None if one is None else pa.py_buffer(one if isinstance(one, bytes) else np.array(one[1], one[0]).tobytes()) for one in given]
    return pa.Array.from_buffers(kind, rows, given, children=children)


def view(length, index, offset):
    return length.to_bytes(4, "little") + b"long" + index.to_bytes(4, "little") + offset.to_bytes(4, "little")


BAD_OFFSETS = {
    "falling": (lambda: buffers(pa.string(), 2, None, ("i4", [0, 3, 2]), b"abc"), "offsets that fall: value 1 is told to be from 3 to 2"),
    "falling in the middle": (lambda: buffers(pa.string(), 3, None, ("i4", [0, 90, 1, 3]), b"abc"), "offsets that fall: value 1 is told to be from 90 to 1"),
    "falling beside no ASCII": (lambda: buffers(pa.string(), 3, None, ("i4", [0, 3, 2, 4]), "\u00e4\u00e4".encode()), "offsets that fall"),
    "large": (lambda: buffers(pa.large_string(), 2, None, ("i8", [0, 3, 2]), b"abc"), "offsets that fall"),
    "of bytes": (lambda: buffers(pa.binary(), 2, None, ("i4", [0, 3, 2]), b"abc"), "offsets that fall"),
    "of lists": (lambda: buffers(pa.list_(pa.int64()), 2, None, ("i4", [0, 2, 1]), children=[pa.array([1, 2])]), "offsets that fall"),
    "of texts in lists": (
        lambda: pa.ListArray.from_arrays([0, 1, 2], buffers(pa.string(), 2, None, ("i4", [0, 3, 2]), b"abc")),
        "offsets that fall",
    ),
    "a view of no buffer": (lambda: buffers(pa.string_view(), 2, None, view(20, 3, 0) + view(20, 0, 0), b"x" * 20), "value 0 is told to be 20 bytes from 0 on of buffer 3"),
    "a view beyond": (lambda: buffers(pa.string_view(), 2, None, view(20, 0, 0) + view(20, 0, 7), b"x" * 20), "value 1 is told to be 20 bytes from 7 on of buffer 0"),
    "a view of bytes": (lambda: buffers(pa.binary_view(), 1, None, view(4_000_000_000, 0, 4_000_000_000), b"x" * 20), "a view of what there is not"),
}


@pytest.mark.parametrize("case", BAD_OFFSETS)
def test_offsets_of_what_there_is_not_are_refused_with_their_column(case):
    make, says = BAD_OFFSETS[case]
    column = make()
    with pytest.raises((E.ExecutionError, E.PlanError), match=rf"column `a` has .*{re.escape(says)}"):
        gf.from_arrow(pa.table({"a": column}))


def test_texts_of_all_languages_and_slices_of_them_come_in():
    texts = ["", "a", "\u00e4\u00f6\u00fc", "\U0001d11e" * 5, None, "x" * 100]
    for of in (pa.string(), pa.large_string(), pa.string_view()):
        column = pa.array(texts, type=of)
        for start, length in ((0, 6), (2, 2), (3, 3), (6, 0)):
            assert gf.from_arrow(pa.table({"a": column.slice(start, length)}))["a"].to_list() == texts[start : start + length]
    # What a null hides is nobody's text.
    hidden = pa.Array.from_buffers(pa.string(), 2, [pa.py_buffer(b"\x01"), pa.py_buffer(b"\0\0\0\0\x01\0\0\0\x02\0\0\0"), pa.py_buffer(b"a\xff")])
    assert gf.from_arrow(pa.table({"a": hidden}))["a"].to_list() == ["a", None]
