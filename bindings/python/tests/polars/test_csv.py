"""CSV as Polars writes it, read back: an empty text is no null."""

import io

import polars as pl
import pytest

import gradframe as gf

FRAMES = {
    "empty beside null": {"a": ["x", "", None, 'q"r'], "b": [1, 2, None, 4]},
    "one column": {"a": ["x", "", None, ""]},
    "one column of numbers": {"a": [1, None, 3]},
    "only empty": {"a": ["", ""], "b": ["", None]},
    "quotes and ends of lines": {"a": ['"', '""', "\n", ",", ""], "b": ["", 'a,"",b', '\n"",\n', None, " "]},
    "without": {"a": ["x", "y"], "b": [1.5, None]},
    "unicode": {"ä": ["é", "", "\U0001f600", None]},
}


@pytest.mark.parametrize("name", FRAMES)
def test_texts_are_those_of_polars(name):
    assert gf.DataFrame(FRAMES[name]).write_csv() == pl.DataFrame(FRAMES[name]).write_csv()


@pytest.mark.parametrize("name", FRAMES)
def test_what_is_written_is_read_back(name, tmp_path):
    frame = gf.DataFrame(FRAMES[name])
    frame.write_csv(tmp_path / "f.csv")
    assert gf.read_csv(tmp_path / "f.csv").to_dicts() == frame.to_dicts()
    pl.DataFrame(FRAMES[name]).write_csv(tmp_path / "p.csv")
    assert gf.read_csv(tmp_path / "p.csv").to_dicts() == frame.to_dicts()


def test_fields_of_nothing_but_quotes_are_empty_wherever_they_are_met(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("a,b,c\n" + "x,1,y\n" * 30_000 + '"",2,\n"a ""quoted"", word",3,""\n' + "x,1,y\n" * 30_000)
    read = gf.read_csv(path)
    assert read.height == 60_002
    assert read.filter(gf.col("b") > 1).to_dicts() == [{"a": "", "b": 2, "c": None}, {"a": 'a "quoted", word', "b": 3, "c": ""}]


@pytest.mark.parametrize("options", [{"null_value": "NA"}, {"quote_style": "always"}, {"quote_style": "never"}, {"quote_char": "'"}, {"separator": ";"}, {"include_header": False}])
def test_options_mean_what_they_do_in_polars(options):
    rows = {"a": ["x", "", None, "q"], "b": [1, 2, None, 4]}
    assert gf.DataFrame(rows).write_csv(**options) == pl.DataFrame(rows).write_csv(**options)


def test_open_files_and_texts():
    frame = gf.DataFrame({"a": [1, None], "b": ["x", "y"]})
    assert frame.write_csv() == "a,b\n1,x\n,y\n"
    assert frame.write_ndjson() == pl.DataFrame({"a": [1, None], "b": ["x", "y"]}).write_ndjson()
    assert frame.write_json() == pl.DataFrame({"a": [1, None], "b": ["x", "y"]}).write_json()
    text, raw = io.StringIO(), io.BytesIO()
    frame.write_csv(text)
    frame.write_parquet(raw)
    assert text.getvalue() == frame.write_csv()
    assert pl.read_parquet(io.BytesIO(raw.getvalue())).to_dicts() == frame.to_dicts()
    assert pl.read_ipc_stream(frame.write_ipc_stream()).to_dicts() == frame.to_dicts()
    with pytest.raises(TypeError, match="write_parquet: expected a path or an open file"):
        frame.write_parquet()
