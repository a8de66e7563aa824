"""SQL over frames and variables; frames as SQL."""

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import gradframe as gf

DATA = {"region": ["EU", "US", "EU"], "fare": [12.0, 40.0, 18.0]}
everywhere = pa.table(DATA)


@pytest.mark.parametrize(
    "frame",
    [
        gf.from_dict,
        lambda data: gf.from_dict(data).lazy(),
        pl.DataFrame,
        lambda data: pl.DataFrame(data).lazy(),
        pd.DataFrame,
        pa.table,
    ],
    ids=["gf", "gf lazy", "polars", "polars lazy", "pandas", "pyarrow"],
)
def test_frames_of_any_library_have_names_in_sql(frame):
    dear = gf.sql("SELECT region FROM df WHERE fare > 15 ORDER BY fare", df=frame(DATA))
    assert dear.collect().rows() == [("EU",), ("US",)]
    with pytest.raises(gf.errors.PlanError, match="df"):
        gf.sql("SELECT * FROM df")


def test_variables_are_found_for_names_that_nothing_else_has():
    trips = gf.from_dict(DATA)
    assert gf.sql("SELECT count(*) FROM trips").collect().item() == 3
    assert gf.sql("SELECT count(*) FROM everywhere").collect().item() == 3
    with pytest.raises(gf.errors.PlanError, match="trips"):
        gf.sql("SELECT * FROM trips", frames_from_variables=False)
    gf.sql("CREATE TABLE trips AS SELECT 1 AS one")
    assert gf.sql("SELECT * FROM trips").columns == ["one"]
    assert gf.sql("SELECT * FROM trips", trips=trips).columns == ["region", "fare"]


def test_numbers_and_types_are_no_tables():
    count = 3
    with pytest.raises(gf.errors.PlanError):
        gf.sql("SELECT * FROM count")
    with pytest.raises(TypeError, match="`df` is int"):
        gf.sql("SELECT * FROM df", df=count)


def test_a_frame_is_asked_in_sql():
    frame = gf.from_dict(DATA)
    assert frame.sql("SELECT sum(fare) AS total FROM self").item() == 70
    lazy = frame.lazy().sql("SELECT region FROM t WHERE fare < 15", table_name="t")
    assert lazy.collect().rows() == [("EU",)]


def test_a_frame_explains_itself():
    frame = gf.from_dict(DATA).lazy().filter(gf.col("fare") > 15).sort("fare")
    text = frame.explain(format="sql")
    assert gf.sql(text, frame=gf.from_dict(DATA)).collect().rows() == frame.collect().rows()
    assert "┌" in frame.explain(format="tree")
    assert "does not stream" in frame.explain()
    with pytest.raises(gf.errors.PlanError, match="did you mean"):
        frame.explain(format="tre")
    with pytest.raises(gf.errors.UnsupportedError, match="MapBatches"):
        frame.map_batches(lambda batch: batch).explain(format="sql")
    assert "<pre>" in frame._repr_html_()


def test_a_frame_gives_its_sql_with_the_frames_that_it_names():
    left, right = gf.from_dict(DATA).lazy(), gf.from_dict({"region": ["EU", "AS"], "name": ["Europe", "Asia"]}).lazy()
    query = left.join(right, on="region", how="left").with_columns(
        rank=gf.col("fare").rank().over("region"), head=gf.col("name").str.head(2), next=gf.col("fare").shift(-1)
    )
    text, frames = query.to_sql()
    assert list(frames) == ["frame", "frame_2"] and '"str.head"' in text and "OVER (PARTITION BY" in text
    assert gf.sql(text, **frames).collect().rows() == query.collect().rows()
    twice = gf.concat([left, left.filter(gf.col("fare") > 15)])
    text, frames = twice.to_sql()
    assert list(frames) == ["frame"]
    assert gf.sql(text, **frames).collect().rows() == twice.collect().rows()


def test_a_part_without_words_is_named():
    frame = gf.from_dict({**DATA, "l": [[1], [2, 3], []]}).lazy()
    queries = {
        "MapBatches": frame.map_batches(lambda batch: batch),
        "the function `": frame.select(gf.col("l").list.eval(gf.element() + 1)),
        "the function `my_own`": frame.select(gf.col("fare").map_elements(my_own)),
    }
    for what, query in queries.items():
        with pytest.raises(gf.errors.UnsupportedError, match=f"SQL has no words for a part of this frame: .*{what}"):
            query.to_sql()


def my_own(value):
    return value + 1


@pytest.mark.parametrize("format", ["binary", "json"])
def test_a_query_is_kept_with_its_rows(tmp_path, format):
    frame = gf.from_dict(DATA).lazy()
    query = frame.join(frame.group_by("region").agg(n=gf.len()), on="region", how="left").sort("fare")
    kept = query.serialize(format=format)
    assert isinstance(kept, bytes if format == "binary" else str)
    assert gf.LazyFrame.deserialize(kept, format=format).collect().rows() == query.collect().rows()
    query.serialize(tmp_path / "query", format=format)
    assert gf.LazyFrame.deserialize(tmp_path / "query").collect().rows() == query.collect().rows()


def test_what_cannot_be_kept_says_so(tmp_path):
    gf.from_dict(DATA).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(gf.errors.UnsupportedError, match="`frame` is read from files"):
        gf.scan_parquet(tmp_path / "a.parquet").serialize()
    for broken in (b"{}", "{not json", b'{"gradframe": 9, "sql": "", "frames": {}}'):
        with pytest.raises(gf.errors.PlanError, match="deserialize"):
            gf.LazyFrame.deserialize(broken)


def test_a_plan_is_a_graph(tmp_path):
    frame = gf.from_dict(DATA).lazy().filter(gf.col("fare") > 15)
    assert "digraph" in frame.show_graph(raw_output=True)
    frame.show_graph(output_path=tmp_path / "plan.dot")
    assert "digraph" in (tmp_path / "plan.dot").read_text()


def test_a_profile_is_a_table():
    rows, operators = gf.from_dict(DATA).lazy().filter(gf.col("fare") > 15).profile()
    assert rows.height == 2
    assert {"operator", "rows", "time_ms", "memory_bytes", "spills", "copied_bytes", "copied_why"} <= set(operators.columns)
    assert operators.to_dict()["operator"][0] == "FilterExec"
    assert "gathered" in operators.to_dict()["copied_why"][0]
