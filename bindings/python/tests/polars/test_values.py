"""Series and arrays where an expression may stand, and Enums: each case is asked of Polars too."""

import datetime as dt

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from same import assert_same

import gradframe as gf

ROWS = {"i": [3, 1, 2, None], "k": ["a", "b", "a", "b"], "f": [0.5, 1.5, 2.5, 3.5]}

SERIES = {
    "sort": lambda f, x: f.sort(x.Series("s", [3, 1, 2, 0])),
    "sort by two": lambda f, x: f.sort(x.Series("s", [3, 1, 3, 0]), "i", descending=[True, False]),
    "a new column": lambda f, x: f.with_columns(x.Series("s", [4, 3, 2, 1])),
    "a named column": lambda f, x: f.with_columns(z=x.Series("s", ["p", "q", None, "r"])),
    "a NumPy column": lambda f, x: f.with_columns(z=np.arange(4)),
    "a literal": lambda f, x: f.select("i", z=x.lit(x.Series("s", [1, 2, 3, 4])) + x.col("i")),
    "an operand": lambda f, x: f.select(z=x.col("i") * x.Series("s", [1, 2, 3, 4])),
    "a mask": lambda f, x: f.filter(x.Series([True, False, None, True])),
    "a list as mask": lambda f, x: f.filter([True, False, False, True]),
    "a mask and a condition": lambda f, x: f.filter(x.Series([True, True, True, False]), x.col("i") > 1),
    "a mask of a frame": lambda f, x: f.filter(f.select("f").to_series() > 1),
    "a key of groups": lambda f, x: f.group_by(x.Series("g", [1, 1, 2, 2]), maintain_order=True).agg(x.col("f").sum()),
    "a part of a window": lambda f, x: f.with_columns(w=x.col("f").sum().over(x.Series("g", [1, 2, 2, 1]))),
    "after a filter": lambda f, x: f.filter(x.col("f") > 1).with_columns(z=x.Series("s", [7, 8, 9])),
    "an aggregate": lambda f, x: f.select(x.lit(x.Series("s", [1, 2, 3, 4])).sum()),
    "a moving one": lambda f, x: f.select(x.col("i"), z=x.lit(x.Series("s", [1, 2, 3, 4])).shift(1)),
}


@pytest.mark.parametrize("name", SERIES)
def test_series_are_columns(name):
    assert_same(SERIES[name](gf.DataFrame(ROWS), gf), SERIES[name](pl.DataFrame(ROWS), pl))


def test_series_are_those_of_any_library():
    f = gf.DataFrame(ROWS)
    for values in (pl.Series([4, 3, 2, 1]), pa.array([4, 3, 2, 1]), pa.chunked_array([[4, 3], [2, 1]]), np.array([4, 3, 2, 1])):
        assert f.with_columns(z=values).get_column("z").to_list() == [4, 3, 2, 1]
    assert f.lazy().with_columns(z=np.array([1, 2, 3, 4])).filter(gf.col("z") > 2).collect().get_column("z").to_list() == [3, 4]


@pytest.mark.parametrize(
    "action",
    [
        lambda f, s: f.sort(s),
        lambda f, s: f.with_columns(z=s),
        lambda f, s: f.filter(s > 1),
        lambda f, s: f.lazy().select(gf.col("i") + s).collect(),
    ],
)
def test_a_series_of_another_length_is_refused(action):
    with pytest.raises(gf.errors.ShapeError, match="has 2 values, the frame 4 rows"):
        action(gf.DataFrame(ROWS), gf.Series("s", [2, 1]))


def test_a_table_is_no_column():
    f = gf.DataFrame(ROWS)
    with pytest.raises(TypeError, match="expected columns and expressions, got a DataFrame; hint: frame.hstack"):
        f.with_columns(f)


SIZES = ["s", "m", "l", "xl;1"]

