"""The namespace `str`: one table of cases, each asked of Polars too, on fixed texts and on ones that hypothesis makes."""

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from same import check

import gradframe as gf

AWKWARD = ["abc", "", "héllo wörld", None, "a-b-c-", "ab", "  x\ty ", "日本語", "ΑΣ", "e\u0301a", "Aa1 bB-2", "+7", "-042", "a long text, over twelve bytes", "$1.(x)*", "\U0001f468\u200d\U0001f469"]


def texts() -> pl.DataFrame:
    """Texts `s`, patterns and others `p`, numbers `n`."""
    others = ["b", "", "l", "x", None, "ab", " ", "語", "Σ", "a", "b", "+", "0", "twelve", "(", "x"]
    return pl.DataFrame({"s": AWKWARD, "p": others, "n": [0, 1, 2, 3, -1, None, 5, 1, 2, -2, 4, 9, 6, 14, 3, 1]})


ON_TEXTS = {
    "contains": lambda f, x: f.select(x.col("s").str.contains("[bl]"), l=x.col("s").str.contains("-", literal=True)),
    "contains_by_row": lambda f, x: f.select(x.col("s").str.contains(x.col("p"), literal=True), l=x.col("s").str.contains(x.col("p"), strict=False)),
    "contains_null": lambda f, x: f.select(x.col("s").str.contains("(", strict=False)),
    "contains_any": lambda f, x: f.select(a=x.col("s").str.contains_any(["l", "語"]), b=x.col("s").str.contains_any(["A"], ascii_case_insensitive=True)),
    "count_matches": lambda f, x: f.select(a=x.col("s").str.count_matches("[a-c]"), b=x.col("s").str.count_matches(""), c=x.col("s").str.count_matches("-", literal=True)),
    "codes": lambda f, x: f.select(h=x.col("s").str.encode("hex"), b=x.col("s").str.encode("base64")),
    "decode": lambda f, x: f.select(h=x.col("s").str.encode("hex").str.decode("hex"), b=x.col("s").str.encode("base64").str.decode("base64"), n=x.col("s").str.decode("hex", strict=False), m=x.col("s").str.decode("base64", strict=False)),
    "ends": lambda f, x: f.select(a=x.col("s").str.starts_with("a"), b=x.col("s").str.ends_with("b"), c=x.col("s").str.starts_with(x.col("p")), d=x.col("s").str.ends_with(x.col("p"))),
    "escape_regex": lambda f, x: f.select(x.col("s").str.escape_regex()),
    "extract": lambda f, x: f.select(a=x.col("s").str.extract("(b)(c)?", 2), b=x.col("s").str.extract("(l+)"), c=x.col("s").str.extract("b.", 0), d=x.col("s").str.extract("(b)", 3)),
    "extract_all": lambda f, x: f.select(x.col("s").str.extract_all(r"\w+")),
    "extract_groups": lambda f, x: f.select(x.col("s").str.extract_groups("(?<first>b)(c)?")),
    "extract_many": lambda f, x: f.select(a=x.col("s").str.extract_many(["a", "ab", "b"]), b=x.col("s").str.extract_many(["a", "ab", "b"], overlapping=True), c=x.col("s").str.extract_many(["a", "ab", "b"], leftmost=True)),
    "find": lambda f, x: f.select(a=x.col("s").str.find("[lx]"), b=x.col("s").str.find(x.col("p"), literal=True), c=x.col("s").str.find("(", strict=False)),
    "find_many": lambda f, x: f.select(x.col("s").str.find_many(["l", "語", "B"], ascii_case_insensitive=True)),
    "head_tail": lambda f, x: f.select(*[getattr(x.col("s").str, method)(n).alias(f"{method}{n}") for method in ("head", "tail") for n in (0, 1, 2, 100, -1, -2, -100)]),
    "head_tail_by_row": lambda f, x: f.select(a=x.col("s").str.head(x.col("n")), b=x.col("s").str.tail("n")),
    "join": lambda f, x: f.select(x.col("s").str.join("|")),
    "join_nulls": lambda f, x: f.select(x.col("s").str.join("|", ignore_nulls=False)),
    "lengths": lambda f, x: f.select(a=x.col("s").str.len_bytes(), b=x.col("s").str.len_chars()),
    "normalize": lambda f, x: f.select(*[x.col("s").str.normalize(form).alias(form) for form in ("NFC", "NFD", "NFKC", "NFKD")]),
    "pad": lambda f, x: f.select(a=x.col("s").str.pad_start(6, "*"), b=x.col("s").str.pad_end(6, "é"), c=x.col("s").str.pad_end(4)),
    "zfill": lambda f, x: f.select(x.col("s").str.zfill(5)),
    "replace": lambda f, x: f.select(a=x.col("s").str.replace("(b)", "<$1>"), b=x.col("s").str.replace("-", "$1", literal=True), c=x.col("s").str.replace("b", x.col("s")), d=x.col("s").str.replace("a|b", "${0}!"), e=x.col("s").str.replace("-", "+", n=-1)),
    "replace_all": lambda f, x: f.select(a=x.col("s").str.replace_all("", "x"), b=x.col("s").str.replace_all("-", "$", literal=True), c=x.col("s").str.replace_all(r"(\w)(\w)", "$2$1")),
    "replace_many": lambda f, x: f.select(a=x.col("s").str.replace_many(["a", "b"], ["1", "2"]), b=x.col("s").str.replace_many({"a": "bb", "l": ""}), c=x.col("s").str.replace_many(["A"], ["z"], ascii_case_insensitive=True)),
    "reverse": lambda f, x: f.select(x.col("s").str.reverse()),
    "slice": lambda f, x: f.select(*[x.col("s").str.slice(offset, length).alias(f"{offset} {length}") for offset in (0, 1, 5, -1, -3, -10) for length in (None, 0, 1, 4, 9)]),
    "slice_by_row": lambda f, x: f.select(x.col("s").str.slice(x.col("n"), 2)),
    "split": lambda f, x: f.select(a=x.col("s").str.split("-"), b=x.col("s").str.split(""), c=x.col("s").str.split("-", inclusive=True), d=x.col("s").str.split(x.col("p"))),
    "split_by_pattern": lambda f, x: f.select(a=x.col("s").str.split("[-b ]", literal=False), b=x.col("s").str.split("[-b ]", literal=False, inclusive=True)),
    "split_exact": lambda f, x: f.select(a=x.col("s").str.split_exact("-", 1), b=x.col("s").str.split_exact("-", 2, inclusive=True), c=x.col("s").str.split_exact("", 2)),
    "splitn": lambda f, x: f.select(a=x.col("s").str.splitn("-", 2), b=x.col("s").str.splitn(" ", 1)),
    "strip": lambda f, x: f.select(a=x.col("s").str.strip_chars(), b=x.col("s").str.strip_chars("a-"), c=x.col("s").str.strip_chars_start("ah"), d=x.col("s").str.strip_chars_end("c- d"), e=x.col("s").str.strip_chars(x.col("p")), f=x.col("s").str.strip_chars_start(), g=x.col("s").str.strip_chars_end()),
    "strip_ends": lambda f, x: f.select(a=x.col("s").str.strip_prefix("a"), b=x.col("s").str.strip_suffix("d"), c=x.col("s").str.strip_prefix(x.col("p")), d=x.col("s").str.strip_suffix(x.col("p"))),
    "case": lambda f, x: f.select(a=x.col("s").str.to_lowercase(), b=x.col("s").str.to_uppercase(), c=x.col("s").str.to_titlecase()),
    "to_integer": lambda f, x: f.select(a=x.col("s").str.to_integer(base=36, strict=False), b=x.col("s").str.to_integer(strict=False), c=x.col("s").str.to_integer(dtype=x.Int8, strict=False)),
    "to_decimal": lambda f, x: f.select(x.col("s").str.to_decimal(scale=2)),
}


