"""An Enum keeps its categories and their order, Categoricals stay what they are: each case is asked of Polars too."""

import polars as pl
import pytest
from same import assert_same

import gradframe as gf

SIZES = ["small", "medium", "large"]

#: Rows with nulls and repeated values, one row, and none. `e` in no order of texts, of groups or of categories.
ROWS = {
    "some": (["medium", "small", "large", None, "small", "large"], [1, 1, 1, 2, 2, 2]),
    "one": (["large"], [1]),
    "none": ([], []),
}


def frame(x, rows):
    sizes, groups = ROWS[rows]
    e = x.Series("e", sizes, dtype=x.Enum(SIZES))
    o = x.Series("o", sizes[::-1], dtype=x.Enum(SIZES))
    g, c = x.Series("g", groups, dtype=x.Int64), x.Series("c", sizes, dtype=x.Categorical)
    s = x.Series("s", sizes, dtype=x.String)
    return x.DataFrame({"e": e, "o": o, "g": g, "c": c, "s": s}).lazy()


def e(x):
    return x.col("e")


def lists(x):
    return e(x).implode()


#: Expressions of which each has rows of its own number.
OF_COLUMNS = {
    "sort": lambda x: e(x).sort(), "sort descending": lambda x: e(x).sort(descending=True, nulls_last=True), "unique": lambda x: e(x).unique().sort(),
    "unique in order": lambda x: e(x).unique(maintain_order=True), "reverse": lambda x: e(x).reverse(), "head": lambda x: e(x).sort().head(2),
    "top_k": lambda x: e(x).top_k(2), "bottom_k": lambda x: e(x).bottom_k(2), "top_k_by": lambda x: x.col("s").top_k_by("e", 2).sort(),
    "min": lambda x: e(x).min(), "max": lambda x: e(x).max(), "first": lambda x: e(x).first(), "last": lambda x: e(x).last(),
    "nan_max": lambda x: e(x).nan_max(), "nan_min": lambda x: e(x).nan_min(), "max_by": lambda x: e(x).max_by("g"), "by it": lambda x: x.col("g").max_by("e"),
    "arg_max": lambda x: e(x).unique(maintain_order=True).arg_max(), "arg_min": lambda x: e(x).unique(maintain_order=True).arg_min(), "arg_sort": lambda x: e(x).arg_sort(), "rank": lambda x: e(x).rank("dense"),
    "peaks": lambda x: e(x).peak_max(), "low peaks": lambda x: e(x).peak_min(), "mode": lambda x: e(x).mode().sort(), "shift": lambda x: e(x).shift(1),
    "shift filled": lambda x: e(x).shift(1, fill_value=x.lit("large")), "shift filled by itself": lambda x: e(x).shift(1, fill_value=e(x).max()),
    "gather": lambda x: e(x).gather([0, -1], null_on_oob=True), "gather_every": lambda x: e(x).gather_every(2), "append": lambda x: e(x).append(x.col("o")),
    "append text": lambda x: e(x).append(x.col("s")), "sort_by": lambda x: e(x).sort_by("g", "s"), "sort by it": lambda x: x.col("g").sort_by("e", "g"),
    "filter": lambda x: e(x).filter(x.col("g") == 1).sort(), "drop_nulls": lambda x: e(x).drop_nulls().sort(), "slice": lambda x: e(x).slice(1, 2).sort(),
    "fill_null": lambda x: e(x).fill_null("small").sort(), "fill_null with its least": lambda x: e(x).fill_null(e(x).min()), "forward_fill": lambda x: e(x).forward_fill(),
    "backward_fill": lambda x: e(x).backward_fill(), "fill_null max": lambda x: e(x).fill_null(strategy="max"), "fill_null by a column": lambda x: e(x).fill_null(x.col("o")),
    "fill_null by text": lambda x: e(x).fill_null(x.col("s")), "coalesce": lambda x: x.coalesce("e", "o"), "coalesce a constant": lambda x: x.coalesce("e", x.lit("large")),
    "when": lambda x: x.when(x.col("g") > 1).then("e").otherwise("o").sort(), "when alone": lambda x: x.when(x.col("g") > 1).then("e").sort(),
    "when a constant": lambda x: x.when(x.col("g") > 1).then("e").otherwise(x.lit("small")).sort(), "when text": lambda x: x.when(x.col("g") > 1).then("e").otherwise("s"),
    "horizontal max": lambda x: x.max_horizontal("e", "o"), "horizontal min": lambda x: x.min_horizontal("e", "o"), "rle": lambda x: e(x).rle().struct.field("value").sort(),
    "value_counts": lambda x: e(x).value_counts().struct.field("e").sort(), "struct": lambda x: x.struct("e", "g").struct.field("e").sort(),
    "in a struct": lambda x: x.struct("e", "g"), "before": lambda x: e(x) < x.lit("large"), "after a column": lambda x: e(x) >= x.col("o"),
    "between": lambda x: e(x).is_between(x.lit("small"), x.lit("medium")), "is_in": lambda x: e(x).is_in(["small", "huge"]), "equal": lambda x: e(x) == "small",
    "is_in its own": lambda x: e(x).is_in(x.col("o").implode()), "index_of": lambda x: e(x).index_of("large"), "n_unique": lambda x: e(x).n_unique(),
    "repeat_by": lambda x: e(x).repeat_by(2), "concat_list": lambda x: x.concat_list("e", "o"), "concat_list with text": lambda x: x.concat_list("e", "s"),
    "sorted list": lambda x: x.concat_list("e", "o").list.sort(), "greatest of a list": lambda x: x.concat_list("e", "o").list.max(), "implode": lambda x: lists(x),
    "implode, sorted": lambda x: lists(x).list.sort(), "list.unique": lambda x: lists(x).list.unique(maintain_order=True), "list.arg_max": lambda x: x.concat_list("e", "o").list.arg_max(),
    "list.get": lambda x: lists(x).list.get(0, null_on_oob=True), "list.reverse": lambda x: lists(x).list.reverse(), "list.head": lambda x: lists(x).list.head(2),
    "list.contains": lambda x: x.concat_list("e", "o").list.contains("small"), "list.eval": lambda x: x.concat_list("e", "o").list.eval(x.element().sort()),
    "imploded and exploded": lambda x: lists(x).explode().sort(), "over": lambda x: e(x).sort().over("g"), "max over": lambda x: e(x).max().over("g"),
    "rank over": lambda x: e(x).rank("ordinal").over("g"), "shift over": lambda x: e(x).shift(1).over("g"), "over by it": lambda x: x.col("g").cum_sum().over("g", order_by="e"),
    "lists over": lambda x: e(x).over("g", mapping_strategy="join"), "sorted by a group": lambda x: e(x).sort_by("e").over("g", mapping_strategy="explode"),
    "cast to text": lambda x: e(x).cast(x.String).sort(), "replace": lambda x: e(x).replace("small", "large").sort(),
    "categorical max": lambda x: x.col("c").max(), "categorical when": lambda x: x.when(x.col("g") > 1).then("c").otherwise(x.lit("none")),
    "categorical coalesce": lambda x: x.coalesce("c", x.lit("none")), "categorical fill": lambda x: x.col("c").fill_null("none"), "categorical horizontal": lambda x: x.min_horizontal("c", "c"),
}

