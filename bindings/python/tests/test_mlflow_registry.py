"""The registry, logged models and autologging by the real MLflow clients, 2.22 and 3, by MLFLOW_TRACKING_URI alone."""

import os
import pathlib
import subprocess
import sys

import pytest

import gradframe as gf

TESTS = pathlib.Path(__file__).parent
SERVE = "from gradframe._command import main; import sys; sys.argv[1:1] = ['serve', '--port', '0']; main()"
#: `cargo xtask test` makes it, of requirements-mlflow3.txt.
CLIENT_3 = pathlib.Path(os.environ.get("GRADFRAME_MLFLOW3", TESTS.parents[2] / ".venv-mlflow3/bin/python"))


@pytest.mark.parametrize("python", [pathlib.Path(sys.executable), CLIENT_3], ids=["2.22", "3"])
def test_the_unmodified_client_registers_and_loads_models(python, tmp_path):
    if not python.exists():
        pytest.skip(f"no {python}: `cargo xtask test` makes it, of requirements-mlflow3.txt")
    home = tmp_path / "served"
    session = gf.Session(home=home)
    session.sql(
        "CREATE MODEL trained OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS "
        "SELECT value AS x, 2 * value AS y FROM generate_series(1, 20)"
    ).collect()
    server = subprocess.Popen([sys.executable, "-c", SERVE, "--home", str(home)], stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().split()[-1]
        environment = {**os.environ, "MLFLOW_TRACKING_URI": address, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
        program = [str(python), str(TESTS / "mlflow/uses_registry.py")]
        done = subprocess.run(program, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-4000:]
    finally:
        server.kill()
        server.wait()
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
