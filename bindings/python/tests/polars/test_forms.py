"""Forms of methods beside their usual ones: arguments that are computed, several at once, or of another kind."""

import polars as pl
import pytest

import gradframe as gf

from same import check, ours


def frame() -> pl.DataFrame:
    """Groups `g`, whole numbers `a` with a null and `b` without, floats `c`, lists `l`, structs `st`, arrays `r`, texts `s`."""
    return pl.DataFrame(
        {
            "g": [1, 1, 2, 2],
            "a": [1, 2, None, 4],
            "b": [2, 2, 3, 1],
            "c": [3.0, 1.0, 2.0, 8.0],
            "l": [[1, 5], [3], None, []],
            "st": [{"x": 1, "y": "p"}, {"x": 2, "y": "q"}, None, {"x": None, "y": "r"}],
            "r": pl.Series([[1, 2], [3, 4], None, [5, 6]], dtype=pl.Array(pl.Int64, 2)),
            "s": ["p", "q", None, "x"],
        }
    )


FORMS = {
    "is_in the row's list": lambda f, x: f.select(x.col("a").is_in(x.col("l"))),
    "is_in a column": lambda f, x: f.select(x.col("a").is_in(x.col("b").implode()), s=x.col("s").is_in(x.col("s").implode())),
    "is_in, nulls equal": lambda f, x: f.select(x.col("a").is_in(x.col("a").implode(), nulls_equal=True)),
    "is_in an expression": lambda f, x: f.select((x.col("a") + 1).is_in((x.col("b") * 2).implode())),
    "is_in, filtering": lambda f, x: f.filter(x.col("b").is_in(x.col("a").implode())),
    "is_in, floats": lambda f, x: f.select(x.col("b").is_in(x.col("c").cast(x.Int64).implode())),
    "several fields": lambda f, x: f.select(x.col("st").struct.field("y", "x")),
    "a list of fields": lambda f, x: f.select(x.col("st").struct.field(["x"])),
    "all fields": lambda f, x: f.select("a", x.col("st").struct.field("*")),
    "fields by pattern": lambda f, x: f.select(x.col("st").struct.field("^x.*$")),
    "fields, computed": lambda f, x: f.select(x.col("st").struct.field("x", "y").is_null().name.suffix("_null")),
    "fields, renamed": lambda f, x: f.select(x.col("st").struct.field("x").alias("p_x"), x.col("st").struct.field("x").name.keep()),
    "unnest": lambda f, x: f.with_columns(x.col("st").struct.unnest()),
    "with_fields": lambda f, x: f.select(x.col("st").struct.with_fields(x.field("x") * 10, z=x.field("y") + "!", w=x.col("c"))),
    "with_fields, by name": lambda f, x: f.select(x.col("st").struct.with_fields("c", y=x.lit(1))),
    "struct.eval": lambda f, x: f.select(x.col("st").struct.eval(x.field("x") * 2, w=x.col("c"))),
    "shift by an expression": lambda f, x: f.select(x.col("b").shift(x.col("b").min()), u=x.col("s").shift(-x.col("b").max())),
    "shift by an expression, filled": lambda f, x: f.select(x.col("b").shift(x.lit(1), fill_value=x.col("b").max())),
    "shift by an expression, over": lambda f, x: f.select(x.col("b").shift(x.col("b").min()).over("g")),
    "several quantiles": lambda f, x: f.select(x.col("c").quantile([0.1, 0.5], "linear")),
    "several quantiles of nothing": lambda f, x: f.head(0).select(x.col("c").quantile([0.1, 0.5])),
    "quantiles, none": lambda f, x: f.select(x.col("c").quantile([])),
    "qcut with equal quantiles": lambda f, x: f.select(x.col("g").qcut([0.1, 0.25, 0.75], allow_duplicates=True)),
    "qcut with equal quantiles, labels": lambda f, x: f.select(x.col("g").qcut([0.1, 0.25], labels=["p", "q", "r"], allow_duplicates=True)),
    "zeros of a type": lambda f, x: f.select(x.zeros(3, dtype=x.Int8)),
    "ones of a type": lambda f, x: f.select(x.ones(2, x.Float32)),
    "repeat of a type": lambda f, x: f.select(x.repeat(3, 2, dtype=x.Float64)),
    "int_range of a type": lambda f, x: f.select(x.int_range(1, 7, 2, dtype=x.Int8)),
    "int_range as rows": lambda f, x: f.select("a", i=x.int_range(x.len(), dtype=x.UInt32)),
    "int_ranges of a type": lambda f, x: f.select(x.int_ranges(0, "b", dtype=x.Int16)),
    "concat_arr": lambda f, x: f.select(x.concat_arr("a", "b")),
    "concat_arr of arrays": lambda f, x: f.select(x.concat_arr("a", "r", "b")),
    "concat_arr of one": lambda f, x: f.select(x.concat_arr("r")),
    "gather by an expression": lambda f, x: f.select(x.col("a").gather(x.col("b") - 1)),
    "gather by one value": lambda f, x: f.select(x.col("s").gather(x.col("b").max())),
    "gather with a null": lambda f, x: f.select(x.col("s").gather([0, None, -1])),
    "gather by an expression, over": lambda f, x: f.select(x.col("c").gather(x.col("b").rank("ordinal").cast(x.Int64) - 1).over("g", mapping_strategy="join")),
    "gather by an expression, over an order": lambda f, x: f.select(x.col("c").gather(x.int_range(x.len())).over("g", order_by="c", mapping_strategy="join")),
    "get by an expression, over an order": lambda f, x: f.select(x.col("c").get(x.col("b").min() - 1).over("g", order_by="c")),
    "append of a constant": lambda f, x: f.select(x.col("b").append(x.lit(9))),
    "append of one value": lambda f, x: f.select(x.col("b").append(x.col("b").max())),
    "append of another type": lambda f, x: f.select(x.col("b").append(x.col("c"))),
    "append of text": lambda f, x: f.select(x.col("b").append(x.lit("q"))),
    "append to nothing": lambda f, x: f.head(0).select(x.col("b").append(x.lit(9))),
    "append in groups": lambda f, x: f.group_by("g", maintain_order=True).agg(x.col("b").append(x.col("a"))),
    "extend by nulls": lambda f, x: f.select(x.col("a").extend_constant(None, 2)),
    "explode of no lists": lambda f, x: f.select(x.col("a").explode(), x.col("s").explode()),
    "join of numbers": lambda f, x: f.select(x.col("b").str.join("-")),
    "any and all of numbers": lambda f, x: f.select(any=(x.col("b") - 2).any(), all=(x.col("b") - 2).all(), c=x.col("c").all()),
    "arithmetic of conditions": lambda f, x: f.select(p=(x.col("b") > 1) // 2, q=(x.col("b") > 1) % 2, r=(x.col("b") > 1) % 0),
    "bits of narrow numbers": lambda f, x: f.select(p=x.col("b").cast(x.Int8) & 3, q=x.col("b").cast(x.Int16) | 1, r=x.col("b").cast(x.UInt8) ^ x.col("a").cast(x.UInt16)),
    "bits of unsigned numbers": lambda f, x: f.select(p=~x.col("b").cast(x.UInt8), q=~x.col("b").cast(x.UInt64), r=~x.col("b")),
    "bits of one column": lambda f, x: f.select(p=x.col("a") ^ x.col("a"), q=x.col("a") ^ x.col("b") ^ x.col("a")),
    "a power of zero": lambda f, x: f.select(((x.col("c") - 1.0) ** -1).alias("p")),
    "powers of unsigned numbers": lambda f, x: f.select(p=2 ** x.col("b").cast(x.UInt64)),
    "bytes of numbers": lambda f, x: f.select(x.col("a").cast(x.Binary), x.col("s").cast(x.Binary)),
    "zeros in texts": lambda f, x: f.select(x.col("s").fill_null(strategy="zero")),
    "a list of nulls": lambda f, x: f.select(n=x.lit(None)).select(x.concat_list("n", "n").list.len()),
    "lists of numbers and texts": lambda f, x: f.select(x.col("l").list.concat(x.lit(["q"]))),
    "fold of a selector": lambda f, x: f.select(x.fold(x.lit(0), lambda so_far, next: so_far + next, x.col("a", "b"))),
    "reduce of a selector": lambda f, x: f.select(x.reduce(lambda so_far, next: so_far + next, x.selectors.numeric())),
    "reduce of conditions": lambda f, x: f.filter(x.reduce(lambda so_far, next: so_far & next, x.col("a", "b") > 1)),
    "cum_fold of a selector": lambda f, x: f.select(x.cum_fold(x.lit(0), lambda so_far, next: so_far + next, x.col("a", "b"))),
    "cum_reduce of a selector": lambda f, x: f.select(x.cum_reduce(lambda so_far, next: so_far * next, x.selectors.integer())),
    "cum_sum_horizontal of a selector": lambda f, x: f.select(x.cum_sum_horizontal(x.selectors.integer())),
    "one value beside rows": lambda f, x: f.with_columns(x.col("a").head(1), t=x.col("b").top_k(1)),
    "as many values beside rows": lambda f, x: f.with_columns(x.col("b").sort(), t=x.col("c").unique(maintain_order=True)),
    "no last rows of a sort": lambda f, x: f.sort("c").tail(0),
    "the place of NaN alone": lambda f, x: f.select(x.lit(float("nan")).arg_max().alias("p")),
    "no column": lambda f, x: f.select("a", x.selectors.empty()),
    "objects": lambda f, x: f.select("a", x.selectors.object()),
    "enums": lambda f, x: f.with_columns(e=x.col("s").cast(x.Enum(["p", "q", "x"]))).select(x.selectors.enum()),
    "categories are no enums": lambda f, x: f.with_columns(k=x.col("s").cast(x.Categorical)).select(x.selectors.categorical()),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms(name):
    check(FORMS[name], frame())


GROUPED = {
    "having": lambda f, x: f.group_by("g").having(x.len() > 1).agg(x.col("a").sum()),
    "having none": lambda f, x: f.group_by("g").having(x.col("b").max() > 9).agg(x.col("a").sum()),
    "having twice": lambda f, x: f.group_by("g").having(x.len() > 1).having(x.col("c").sum() > 5).agg(n=x.len()),
    "having several": lambda f, x: f.group_by("g").having(x.len() > 1, x.col("c").sum() > 5).agg(n=x.len()),
    "having, in order": lambda f, x: f.group_by("g", maintain_order=True).having(x.col("b").min() < 2).agg("b"),
    "shift of groups": lambda f, x: f.group_by("g").agg(x.col("b").shift(x.col("b").min())),
    "is_in of groups": lambda f, x: f.group_by("g").agg(x.col("a").is_in(x.col("b").implode()).sum()),
}


@pytest.mark.parametrize("name", GROUPED)
def test_grouped(name):
    check(GROUPED[name], frame(), sort=True)


WRONG = {
    "a field that is not there": (lambda f: f.select(gf.col("st").struct.field("x", "z")), "unknown field `z`"),
    "fields of no struct": (lambda f: f.select(gf.col("a").struct.field("*")), "`a` is Int64, expected a struct"),
    "a field alone": (lambda f: f.select(gf.field("x")), "stands in struct.with_fields and struct.eval alone"),
    "a pattern that is none": (lambda f: f.select(gf.col("st").struct.field("^($")), "the pattern `\\^\\(\\$` is wrong"),
    "shift by text": (lambda f: f.select(gf.col("a").shift(gf.col("s").first())), "expected a whole number of rows"),
    "is_in values of another type": (lambda f: f.select(gf.col("a").is_in(gf.col("s").implode())), "which has none of its values"),
    "quantiles beyond": (lambda f: f.select(gf.col("c").quantile([0.5, 2.0])), "`quantile` is 2"),
    "bits of texts": (lambda f: f.select(gf.col("s") ^ gf.col("s")), "`s` is String, expected conditions or integers"),
    "one in texts": (lambda f: f.select(gf.col("s").fill_null(strategy="one")), "`s` is String, of which there is no mean and no one"),
    "gather by texts": (lambda f: f.select(gf.col("a").gather(gf.col("s"))), "`s` is String, expected whole numbers"),
    "numbers among lists": (lambda f: f.select(gf.col("l").is_in([1, 2])), "`l` is List\\(Int64\\) and `1` is Int64, which cannot be compared"),
    "a fold to a number": (lambda f: f.select(gf.fold(gf.lit(0), lambda a, b: 1, "a")), "expected an expression of its two arguments"),
    "too few values": (lambda f: f.with_columns(gf.col("b").head(2)).collect(), "with_columns: `b` has 2 values, the frame 4 rows"),
    "no value": (lambda f: f.with_columns(q=gf.col("b").filter(gf.col("b") > 9)).collect(), "with_columns: `q` has 0 values, the frame 4 rows"),
    "arrays of two types": (lambda f: f.select(gf.concat_arr("a", "c")), "`c` is Float64, expected Int64 or arrays of it"),
    "having what is no condition": (lambda f: f.group_by("g").having(gf.col("b").sum()).agg("a"), "filter"),
}


@pytest.mark.parametrize("name", WRONG)
def test_bad_input_is_named(name):
    make, message = WRONG[name]
    with pytest.raises((gf.errors.GradframeError, TypeError), match=message):
        make(ours(frame()))


def test_equal_quantiles_are_an_error_that_says_so():
    with pytest.raises(gf.errors.ExecutionError, match="two quantiles are 1.*allow_duplicates"):
        ours(frame()).select(gf.col("g").qcut([0.1, 0.25])).collect()


def test_inspect_prints_and_passes(capsys):
    rows = ours(frame()).select(gf.col("b").inspect("saw {}").sum()).collect()
    assert rows.item() == 8
    assert "saw" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    [
        'col("a").sum().over("g", order_by=["b"]).alias("x")', 'when((col("a") > 1)).then(2).otherwise(col("b"))', '(col("a") + 1)', 'col("s").is_null().not_()',
        'col("l").list.eval(expr=(element() + 1))', 'col("a").filter((col("b") == "x")).mean()', '(col("a") * 2).cast(dtype=Int32, strict=True)', 'all().name.suffix("_2")',
    ],
)
def test_expressions_print_as_they_are_written(text):
    names = {"col": gf.col, "when": gf.when, "element": gf.element, "Int32": gf.Int32, "all": gf.all}
    assert repr(eval(text.replace("expr=", ""), names)) == text