#: Aggregates of groups: values and lists.
OF_GROUPS = {
    "all": lambda x: e(x), "reverse": lambda x: e(x).reverse(), "sort": lambda x: e(x).sort(), "head": lambda x: e(x).head(1), "min": lambda x: e(x).min(),
    "max": lambda x: e(x).max(), "first": lambda x: e(x).first(), "unique": lambda x: e(x).unique(maintain_order=True), "implode": lambda x: e(x).implode(),
    "top_k": lambda x: e(x).top_k(1), "shift": lambda x: e(x).shift(1), "drop_nulls": lambda x: e(x).drop_nulls(), "fill_null": lambda x: e(x).fill_null("small"),
    "arg_max": lambda x: e(x).arg_max(), "arg_sort": lambda x: e(x).arg_sort(), "filter": lambda x: e(x).filter(e(x) > "small"), "mode": lambda x: e(x).mode().sort(),
}

VERBS = {
    "groups": lambda f, x: f.group_by("e").len().sort("e"), "groups in order": lambda f, x: f.group_by("e", maintain_order=True).agg(x.col("g")),
    "sort": lambda f, x: f.sort("e", "g", "s"), "sort by an expression": lambda f, x: f.sort(x.when(x.col("g") > 1).then("e").otherwise("o"), "g", maintain_order=True),
    "join": lambda f, x: f.join(f, on="e").sort("e", "g", "g_right", "o", "o_right"), "full join": lambda f, x: f.join(f.filter(e(x) != "small"), on="e", how="full", coalesce=True).select("e").sort("e"),
    "explode": lambda f, x: f.group_by("g", maintain_order=True).agg("e").explode("e").sort("e", "g"), "unpivot": lambda f, x: f.unpivot(on=["e", "o"], index="g").sort("value", "g", "variable"),
    "with_columns": lambda f, x: f.with_columns(m=e(x).max(), s=x.coalesce("e", "o")).sort("s", "e", "g", "o"), "top_k": lambda f, x: f.top_k(2, by=["e", "g"]).select("e"),
    "concat": lambda f, x: x.concat([f, f]), "diagonal": lambda f, x: x.concat([f.select("g"), f.select("e")], how="diagonal"), "filter": lambda f, x: f.filter(e(x) > "small"),
    "relaxed": lambda f, x: x.concat([f.select("e"), f.select(x.col("s").alias("e"))], how="vertical_relaxed"), "unique": lambda f, x: f.unique("e", maintain_order=True),
    "several lengths": lambda f, x: f.select(e(x).unique().sort(), x.col("g").filter(x.col("e").is_first_distinct())), "update": lambda f, x: f.update(f.select(x.col("o").alias("e"))),
    "least": lambda f, x: f.select("e", "c", "g").min(), "unnest": lambda f, x: f.select(x.struct("e", "g").alias("p")).unnest("p").sort("e", "g"),
}