@pytest.mark.parametrize("name", ON_TEXTS)
def test_texts(name):
    check(ON_TEXTS[name], texts())


@pytest.mark.parametrize("name", [name for name in ON_TEXTS if name not in ("join", "join_nulls")])
def test_no_texts(name):
    check(ON_TEXTS[name], texts().head(0))


made = st.lists(st.one_of(st.none(), st.text(alphabet="abl- éß日Σ1\u0301$", max_size=15)), max_size=12)


@given(made)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_made_texts(values):
    frame = pl.DataFrame({"s": pl.Series(values, dtype=pl.String), "p": pl.Series([v and v[:1] for v in values], dtype=pl.String)})
    frame = frame.with_columns(n=pl.col("s").str.len_chars().cast(pl.Int64) - 3)
    for name in ("contains", "count_matches", "codes", "ends", "extract", "extract_all", "find", "head_tail_by_row", "lengths", "pad", "replace", "replace_all", "slice", "split", "split_exact", "splitn", "strip", "strip_ends", "to_integer", "reverse"):
        check(ON_TEXTS[name], frame)


DOCUMENTS = ['{"x": 1, "y": [1, 2], "z": {"z": null, "w": true}, "s": "st\\"r"}', '{"y": []}', None, "[1, [2, 3]]", '"text"', "null", "7"]


PATHS = ["$.x", "$.y[0]", "$.y", "$['x']", "$.y[*]", "$..w", "$.q", "$.z", "$.s", "$[1][0]", "$"]
TYPED = ['{"x": 1, "y": [1.5]}', None, '{"y": null}']

ON_JSON = {
    "paths": (lambda f, x: f.select(*[x.col("s").str.json_path_match(path).alias(path) for path in PATHS]), DOCUMENTS),
    "decode": (lambda f, x: f.select(x.col("s").str.json_decode(x.Struct({"x": x.Int64, "y": x.List(x.Float64)}))), TYPED),
}


