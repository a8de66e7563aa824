"""Tracking by the real MLflow clients, 2.22 and 3, by MLFLOW_TRACKING_URI alone: `mlflow/uses_tracking.py`."""

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
def test_the_unmodified_client_tracks(python, tmp_path):
    if not python.exists():
        pytest.skip(f"no {python}: `cargo xtask test` makes it, of requirements-mlflow3.txt")
    home = tmp_path / "served"
    server = subprocess.Popen([sys.executable, "-c", SERVE, "--home", str(home)], stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().split()[-1]
        environment = {**os.environ, "MLFLOW_TRACKING_URI": address, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
        program = [str(python), str(TESTS / "mlflow/uses_tracking.py")]
        done = subprocess.run(program, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr[-4000:]
    finally:
        server.kill()
        server.wait()
    # The same, as tables.
    session = gf.Session(home=home)
    curve = "SELECT count(*), min(value) FROM gradframe.metrics JOIN gradframe.runs USING (run) WHERE name = 'loss' AND experiment = 'histories'"
    assert session.sql(curve).collect().rows() == [(3000, 1 / 3000)]
