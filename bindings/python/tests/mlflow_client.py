"""A program of the real MLflow client, 2.22 or 3, against a server of its own."""

import os
import pathlib
import subprocess
import sys

import pytest

TESTS = pathlib.Path(__file__).parent
SERVE = "from gradframe._command import main; import sys; sys.argv[1:1] = ['serve', '--port', '0']; main()"
#: `cargo xtask test` makes it, of requirements-mlflow3.txt.
CLIENT_3 = pathlib.Path(os.environ.get("GRADFRAME_MLFLOW3", TESTS.parents[2] / ".venv-mlflow3/bin/python"))

both_clients = pytest.mark.parametrize("python", [pathlib.Path(sys.executable), CLIENT_3], ids=["2.22", "3"])


def run_program(name, python, folder, seconds=300):
    """Runs `mlflow/NAME` with this Python, and gives the home that its server had. The program has its own assertions."""
    if not python.exists():
        pytest.skip(f"no {python}: `cargo xtask test` makes it, of requirements-mlflow3.txt")
    home = folder / "served"
    server = subprocess.Popen([sys.executable, "-c", SERVE, "--home", str(home)], stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().split()[-1]
        environment = {**os.environ, "MLFLOW_TRACKING_URI": address, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
        program = [str(python), str(TESTS / "mlflow" / name)]
        done = subprocess.run(program, env=environment, cwd=folder, capture_output=True, text=True, timeout=seconds)
        assert done.returncode == 0, done.stderr[-4000:]
    finally:
        server.kill()
        server.wait()
    return home
