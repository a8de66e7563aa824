"""Frames, Series and queries as bytes and back."""

import copy
import io
import pickle

import polars as pl
import pytest

import gradframe as gf

ROWS = {"a": [1, 2, None], "s": ["x", "", None], "l": [[1], [], None]}

@pytest.mark.parametrize("way", [lambda value: pickle.loads(pickle.dumps(value)), copy.deepcopy, copy.copy], ids=["pickle", "deepcopy", "copy"])
def test_rows_travel(way):
    frame = gf.DataFrame(ROWS, schema_overrides={"a": gf.Int16})
    assert way(frame).equals(frame) and way(frame).schema == frame.schema
    assert way(frame["s"]).to_list() == frame["s"].to_list()
    assert way(frame.slice(1, 1)).to_dicts() == frame.slice(1, 1).to_dicts()
    assert way(frame.head(0)).schema == frame.schema
    enums = frame.with_columns(gf.col("s").cast(gf.Enum(["", "x"])))
    assert way(enums).schema == enums.schema


@pytest.mark.parametrize("way", [lambda value: pickle.loads(pickle.dumps(value)), copy.deepcopy, copy.copy], ids=["pickle", "deepcopy", "copy"])
def test_queries_travel(way):
    query = gf.DataFrame(ROWS).lazy().filter(gf.col("a") > 1).select("a", twice=gf.col("a") * 2)
    assert way(query).collect().equals(query.collect())


def test_rows_are_serialised_as_an_arrow_stream(tmp_path):
    frame = gf.DataFrame(ROWS)
    assert pl.read_ipc_stream(frame.serialize()).to_dicts() == frame.to_dicts()
    assert gf.DataFrame.deserialize(io.BytesIO(frame.serialize())).equals(frame)
    frame.serialize(tmp_path / "rows")
    assert gf.DataFrame.deserialize(tmp_path / "rows").equals(frame)
    with pytest.raises(gf.errors.PlanError, match="these are no rows that serialize"):
        gf.DataFrame.deserialize(b"nothing")
