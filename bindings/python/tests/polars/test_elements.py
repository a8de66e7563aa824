"""Expressions over the elements of lists, and lists as rows: each case is asked of Polars too."""

import polars as pl
import pytest
from same import assert_same, check

import gradframe as gf

LISTS = pl.DataFrame(
    {
        "x": [[3, 1, 2], [], None, [5, None], [7, 7]],
        "s": [["b", "a"], ["é"], [], None, [None]],
        "a": pl.Series([[1, 2], [3, 4], None, [5, None], [0, 9]], dtype=pl.Array(pl.Int64, 2)),
        "k": [1, 2, 3, 4, 5],
    }
)


def all_of(x, *exprs):
    return x.select(*[expr.alias(f"c{at}") for at, expr in enumerate(exprs)])


OF_LISTS = {
    "eval of each": lambda f, x: f.select(a=x.col("x").list.eval(x.element() + 1), b=x.col("s").list.eval(x.element().str.len_chars())),
    "eval of all": lambda f, x: f.select(
        a=x.col("x").list.eval(x.element().rank()), b=x.col("x").list.eval(x.element().sort(descending=True)), c=x.col("x").list.eval(x.element().cum_sum()),
        d=x.col("x").list.eval(x.element() - x.element().mean()), e=x.col("x").list.eval(x.element().shift(1)),
    ),
    "eval of one": lambda f, x: f.select(a=x.col("x").list.eval(x.element().sum()), b=x.col("x").list.eval(x.element().count()), c=x.col("s").list.eval(x.element().first())),
    "eval of some": lambda f, x: f.select(a=x.col("x").list.eval(x.element().filter(x.element() > 1)), b=x.col("x").list.eval(x.element().head(1)), c=x.col("x").list.eval(x.element().unique(maintain_order=True))),
    "eval of a constant": lambda f, x: f.select(x.col("x").list.eval(x.lit(7))),
    "eval of conditions": lambda f, x: f.select(x.col("x").list.eval(x.when(x.element() > 2).then(x.lit("big")).otherwise(x.lit("small")))),
    "agg": lambda f, x: f.select(
        a=x.col("x").list.agg(x.element().sum()), b=x.col("x").list.agg(x.element().max()), c=x.col("x").list.agg(x.element().drop_nulls()),
        d=x.col("x").list.agg(x.len()), e=x.col("x").list.agg(x.element() + 1), f=x.col("x").list.agg(x.element().max() - x.element().min()),
    ),
    "filter": lambda f, x: f.select(a=x.col("x").list.filter(x.element() > 1), b=x.col("s").list.filter(x.element().is_not_null())),
    "filter by all": lambda f, x: f.select(x.col("x").list.filter(x.element() >= x.element().mean())),
    "explode": lambda f, x: f.select(x.col("x").list.explode()),
    "explode, otherwise": lambda f, x: f.select(x.col("x").explode(empty_as_null=True, keep_nulls=False)),
    "in groups": lambda f, x: f.group_by(x.col("k") > 2, maintain_order=True).agg(x.col("x").explode()),
    "arrays": lambda f, x: f.select(a=x.col("a").arr.eval(x.element() * 2, as_list=True), b=x.col("a").arr.agg(x.element().sum()), c=x.col("a").arr.eval(x.element().rank())),
    "arrays as rows": lambda f, x: f.select(x.col("a").arr.explode()),
    "reshape": lambda f, x: f.head(4).select(x.col("k").reshape((-1, 2))),
    "reshape of a number": lambda f, x: f.head(4).select((x.col("k") * 2).reshape((2, 2))),
    "reshape to rows": lambda f, x: f.select(x.col("x").head(1).reshape((-1,))),
    "cumulative_eval": lambda f, x: f.select(a=x.col("k").cumulative_eval(x.element().first() - x.element().last() ** 2), b=x.col("k").cumulative_eval(x.element().sum(), min_samples=2)),
    "one list alone": lambda f, x: f.select(x.concat_list("x")),
    "lists of lists": lambda f, x: f.select(x.col("x").implode().list.eval(x.element().list.eval(x.element() + 1))),
}


