"""The verbs of frames: each case is written once and run by both libraries, on collected and on lazy frames."""

import datetime

import numpy as np
import polars as pl
import pytest
from frames import made
from hypothesis import HealthCheck, given, settings
from same import assert_same, check_sql

import gradframe as gf

NAN = float("nan")

FRAMES = {
    "trips": {
        "region": ["EU", "US", "EU", None, "US", "EU"],
        "fare": [12.0, 40.0, 18.0, 7.5, None, NAN],
        "riders": [1, 2, 3, 4, 5, 3],
        "late": [True, None, False, True, False, False],
    },
    "regions": {"region": ["EU", "AS", None, "EU"], "name": ["Europe", "Asia", "?", "Europa"], "fare": [1.0, 2.0, 3.0, 4.0]},
    "codes": {"code": ["US", "EU"], "riders": [5, 1]},
    "empty": {"region": [], "fare": []},
    "nested": {"i": [1, 2, 3, 4], "l": [[1, 2], [], None, [3]], "m": [["a", "b"], [], None, [None]]},
    "structs": {"i": [1, 2], "s": [{"a": 1, "b": "x"}, {"a": None, "b": "y"}]},
    "wide": {"id": [1, 2], "a": [10, 20], "b": [1.5, None], "c": ["x", "y"]},
    "long": {"i": [1, 1, 2, 1], "on": ["p", "q", "p", "p"], "v": [10, 20, 30, 40], "w": [1, 2, 3, 4]},
    "days": {"day": [datetime.date(2024, 2, 29), None], "at": [datetime.datetime(2024, 1, 1, 12), None]},
}
TYPES = {"empty": {"region": ("str", pl.String), "fare": ("f64", pl.Float64)}}


class Tables:
    """The frames by name, of one library."""

    def __init__(self, library, lazy):
        self.library, self.lazy = library, lazy

    def __getattr__(self, name):
        types = {column: kind[self.library is pl] for column, kind in TYPES.get(name, {}).items()}
        frame = self.library.DataFrame(FRAMES[name], schema_overrides=types)
        return frame.lazy() if self.lazy else frame


TYPED = {"region": "String", "fare": "Float64", "riders": "Int64", "late": "Boolean"}


def schema(x, **changed):
    return {name: getattr(x, dtype) for name, dtype in {**TYPED, **changed}.items() if dtype}


