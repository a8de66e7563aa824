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


ROWS = {"k": [2, 1, 3, 1], "x": [1.5, None, 0.5, 2.0], "l": [[3, 1], [], None, [2, None]], "w": [["a"], ["b", "c"], ["d"], []]}

WORDS = {
    "explode in an order": lambda f: f.sort("k", "x").explode("l"),
    "explode twice in an order": lambda f: f.sort("k", "x").explode("l").explode("w"),
    "explode in an order, computed": lambda f: f.sort("k", descending=True, maintain_order=True).with_columns(y=gf.col("x") * 2).explode("w").select("w", "y"),
    "explode in an order, cut": lambda f: f.sort("x").head(3).explode("l", empty_as_null=True).tail(2),
    "explode in an order, filtered": lambda f: f.sort("x").filter(gf.col("k") > 1).explode("l", keep_nulls=False),
    "explode in an order, sorted": lambda f: f.sort("x").explode("l").sort("k", maintain_order=True),
    "texts of several lines": lambda f: f.with_columns(t=gf.lit("a\n  b\nc")).sort("k").with_row_index().filter(gf.col("t").str.contains("\n  b")),
    "elements": lambda f: f.select(gf.col("l").list.eval(gf.element() * 10 + 1)),
    "elements, in order": lambda f: f.select(gf.col("l").list.eval(gf.element().sort(descending=True))),
    "elements, shifted": lambda f: f.select(gf.col("l").list.eval(gf.element() - gf.element().shift(1))),
    "elements, one value": lambda f: f.select(gf.col("l").list.eval(gf.element().sum()), m=gf.col("l").list.agg(gf.element().max())),
    "elements that are kept": lambda f: f.select(gf.col("l").list.filter(gf.element() > 1), gf.col("w").list.filter(gf.element() != "b")),
    "elements of elements": lambda f: f.select(gf.col("w").list.eval(gf.element().str.to_uppercase() + gf.element().str.len_chars().cast(gf.String))),
    "rows so far": lambda f: f.select(gf.col("x").cumulative_eval(gf.element().max() - gf.element().min())),
}


@pytest.mark.parametrize("name", WORDS)
def test_orders_and_elements_have_words(name):
    query = WORDS[name](gf.from_dict(ROWS).lazy())
    text, frames = query.to_sql()
    assert gf.sql(text, **frames).collect().rows() == query.collect().rows(), text
    again, frames = gf.sql(text, **frames).to_sql()
    assert gf.sql(again, **frames).collect().rows() == query.collect().rows(), again


def test_the_plan_is_shown_as_written_too():
    frame = gf.from_dict(DATA).lazy().filter(gf.col("fare") > 5).filter(gf.col("fare") > 15)
    assert frame.explain(optimized=False).count("Filter:") == 2
    assert frame.explain(format="plain") == frame.explain()
    assert frame.explain(format="tree", optimized=False).count("Filter:") == 2
    assert "digraph" in frame.explain(format="graphviz", optimized=False)
    assert frame.show_graph(optimized=False, raw_output=True) != frame.show_graph(raw_output=True)
    assert frame.explain(format="sql", optimized=False) == frame.explain(format="sql")
    with pytest.raises(ValueError, match="analyze runs the optimised plan"):
        frame.explain(optimized=False, analyze=True)


def test_a_part_without_words_is_named():
    frame = gf.from_dict({**DATA, "l": [[1], [2, 3], []]}).lazy()
    queries = {
        "MapBatches": frame.map_batches(lambda batch: batch),
        "the function `my_own`; ": frame.select(gf.col("l").list.eval(gf.element().map_elements(my_own))),
        "the function `my_own`": frame.select(gf.col("fare").map_elements(my_own)),
    }
    for what, query in queries.items():
        with pytest.raises(gf.errors.UnsupportedError, match=f"SQL has no words for a part of this frame: .*{what.rstrip('; ')}"):
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


def test_what_cannot_be_kept_says_so():
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


def test_summarize_has_a_row_for_each_column():
    frame = gf.from_dict({"id": [1, 2, 3, 4], "region": ["EU", "US", "EU", None], "fare": [10.0, None, 30.0, 20.0], "stops": [[1], [2, 3], None, []]})
    rows = gf.sql("SUMMARIZE frame", frame=frame).collect()
    assert rows.columns == ["column_name", "column_type", "min", "max", "approx_unique", "avg", "std", "q25", "q50", "q75", "count", "null_percentage"]
    assert rows["column_name"].to_list() == ["id", "region", "fare", "stops"]
    assert rows["min"].to_list() == ["1", "EU", "10.0", None] and rows["max"].to_list() == ["4", "US", "30.0", None]
    assert rows["approx_unique"].to_list() == [4, 2, 3, 3] and rows["count"].to_list() == [4, 3, 3, 3]
    assert rows["avg"].to_list() == [2.5, None, 20.0, None] and rows["null_percentage"].to_list() == [0.0, 25.0, 25.0, 25.0]
    of_query = gf.sql("SUMMARIZE SELECT fare * 2 AS d FROM frame WHERE id > 1", frame=frame).collect()
    assert of_query["column_name"].to_list() == ["d"] and of_query["q50"].to_list() == [50.0]
    none = gf.sql("SUMMARIZE SELECT * FROM frame WHERE id > 9", frame=frame).collect()
    assert none["count"].to_list() == [0, 0, 0, 0] and none["null_percentage"].to_list() == [None] * 4
    with pytest.raises(gf.errors.PlanError, match="unknown table `nothing`"):
        gf.sql("SUMMARIZE nothing")


def test_fields_of_a_null_struct_that_is_spread_are_null():
    structs = pa.array([{"x": 1, "y": "a"}, None], pa.struct([("x", pa.int64()), ("y", pa.string())]))
    table = pa.table({"id": [1, 2], "s": structs})
    assert gf.sql("SELECT unnest(s) FROM table_", table_=table).collect().rows() == [(1, "a"), (None, None)]
    strict = pa.struct([pa.field("x", pa.int64(), nullable=False)])
    table = pa.table({"id": [1, 2], "s": pa.StructArray.from_arrays([pa.array([5, 6])], fields=list(strict), mask=pa.array([False, True]))})
    assert gf.sql("SELECT id, unnest(s) FROM table_", table_=table).collect().rows() == [(1, 5), (2, None)]


def test_the_first_rows_of_frames_below_each_other_are_those_of_all():
    above, below = gf.DataFrame({"v": [10, 20, 3]}), gf.DataFrame({"v": [7, 7, 9]})
    assert gf.concat([above.lazy(), below.lazy()]).sort("v").head(2).collect().rows() == [(3,), (7,)]
    assert gf.sql("SELECT v FROM above UNION ALL SELECT v FROM below ORDER BY v DESC LIMIT 3").collect().rows() == [(20,), (10,), (9,)]


def test_numbers_of_rows_are_polars_in_frames_and_have_a_sign_in_sql():
    frame = gf.DataFrame({"v": [3, 1, 2], "l": [[1], [], [1, 2]]})
    assert str(frame.with_row_index().schema["index"]) == "UInt32"
    assert str(frame.select(gf.col("l").list.len()).schema["l"]) == "UInt32"
    numbered = frame.sql("SELECT row_number() OVER (ORDER BY v) - 2 AS n, array_length(l) - 1 AS m FROM self ORDER BY v")
    assert numbered.rows() == [(-1, -1), (0, 1), (1, 0)]
    assert [str(dtype) for dtype in numbered.schema.values()] == ["Int64", "Int64"]
