"""Functions of several frames, sources in memory, and what turns frames around: each case is asked of Polars too."""

import io
import json

import polars as pl
import pytest
from same import assert_same

import gradframe as gf

A = {"k": [1, 2], "x": [1, 2]}
B = {"k": [2, 3], "y": [5, 6]}
NESTED = [{"a": {"b": 1, "c": {"d": 2}}, "e": 3}, {"a": {"b": 4}}]

SEVERAL = {
    "select": lambda x: x.select(x.lit(1).alias("a"), b=2),
    "select of a range": lambda x: x.select(n=x.int_range(0, 3)),
    "aligned": lambda x: x.align_frames(x.DataFrame(A), x.DataFrame(B), on="k")[1],
    "aligned, left": lambda x: x.align_frames(x.DataFrame(A), x.DataFrame(B), on="k", how="left")[1],
    "aligned, chosen": lambda x: x.align_frames([x.DataFrame(A), x.DataFrame(B)], on="k", select=["k"])[0],
    "collected": lambda x: x.collect_all([x.DataFrame(A).lazy().filter(x.col("x") > 1), x.DataFrame(B).lazy()])[0],
    "union": lambda x: x.union([x.DataFrame(A), x.DataFrame(A)]).sort("k"),
    "merged": lambda x: x.merge_sorted([x.DataFrame(A), x.DataFrame(A), x.DataFrame(A)], "k"),
    "JSON": lambda x: x.read_json(io.StringIO('[{"a":1,"b":"x"},{"a":2.5,"b":null}]')),
    "JSON, one object": lambda x: x.read_json(io.BytesIO(b'{"a":[1,2],"b":{"c":1}}')),
    "JSON that was written": lambda x: x.read_json(io.StringIO(x.DataFrame(A).write_json())),
    "a stream": lambda x: x.read_ipc_stream(pl.DataFrame(A).write_ipc_stream(None).getvalue(), columns=["x"], n_rows=1),
    "normalised": lambda x: x.json_normalize(NESTED),
    "normalised, one level": lambda x: x.json_normalize(NESTED[:1], separator="_", max_level=1),
    "unstack": lambda x: x.DataFrame({"a": [1, 2, 3, 4, 5]}).unstack(step=2),
    "unstack, filled": lambda x: x.DataFrame({"a": [1, 2, 3, 4, 5]}).unstack(step=2, fill_values=[0]),
    "unstack, horizontal": lambda x: x.DataFrame({"a": [1, 2, 3, 4], "b": list("wxyz")}).unstack(step=2, how="horizontal"),
    "is_in a column by its name": lambda x: x.DataFrame({"s": ["m", "n"], "l": [["m"], ["x"]]}).select(x.col("s").is_in("l")),
    "regex": lambda x: x.DataFrame({"q": [x.escape_regex("a.b*(c)"), x.escape_regex("plain")]}),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_several(name):
    assert_same(SEVERAL[name](gf), SEVERAL[name](pl))


def test_schemas_are_read_alone(tmp_path):
    frame = gf.DataFrame(A)
    frame.write_parquet(tmp_path / "a.parquet")
    frame.write_ipc(tmp_path / "a.arrow")
    assert gf.read_parquet_schema(tmp_path / "a.parquet") == gf.read_ipc_schema(tmp_path / "a.arrow") == frame.schema


def test_what_is_no_source_says_so():
    with pytest.raises(gf.errors.PlanError, match="read_json: line 2, column 1: extra data; hint: read_ndjson reads an object a line"):
        gf.read_json(b'{"a":1}\n{"a":2}')
    with pytest.raises(gf.errors.PlanError, match="read_json: expected an array of objects"):
        gf.read_json(json.dumps([1, 2]).encode())
    with pytest.raises(gf.errors.PlanError, match="read_ipc_stream: .*; hint: read_ipc reads Arrow files"):
        gf.read_ipc_stream(b"nothing at all")
    with pytest.raises(TypeError, match="is_in: expected several values or a column, got 3; hint: == compares"):
        gf.col("a").is_in(3)
    with pytest.raises(gf.errors.PlanError, match="unknown column `m`"):
        gf.DataFrame({"s": ["m"]}).select(gf.col("s").is_in("m"))
    with pytest.raises(gf.errors.PlanError, match="unstack: step is 0"):
        gf.DataFrame(A).unstack(step=0)


CSV = "a,b,c\n1,x,2024-01-05\n2,,2024-02-06\n3,z,\n"

READ = {
    "CSV of a text": lambda x: x.read_csv(io.StringIO(CSV)).select("a", "b"),
    "CSV of bytes": lambda x: x.read_csv(CSV.encode(), columns=["b", "a"]).select("a", "b"),
    "some rows": lambda x: x.read_csv(io.BytesIO(CSV.encode()), n_rows=2, columns=[0, 1]),
    "numbered": lambda x: x.read_csv(io.StringIO(CSV), row_index_name="i", row_index_offset=5, columns=["i", "a"] if x is gf else ["a"]),
    "other types": lambda x: x.read_csv(io.StringIO(CSV), schema_overrides={"a": x.Float32}).select("a"),
    "texts": lambda x: x.read_csv(io.StringIO(CSV), schema_overrides={"a": x.String}).select("a"),
    "Parquet": lambda x: x.read_parquet(io.BytesIO(PARQUET), columns=["x"], n_rows=1),
    "NDJSON": lambda x: x.read_ndjson(io.StringIO('{"a":1}\n{"a":2}\n')),
    "IPC": lambda x: x.read_ipc(io.BytesIO(IPC)),
}


def written(write):
    target = io.BytesIO()
    write(target)
    return target.getvalue()


PARQUET = written(pl.DataFrame(A).write_parquet)
IPC = written(pl.DataFrame(A).write_ipc)


@pytest.mark.parametrize("name", READ)
def test_sources_in_memory(name):
    assert_same(READ[name](gf), READ[name](pl))


def test_types_without_a_name_in_sql_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text(CSV)
    with pytest.raises(gf.errors.DTypeError, match="schema_overrides: .* has no name in SQL; hint: read texts"):
        gf.scan_csv(tmp_path / "a.csv", schema_overrides={"a": gf.List(gf.Int64)})
