"""Data from outside the repository: `GRADFRAME_DATA`, else `../shared/data` beside it."""

import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[4]
DATA = pathlib.Path(os.environ.get("GRADFRAME_DATA", ROOT / "../shared/data")).resolve()


def folder(name: str) -> pathlib.Path:
    """A folder of the data; the test that asks is skipped where it is missing."""
    path = DATA / name
    if not path.is_dir():
        pytest.skip(f"no {name} in {DATA}; name the folder of the data in GRADFRAME_DATA")
    return path
