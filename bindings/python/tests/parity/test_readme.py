"""The README's Python example, run as it stands, predicts what its SQL example predicts, to the last bit."""

import struct

import gradframe as gf

from .outside import ROOT


def block(language: str) -> str:
    """The README's first block in a language."""
    return (ROOT / "README.md").read_text().split(f"```{language}\n")[1].split("```")[0]


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
