"""Frames, Series, queries and expressions as bytes and back."""

import copy
import io
import multiprocessing
import pickle

import polars as pl
import pytest

import gradframe as gf

ROWS = {"a": [1, 2, None], "s": ["x", "", None], "l": [[1], [], None]}

EXPRESSIONS = {
    "arithmetic": lambda: gf.col("a").sum() + 1,
    "condition": lambda: gf.when(gf.col("a") > 1).then(gf.lit("big")).otherwise(gf.col("s")),
    "an open condition": lambda: gf.when(gf.col("a") > 1).then(2),
    "selector": lambda: gf.selectors.numeric() - gf.selectors.last(),
    "cast": lambda: gf.col("a").cast(gf.Float32),
    "window": lambda: gf.col("a").sum().over("s", order_by="a"),
    "names": lambda: gf.col("a", "s").name.suffix("_2"),
    "texts": lambda: gf.col("s").str.replace("x", "y"),
    "series": lambda: gf.col("a") + gf.Series("b", [10, 20, 30]),
    "lists": lambda: gf.col("l").list.eval(gf.element() + 1),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
@pytest.mark.parametrize("way", [lambda value: pickle.loads(pickle.dumps(value)), copy.deepcopy, copy.copy], ids=["pickle", "deepcopy", "copy"])
def test_expressions_travel(name, way):
    expression, frame = EXPRESSIONS[name](), gf.DataFrame(ROWS)
    travelled = way(expression)
    assert type(travelled) is type(expression)
    assert frame.select(travelled).equals(frame.select(expression))


def test_functions_of_python_stay_where_they_are():
    with pytest.raises(gf.errors.UnsupportedError, match="pickle: .* cannot be kept as bytes"):
        pickle.dumps(gf.col("a").map_batches(lambda values: values))


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


def scans(folder):
    """Queries over files, each of its own format and options."""
    gf.DataFrame({"a": [1, 2, None], "s": ["x", "-", "z"]}).write_parquet(folder / "a.parquet")
    gf.DataFrame({"a": [3], "s": ["y"]}).write_parquet(folder / "b.parquet")
    (folder / "c.csv").write_text("a;s\n1;x\n2;-\n")
    gf.DataFrame({"a": [5, 6]}).write_ndjson(folder / "d.ndjson")
    gf.DataFrame({"a": [7]}).write_ipc(folder / "e.arrow")
    kept = gf.DataFrame({"a": [1, 3], "n": [10, 30]}).lazy()
    both = gf.scan_parquet([folder / "a.parquet", folder / "b.parquet"], include_file_paths="file", schema_overrides={"a": gf.Float64})
    return {
        "parquet": gf.scan_parquet(folder / "a.parquet").filter(gf.col("a") > 1),
        "several": both.select("a", gf.col("file").str.ends_with("b.parquet")).sort("a"),
        "csv": gf.scan_csv(folder / "c.csv", separator=";", null_values=["-", "z"]).with_row_index(),
        "ndjson": gf.scan_ndjson(folder / "d.ndjson").select(gf.col("a").sum()),
        "ipc": gf.scan_ipc(folder / "e.arrow"),
        "sql": gf.sql(f"SELECT a + 1 AS b FROM '{folder}/a.parquet' WHERE s <> '-'"),
        "with rows in memory": gf.scan_parquet(folder / "*.parquet").join(kept, on="a").sort("a"),
        "twice": gf.concat([gf.scan_parquet(folder / "a.parquet"), gf.scan_parquet(folder / "b.parquet")]),
        "counted": gf.scan_csv(folder / "c.csv", separator=";", n_rows=1),
    }


def test_queries_over_files_travel(tmp_path):
    for name, query in scans(tmp_path).items():
        travelled = pickle.loads(pickle.dumps(query))
        assert travelled.collect().equals(query.collect()), name
        text, frames = query.to_sql()
        assert gf.sql(text, **frames).collect().equals(query.collect()), text
        assert len(frames) == (name == "with rows in memory"), text


def height(query):
    return query.collect().height


def test_queries_are_sent_to_processes(tmp_path):
    queries = scans(tmp_path)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(height, queries.values()) == [height(query) for query in queries.values()]


def test_rows_are_serialised_as_an_arrow_stream(tmp_path):
    frame = gf.DataFrame(ROWS)
    assert pl.read_ipc_stream(frame.serialize()).to_dicts() == frame.to_dicts()
    assert gf.DataFrame.deserialize(io.BytesIO(frame.serialize())).equals(frame)
    frame.serialize(tmp_path / "rows")
    assert gf.DataFrame.deserialize(tmp_path / "rows").equals(frame)
    with pytest.raises(gf.errors.PlanError, match="these are no rows that serialize"):
        gf.DataFrame.deserialize(b"nothing")
