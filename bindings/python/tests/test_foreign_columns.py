"""Columns whose bytes or types others have otherwise."""

import gradframe as gf
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest


@pytest.mark.parametrize("dtype", [">f8", ">f4", ">i8", ">i4", ">i2", ">u8", ">u2", ">M8[us]", ">m8[ms]"])
def test_big_endian_numbers_are_the_same_numbers(dtype):
    values = np.arange(3).astype(dtype)
    native = values.astype(values.dtype.newbyteorder("="))
    expected = gf.DataFrame({"a": native})
    for found in (gf.DataFrame({"a": values}), gf.from_pandas(pd.DataFrame({"a": pd.Series(values)}))):
        assert found.to_dict() == expected.to_dict()
        assert found.schema == expected.schema


def test_big_endian_matrices_and_records_too():
    matrix = np.arange(4, dtype=">i4").reshape(2, 2)
    assert gf.DataFrame({"m": matrix}).to_dict() == {"m": [[0, 1], [2, 3]]}
    assert gf.DataFrame(matrix).rows() == [(0, 1), (2, 3)]
    records = np.array([(1, 2.5)], dtype=[("i", ">i4"), ("x", ">f8")])
    assert gf.DataFrame(records).rows() == [(1, 2.5)]


@pytest.mark.parametrize(
    ("kind", "stored", "expected"),
    [(pa.bool8(), pa.array([1, 0, None], pa.int8()), [True, False, None]), (pa.json_(), pa.array(['{"a":1}', None, "3"]), ['{"a":1}', None, "3"])],
    ids=["bool8", "json"],
)
def test_types_that_pandas_does_not_know_come_as_what_they_hold(kind, stored, expected):
    frame = gf.from_arrow(pa.table({"c": pa.ExtensionArray.from_storage(kind, stored), "x": [1.0, 2.0, 3.0]}))
    found = frame.to_pandas()
    assert found["c"].astype(object).where(found["c"].notna(), None).tolist() == expected
    assert found["x"].tolist() == [1.0, 2.0, 3.0]
    assert frame["c"].to_pandas().notna().tolist() == [value is not None for value in expected]
