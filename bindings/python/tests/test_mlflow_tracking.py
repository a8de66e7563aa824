"""Tracking by the real MLflow clients, 2.22 and 3, by MLFLOW_TRACKING_URI alone: `mlflow/uses_tracking.py`."""

from mlflow_client import both_clients, run_program

import gradframe as gf


@both_clients
def test_the_unmodified_client_tracks(python, tmp_path):
    home = run_program("uses_tracking.py", python, tmp_path, seconds=600)
    # The same, as tables.
    session = gf.Session(home=home)
    curve = "SELECT count(*), min(value) FROM gradframe.metrics JOIN gradframe.runs USING (run) WHERE name = 'loss' AND experiment = 'histories'"
    assert session.sql(curve).collect().rows() == [(3000, 1 / 3000)]
