"""The namespaces `bin`, `cat` and `struct`: one table of cases, each asked of Polars too."""

import polars as pl
import pyarrow as pa
import pytest

import gradframe as gf
from same import check

BYTES = pl.DataFrame({"b": [b"abc", b"", None, b"\x01\x00\x00\x00", b"\xff\xfe\x00\x80\x01\x02\x03\x04", b"bc"]})

ON_BYTES = {
    "parts": lambda f, x: f.select(a=x.col("b").bin.contains(b"bc"), b=x.col("b").bin.starts_with(b"a"), c=x.col("b").bin.ends_with(b"bc"), d=x.col("b").bin.contains(b"")),
    "codes": lambda f, x: f.select(a=x.col("b").bin.encode("hex"), b=x.col("b").bin.encode("base64"), c=x.col("b").bin.decode("hex", strict=False)),
    "size": lambda f, x: f.select(a=x.col("b").bin.size(), b=x.col("b").bin.size("kb")),
    "slices": lambda f, x: f.select(a=x.col("b").bin.slice(1, 2), b=x.col("b").bin.head(2), c=x.col("b").bin.tail(2), d=x.col("b").bin.slice(-2)),
    "get": lambda f, x: f.select(x.col("b").bin.get(0, null_on_oob=True)),
    "reinterpret": lambda f, x: f.select(a=x.col("b").bin.reinterpret(dtype=x.Int32), b=x.col("b").bin.reinterpret(dtype=x.UInt64, endianness="big"), c=x.col("b").bin.reinterpret(dtype=x.Float64)),
}


@pytest.mark.parametrize("name", ON_BYTES)
def test_bytes(name):
    check(ON_BYTES[name], BYTES)


ON_CATEGORIES = {
    "ends": lambda f, x: f.select(a=x.col("c").cat.starts_with("h"), b=x.col("c").cat.ends_with("b")),
    "lengths": lambda f, x: f.select(a=x.col("c").cat.len_bytes(), b=x.col("c").cat.len_chars(), c=x.col("c").cat.slice(1, 2)),
}


@pytest.mark.parametrize("name", ON_CATEGORIES)
def test_categories(name):
    check(ON_CATEGORIES[name], pl.DataFrame({"c": pl.Series(["héllo", "b", None, "b", "a"], dtype=pl.Categorical)}))


STRUCTS = pl.DataFrame({"p": [{"x": 1, "y": "a"}, {"x": None, "y": 'q"'}, None]}, schema={"p": pl.Struct({"x": pl.Int64, "y": pl.String})})

ON_STRUCTS = {
    "field": lambda f, x: f.select(x.col("p").struct.field("x"), x.col("p").struct["y"]),
    "rename_fields": lambda f, x: f.select(x.col("p").struct.rename_fields(["u", "v"])),
    "json_encode": lambda f, x: f.select(x.col("p").struct.json_encode()),
    "with_fields": lambda f, x: f.select(x.col("p").struct.with_fields(z=x.lit(1), y=x.lit("b"))),
    "drop": lambda f, x: f.select(x.col("p").struct.drop(["x"])),
}


@pytest.mark.parametrize("name", ON_STRUCTS)
def test_structs(name):
    check(ON_STRUCTS[name], STRUCTS)


def test_a_field_of_a_null_struct_is_null_whatever_lies_below_it():
    inner = pa.StructArray.from_arrays([pa.array([7, 8, 9])], ["z"], mask=pa.array([False, False, True]))
    structs = pa.StructArray.from_arrays([pa.array([1, 2, 3]), pa.array(["a", "b", "c"]), inner], ["x", "y", "q"], mask=pa.array([False, True, False]))
    frame = gf.from_arrow(pa.table({"s": structs, "k": [1, 2, 3]})).lazy()
    field = gf.col("s").struct.field
    assert frame.select(field("x"), field("y")).collect().rows() == [(1, "a"), (None, None), (3, "c")]
    assert frame.select(field("q").struct.field("z")).collect().rows() == [(7,), (None,), (None,)]
    assert frame.unnest("s").drop("q").collect().rows() == [(1, "a", 1), (None, None, 2), (3, "c", 3)]
    assert frame.select(field("x").sum(), n=field("x").count()).collect().rows() == [(4, 2)]
    assert frame.filter(field("x") == 2).collect().height == 0
    assert frame.group_by(field("x")).len().sort("x").collect().rows() == [(None, 1), (1, 1), (3, 1)]
    assert frame.with_columns(s=gf.when(gf.col("k") > 1).then("s")).select(field("y")).collect().rows() == [(None,), (None,), ("c",)]
    assert frame.select(gf.col("s").implode().list.eval(gf.element().struct.field("x")).explode()).collect().rows() == [(1,), (None,), (3,)]
    answers = gf.sql("SELECT s.x, s['q']['z'] AS z, sum(s.x) OVER () AS t FROM f WHERE s.y IS NULL OR s.x > 2 ORDER BY k", f=frame).collect()
    assert answers.rows() == [(None, None, 3), (3, None, 3)]
