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
