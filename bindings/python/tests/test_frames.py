"""Frames and expressions: Polars's names, Polars's answers."""

import datetime

import polars as pl
import pytest

import gradframe as gf

DATA = {
    "region": ["EU", "US", "EU", None, "US"],
    "fare": [12.0, 40.0, 18.0, 7.5, None],
    "riders": [1, 2, 3, 4, 5],
}


def ours():
    return gf.from_dict(DATA).lazy()


def theirs():
    return pl.DataFrame(DATA).lazy()


# Each case is written once and run by both libraries.
CASES = {
    "select": lambda f, x: f.select("region", (x.col("fare") * 2).alias("double"), tripled=x.col("riders") * 3),
    "filter": lambda f, x: f.filter(x.col("fare") > 10, x.col("riders") <= 3),
    "filter_or": lambda f, x: f.filter((x.col("fare") > 30) | x.col("region").is_null()),
    "with_columns": lambda f, x: f.with_columns((x.col("fare") / x.col("riders")).alias("each"), riders=x.col("riders") + 1),
    "true_division": lambda f, x: f.select(x.col("riders") / 2),
    "sort": lambda f, x: f.sort("region", "riders", descending=[True, False]),
    "sort_nulls_last": lambda f, x: f.sort("fare", nulls_last=True),
    "head": lambda f, x: f.sort("riders").head(2),
    "slice": lambda f, x: f.sort("riders").slice(1, 2),
    "unique": lambda f, x: f.select("region").unique().sort("region"),
    "drop": lambda f, x: f.drop("fare"),
    "rename": lambda f, x: f.rename({"fare": "price"}),
    "group_by": lambda f, x: f.group_by("region").agg(x.col("fare").sum(), n=x.len()).sort("region"),
    "group_by_mean": lambda f, x: f.group_by("region").agg(
        x.col("fare").mean(), x.col("riders").max().alias("most"), x.col("riders").n_unique().alias("kinds")
    ).sort("region"),
    "when": lambda f, x: f.select(
        x.when(x.col("fare") > 20).then(x.lit("dear")).when(x.col("fare") > 10).then(x.lit("fair")).otherwise(x.lit("?")).alias("t")
    ),
    "when_without_otherwise": lambda f, x: f.select(x.when(x.col("riders") > 2).then(x.lit(1)).alias("t")),
    "n_unique_counts_null": lambda f, x: f.select(x.col("region").n_unique(), fares=x.col("fare").n_unique()),
    "fill_null": lambda f, x: f.select(x.col("fare").fill_null(0.0)),
    "is_in": lambda f, x: f.filter(x.col("region").is_in(["EU"])),
    "is_between": lambda f, x: f.filter(x.col("riders").is_between(2, 4)),
    "aggregate_all": lambda f, x: f.select(x.col("fare").sum().alias("s"), x.col("riders").mean().alias("m")),
    "math": lambda f, x: f.select(x.col("fare").sqrt().alias("r"), (x.col("riders") ** 2).cast(float).alias("sq"), (-x.col("riders")).alias("neg")),
    "std": lambda f, x: f.select(x.col("riders").std().alias("s"), x.col("riders").var().alias("v")),
    "negated": lambda f, x: f.filter(~(x.col("riders") > 2)),
}


class PolarsNames:
    """Polars under the names that both have; `float` stands for its Float64."""

    col = staticmethod(pl.col)
    len = staticmethod(pl.len)
    lit = staticmethod(pl.lit)
    when = staticmethod(pl.when)


@pytest.mark.parametrize("name", CASES)
def test_same_answer_as_polars(name):
    case = CASES[name]
    got = case(ours(), gf).collect()
    expected = case(theirs(), PolarsNames).collect()
    assert got.columns == expected.columns
    for mine, yours in zip(got.rows(), expected.rows(), strict=True):
        assert mine == pytest.approx(yours) if all(isinstance(v, float) for v in yours) else mine == yours


@pytest.mark.parametrize("how", ["inner", "left", "semi", "anti"])
def test_joins_as_polars(how):
    right = {"region": ["EU", "AS"], "name": ["Europe", "Asia"], "fare": [1.0, 2.0]}
    got = ours().join(gf.from_dict(right).lazy(), on="region", how=how).sort("riders").collect()
    expected = theirs().join(pl.DataFrame(right).lazy(), on="region", how=how).sort("riders").collect()
    assert got.columns == expected.columns
    assert got.rows() == expected.rows()


