"""CSV as Polars writes it, read back: an empty text is no null."""

import io

import polars as pl
import pytest
from same import assert_same

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


FLOATS = {"f": [1.5, 0.125, None, 1234567.0, -0.03125, float("inf"), float("nan"), -0.0], "s": ["12", "x", None, "1e5", "", "inf", 'q"', "é"], "i": [1, None, 3, 4, 5, 6, 7, 8]}
WRITTEN = {
    "two digits": {"float_precision": 2},
    "no digits": {"float_precision": 0},
    "an exponent": {"float_scientific": True},
    "no exponent": {"float_scientific": False},
    "digits and an exponent": {"float_precision": 3, "float_scientific": True},
    "Windows": {"line_terminator": "\r\n", "include_bom": True},
    "another end": {"line_terminator": ";", "separator": "|"},
    "a mark without a header": {"include_bom": True, "include_header": False},
    "what is no number is quoted": {"quote_style": "non_numeric"},
    "nulls are not": {"quote_style": "non_numeric", "null_value": "NA"},
    "nor as numbers": {"quote_style": "non_numeric", "null_value": "7", "float_precision": 1},
}


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("kind", ["Float64", "Float32"])
def test_floats_lines_and_quotes_are_written_as_by_polars(name, kind):
    mine = gf.DataFrame(FLOATS).with_columns(gf.col("f").cast(getattr(gf, kind), strict=False)).write_csv(**WRITTEN[name])
    assert mine == pl.DataFrame(FLOATS).with_columns(pl.col("f").cast(getattr(pl, kind), strict=False)).write_csv(**WRITTEN[name])


def test_options_that_no_writer_has_are_errors_before_a_file_is_there(tmp_path):
    frame = gf.DataFrame({"a": [1.5]})
    for options, message in [({"line_terminator": "ab"}, "line_terminator"), ({"float_precision": -1}, "float_precision")]:
        with pytest.raises(gf.errors.PlanError, match=message):
            frame.write_csv(tmp_path / "f.csv", **options)
    assert list(tmp_path.iterdir()) == []


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


MESSY = {
    "junk": "exported on Monday\na,b,c\n1,x,2.5\n2,NA,\n,y,3.5\n",
    "units": "a,b,c\nm,name,kg\n1,x,2.5\n2,NA,3.5\n",
    "plain": "a,b,c\n1,x,2.5\n2,NA,\n,y,-1\n",
    "late": "a,b\n" + "1,2\n" * 120 + "oops,3\n",
}

#: What Polars says of files that people get.
OPTIONS = {
    "skip_rows": ("junk", {"skip_rows": 1}),
    "skip_lines": ("junk", {"skip_lines": 1}),
    "skip_rows_after_header": ("units", {"skip_rows_after_header": 1}),
    "both": ("plain", {"skip_rows": 0, "skip_rows_after_header": 2}),
    "no header": ("plain", {"has_header": False}),
    "no header, columns by name": ("plain", {"has_header": False, "columns": ["column_2", "column_0"], "schema_overrides": {"column_2": "String"}}),
    "no header, some rows skipped": ("plain", {"has_header": False, "skip_rows": 1, "new_columns": ["p", "q", "r"]}),
    "new_columns": ("plain", {"new_columns": ["p", "q", "r"]}),
    "schema": ("plain", {"schema": {"c": "Float64", "b": "String", "a": "Float64"}}),
    "schema without a header": ("plain", {"has_header": False, "skip_rows": 1, "schema": {"x": "Float64", "y": "String", "z": "Float64"}}),
    "columns that are missing": ("plain", {"schema": {"z": "String", "a": "Int64", "b": "String", "c": "Float64"}, "missing_columns": "insert"}),
    "columns that are too many": ("plain", {"schema": {"b": "String"}, "extra_columns": "ignore"}),
    "types in order": ("plain", {"schema_overrides": ["Float64", "String", "Float64"]}),
    "types by name": ("plain", {"schema_overrides": {"a": "Float64"}}),
    "nulls of a column": ("plain", {"null_values": {"b": "NA"}}),
    "nulls of two columns": ("plain", {"null_values": {"b": "x", "a": "1"}}),
    "errors ignored": ("late", {"ignore_errors": True}),
    "errors ignored, types said": ("units", {"ignore_errors": True, "schema_overrides": {"a": "Int64", "c": "Float64"}}),
    "no types": ("plain", {"infer_schema": False}),
    "columns and new names": ("plain", {"columns": ["a", "c"]}),
}


