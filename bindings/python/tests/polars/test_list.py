"""The namespaces `list` and `arr`: one table of cases, each asked of Polars too."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from same import check

import gradframe as gf

NAN = float("nan")

FRAMES = {
    "integers": lambda: pl.DataFrame({"a": [[3, 1, None, 1], [], None, [None], [5]]}, schema={"a": pl.List(pl.Int64)}),
    "small": lambda: pl.DataFrame({"a": [[100, 100], None, [], [-1, None]]}, schema={"a": pl.List(pl.Int8)}),
    "floats": lambda: pl.DataFrame({"a": [[3.5, NAN, None, 1.0, -2.0], [], None, [None], [2.0, 2.0]]}),
    "floats32": lambda: pl.DataFrame({"a": [[3.5, None, 1.0], [], None]}, schema={"a": pl.List(pl.Float32)}),
    "booleans": lambda: pl.DataFrame({"a": [[True, None], [], None, [None], [False, True]]}, schema={"a": pl.List(pl.Boolean)}),
    "texts": lambda: pl.DataFrame({"a": [["b", "a", None, "b"], [], None, [None], ["a text over twelve bytes"]]}),
    "dates": lambda: pl.DataFrame({"a": [[dt.date(2020, 1, 1), dt.date(2020, 1, 4)], None, []]}),
    "durations": lambda: pl.DataFrame({"a": [[dt.timedelta(1), dt.timedelta(3)], None, []]}),
    "lists": lambda: pl.DataFrame({"a": [[[1, 2], [1], None, [1, 2]], None, []]}),
    "none": lambda: pl.DataFrame({"a": []}, schema={"a": pl.List(pl.Int64)}),
}
ALL = list(FRAMES)
NUMBERS = ["integers", "small", "floats", "floats32", "none"]

CASES = {
    "len": (lambda f, x: f.select(x.col("a").list.len()), ALL),
    "ends": (lambda f, x: f.select(a=x.col("a").list.first(), b=x.col("a").list.last(), c=x.col("a").list.get(1, null_on_oob=True), d=x.col("a").list.get(-2, null_on_oob=True)), ALL),
    "sum": (lambda f, x: f.select(x.col("a").list.sum()), [*NUMBERS, "booleans", "durations"]),
    "middle": (lambda f, x: f.select(a=x.col("a").list.mean(), b=x.col("a").list.median()), [*NUMBERS, "durations", "dates"]),
    "spread": (lambda f, x: f.select(a=x.col("a").list.std(), b=x.col("a").list.var(), c=x.col("a").list.std(0)), NUMBERS),
    "extremes": (lambda f, x: f.select(a=x.col("a").list.min(), b=x.col("a").list.max(), c=x.col("a").list.arg_min(), d=x.col("a").list.arg_max()), [name for name in ALL if name not in ("lists", "texts")]),
    # Of equal texts, Polars gives the place of the last greatest one.
    "extremes_text": (lambda f, x: f.select(a=x.col("a").list.min(), b=x.col("a").list.max(), c=x.col("a").list.arg_min()), ["texts"]),
    "order": (lambda f, x: f.select(a=x.col("a").list.reverse(), b=x.col("a").list.sort(), c=x.col("a").list.sort(descending=True), d=x.col("a").list.sort(nulls_last=True), e=x.col("a").list.sort(descending=True, nulls_last=True)), [name for name in ALL if name != "lists"]),
    "unique": (lambda f, x: f.select(a=x.col("a").list.unique(maintain_order=True), b=x.col("a").list.n_unique()), ALL),
    "drop_nulls": (lambda f, x: f.select(x.col("a").list.drop_nulls()), ALL),
    "parts": (lambda f, x: f.select(a=x.col("a").list.head(2), b=x.col("a").list.tail(2), c=x.col("a").list.slice(1, 2), d=x.col("a").list.slice(-2), e=x.col("a").list.slice(-9, 7), g=x.col("a").list.tail(-1), h=x.col("a").list.head(0)), ALL),
    "gather": (lambda f, x: f.select(a=x.col("a").list.gather([0, 1], null_on_oob=True), b=x.col("a").list.gather([-1], null_on_oob=True), c=x.col("a").list.gather_every(2), d=x.col("a").list.gather_every(2, 1)), ALL),
    "shift": (lambda f, x: f.select(a=x.col("a").list.shift(), b=x.col("a").list.shift(-1), c=x.col("a").list.shift(9)), ALL),
    "diff": (lambda f, x: f.select(a=x.col("a").list.diff(), b=x.col("a").list.diff(1, "drop"), c=x.col("a").list.diff(2), d=x.col("a").list.diff(-1)), [*NUMBERS, "dates", "durations"]),
    "contains": (lambda f, x: f.select(a=x.col("a").list.contains(1), b=x.col("a").list.contains(None), c=x.col("a").list.count_matches(1), d=x.col("a").list.count_matches(None), e=x.col("a").list.contains(1, nulls_equal=False)), ["integers", "none"]),
    "contains_float": (lambda f, x: f.select(a=x.col("a").list.contains(2.0), b=x.col("a").list.count_matches(2.0)), ["floats"]),
    "contains_text": (lambda f, x: f.select(a=x.col("a").list.contains("b"), b=x.col("a").list.count_matches("b")), ["texts"]),
    "truths": (lambda f, x: f.select(a=x.col("a").list.any(), b=x.col("a").list.all(), c=x.col("a").list.any(ignore_nulls=False), d=x.col("a").list.all(ignore_nulls=False)), ["booleans"]),
    "join": (lambda f, x: f.select(a=x.col("a").list.join("-"), b=x.col("a").list.join("", ignore_nulls=False)), ["texts"]),
    "concat": (lambda f, x: f.select(a=x.col("a").list.concat(x.col("a")), b=x.col("a").list.concat([9, 8]), c=x.col("a").list.concat([x.col("a"), "a"])), ["integers", "none"]),
    "sets": (lambda f, x: f.select(*[getattr(x.col("a").list, f"set_{name}")([1, 7, None]).alias(name) for name in ("union", "difference", "intersection", "symmetric_difference")], s=x.col("a").list.set_union(x.col("a").list.reverse())), ["integers"]),
    "to_struct": (lambda f, x: f.select(x.col("a").list.to_struct(["x", "y"])), ["integers", "texts"]),
    "to_array": (lambda f, x: f.select(x.col("a").list.gather([0, 1], null_on_oob=True).list.to_array(2)), ["integers"]),
    "item": (lambda f, x: f.select(x.col("a").list.head(1).list.item(allow_empty=True)), ["integers"]),
}


@pytest.mark.parametrize("name, frame", [(name, frame) for name, (_, frames) in CASES.items() for frame in frames])
def test_lists(name, frame):
    check(CASES[name][0], FRAMES[frame]())


@given(st.lists(st.one_of(st.none(), st.lists(st.one_of(st.none(), st.integers(-3, 3)), max_size=6)), max_size=8))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_made_lists(values):
    frame = pl.DataFrame({"a": pl.Series([*values, [1]], dtype=pl.List(pl.Int64))})
    for name in ("len", "ends", "sum", "middle", "spread", "extremes", "order", "unique", "drop_nulls", "parts", "shift"):
        check(CASES[name][0], frame)


ARRAYS = {
    "numbers": (lambda f, x: f.select(a=x.col("a").arr.sum(), b=x.col("a").arr.mean(), c=x.col("a").arr.median(), d=x.col("a").arr.std(), e=x.col("a").arr.var(0), g=x.col("a").arr.min(), h=x.col("a").arr.max(), i=x.col("a").arr.arg_min(), j=x.col("a").arr.arg_max())),
    "ends": (lambda f, x: f.select(a=x.col("a").arr.first(), b=x.col("a").arr.last(), c=x.col("a").arr.get(1), d=x.col("a").arr.len())),
    "order": (lambda f, x: f.select(a=x.col("a").arr.reverse(), b=x.col("a").arr.sort(), c=x.col("a").arr.sort(descending=True, nulls_last=True), d=x.col("a").arr.shift())),
    "unique": (lambda f, x: f.select(a=x.col("a").arr.unique(maintain_order=True), b=x.col("a").arr.n_unique())),
    "truths": (lambda f, x: f.select(a=x.col("a").arr.any(), b=x.col("a").arr.all())),
    "contains": (lambda f, x: f.select(a=x.col("a").arr.contains(3), b=x.col("a").arr.count_matches(4))),
    "parts": (lambda f, x: f.select(a=x.col("a").arr.head(1), b=x.col("a").arr.tail(1), c=x.col("a").arr.slice(1, 1))),
    "shapes": (lambda f, x: f.select(a=x.col("a").arr.to_list(), b=x.col("a").arr.to_struct())),
    "dot": (lambda f, x: f.select(x.col("a").arr.dot(x.col("a")))),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(name):
    check(ARRAYS[name], pl.DataFrame({"a": [[3, 1], None, [None, 4]]}, schema={"a": pl.Array(pl.Int64, 2)}))


OF_TEXTS = {"join": lambda f, x: f.select(x.col("a").arr.join("-"))}


def test_arrays_of_texts():
    check(OF_TEXTS["join"], pl.DataFrame({"a": [["x", None], None, ["y", "z"]]}, schema={"a": pl.Array(pl.String, 2)}))


def test_sampling_is_repeatable_and_draws_what_is_there():
    frame = gf.from_arrow(pl.DataFrame({"a": [list(range(100)), [7], None]})).lazy()
    draw = lambda seed, **options: pl.DataFrame(frame.select(gf.col("a").list.sample(1, seed=seed, **options)).collect())["a"].to_list()
    assert draw(1) == draw(1)
    assert draw(1) != draw(3)
    assert draw(1)[1:] == [[7], None]
    with pytest.raises(gf.errors.GradframeError, match="2 elements cannot be drawn of 1"):
        frame.select(gf.col("a").list.sample(2)).collect()


ERRORS = {
    "a bound": (lambda a: a.get(9), "index 9 is out of bounds of a list of 1 elements"),
    "a width": (lambda a: a.to_array(2), "a list has 1 elements, expected 2"),
    "overflow": (lambda a: a.concat([2**63 - 1, 2**63 - 1]).list.sum(), "a sum is beyond the range of its type"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_bad_values_are_errors(name):
    call, said = ERRORS[name]
    frame = gf.from_arrow(pl.DataFrame({"a": [[1]]})).lazy()
    with pytest.raises(gf.errors.GradframeError, match=said):
        frame.select(call(gf.col("a").list)).collect()


def test_a_column_that_is_no_list_is_named():
    frame = gf.from_arrow(pl.DataFrame({"n": [1]})).lazy()
    with pytest.raises(gf.errors.GradframeError, match="list.len: `n` is Int64, expected a list"):
        frame.select(gf.col("n").list.len())


#: What an optimizer writes otherwise before it runs, and lists have none.
FILLED = {
    "fill_null": lambda x: x.element().fill_null(0), "coalesce": lambda x: x.coalesce(x.element(), 5),
}


@pytest.mark.parametrize("name", FILLED)
def test_nulls_are_filled_inside_lists(name):
    check(lambda f, x: f.select(q=x.col("a").list.eval(FILLED[name](x))), FRAMES["integers"]())


def test_numbers_do_not_go_with_moments():
    import datetime as dt

    lists = gf.DataFrame({"l": [[dt.date(2024, 1, 1)], []]}, schema={"l": gf.List(gf.Date)})
    for made in [gf.col("l").list.contains(19723), gf.col("l").list.concat([9]), gf.col("l").list.count_matches(1)]:
        with pytest.raises(gf.errors.DTypeError, match="expected what goes with Date"):
            lists.lazy().select(made)
