"""Stores that the real MLflow client has made by itself, taken in."""

import math

import pytest

import gradframe as gf

mlflow = pytest.importorskip("mlflow")


def fill(uri, artifacts):
    """Runs as a user of MLflow's own store logs them; their names there."""
    client = mlflow.MlflowClient(uri)
    experiment = client.create_experiment("taxi 🚕", artifact_location=artifacts and artifacts.as_uri())
    run = client.create_run(experiment, run_name="it's: one", tags={"team": "a", "note": "two\nlines"})
    client.log_param(run.info.run_id, "adam/lr", "0.1")
    for step, value in enumerate([0.5, math.nan, math.inf, -1e300]):
        client.log_metric(run.info.run_id, "val/loss", value, step=step, timestamp=1_700_000_000_000 + step)
    client.log_text(run.info.run_id, "hello", "notes/a b.txt")
    client.set_terminated(run.info.run_id, end_time=1_700_000_009_000)
    failed = client.create_run(experiment, run_name="failed")
    client.set_terminated(failed.info.run_id, "FAILED")
    client.delete_run(failed.info.run_id)
    return run.info.run_id, failed.info.run_id


@pytest.mark.parametrize("kind", ["mlruns", "mlflow.db"])
def test_what_mlflow_keeps_by_itself_is_taken_in_once(tmp_path, kind, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = tmp_path / kind
    uri = place.as_uri() if kind == "mlruns" else f"sqlite:///{place}"
    run, failed = fill(uri, tmp_path / "artifacts" if kind == "mlflow.db" else None)
    session = gf.Session(home=tmp_path / "home")
    imported = session.import_runs(place)
    assert len(imported) == 2 and session.import_runs(place) == []
    found = session.sql(
        "SELECT r.title, r.status, r.experiment, r.deleted, t.value FROM gradframe.runs AS r JOIN gradframe.tags AS t USING (run) "
        "WHERE t.name = 'mlflow.imported_from' ORDER BY r.title"
    )
    assert found.collect().rows() == [
        ("failed", "failed", "taxi 🚕", True, failed),
        ("it's: one", "finished", "taxi 🚕", False, run),
    ]
    of_run = "JOIN gradframe.runs USING (run) WHERE title = 'it''s: one'"
    points = session.sql(f"SELECT name, step, value FROM gradframe.metrics {of_run} ORDER BY step").collect().rows()
    assert [(name, step) for name, step, _ in points] == [("val/loss", step) for step in range(4)]
    values = [value for _, _, value in points]
    assert values[0] == 0.5 and math.isnan(values[1]) and values[2] == math.inf and values[3] == -1e300
    assert session.sql(f"SELECT name, value FROM gradframe.params {of_run}").collect().rows() == [("adam/lr", "0.1")]
    tags = dict(session.sql(f"SELECT name, value FROM gradframe.tags {of_run}").collect().rows())
    assert tags["team"] == "a" and tags["note"] == "two\nlines"
    name = next(name for name in imported if session.sql(f"SELECT title FROM gradframe.runs WHERE run = '{name}'").collect().item() != "failed")
    assert session.artifact(name, "notes/a b.txt").read_text() == "hello"


def test_what_is_no_store_is_said(session, tmp_path):
    (tmp_path / "empty").mkdir()
    for path in [tmp_path / "empty", tmp_path / "none"]:
        with pytest.raises(gf.errors.GradframeError):
            session.import_runs(path)
    (tmp_path / "mlflow.db").write_bytes(b"no database")
    with pytest.raises(gf.errors.PlanError, match="holds no runs"):
        session.import_runs(tmp_path / "mlflow.db")