def enums(frame):
    """Of each column that is an Enum, or holds some, its type."""
    return {name: dtype for name, dtype in frame.schema.items() if "Enum" in str(dtype) or dtype == pl.Categorical}


def check(case, rows):
    mine, theirs = case(frame(gf, rows), gf).collect(), case(frame(pl, rows), pl).collect()
    assert_same(mine, theirs)
    kinds = enums(theirs)
    assert {name: mine.to_polars().schema[name] for name in kinds} == kinds
    assert enums(mine.to_polars()) == kinds


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("name", OF_COLUMNS)
def test_an_expression_keeps_the_kind_and_its_order(name, rows):
    check(lambda f, x: f.select(q=OF_COLUMNS[name](x)), rows)


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("name", OF_GROUPS)
def test_a_group_keeps_the_kind_and_its_order(name, rows):
    check(lambda f, x: f.group_by("g", maintain_order=True).agg(q=OF_GROUPS[name](x)), rows)


#: Methods of a Series, beside another one.
OF_SERIES = {
    "sort": lambda s, o: s.sort(), "sort descending": lambda s, o: s.sort(descending=True, nulls_last=True), "reverse": lambda s, o: s.reverse(),
    "unique": lambda s, o: s.unique().sort(), "unique in order": lambda s, o: s.unique(maintain_order=True), "drop_nulls": lambda s, o: s.drop_nulls(),
    "shift": lambda s, o: s.shift(1), "top_k": lambda s, o: s.top_k(2).sort(), "bottom_k": lambda s, o: s.bottom_k(2).sort(), "mode": lambda s, o: s.mode().sort(),
    "fill_null": lambda s, o: s.fill_null("small"), "forward": lambda s, o: s.fill_null(strategy="forward"), "max": lambda s, o: s.max(), "min": lambda s, o: s.min(),
    "first": lambda s, o: s.first(), "last": lambda s, o: s.last(), "n_unique": lambda s, o: s.n_unique(), "rank": lambda s, o: s.rank("dense"),
    "arg_sort": lambda s, o: s.arg_sort(), "to_physical": lambda s, o: s.to_physical(), "after": lambda s, o: s > "small", "before a Series": lambda s, o: s < o,
    "equal to a Series": lambda s, o: s == o, "is_in": lambda s, o: s.is_in(["small", "large"]), "filter": lambda s, o: s.filter(s > "small"),
    "zip_with": lambda s, o: s.zip_with(s > "small", o), "gather_every": lambda s, o: s.gather_every(2), "sliced": lambda s, o: s.slice(1).sort(),
    "search_sorted of a Series": lambda s, o: s.drop_nulls().sort().search_sorted(o.drop_nulls()),
    "is_sorted": lambda s, o: s.sort(nulls_last=True).is_sorted(nulls_last=True), "peaks": lambda s, o: s.to_physical().peak_max(),
}


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("name", OF_SERIES)
def test_a_series_keeps_the_kind_and_its_order(name, rows):
    mine, theirs = [OF_SERIES[name](*[x.Series(n, values, dtype=x.Enum(SIZES)) for n, values in (("e", ROWS[rows][0]), ("o", ROWS[rows][0][::-1]))]) for x in (gf, pl)]
    if not isinstance(theirs, pl.Series):
        assert mine == theirs
        return
    assert_same(mine.to_frame("q"), theirs.to_frame("q"))
    assert mine.to_polars().dtype == theirs.dtype or theirs.dtype.is_integer()


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("name", VERBS)
def test_a_verb_keeps_the_kind_and_its_order(name, rows):
    check(VERBS[name], rows)