ORDERED = {
    "match_to_schema": lambda f, x: f.trips.lazy().match_to_schema({**schema(x, fare=None), "fare": x.Float64}),
    "match_to_schema, inserting": lambda f, x: f.trips.lazy().match_to_schema(schema(x, z="Int8"), missing_columns="insert"),
    "match_to_schema, computing": lambda f, x: f.trips.lazy().match_to_schema(schema(x, z="Int64"), missing_columns={"z": x.col("riders") + 1}),
    "match_to_schema, dropping": lambda f, x: f.trips.lazy().match_to_schema(schema(x, fare=None), extra_columns="ignore"),
    "match_to_schema, casting": lambda f, x: f.trips.lazy().with_columns(x.col("riders").cast(x.UInt8)).match_to_schema(
        schema(x, riders="UInt32"), integer_cast="upcast"
    ),
    "head": lambda f, x: f.trips.head(2),
    "limit": lambda f, x: f.trips.limit(0),
    "tail": lambda f, x: f.trips.tail(2),
    "tail of fewer": lambda f, x: f.trips.tail(20),
    "first": lambda f, x: f.trips.lazy().first(),
    "last": lambda f, x: f.trips.lazy().last(),
    "slice": lambda f, x: f.trips.slice(1, 2),
    "slice to the end": lambda f, x: f.trips.slice(4),
    "slice from the end": lambda f, x: f.trips.slice(-3, 2),
    "slice from before the start": lambda f, x: f.trips.slice(-8, 4),
    "slice of the last rows": lambda f, x: f.trips.slice(-2),
    "reverse": lambda f, x: f.trips.reverse(),
    "gather_every": lambda f, x: f.trips.gather_every(2, offset=1),
    "gather": lambda f, x: f.trips.lazy().gather([3, 0, -1]),
    "with_row_index": lambda f, x: f.trips.with_row_index(),
    "with_row_index after a filter": lambda f, x: f.trips.filter(x.col("riders") > 2).with_row_index("n", 5),
    "with_row_index then filter": lambda f, x: f.trips.with_row_index("n").filter(x.col("n") > 3),
    "sort then with_row_index": lambda f, x: f.trips.sort("riders", "fare", descending=True).select("region").with_row_index(),
    "sort is stable": lambda f, x: f.trips.sort("late", maintain_order=True),
    "sort by two": lambda f, x: f.trips.sort("region", "riders", descending=[True, False], nulls_last=[True, False], maintain_order=True),
    "top_k": lambda f, x: f.trips.drop_nans().top_k(2, by="fare"),
    "bottom_k": lambda f, x: f.trips.bottom_k(3, by=["region", "riders"]),
    "top_k reversed": lambda f, x: f.trips.drop_nans().top_k(3, by=["region", "riders"], reverse=[True, False]),
    "drop_nulls": lambda f, x: f.trips.drop_nulls(),
    "drop_nulls of a column": lambda f, x: f.trips.drop_nulls("region"),
    "drop_nulls of two": lambda f, x: f.trips.drop_nulls(["region", "late"]),
    "drop_nans": lambda f, x: f.trips.drop_nans(),
    "drop_nans of a column": lambda f, x: f.trips.drop_nans("fare"),
    "filter": lambda f, x: f.trips.filter("late", x.col("riders") > 1),
    "filter by equality": lambda f, x: f.trips.filter(region="EU", riders=3),
    "remove": lambda f, x: f.trips.remove(x.col("late")),
    "remove by equality": lambda f, x: f.trips.remove(region="EU"),
    "unique in order": lambda f, x: f.trips.unique("region", keep="first", maintain_order=True),
    "unique last": lambda f, x: f.trips.unique(["region"], keep="last", maintain_order=True),
    "unique none": lambda f, x: f.trips.unique(["region", "riders"], keep="none", maintain_order=True),
    "unique of all": lambda f, x: f.trips.select("region", "late").unique(maintain_order=True),
    "group_by in order": lambda f, x: f.trips.group_by("region", maintain_order=True).agg(x.col("riders").sum()),
    "group_by named": lambda f, x: f.trips.group_by(zone=x.col("region"), maintain_order=True).agg(x.len()),
    "cast of some": lambda f, x: f.trips.select("riders", "fare").cast({"riders": x.Float32}),
    "cast of all": lambda f, x: f.trips.select("riders").cast(x.String),
    "rename": lambda f, x: f.trips.rename({"fare": "price", "late": "delayed"}),
    "rename by a function": lambda f, x: f.trips.rename(str.upper),
    "rename not strict": lambda f, x: f.trips.rename({"nothing": "x", "fare": "y"}, strict=False),
    "drop": lambda f, x: f.trips.drop("fare", ["late"]),
    "drop not strict": lambda f, x: f.trips.drop("nothing", "fare", strict=False),
    "select_seq": lambda f, x: f.trips.select_seq("fare", n=x.col("riders") + 1),
    "with_columns_seq": lambda f, x: f.trips.with_columns_seq(n=x.col("riders") + 1),
    "clear": lambda f, x: f.trips.clear(),
    "clear to nulls": lambda f, x: f.trips.clear(2),
    "clone": lambda f, x: f.trips.clone(),
    "pipe_with_schema": lambda f, x: f.trips.lazy().pipe_with_schema(lambda frame, schema: frame.select(list(schema)[0])),
    "quantile": lambda f, x: f.trips.select("riders").quantile(0.5),
    "interpolate": lambda f, x: f.wide.select("a").interpolate(),
    "pipe": lambda f, x: f.trips.pipe(lambda frame, n: frame.head(n), 1),
    "explode": lambda f, x: f.nested.explode("l"),
    "explode, empty as null": lambda f, x: f.nested.explode("l", empty_as_null=True),
    "explode without nulls": lambda f, x: f.nested.explode("l", keep_nulls=False),
    "explode without nulls, empty as null": lambda f, x: f.nested.explode("l", keep_nulls=False, empty_as_null=True),
    "explode of text": lambda f, x: f.nested.explode("m"),
    "unnest": lambda f, x: f.structs.unnest("s"),
    "unnest with a separator": lambda f, x: f.structs.unnest("s", separator="."),
    "drop of selectors": lambda f, x: f.trips.drop(x.selectors.string(), "riders"),
    "drop of columns": lambda f, x: f.trips.drop(x.col("riders"), x.selectors.by_name("riders")),
    "concat": lambda f, x: x.concat([f.trips, f.trips]),
    "concat relaxed": lambda f, x: x.concat([f.wide.select("a"), f.wide.select(x.col("b").alias("a"))], how="vertical_relaxed"),
    "concat diagonal": lambda f, x: x.concat([f.trips, f.regions], how="diagonal"),
    "concat diagonal relaxed": lambda f, x: x.concat([f.wide, f.wide.select(x.col("b").alias("a"))], how="diagonal_relaxed"),
    "concat horizontal": lambda f, x: x.concat([f.trips.head(4), f.nested], how="horizontal"),
    "concat horizontal of other heights": lambda f, x: x.concat([f.trips, f.nested], how="horizontal_extend"),
    "concat align": lambda f, x: x.concat([f.codes, f.codes.select("code", n=x.col("riders") * 2)], how="align"),
    "join left in order": lambda f, x: f.trips.join(f.regions, on="region", how="left", maintain_order="left_right"),
    "join inner in the right order": lambda f, x: f.trips.join(f.regions, on="region", maintain_order="right_left"),
    "join full in order": lambda f, x: f.trips.join(f.regions, on="region", how="full", maintain_order="left_right"),
    "join cross in the right order": lambda f, x: f.trips.join(f.codes, how="cross", maintain_order="right_left"),
    "tail of nothing": lambda f, x: f.trips.sort("riders").tail(0),
    "update by row": lambda f, x: f.wide.update(f.wide.select(b=x.lit(9.0)).head(1)),
    "update by key": lambda f, x: f.trips.update(f.codes.rename({"code": "region"}), on="region"),
    "merge_sorted": lambda f, x: f.codes.sort("riders").merge_sorted(f.codes.sort("riders"), "riders", maintain_order=True),
}