def options(x, given):
    """With types as the library's own."""
    dtype = lambda name: getattr(x, name)  # noqa: E731
    return {
        key: {column: dtype(name) for column, name in value.items()} if key in ("schema", "schema_overrides") and isinstance(value, dict)
        else [dtype(name) for name in value] if key == "schema_overrides" else value
        for key, value in given.items()
    }


@pytest.mark.parametrize("name", OPTIONS)
def test_messy_files_are_read_as_polars_reads_them(name, tmp_path):
    text, given = OPTIONS[name]
    path = tmp_path / "messy.csv"
    path.write_text(MESSY[text])
    assert_same(gf.read_csv(path, **options(gf, given)), pl.read_csv(path, **options(pl, given)))
    lazy = {key: value for key, value in given.items() if key != "columns"}
    assert gf.scan_csv(path, **options(gf, lazy)).collect().equals(gf.read_csv(path, **options(gf, lazy)))
    assert_same(gf.read_csv(path.read_bytes(), **options(gf, given)), pl.read_csv(path, **options(pl, given)))


@pytest.mark.parametrize("encoding", ["latin1", "cp1252", "utf-16", "utf8-lossy"])
def test_other_encodings_are_read(encoding, tmp_path):
    path = tmp_path / "other.csv"
    path.write_bytes("a,b\né,1\n".encode(encoding) if encoding != "utf8-lossy" else b"a,b\n\xe9,1\n")
    assert_same(gf.read_csv(path, encoding=encoding), pl.read_csv(path, encoding=encoding))


def test_names_are_made_of_names_and_dates_stay_text(tmp_path):
    path = tmp_path / "dates.csv"
    path.write_text("d,n\n2024-01-02,1\n")
    assert gf.scan_csv(path, with_column_names=lambda names: [name.upper() for name in names]).columns == ["D", "N"]
    assert_same(gf.read_csv(path, try_parse_dates=False), pl.read_csv(path))
    assert_same(gf.read_csv(path), pl.read_csv(path, try_parse_dates=True))


def test_a_file_without_anything_is_no_error_if_so_asked(tmp_path):
    path = tmp_path / "empty.csv"
    path.touch()
    assert gf.read_csv(path, raise_if_empty=False).shape == gf.scan_csv(path, raise_if_empty=False).collect().shape == (0, 0)
    with pytest.raises(gf.errors.ExecutionError, match="is empty: it has no columns"):
        gf.read_csv(path)


WRONG_OPTIONS = {
    "an unknown encoding": ({"encoding": "klingon"}, "read_csv: unknown encoding `klingon`"),
    "another encoding than said": ({"encoding": "ascii"}, "byte 4 is no text in ascii"),
    "too many types": ({"schema_overrides": [gf.String] * 9}, "9 types, the file has 2 columns"),
    "too many names": ({"new_columns": ["a", "b", "c"]}, "3 new names for 2 columns"),
    "too many columns": ({"schema": {"a": gf.String}}, "the file has b, which the schema lacks"),
    "too few columns": ({"schema": {"a": gf.String, "b": gf.Int64, "c": gf.Int64}}, "the schema has c, which the file lacks"),
    "nulls of no column": ({"null_values": {"z": "NA"}}, "`null_values` names the column `z`"),
}


@pytest.mark.parametrize("name", WRONG_OPTIONS)
def test_what_is_wrong_with_options_is_said(name, tmp_path):
    given, message = WRONG_OPTIONS[name]
    path = tmp_path / "a.csv"
    path.write_text("a,b\né,1\n", encoding="utf8")
    with pytest.raises(gf.errors.PlanError, match=message):
        gf.read_csv(path, **given)
    with pytest.raises(gf.errors.PlanError, match="scan_csv: a lazy frame reads UTF-8 only"):
        gf.scan_csv(path, encoding="latin1")


@pytest.mark.parametrize("text", ['a,b\n"",1\n,2\n', '# it\'s "\na,b\n#"",\n"",1\n,2\n"#",3\n', 'a,b\n"\n#",1\n# "\n"",2\n'])
def test_comments_change_nothing_of_what_is_empty(text):
    given = text.encode()
    assert_same(gf.read_csv(io.BytesIO(given), comment_prefix="#"), pl.read_csv(io.BytesIO(given), comment_prefix="#"))
