"""The registry, logged models and autologging by the real MLflow clients, 2.22 and 3, by MLFLOW_TRACKING_URI alone."""

import pytest
from mlflow_client import both_clients, run_program

import gradframe as gf


@both_clients
def test_the_unmodified_client_registers_and_loads_models(python, tmp_path):
    home = tmp_path / "served"
    session = gf.Session(home=home)
    session.sql(
        "CREATE MODEL trained OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS "
        "SELECT value AS x, 2 * value AS y FROM generate_series(1, 20)"
    ).collect()
    run_program("uses_registry.py", python, tmp_path)
    check_tables(session)


def check_tables(session):
    """What the client has registered is in the tables, beside what was trained here."""
    rows = session.sql("SELECT model, version, model_type, stage FROM gradframe.models WHERE model = 'fare''s' ORDER BY version")
    assert rows.collect().rows() == [("fare's", 1, "mlflow.sklearn", "Archived"), ("fare's", 2, "mlflow.sklearn", "Production")]
    assert session.sql("SELECT version FROM gradframe.aliases WHERE model = 'fare''s' AND alias = 'champion'").collect().rows() == [(1,)]
    assert session.sql("SELECT value FROM gradframe.model_tags WHERE model = 'trained'").collect().rows() == [("by mlflow",)]
    predicted = session.sql("SELECT * FROM ML.PREDICT(MODEL trained@champion, (SELECT 3 AS x))").collect()
    assert abs(predicted["predicted_y"].to_list()[0] - 6) < 1e-6
    with pytest.raises(gf.errors.PlanError, match="mlflow.pyfunc.load_model"):
        session.sql("SELECT * FROM ML.PREDICT(MODEL \"fare's\", (SELECT 3 AS x))").collect()
    data = session.sql("SELECT r.title, d.role, d.rows FROM gradframe.datasets AS d JOIN gradframe.runs AS r USING (run)")
    assert ("auto", "train", None) in [(title, role, None) for title, role, _ in data.collect().rows()]