ENUMS = {
    "cast": lambda f, x: f.select(x.col("t").cast(x.Enum(SIZES))),
    "sort": lambda f, x: f.sort("e"),
    "sort backwards": lambda f, x: f.sort("e", descending=True, nulls_last=True),
    "sort of a cast": lambda f, x: f.sort(x.col("t").cast(x.Enum(SIZES))),
    "filter": lambda f, x: f.filter(x.col("e") == "l"),
    "text": lambda f, x: f.select(x.col("e").cast(x.String)),
    "groups": lambda f, x: f.group_by("e", maintain_order=True).agg(x.len()).sort("e"),
    "extremes": lambda f, x: f.select(lo=x.col("e").min(), hi=x.col("e").max()),
    "extremes of groups": lambda f, x: f.group_by(x.col("t") > "l", maintain_order=True).agg(x.col("e").max()),
    "extremes beside rows": lambda f, x: f.select("t", hi=x.col("e").max()),
    "compared": lambda f, x: f.select(a=x.col("e") < "l", b=x.lit("m") >= x.col("e"), c=x.col("e") > x.col("e").min(), d=x.col("e").is_between(x.lit("m"), x.lit("l"))),
    "expressions sorted": lambda f, x: f.select(a=x.col("e").sort(), b=x.col("e").sort(descending=True), i=x.col("e").arg_sort()),
    "not strict": lambda f, x: f.select(x.lit("huge").cast(x.Enum(SIZES), strict=False).first()),
}


def sized(library):
    texts = ["l", "s", None, "xl;1", "m"]
    return library.DataFrame({"e": library.Series("e", texts, dtype=library.Enum(SIZES)), "t": texts})


@pytest.mark.parametrize("name", ENUMS)
def test_enums(name):
    mine, theirs = ENUMS[name](sized(gf), gf), ENUMS[name](sized(pl), pl)
    assert_same(mine, theirs)
    enums = {name: dtype for name, dtype in theirs.schema.items() if isinstance(dtype, pl.Enum)}
    for made in (mine, ENUMS[name](gf.from_polars(sized(pl)), gf)):
        assert {name: made.to_polars().schema[name] for name in enums} == enums


#: What is computed of Series, or of nothing, without a frame.
AT_ONCE = {
    "int_range": lambda x: x.int_range(3, eager=True), "int_range, steps": lambda x: x.int_range(1, 7, 2, dtype=x.Int16, eager=True), "arange": lambda x: x.arange(0, 3, eager=True),
    "repeat": lambda x: x.repeat("q", 2, eager=True), "ones": lambda x: x.ones(2, eager=True), "zeros": lambda x: x.zeros(2, dtype=x.Int64, eager=True),
    "coalesce": lambda x: x.coalesce(x.Series("a", [1, None]), x.Series("b", [3, 4]), eager=True),
    "corr": lambda x: x.corr(x.Series("a", [1, 2, 4]), x.Series("b", [1, 2, 3]), eager=True),
    "struct": lambda x: x.struct(x.Series("a", [1, None]), x.Series("b", [3, 4]), eager=True),
}


@pytest.mark.parametrize("name", AT_ONCE)
def test_series_are_made_at_once(name):
    assert_same(AT_ONCE[name](gf).to_frame(), AT_ONCE[name](pl).to_frame())


def test_an_enum_is_known_by_its_categories():
    frame = sized(gf)
    assert frame.schema["e"] == gf.Enum(SIZES) and frame.get_column("e").dtype == gf.Enum(SIZES)
    assert gf.DataFrame({"e": ["m"]}, schema={"e": gf.Enum(SIZES)}).schema == {"e": gf.Enum(SIZES)}
    assert gf.from_polars(sized(pl)).lazy().filter(gf.col("e") != "l").collect_schema()["e"] == gf.Enum(SIZES)
    with pytest.raises(gf.errors.ExecutionError, match="`t`: 'huge' in row 0 .* is none of the Enum's categories"):
        gf.DataFrame({"t": ["huge"]}).select(gf.col("t").cast(gf.Enum(SIZES)))
    with pytest.raises(gf.errors.ExecutionError, match="column `e`: 'huge' is none of the Enum's categories"):
        gf.DataFrame({"e": ["huge"]}, schema={"e": gf.Enum(SIZES)})
    with pytest.raises(gf.errors.PlanError, match="comparison: 'huge' is none of the Enum's categories"):
        frame.lazy().filter(gf.col("e") < "huge")
    with pytest.raises(gf.errors.DTypeError, match="Enums of different categories"):
        frame.lazy().filter(gf.col("e") < gf.col("t").cast(gf.Enum(SIZES[::-1])))
    with pytest.raises(gf.errors.DTypeError, match="a category is there twice"):
        gf.Enum(["a", "a"])
    with pytest.raises(gf.errors.DTypeError, match="`i` is Int64, which cannot become an Enum"):
        gf.DataFrame(ROWS).lazy().select(gf.col("i").cast(gf.Enum(SIZES)))


