"""How frames look on a terminal and in a notebook."""

import pyarrow as pa
import pytest

import gradframe as gf


@pytest.fixture
def width(monkeypatch):
    return lambda characters: monkeypatch.setenv("GRADFRAME_TABLE_WIDTH", str(characters))


def test_a_table_has_types_the_first_rows_and_the_last():
    text = repr(gf.from_dict({"n": list(range(30)), "s": ["é"] * 30}))
    assert text.startswith("shape: (30, 2)\n┌")
    lines = text.splitlines()
    assert lines[2].split() == ["│", "n", "│", "s", "│"] and lines[3].split() == ["│", "i64", "│", "str", "│"]
    assert "│   0 │" in text and "│   4 │" in text and "·" in text and "│  25 │" in text and "│  29 │" in text
    assert "│   5 │" not in text and "│  24 │" not in text
    short = repr(gf.from_dict({"n": [1, None]}))
    assert "null" in short and "·" not in short


def test_a_table_is_cut_to_the_terminal(width):
    wide = gf.from_dict({f"column{i}": ["some text that is long"] for i in range(20)})
    width(80)
    text = repr(wide)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "more columns" in text and "column0" in text and "column19" in text
    width(0)
    assert "column10" in repr(wide)


def test_an_empty_table_has_its_columns():
    assert " x │" in repr(gf.from_dict({"x": [1]}).head(0))
    assert repr(gf.from_dict({"x": [1, 2]})["x"]).startswith("shape: (2,)\n┌")


def test_a_notebook_is_shown_text_and_not_markup():
    html = gf.from_dict({"<b>": ["<script>alert('x')</script>", None]})._repr_html_()
    assert "&lt;b&gt;" in html and "<small>str</small>" in html
    assert "<script>" not in html and "alert(&#39;x&#39;)" in html and "<td>null</td>" in html
    long = gf.from_dict({"x": list(range(50))})._repr_html_()
    assert "shape: (50, 1)" in long and "&hellip;" in long and "<td>49</td>" in long


def test_control_characters_do_not_reach_the_terminal():
    assert "\x1b" not in repr(gf.from_dict({"x": ["\x1b[31mred"]}))


def test_moments_of_an_unknown_zone_are_printed_in_utc():
    mars = pa.timestamp("us", "Mars/Phobos")
    table = pa.table({"t": pa.array([1_500_000, None], mars), "l": pa.array([[{"x": 0}], None], pa.list_(pa.struct([("x", mars)])))})
    frame = gf.from_arrow(table)
    for text in (repr(frame), frame._repr_html_()):
        assert "datetime[μs, Mars/Phobos]" in text and "1970-01-01T00:00:01.500Z" in text and "[{x: 1970-01-01T00:00:00Z}]" in text
    assert "1970-01-01T00:00:01.500Z" in repr(frame["t"])


def test_long_cells_and_many_columns_are_cut_before_they_are_written():
    text = gf.from_dict({"s": ["x" * 1_000_000], "l": [list(range(100_000))], "b": ["<" * 10_000]})
    html = text._repr_html_()
    assert len(html) < 4000 and "…" in html and "xxx" in html and "[0, 1, 2," in html
    assert len(repr(text)) < 4000
    wide = gf.from_dict({f"c{i}": [i] for i in range(3000)})._repr_html_()
    assert len(wide) < 10_000 and "2940 more columns" in wide and "c59" in wide and "c60<" not in wide
    assert wide.count("<td>") == 61
    few = gf.from_dict({f"c{i}": [i] for i in range(60)})._repr_html_()
    assert few.count("<td>") == 60 and "more columns" not in few
