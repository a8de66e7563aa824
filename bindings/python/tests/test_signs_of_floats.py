"""Floats of files whose signs say nothing: NaNs with a sign, as x86 makes them, and zeros with one."""

import gradframe as gf
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

SIGNED = np.array([0xFFF8_0000_0000_0000], dtype="u8").view("f8")[0]


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.parquet"
    structs = pa.StructArray.from_arrays([pa.array([1.0, SIGNED, 9.0])], ["x"])
    pq.write_table(pa.table({"id": [1, 2, 3], "f": np.array([1.0, SIGNED, 9.0]), "s": structs}), path)
    return path


def test_a_nan_with_a_sign_is_one_in_every_place_of_a_query(rows):
    for query in (
        "SELECT f > 5 AS x FROM r",
        "SELECT f > 5 AS x FROM r WHERE id >= 0",
        "SELECT s['x'] > 5 AS x FROM r",
        "SELECT CASE WHEN f > 5 THEN true ELSE false END AS x FROM r",
        "SELECT id IN (SELECT id FROM r WHERE f > 5) AS x FROM r ORDER BY id",
    ):
        assert gf.sql(query, r=gf.scan_parquet(rows)).collect()["x"].to_list() == [False, True, True], query


def test_a_filter_of_a_file_by_bits_does_not_hide_a_zero(tmp_path):
    path = tmp_path / "zeros.parquet"
    table = pa.table({"id": [1, 2, 3], "f": [-0.0, 5.0, -3.0]})
    pq.write_table(table, path, bloom_filter_options={"f": {"ndv": 10, "fpp": 0.01}})
    for condition in (gf.col("f") == 0.0, gf.col("f").is_in([0.0, 9.0]), (gf.col("f") >= 0) & (gf.col("f") <= 0)):
        assert gf.scan_parquet(path).filter(condition).collect()["id"].to_list() == [1]