E = gf.errors
other = gf.Enum(SIZES[::-1])

WRONG = {
    "a text that is none, filled": (lambda f: f.select(gf.col("e").fill_null("huge")), E.PlanError, "coalesce: 'huge' is none of the Enum's categories"),
    "a near one": (lambda f: f.select(gf.when(gf.col("g") > 1).then("e").otherwise(gf.lit("smal"))), E.PlanError, "did you mean `small`"),
    "shifted in": (lambda f: f.select(gf.col("e").shift(1, fill_value=gf.lit("huge"))), E.PlanError, "shift: 'huge' is none"),
    "clipped by numbers": (lambda f: f.select(gf.col("e").clip(0, 2)), E.DTypeError, "clip: `.*` is Int64, expected an Enum"),
    "beside a number": (lambda f: f.select(gf.col("e") > 1), E.DTypeError, "comparison: `.*` is Int64, expected an Enum"),
    "horizontal text": (lambda f: f.select(gf.max_horizontal("e", "s")), E.DTypeError, "max_horizontal: `e` and `s` are an Enum and text"),
    "another Enum": (lambda f: f.select(gf.coalesce("e", gf.col("s").cast(other))), E.DTypeError, "Enums of different categories"),
    "lists of another": (lambda f: f.select(gf.concat_list("e", gf.col("s").cast(other))), E.DTypeError, "Enums of different categories"),
    "concat of another": (lambda f: gf.concat([f.select("e"), f.select(gf.col("e").cast(other))]), E.DTypeError, "concat: column `e` is an Enum of other categories"),
    "concat relaxed": (lambda f: gf.concat([f.select("e"), f.select(gf.col("e").cast(other))], how="vertical_relaxed"), E.DTypeError, "an Enum of other categories"),
    "concat of text": (lambda f: gf.concat([f.select("e"), f.select(gf.col("s").alias("e"))]), E.DTypeError, "column `e` is Enum in one frame and String in another"),
    "concat of categories": (lambda f: gf.concat([f.select("e"), f.select(gf.col("c").alias("e"))]), E.DTypeError, "column `e` is Enum in one frame and Categorical"),
    "text in a column": (lambda f: f.select(gf.col("e") < gf.lit("huge").first()), E.GradframeError, "'huge'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_category_is_an_error(name):
    action, kind, message = WRONG[name]
    with pytest.raises(kind, match=message):
        action(frame(gf, "some")).collect()


def test_an_enum_is_shown_as_one():
    shown = frame(gf, "some").select("e", "c", l=gf.concat_list("e", "o"))
    assert repr(shown.collect()).count("enum") == 2 and "list[enum]" in repr(shown.collect())
    schema = shown.collect_schema()
    assert (schema["e"], schema["l"]) == (gf.Enum(SIZES), gf.List(gf.Enum(SIZES)))