def test_collected_frames_answer_at_once():
    frame = gf.from_dict(DATA)
    assert frame.shape == (5, 3)
    assert len(frame) == 5
    assert frame.filter(gf.col("riders") > 3).height == 2
    assert frame.head(2).rows() == [("EU", 12.0, 1), ("US", 40.0, 2)]
    assert frame["riders"].to_list() == [1, 2, 3, 4, 5]
    assert frame["fare"].null_count() == 1
    assert frame.select(gf.col("riders").sum()).item() == 15


def test_printing_shows_shape_and_first_rows():
    text = repr(gf.from_dict({"x": list(range(30))}))
    assert text.startswith("shape: (30, 1)")
    assert "·" in text
    assert "LazyFrame" in repr(ours())
    assert repr(gf.Session(in_memory=True)) == "Session in memory"
    assert "<td>US</td><td>40.0</td>" in gf.from_dict(DATA)._repr_html_()
    assert "&lt;b&gt;" in gf.from_dict({"<b>": ["<b>"]})._repr_html_()
    assert " x │" in repr(gf.from_dict({"x": [1]}).head(0))


def test_constants_of_every_kind():
    when = datetime.datetime(2024, 2, 29, 12, 30, 0, 5)
    row = gf.from_dict({"x": [1]}).select(
        a=gf.lit(None), b=gf.lit(True), c=gf.lit(-(2**62)), d=gf.lit(0.1), e=gf.lit("é"), f=gf.lit(when.date()), g=gf.lit(when)
    ).rows()[0]
    assert row == (None, True, -(2**62), 0.1, "é", when.date(), when)


def test_an_expression_has_no_truth_value():
    with pytest.raises(TypeError, match="combine conditions"):
        bool(gf.col("x") > 1)


def test_sql_and_frames_are_one_plan(tmp_path):
    gf.from_dict(DATA).write_parquet(tmp_path / "trips.parquet")
    frame = gf.scan_parquet(tmp_path / "trips.parquet").filter(gf.col("riders") > 2).select("fare").collect()
    query = gf.sql(f"SELECT fare FROM '{tmp_path}/trips.parquet' WHERE riders > 2").collect()
    assert frame.rows() == query.rows()


def test_csv_options(tmp_path):
    file = tmp_path / "raw.csv"
    file.write_text("1; ?;a\n2; 3;b\n")
    frame = gf.scan_csv(file, has_header=False, separator=";", null_values="?", trim=True).collect()
    assert frame.rows() == [(1, None, "a"), (2, 3, "b")]


def test_sinks_and_concat(tmp_path):
    frame = ours()
    assert frame.sink_parquet(tmp_path / "a.parquet") == 5
    assert frame.sink_csv(tmp_path / "a.csv") == 5
    both = gf.concat([gf.scan_parquet(tmp_path / "a.parquet"), gf.scan_parquet(tmp_path / "a.parquet")])
    assert both.collect().height == 10
    assert gf.concat([frame.collect(), frame.collect()]).height == 10
    assert gf.read_csv(tmp_path / "a.csv").height == 5


def test_explain_names_operators_and_analyze_their_rows():
    frame = ours().filter(gf.col("riders") > 2)
    assert "FilterExec" in frame.explain()
    assert "output_rows" in frame.explain(analyze=True)


def test_a_frame_gets_a_name_in_sql():
    gf.register("trips", ours())
    assert gf.sql("SELECT count(*) AS n FROM trips").collect().item() == 5
    gf.register("trips", ours().collect().head(2))
    assert gf.sql("SELECT count(*) AS n FROM trips").collect().item() == 2
    assert gf.session().deregister("trips")
    assert not gf.session().deregister("trips")
    gf.sql("CREATE TABLE stored AS SELECT 1 AS one")
    with pytest.raises(gf.errors.PlanError, match="table `stored` already exists"):
        gf.register("stored", ours())


def test_rows_keep_their_order():
    rows = gf.from_dict({"i": list(range(50_000))})
    assert rows.filter(gf.col("i") % 2 == 1).to_dict()["i"] == list(range(1, 50_000, 2))


def test_a_boolean_column_filters_by_its_name():
    frame = gf.from_dict({"late": [True, False, None], "i": [-1, -2, -3]})
    assert frame.filter("late").rows() == [(True, -1)]
    assert frame.select(abs(gf.col("i"))).rows() == [(1,), (2,), (3,)]
    assert "late" in frame and "early" not in frame
