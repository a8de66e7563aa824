"""Which arguments take a text as a column's name, and which as a value: as Polars, argument by argument."""

import polars as pl
import pytest
from same import check

FRAME = pl.DataFrame({"s": ["a", "b"], "a": ["p", "q"], "n": [5, 6], "k": [1, 2], "t": [True, False], "u": [True, True]})

CASES = {
    "a text to fill with": lambda f, x: f.select(x.col("s").shift(1, fill_value="a")),
    "a text that is no column": lambda f, x: f.select(x.col("s").shift(-1, fill_value="nothing")),
    "a column to fill with": lambda f, x: f.select(x.col("s").shift(1, fill_value=x.col("a").first())),
    "frames filled with a text": lambda f, x: f.select("s", "a").shift(1, fill_value="s"),
    "categories filled with a text": lambda f, x: f.select(x.col("s").cast(x.Categorical).shift(1, fill_value="a").cast(x.String)),
    "add": lambda f, x: f.select(x.col("s").add("a")),
    **{
        name: lambda f, x, name=name: f.select(getattr(x.col("n"), name)("k"))
        for name in ("sub", "mul", "truediv", "floordiv", "truncdiv", "mod", "pow")
    },
    **{name: lambda f, x, name=name: f.select(getattr(x.col("t"), name)("u")) for name in ("and_", "or_", "xor")},
    "operators that take values": lambda f, x: f.select(x.col("s") + "a", e=x.col("s") == "a"),
    "operators that take columns": lambda f, x: f.select(a=x.col("n") - "k", b="n" * x.col("k"), c=x.col("n") / "k", d=x.col("n") // "k", e=x.col("n") ** "k", f=x.col("t") & "u", g=x.col("t") ^ "u"),
    "rows where": lambda f, x: f.select(x.arg_where("t").cast(x.Int64)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_text_is_a_column_or_a_value(name):
    check(CASES[name], FRAME)