SUMMARIES = {
    "count": lambda f, x: f.trips.count(),
    "null_count": lambda f, x: f.trips.null_count(),
    "sum": lambda f, x: f.trips.sum(),
    "mean": lambda f, x: f.trips.select("riders", "late", "region").mean(),
    "median": lambda f, x: f.trips.select("riders").median(),
    "min": lambda f, x: f.trips.select("riders", "region").min(),
    "max": lambda f, x: f.trips.select("riders", "region").max(),
    "std": lambda f, x: f.trips.select("riders", "region").std(),
    "var": lambda f, x: f.trips.select("riders").var(ddof=0),
    "shift": lambda f, x: f.trips.shift(2),
    "shift up": lambda f, x: f.trips.select("riders").shift(-1, fill_value=0),
    "fill_null": lambda f, x: f.trips.fill_null(0),
    "fill_null with text": lambda f, x: f.trips.fill_null("?"),
    "fill_null with a boolean": lambda f, x: f.trips.fill_null(True),
    "fill_nan": lambda f, x: f.trips.fill_nan(1.5),
    "groups: len": lambda f, x: f.trips.group_by("region", maintain_order=True).len(),
    "groups: first": lambda f, x: f.trips.group_by("region", maintain_order=True).first(),
    "groups: last": lambda f, x: f.trips.group_by("region", maintain_order=True).last(),
    "groups: sum": lambda f, x: f.trips.select("region", "riders").group_by("region", maintain_order=True).sum(),
    "groups: mean": lambda f, x: f.trips.select("region", "riders").group_by("region", maintain_order=True).mean(),
    "groups: median": lambda f, x: f.trips.select("region", "riders").group_by("region", maintain_order=True).median(),
    "groups: min": lambda f, x: f.trips.select("region", "riders").group_by("region", maintain_order=True).min(),
    "groups: max": lambda f, x: f.trips.select("region", "riders").group_by("region", maintain_order=True).max(),
    "groups: n_unique": lambda f, x: f.trips.group_by("region", maintain_order=True).n_unique(),
    "groups: all": lambda f, x: f.trips.group_by("region", maintain_order=True).all(),
    "groups: head": lambda f, x: f.trips.group_by("region", maintain_order=True).head(1),
    "groups: tail": lambda f, x: f.trips.group_by("region", maintain_order=True).tail(2),
    "pivot": lambda f, x: f.long.pivot("on", ["p", "q"], index="i", values="v", aggregate_function="sum", maintain_order=True),
    "pivot of two": lambda f, x: f.long.pivot("on", ["p", "q"], index="i", values=["v", "w"], aggregate_function="first", maintain_order=True),
    "pivot by an expression": lambda f, x: f.long.pivot("on", ["p", "q"], index="i", values="v", aggregate_function=x.element().sum() * 2, maintain_order=True),
    "pivot by several aggregates": lambda f, x: f.long.pivot("on", ["p", "q"], index="i", values=["v", "w"], aggregate_function=x.element().max() - x.element().min(), maintain_order=True),
    "pivot to lists": lambda f, x: f.long.pivot("on", ["p", "q"], index="i", values="v", aggregate_function=x.element(), maintain_order=True),
    "pivot without a value": lambda f, x: f.long.pivot("on", ["p", "r"], index="i", values="v", aggregate_function="len", maintain_order=True),
}