@pytest.mark.parametrize("name", OF_LISTS)
@pytest.mark.filterwarnings("ignore")
def test_of_lists(name):
    check(OF_LISTS[name], LISTS)


@pytest.mark.parametrize("name", [name for name in OF_LISTS if "reshape" not in name and "lists of lists" not in name])
@pytest.mark.filterwarnings("ignore")
def test_of_no_list(name):
    check(OF_LISTS[name], LISTS.head(0))


def test_what_is_wrong_inside_is_named():
    frame = gf.from_polars(LISTS).lazy()
    for make, kind, message in [
        (lambda: frame.select(gf.col("x").list.eval(gf.element() + gf.col("k"))), gf.errors.PlanError, r"list.eval: .* names the column `k`.*element\(\) is the only column"),
        (lambda: frame.select(gf.col("k").list.eval(gf.element())), gf.errors.DTypeError, "list.eval: `k` is Int64, expected a list"),
        (lambda: frame.select(gf.col("x").list.filter(gf.element() + 1)), gf.errors.DTypeError, "expected true or false"),
        (lambda: frame.select(gf.col("x").list.eval(gf.element().str.len_chars())), gf.errors.DTypeError, "expected text"),
        (lambda: frame.select(gf.col("k").cumulative_eval(gf.element() + 1)), gf.errors.PlanError, "one value for the rows so far"),
        (lambda: frame.select(gf.col("k").reshape((-1, 2))).collect(), gf.errors.ShapeError, "reshape: 5 values cannot be arrays of 2"),
        (lambda: frame.select(gf.element()), gf.errors.PlanError, "is of the elements of a list, and none is looked into here"),
    ]:
        with pytest.raises(kind, match=message):
            make()


def test_many_lists_on_all_threads():
    frame = gf.DataFrame({"i": list(range(30_000))}).lazy().with_columns(x=gf.concat_list("i", gf.col("i") + 1))
    made = frame.select(m=gf.col("x").list.agg(gf.element().max() - gf.element().min()), e=gf.col("x").list.eval(gf.element() * 2).list.sum())
    assert made.filter((gf.col("m") == 1) & (gf.col("e") > 0)).collect().height == 30_000


NAMES = {
    "map": lambda f, x: f.select(x.selectors.integer().name.map(lambda name: name * 2), (x.col("k") + 1).alias("z").name.map(str.upper)),
    "strip": lambda f, x: f.select(x.col("k").alias("k_x").name.strip_prefix("k"), x.col("x").name.strip_suffix("y")),
    "field": lambda f, x: f.select(st=x.struct("k", "x")).select(
        x.col("st").struct.field("k").name.prefix("p_"), x.col("st").struct.field("x").alias("z").name.suffix("_s"), x.col("st").struct.field("x").name.to_uppercase()
    ),
    "of a name given": lambda f, x: f.select(
        x.col("k").alias("zZ").name.suffix("_s"), x.col("k").alias("zZ").name.prefix("p_"), x.col("k").alias("zZ").name.to_uppercase(), x.col("k").alias("zZ").name.to_lowercase(),
        (x.lit(1).alias("r") + x.col("k")).name.suffix("_s"), (x.col("k").alias("r") + 1).name.keep(), x.col("k").name.prefix("a_").name.prefix("b_"), x.col("k").alias("zz").name.replace("z", "y"),
    ),
    "replace": lambda f, x: f.select(x.col("k").name.replace("k", "q"), x.col("x").name.to_lowercase()),
    "fields": lambda f, x: f.select(p=x.struct("k", "x").name.prefix_fields("p_"), s=x.struct("k").name.suffix_fields("_s")),
}


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    check(NAMES[name], LISTS)


def test_an_exception_of_a_function_of_names_is_raised():
    frame = gf.DataFrame({"a": [1]})
    with pytest.raises(ZeroDivisionError):
        frame.lazy().select(gf.col("a").name.map(lambda name: str(1 / 0)))
    with pytest.raises(TypeError):
        frame.lazy().select(gf.col("a").name.map(lambda name: 3))
    assert frame.select("a").columns == ["a"]
