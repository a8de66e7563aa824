"""The README's Python example, run as it stands, predicts what its SQL example predicts, to the last bit."""

import struct

import gradframe as gf

from .outside import ROOT


def block(language: str, number: int = 1) -> str:
    """The README's first block in a language, or a later one."""
    return (ROOT / "README.md").read_text().split(f"```{language}\n")[number].split("```")[0]


def bits(frame) -> list[bytes]:
    return [struct.pack("d", value) for value in frame.to_arrow()["predicted_rent"].to_pylist()]


def test_python_and_sql_predict_the_same_bits(monkeypatch):
    monkeypatch.chdir(ROOT)
    in_sql = gf.sql(block("sql")).collect()
    shown = []
    # The example prints its frame; here it is caught on the way.
    exec(compile(block("python"), "README.md", "exec"), {"print": shown.append})
    assert len(shown) == 1 and shown[0].height == 8
    assert bits(shown[0]) == bits(in_sql)


def test_the_example_of_arrays_finds_the_weights():
    shown = []
    exec(compile(block("python", 2), "README.md", "exec"), {"print": shown.append})
    assert repr(shown[0]) == "array([ 1. , -2. ,  0.5], dtype=float32)"