CROSSED = {
    "join cross": lambda f, x: f.codes.join(f.wide, how="cross"),
    "join cross, more rows": lambda f, x: f.trips.join(f.codes, how="cross"),
    "join cross of the same names": lambda f, x: f.codes.join(f.codes, how="cross"),
}

UNORDERED = {
    "unpivot": lambda f, x: f.wide.unpivot(["a", "b"], index="id"),
    "unpivot of all others": lambda f, x: f.wide.drop("c").unpivot(index="id", variable_name="k", value_name="v"),
    "unpivot to text": lambda f, x: f.wide.unpivot(["a", "c"]),
    "unique": lambda f, x: f.trips.select("region").unique(),
    "unique of a column": lambda f, x: f.trips.select("region", x.lit(1).alias("one")).unique("region"),
    **{
        f"join {how}": lambda f, x, how=how: f.trips.join(f.regions, on="region", how=how)
        for how in ["inner", "left", "right", "full", "semi", "anti"]
    },
    **{
        f"join {how} of other names": lambda f, x, how=how: f.trips.join(f.codes, left_on="region", right_on="code", how=how)
        for how in ["inner", "left", "right", "full", "semi", "anti"]
    },
    **{
        f"join {how}, nulls equal": lambda f, x, how=how: f.trips.join(f.regions, on="region", how=how, nulls_equal=True)
        for how in ["inner", "left", "right", "full", "semi", "anti"]
    },
    **{
        f"join {how}, coalesce={coalesce}": lambda f, x, how=how, coalesce=coalesce: f.trips.join(
            f.codes, left_on="region", right_on="code", how=how, coalesce=coalesce
        )
        for how in ["inner", "left", "right", "full"]
        for coalesce in [True, False]
    },
    "join on two": lambda f, x: f.trips.join(f.codes, left_on=["region", "riders"], right_on=["code", "riders"]),
    "join on expressions": lambda f, x: f.trips.join(f.codes, left_on=x.col("riders") * 2, right_on=x.col("riders") + 1),
    "join with a suffix": lambda f, x: f.trips.join(f.regions, on="region", suffix="_of_region"),
    **CROSSED,
    "join validated": lambda f, x: f.trips.join(f.codes, left_on="region", right_on="code", validate="m:1"),
    "join with nothing": lambda f, x: f.trips.join(f.empty, on="region", how="left"),
    "join_where": lambda f, x: f.trips.join_where(f.codes, x.col("riders") > x.col("riders_right")),
    "join_where of two": lambda f, x: f.trips.join_where(f.codes, x.col("region") == x.col("code"), x.col("riders") >= x.col("riders_right")),
}


#: What waits for a method of expressions.
WAITING = {name for name, method in [("quantile", "quantile"), ("interpolate", "interpolate")] if not hasattr(gf.Expr, method)}


def collected(frame):
    return frame.collect() if isinstance(frame, gf.LazyFrame | pl.LazyFrame) else frame


@pytest.mark.parametrize("lazy", [True, False], ids=["lazy", "collected"])
@pytest.mark.parametrize("name", [*ORDERED, *SUMMARIES])
def test_rows_are_polars_in_its_order(name, lazy):
    if name in WAITING:
        pytest.skip("expressions have no such method")
    action = ORDERED.get(name) or SUMMARIES[name]
    query = action(Tables(gf, lazy), gf)
    assert_same(collected(query), collected(action(Tables(pl, lazy), pl)))
    if isinstance(query, gf.LazyFrame):
        check_sql(query, query.collect(), sort=False)


