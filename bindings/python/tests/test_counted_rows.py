"""What counts rows off (head, tail, slice, with_row_index) counts the same ones whatever is done with them: by one thread and by several,
in memory and in files, also where a training, a table or a relation of a model stands above."""

from __future__ import annotations

import numpy as np
import pytest

import gradframe as gf

ROWS = 200_000
COUNTED = {
    "head": lambda f: f.head(40_000),
    "tail": lambda f: f.tail(20_000),
    "slice": lambda f: f.slice(50_000, 30_000),
    "filter, head": lambda f: f.filter(gf.col("x") > -3.0).head(20_000),
    "index": lambda f: f.with_row_index("i").filter(gf.col("i") % 5 == 0).drop("i"),
    "every": lambda f: f.gather_every(7),
    "sorted, head, sorted": lambda f: f.sort("x", descending=True).head(10_000).sort("y"),
    "ends": lambda f: gf.concat([f.head(5_000), f.tail(5_000)]),
}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    random = np.random.default_rng(7)
    x = random.standard_normal(ROWS)
    y = np.linspace(-1.0, 1.0, ROWS) * x + random.standard_normal(ROWS)  # the slope goes with the place
    file = tmp_path_factory.mktemp("counted") / "rows.parquet"
    frame = gf.DataFrame({"x": x, "y": y})
    frame.write_parquet(file, row_group_size=20_000)
    return frame, file


@pytest.fixture(params=["memory", "file"])
def rows(request, table, tmp_path):
    frame, file = table
    session = gf.Session(home=tmp_path / "home", threads=2)
    return session, session.from_arrow(frame.to_arrow()).lazy() if request.param == "memory" else session.scan_parquet(file)


@pytest.mark.parametrize("counted", COUNTED.values(), ids=COUNTED)
def test_they_are_the_same_rows_in_a_training_a_table_and_a_model_s_relation(rows, counted):
    session, frame = rows
    some = counted(frame)
    known = some.collect()
    model, options = gf.ml.LinearRegression(), {"split": "none"}

    def slope(given):
        return given.fit(model, "y", **options).weights().rows()[0][3]

    assert slope(some) == pytest.approx(slope(known), rel=1e-9)
    session.sql("CREATE TABLE kept AS SELECT * FROM some", some=some).collect()
    assert session.sql("SELECT sum(x) AS s FROM kept").collect().item() == pytest.approx(known["x"].sum(), rel=1e-9)
    session.sql(
        "CREATE MODEL m OPTIONS (model_type = 'linear_reg', input_label_cols = ['y'], data_split_method = 'no_split') AS SELECT * FROM some", some=some
    ).collect()
    assert session.model("m").weights().rows()[0][3] == pytest.approx(slope(known), rel=1e-9)
    assert session.sql("SELECT sum(x) AS s FROM some", some=some).collect().item() == pytest.approx(known["x"].sum(), rel=1e-9)
    in_subquery = session.sql("SELECT (SELECT sum(x) FROM some) AS s", some=some).collect().item()
    assert in_subquery == pytest.approx(known["x"].sum(), rel=1e-9)
    predicted = session.sql("SELECT sum(x) AS s FROM ML.PREDICT(MODEL m, TABLE some)", some=some).collect().item()
    assert predicted == pytest.approx(known["x"].sum(), rel=1e-9)


SORTED = {
    "running sums": lambda f: f.sort("x").with_columns(z=gf.col("y").cum_sum()),
    "places": lambda f: f.sort("x", descending=True).with_row_index("i"),
    "neighbours": lambda f: f.sort("y").with_columns(z=gf.col("x").shift(1)),
    "first of each": lambda f: f.sort("y").unique("k", keep="first"),
    "firsts": lambda f: f.sort("y").group_by("k").agg(gf.col("x").first()),
    "from the end": lambda f: f.slice(-5, 3),
    "last ones": lambda f: f.tail(3),
    "sorted last ones": lambda f: f.sort("y").tail(7),
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("made", SORTED.values(), ids=SORTED)
def test_sorts_within_a_frame_are_there_in_sql(made, threads, tmp_path):
    session = gf.Session(home=tmp_path / "home", threads=threads)
    random = np.random.default_rng(3)
    columns = {"x": random.permutation(500), "y": random.permutation(500), "k": np.arange(500) % 7}
    frame = made(session.from_arrow(gf.from_dict(columns).to_arrow()).lazy())
    expected = sorted(frame.collect().rows(), key=repr)
    for query in (
        "SELECT * FROM h",
        "SELECT * FROM (SELECT * FROM h) AS z",
        "WITH c AS (SELECT * FROM h) SELECT * FROM c WHERE k IN (SELECT k FROM c) OR true",
        "SELECT DISTINCT * FROM h",
    ):
        query = query if "k" in frame.columns or "WITH" not in query else "SELECT * FROM h"
        assert sorted(session.sql(query, h=frame).collect().rows(), key=repr) == expected, query


CUTS = {
    "two frames": lambda x, f: x.concat([f.with_row_index(), f.with_row_index()]).slice(4, 4),
    "unpivoted": lambda x, f: f.with_row_index().unpivot(["a", "b"], index=["index"]).head(3),
    "lists of two frames": lambda x, f: x.concat([f, f.reverse()]).explode("l").slice(3, 5),
    "unpivoted lists": lambda x, f: f.with_row_index().unpivot(["a", "b"], index=["index", "l"]).explode("l").slice(2, 7),
    "numbered after": lambda x, f: x.concat([f.with_row_index(), f.with_row_index()]).explode("l").with_row_index("n").gather_every(2),
}


@pytest.mark.parametrize("source", ["memory", "file"])
@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_a_cut_over_several_frames_takes_their_rows_one_frame_after_another(cut, source, tmp_path):
    polars = pytest.importorskip("polars")
    columns = {"a": [1, 2, 3, 4, 5], "b": [6, 7, 8, 9, 10], "l": [[1], [2, 3], [], None, [5]]}
    own = gf.from_dict(columns)
    own.write_parquet(tmp_path / "rows.parquet", row_group_size=2)
    frame = own.lazy() if source == "memory" else gf.scan_parquet(tmp_path / "rows.parquet")
    # Its lazy frames give the rows of two by turns, now and then.
    assert cut(gf, frame).collect().rows() == cut(polars, polars.DataFrame(columns)).rows()