BINS = {
    "cut": lambda f, x: f.select(x.col("f").cut([1, 2])),
    "cut with breaks": lambda f, x: f.select(x.col("f").cut([1, 2], include_breaks=True)),
    "cut with labels": lambda f, x: f.select(x.col("f").cut([1, 2], labels=["a", "b", "c"], left_closed=True)),
    "qcut": lambda f, x: f.select(x.col("f").qcut(2)),
    "qcut with breaks": lambda f, x: f.select(x.col("f").qcut([0.25, 0.75], labels=["a", "b", "c"], include_breaks=True)),
    "intervals": lambda f, x: f.select(x.col("f").bin_intervals([1, 2], labels=["a", "b", "c"], include_intervals=True)),
    "intervals of one width": lambda f, x: f.select(x.col("f").bin_intervals(3, labels=False)),
    "quantiles": lambda f, x: f.select(x.col("f").bin_quantiles(2, labels=["a", "b"])),
    "hist": lambda f, x: f.select(x.col("f").hist([0, 1, 2, 3])),
    "hist of so many bins": lambda f, x: f.select(x.col("f").hist(bin_count=2, include_breakpoint=True, include_category=True)),
    "hist of ten": lambda f, x: f.select(x.col("f").hist(include_category=True)),
}


@pytest.mark.parametrize("name", BINS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_bins(name):
    assert_same(BINS[name](gf.DataFrame(ROWS), gf), BINS[name](pl.DataFrame(ROWS), pl))


def test_bins_of_known_labels_are_enums():
    made = gf.DataFrame(ROWS).select(c=gf.col("f").cut([1, 2]), q=gf.col("f").qcut(2))
    assert made.schema == {"c": gf.Enum(["(-inf, 1]", "(1, 2]", "(2, inf]"]), "q": gf.Categorical()}


TYPED = {
    "d": [dt.date(2024, 1, 1), dt.date(2024, 1, 4), None],
    "t": [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, 6), None],
    "u": [dt.timedelta(days=1), dt.timedelta(hours=2), None],
    "m": [dt.time(1), dt.time(2), None],
    "s": ["a", "b", None],
    "b": [True, False, None],
    "l": [[1], [2], None],
    "i": [1, 2, None],
    "k": [1, 1, 2],
}

OF_ALL_TYPES = {
    **{name: lambda f, x, name=name: getattr(f, name)() for name in ["sum", "mean", "median", "std", "var"]},
    "quantile": lambda f, x: f.quantile(0.5),
    "groups: mean": lambda f, x: f.drop("s", "l").group_by("k", maintain_order=True).mean(),
    "groups: median": lambda f, x: f.drop("s", "l").group_by("k", maintain_order=True).median(),
    "groups: quantile": lambda f, x: f.drop("l").group_by("k", maintain_order=True).quantile(0.5),
    "unpivot": lambda f, x: f.select("i", "b").unpivot(),
}


@pytest.mark.parametrize("name", OF_ALL_TYPES)
def test_aggregates_of_every_type(name):
    assert_same(OF_ALL_TYPES[name](gf.DataFrame(TYPED), gf), OF_ALL_TYPES[name](pl.DataFrame(TYPED), pl))


def test_what_has_no_answer_is_a_typed_error():
    f = gf.DataFrame(TYPED)
    with pytest.raises(gf.errors.DTypeError, match="corr: column `s` is .*, expected numbers"):
        f.select("i", "s").corr()
    with pytest.raises(gf.errors.DTypeError, match=r"unpivot: columns `i` \(Int64\) and `d` \(Date\) have no common type"):
        f.select("i", "d").unpivot()
