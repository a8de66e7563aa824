"""Traces by the real MLflow clients, 2.22 and 3, and as tables."""

import os
import pathlib
import subprocess
import sys

import pytest
from test_mlflow_registry import CLIENT_3, SERVE, TESTS

import gradframe as gf


@pytest.mark.parametrize("python", [pathlib.Path(sys.executable), CLIENT_3], ids=["2.22", "3"])
def test_the_unmodified_client_traces_calls(python, tmp_path):
    if not python.exists():
        pytest.skip(f"no {python}: `cargo xtask test` makes it, of requirements-mlflow3.txt")
    home = tmp_path / "served"
    server = subprocess.Popen([sys.executable, "-c", SERVE, "--home", str(home)], stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().split()[-1]
        environment = {**os.environ, "MLFLOW_TRACKING_URI": address, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
        program = [str(python), str(TESTS / "mlflow/uses_traces.py")]
        done = subprocess.run(program, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-4000:]
    finally:
        server.kill()
        server.wait()
    session = gf.Session(home=home)
    spans = session.sql(
        "SELECT t.name, s.name, s.span_type, s.outputs, t.run <> '' FROM gradframe.spans AS s JOIN gradframe.traces AS t USING (trace) "
        "WHERE t.name = 'answer' AND s.parent IS NOT NULL ORDER BY t.started, s.started LIMIT 2"
    )
    kept = [row[:3] + row[4:] for row in spans.collect().rows()]
    assert kept == [("answer", "retrieve", "RETRIEVER", True), ("answer", "write", "LLM", True)]
    took = session.sql("SELECT count(*), min(duration_us) >= 0 FROM gradframe.traces WHERE state = 'OK' AND experiment = 'traced'")
    assert took.collect().rows() == [(3, True)]