@pytest.mark.parametrize("name", ON_JSON)
def test_json(name):
    case, documents = ON_JSON[name]
    check(case, pl.DataFrame({"s": documents}))


MOMENTS = ["2024-03-10", "2024-11-03 01:30:00", "03/04/2024", "2024-01-01T10:20:30.123456", "x", None, "2024-1-5", "1969-12-31 23:59:59.5", ""]

ON_MOMENTS = {
    "date": lambda f, x: f.select(a=x.col("s").str.to_date("%Y-%m-%d", strict=False), b=x.col("s").str.to_date("%d/%m/%Y", strict=False), c=x.col("s").str.to_date("%Y-%m-%d", strict=False, exact=False)),
    "datetime": lambda f, x: f.select(a=x.col("s").str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False), b=x.col("s").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False), c=x.col("s").str.to_datetime("%Y-%m-%d", strict=False, time_unit="ms")),
    "in_zone": lambda f, x: f.select(a=x.col("s").str.to_datetime("%Y-%m-%d %H:%M:%S", time_zone="America/New_York", strict=False, ambiguous="latest"), b=x.col("s").str.to_datetime("%Y-%m-%d %H:%M:%S", time_zone="America/New_York", strict=False, ambiguous="earliest")),
    "strptime": lambda f, x: f.select(a=x.col("s").str.strptime(x.Date, "%Y-%m-%d", strict=False), b=x.col("s").str.strptime(x.Datetime("ms"), "%Y-%m-%d %H:%M:%S", strict=False)),
}


@pytest.mark.parametrize("name", ON_MOMENTS)
def test_moments(name):
    check(ON_MOMENTS[name], pl.DataFrame({"s": MOMENTS}))


@pytest.mark.parametrize("text", ["2024-03-10", "2024/3/1 10:20", "03/04/2024", "2024-01-01T10:20:30.5", "2024-01-01 10:20:30"])
def test_moments_without_a_format(text):
    check(lambda f, x: f.select(x.col("s").str.to_datetime()), pl.DataFrame({"s": [text, None]}))


OF_ONE_FORM = {
    "times": (lambda f, x: f.select(x.col("s").str.to_time(), b=x.col("s").str.to_time("%H:%M:%S")), "10:20:30"),
    "offsets": (lambda f, x: f.select(x.col("s").str.to_datetime("%Y-%m-%dT%H:%M:%S%z")), "2024-01-01T10:20:30+02:00"),
}


@pytest.mark.parametrize("name", OF_ONE_FORM)
def test_times_and_offsets(name):
    case, text = OF_ONE_FORM[name]
    check(case, pl.DataFrame({"s": [text, None]}))


ERRORS = {
    "a pattern": (lambda s: s.contains("("), "`(` is not a regular expression: unclosed group"),
    "a group": (lambda s: s.extract("(a)", -1), "group -1 is none"),
    "an encoding": (lambda s: s.encode("hexx"), "`hexx` is no encoding; did you mean `hex`?"),
    "a form": (lambda s: s.normalize("NFX"), "`NFX` is no normal form"),
    "a path": (lambda s: s.json_path_match("x"), "`x` is no JSON path"),
    "a base": (lambda s: s.to_integer(base=40), "the base is 40, expected 2 to 36"),
    "a zone": (lambda s: s.to_datetime(time_zone="Asia/Tokio"), "unknown time zone `Asia/Tokio`, of `s`; hint: did you mean `Asia/Tokyo`?"),
    "a format": (lambda s: s.to_date("%Y-%!"), "`%Y-%!` is no format"),
    "n": (lambda s: s.splitn("-", 0), "n is 0, expected 1 to"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_is_wrong_is_said_before_data_are_read(name):
    call, said = ERRORS[name]
    frame = gf.from_arrow(pl.DataFrame({"s": ["a"]})).lazy()
    with pytest.raises(gf.errors.GradframeError) as error:
        frame.select(call(gf.col("s").str))
    assert said in str(error.value)


def test_a_column_that_is_no_text_is_named():
    frame = gf.from_arrow(pl.DataFrame({"n": [1]})).lazy()
    with pytest.raises(gf.errors.GradframeError, match="str.contains: `n` is Int64, expected text"):
        frame.select(gf.col("n").str.contains("a"))


@pytest.mark.parametrize("call", [lambda s: s.to_integer(), lambda s: s.to_date(), lambda s: s.decode("hex"), lambda s: s.to_time()])
def test_a_value_that_cannot_be_read_is_shown(call):
    frame = gf.from_arrow(pl.DataFrame({"s": [None, "wörld"]})).lazy()
    with pytest.raises(gf.errors.GradframeError, match="`wörld` is n.*strict=False gives null"):
        frame.select(call(gf.col("s").str)).collect()