@pytest.mark.parametrize("lazy", [True, False], ids=["lazy", "collected"])
@pytest.mark.parametrize("name", UNORDERED)
def test_rows_are_polars(name, lazy):
    action = UNORDERED[name]
    query = action(Tables(gf, lazy), gf)
    assert_same(collected(query), collected(action(Tables(pl, lazy), pl)), sort=True)
    if isinstance(query, gf.LazyFrame):
        check_sql(query, query.collect(), sort=True)


@pytest.mark.parametrize("name", CROSSED)
def test_a_cross_join_goes_row_by_row_of_the_left_side(name):
    """So it does in Polars with collected frames; with lazy ones it goes by the smaller side."""
    theirs = CROSSED[name](Tables(pl, False), pl)
    for lazy in (False, True):
        assert_same(collected(CROSSED[name](Tables(gf, lazy), gf)), theirs)


E = gf.errors

ERRORS = {
    "a key is there twice": (lambda f, x: f.trips.join(f.regions, on="region", validate="m:1"), E.ExecutionError, "`region` = EU is on 2 rows of the right side"),
    "a left key is there twice": (lambda f, x: f.trips.join(f.codes, left_on="region", right_on="code", validate="1:1"), E.ExecutionError, "left side"),
    "unknown key": (lambda f, x: f.trips.join(f.regions, on="regin"), E.PlanError, "unknown column `regin`; hint: did you mean `region`"),
    "keys of different kinds": (lambda f, x: f.trips.join(f.codes, left_on="riders", right_on="code"), E.DTypeError, "`riders` of Int64 and `code`"),
    "another number of keys": (lambda f, x: f.trips.join(f.codes, left_on=["region", "riders"], right_on="code"), E.PlanError, "2 and 1 keys"),
    "a name after the suffix": (lambda f, x: f.trips.join(f.regions, on="region", suffix=""), E.PlanError, "`fare`.*another suffix"),
    "unknown kind of join": (lambda f, x: f.trips.join(f.regions, on="region", how="lift"), E.PlanError, "did you mean `left`"),
    "no frame": (lambda f, x: f.trips.join(3, on="region"), TypeError, "join: expected a DataFrame or a LazyFrame, got a int"),
    "join_where of an unknown column": (lambda f, x: f.trips.join_where(f.codes, x.col("rider") > 1), E.PlanError, "unknown column `rider`"),
    "concat of other names": (lambda f, x: x.concat([f.trips, f.codes]), E.PlanError, "the columns differ"),
    "concat of other types": (lambda f, x: x.concat([f.wide.select("a"), f.wide.select(x.col("b").alias("a"))]), E.DTypeError, "column `a` is Int64 in one frame and Float64"),
    "concat with one name twice": (lambda f, x: x.concat([f.trips, f.trips], how="horizontal"), E.PlanError, "two frames have a column `region`"),
    "concat of nothing": (lambda f, x: x.concat([]), E.PlanError, "got no frame"),
    "concat of other heights": (lambda f, x: x.concat([f.trips, f.nested], how="horizontal"), E.ShapeError, "different numbers of rows"),
    "concat in an unknown way": (lambda f, x: x.concat([f.trips], how="vertikal"), E.PlanError, "did you mean `vertical`"),
    "explode of no list": (lambda f, x: f.trips.explode("fare"), E.DTypeError, "column `fare` is Float64, expected a list"),
    "explode of an unknown column": (lambda f, x: f.trips.explode("fares"), E.PlanError, "did you mean `fare`"),
    "explode of lists that differ": (lambda f, x: gf.DataFrame({"l": [[1, 2]], "m": [[1]]}).explode("l", "m"), E.ExecutionError, "`l` has 2 values and `m` 1"),
    "unnest of no struct": (lambda f, x: f.trips.unnest("fare"), E.DTypeError, "expected a struct"),
    "unnest onto a name": (lambda f, x: f.structs.rename({"i": "a"}).unnest("s"), E.PlanError, "`a`"),
    "an index of a name": (lambda f, x: f.trips.with_row_index("fare"), E.PlanError, "there is a column `fare` already"),
    "an unknown way to keep": (lambda f, x: f.trips.unique(keep="frist"), E.PlanError, "did you mean `first`"),
    "unique of an unknown column": (lambda f, x: f.trips.unique("regin"), E.PlanError, "did you mean `region`"),
    "a column that a schema lacks": (lambda f, x: f.trips.match_to_schema(schema(x, fare=None)), E.PlanError, "does not have the columns `fare`"),
    "a column that the frame lacks": (lambda f, x: f.trips.match_to_schema(schema(x, z="Int8")), E.PlanError, "no column `z`"),
    "a wider type": (lambda f, x: f.codes.match_to_schema({"code": x.String, "riders": x.Float64}), E.DTypeError, "column `riders` is Int64"),
    "a narrower type": (lambda f, x: f.codes.match_to_schema({"code": x.String, "riders": x.Int8}, integer_cast="upcast"), E.DTypeError, "expected Int8"),
    "on and left_on": (lambda f, x: f.trips.join(f.regions, on="region", left_on="fare"), E.PlanError, "got `on` and `left_on`"),
    "left_on alone": (lambda f, x: f.trips.join(f.regions, left_on="region"), E.PlanError, "`left_on` without `right_on`"),
    "the name of what numbers rows": (lambda f, x: gf.LazyFrame({"__row_order": [2, 1]}).with_columns(c=gf.col("__row_order").cum_sum()), E.PlanError, "`__row_order` has the name by which rows are numbered"),
    "first rows by that name": (lambda f, x: gf.LazyFrame({"__row_order": [2, 1], "k": [1, 1]}).unique("k", keep="first"), E.PlanError, "`__row_order` has the name by which rows are numbered"),
    "parts by nothing": (lambda f, x: gf.DataFrame({"c": [1]}).partition_by([]), E.PlanError, "no keys"),
    "names of a transpose twice": (lambda f, x: gf.DataFrame({"c": ["x", "y", "x"], "v": [1, 2, 3]}).transpose(column_names="c"), E.PlanError, "two columns would be named `x`"),
    "the header's name too": (lambda f, x: gf.DataFrame({"v": [1, 2]}).transpose(include_header=True, header_name="a", column_names=["a", "b"]), E.PlanError, "would be named `a`"),
    "no name of a transpose": (lambda f, x: gf.DataFrame({"c": ["x", None], "v": [1, 2]}).transpose(column_names="c"), E.PlanError, "`c` has a null"),
    "numbers as names": (lambda f, x: gf.DataFrame({"c": [1, 2], "v": [1, 2]}).transpose(column_names="c"), E.DTypeError, "`c` is Int64"),
    "renamed onto a column": (lambda f, x: f.trips.rename({"fare": "region"}), E.PlanError, "^rename: two columns would be named `region`"),
    "unnested onto a column": (lambda f, x: f.structs.rename({"i": "a"}).unnest("s"), E.PlanError, "^unnest: two columns would be named `a`"),
    "unpivoted onto a column": (lambda f, x: f.wide.unpivot(["a"], index="id", variable_name="id"), E.PlanError, "^unpivot: two columns would be named `id`"),
    "pivot by a column": (lambda f, x: f.long.pivot("on", ["p"], index="i", values="v", aggregate_function=x.col("v").sum()), E.PlanError, r"pivot: the aggregate .* is not one of `element\(\)`"),
    "several values in a place": (lambda f, x: gf.DataFrame({"i": [1, 1], "o": ["p", "p"], "v": [1, 2]}).pivot("o", ["p"], index="i", values="v"), E.ExecutionError, "pivot: column `p` has 2 values in one row.*aggregate_function"),
    "every 0th": (lambda f, x: f.trips.gather_every(0), E.PlanError, "n is 0"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_bad_input_is_named(name):
    action, kind, message = ERRORS[name]
    with pytest.raises(kind, match=message):
        made = action(Tables(gf, True), gf)
        made.collect() if isinstance(made, gf.LazyFrame) else made


OF_WINDOWS = {
    "window below window": lambda f, x: x.concat([f.with_columns(s=x.col("v").sum().over("g")), f.with_columns(s=x.col("u").cum_sum())]),
    "filtered by one": lambda f, x: x.concat([f.filter(x.col("v") > x.col("v").mean().over("g")), f.head(3)]),
    "above a sort": lambda f, x: x.concat([f.sort("u").with_columns(s=x.col("u").rank().over("g")).drop("v"), f.select("g", "u", s=x.lit(1.0))]).with_row_index(),
    "then shifted": lambda f, x: x.concat([f.with_columns(s=x.col("v").max().over("g")), f.with_columns(s=x.col("v"))]).with_columns(t=x.col("u").shift(1)),
    "then in groups": lambda f, x: x.concat([f.with_columns(s=x.col("v").max().over("g")), f.with_columns(s="u")]).group_by("g", maintain_order=True).agg(x.col("u").head(5)),
    "then mapped": lambda f, x: f.with_columns(s=x.col("v").max().over("g")).map_batches(lambda batch: batch),
    "sorted and mapped": lambda f, x: f.sort("u").map_batches(lambda batch: batch),
    "then exploded": lambda f, x: f.with_columns(s=x.col("v").max().over("g"), l=x.concat_list("u", "v")).explode("l"),
}


@pytest.mark.parametrize("name", OF_WINDOWS)
def test_what_windows_give_stays_in_order_below_other_rows(name):
    """The order of a window is the engine's own sort, which nothing above may take away."""
    rows = {"g": [1, 2, 1, 2, 3, 1] * 20_000, "v": list(range(120_000)), "u": [i * 7919 % 120_000 for i in range(120_000)]}
    case = OF_WINDOWS[name]
    assert_same(case(gf.LazyFrame(rows), gf).collect(), case(pl.LazyFrame(rows), pl).collect())


def test_verbs_know_the_order_of_many_partitions():
    """Rows enough to be cut into partitions, each of which a thread takes."""
    n = 100_000
    frame = gf.DataFrame({"i": np.arange(n)}).lazy()
    odd = frame.filter(gf.col("i") % 2 == 1)
    assert odd.head(3).collect().rows() == [(1,), (3,), (5,)]
    assert odd.tail(2).collect().rows() == [(n - 3,), (n - 1,)]
    assert odd.slice(40_000, 2).collect().rows() == [(80_001,), (80_003,)]
    assert odd.with_row_index().filter(gf.col("index") == 40_000).collect().rows() == [(40_000, 80_001)]
    assert odd.reverse().head(2).collect().rows() == [(n - 1,), (n - 3,)]
    assert odd.gather_every(25_000).collect().rows() == [(1,), (50_001,)]
    kept = frame.with_columns(k=gf.col("i") % 3).unique("k", keep="last", maintain_order=True).collect()
    assert kept.rows() == [(n - 3, 1), (n - 2, 2), (n - 1, 0)]


#: Asked of frames that hypothesis makes: whether rows come in order, and what is done with a frame and another.
OF_ANY_FRAME = {
    "slice": (True, lambda f, g, x: f.slice(-3, 2)),
    "tail": (True, lambda f, g, x: f.tail(2)),
    "reverse": (True, lambda f, g, x: f.reverse()),
    "with_row_index": (True, lambda f, g, x: f.with_row_index()),
    "gather_every": (True, lambda f, g, x: f.gather_every(3, 1)),
    "drop_nulls": (True, lambda f, g, x: f.drop_nulls(["g", "i"])),
    "drop_nans": (True, lambda f, g, x: f.drop_nans()),
    "sort": (True, lambda f, g, x: f.sort("g", "i", descending=[True, False], nulls_last=True, maintain_order=True)),
    "unique": (True, lambda f, g, x: f.unique("g", keep="last", maintain_order=True)),
    "unique, none": (True, lambda f, g, x: f.unique(["g", "b"], keep="none", maintain_order=True)),
    "group_by": (True, lambda f, g, x: f.group_by("g", maintain_order=True).agg(x.len(), x.col("i").max())),
    "concat": (True, lambda f, g, x: x.concat([f, g])),
    "concat diagonal": (True, lambda f, g, x: x.concat([f.select("g", "i"), g.select("i", "s")], how="diagonal")),
    **{
        f"join {how}": (False, lambda f, g, x, how=how: f.select("g", "i").join(g.select("g", "s"), on="g", how=how))
        for how in ["inner", "left", "right", "full", "semi", "anti"]
    },
    "join of nulls": (False, lambda f, g, x: f.select("g", "i").join(g.select("g", "i"), on=["g", "i"], nulls_equal=True)),
    "join in order": (True, lambda f, g, x: f.join(g.select("g", "s"), on="g", how="left", maintain_order="left_right")),
    "join_where": (False, lambda f, g, x: f.select("i").join_where(g.select("i"), x.col("i") < x.col("i_right"))),
}


@pytest.mark.parametrize("name", OF_ANY_FRAME)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(left=made(), right=made())
def test_rows_are_polars_of_any_frame(name, left, right):
    ordered, case = OF_ANY_FRAME[name]
    mine = case(gf.DataFrame(left).lazy(), gf.DataFrame(right).lazy(), gf).collect()
    assert_same(mine, case(left.lazy(), right.lazy(), pl).collect(), sort=not ordered)
