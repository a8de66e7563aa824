"""Fixtures: every test gets a session of its own in a fresh home. No test asks the hub, but those that have one of their own."""

import os

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import gradframe as gf  # noqa: E402


@pytest.fixture
def session(tmp_path):
    return gf.Session(home=tmp_path / "home", threads=2, seed=1)


@pytest.fixture(autouse=True)
def default_session(tmp_path):
    """The module-level functions work in a fresh home, too."""
    return gf.configure(home=tmp_path / "default-home")


@pytest.fixture(autouse=True)
def mlflow_environment():
    """MLflow's client says in the environment what it was told in the program: programs of later tests would ask a server that is gone."""
    before = {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")}
    yield
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        del os.environ[name]
    os.environ.update(before)
