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
    predicted = session.sql("SELECT sum(x) AS s FROM ML.PREDICT(MODEL m, TABLE some)", some=some).collect().item()
    assert predicted == pytest.approx(known["x"].sum(), rel=1e-9)
