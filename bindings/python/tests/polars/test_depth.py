"""One function around another around another: what it costs to plan grows with their number, not with a power of it.

Each of these took minutes or did not end when its lowering wrote its argument wherever it named it.
"""

import functools

import polars as pl
import pytest

import gradframe as gf
from same import assert_same, check

FRAME = pl.DataFrame({
    "g": ["a", "b", "a", "b", "a"], "n": [3, 1, None, 2, 5], "x": [1.5, 2.5, None, float("nan"), -1.0], "p": [1.0, 2.0, 4.0, 8.0, 16.0],
})

#: What is done again and again, how often, and to which column.
AGAIN = {
    "cum_sum": (20, "n", lambda e, x: e.cum_sum()),
    "cum_sum of floats": (20, "x", lambda e, x: e.cum_sum()),
    "sum": (20, "n", lambda e, x: e.sum()),
    "sum and cum_sum": (12, "n", lambda e, x: e.sum().cum_sum()),
    "min of floats": (20, "x", lambda e, x: e.min()),
    "max of floats": (20, "x", lambda e, x: e.max()),
    "min and sum": (12, "x", lambda e, x: (e + 1).min().sum()),
    "top_k": (12, "n", lambda e, x: e.top_k(3)),
    "bottom_k": (12, "n", lambda e, x: e.bottom_k(3)),
    "head and tail": (10, "n", lambda e, x: e.head(4).tail(3)),
    "diff": (12, "n", lambda e, x: e.diff()),
    "diff of floats": (12, "p", lambda e, x: e.diff()),
    "pct_change": (5, "p", lambda e, x: (e * e + 1).pct_change()),
    "shift with a value": (12, "n", lambda e, x: e.shift(1, fill_value=7)),
    "clip": (20, "p", lambda e, x: (e * 2).clip(1, 50)),
    "fill_null": (20, "n", lambda e, x: e.shift(1).fill_null(3)),
    "coalesce": (20, "n", lambda e, x: x.coalesce(e, x.col("p").cast(x.Int64))),
    "fill_nan": (8, "x", lambda e, x: (e + 1).fill_nan(2.0)),
    "is_between": (5, "p", lambda e, x: x.when(e.is_between(1, 9)).then(e + 1).otherwise(2.0)),
    "when": (20, "n", lambda e, x: x.when(x.col("p") > 3).then(e).otherwise(x.col("n"))),
    "struct": (8, "n", lambda e, x: x.struct(a=e).struct.field("a")),
    "n_unique": (12, "n", lambda e, x: e.n_unique()),
    "mode of one": (6, "n", lambda e, x: e.sum().clip(1, 9).min()),
    "deviations over": (4, "p", lambda e, x: (e - e.mean()).sum().over("g")),
    "rank": (12, "p", lambda e, x: e.rank()),
    "arg_max": (8, "p", lambda e, x: (e + 1).arg_max()),
    "sign": (20, "n", lambda e, x: e.sign()),
    "abs": (8, "n", lambda e, x: -e.abs()),
    "quantile": (10, "p", lambda e, x: e.quantile(0.5)),
    "count of nulls": (12, "n", lambda e, x: e.null_count()),
}


def again(name, x):
    times, column, step = AGAIN[name]
    return functools.reduce(lambda e, _: step(e, x), range(times), x.col(column))


@pytest.mark.parametrize("name", AGAIN)
def test_one_around_another_is_selected(name):
    # Polars says nothing of the order of the greatest and least.
    check(lambda f, x: f.select(r=again(name, x)), FRAME, sort=name in {"top_k", "bottom_k"})


@pytest.mark.parametrize("name", ["cum_sum", "sum", "min of floats", "diff", "clip", "fill_null", "rank"])
def test_one_around_another_is_aggregated(name):
    check(lambda f, x: f.group_by("g", maintain_order=True).agg(r=again(name, x)), FRAME)


@pytest.mark.parametrize("name", ["cum_sum", "sum", "min of floats", "diff", "clip", "fill_null", "rank"])
def test_one_around_another_is_computed_within_groups(name):
    check(lambda f, x: f.with_columns(r=again(name, x).over("g")), FRAME)


@pytest.mark.parametrize("name", ["cum_sum", "min of floats", "diff", "clip"])
def test_one_around_another_keeps_rows(name):
    check(lambda f, x: f.filter(again(name, x) > 0), FRAME)


@pytest.mark.parametrize("name", ["cum_sum", "diff", "clip", "fill_null"])
def test_rows_sorted_by_one_around_another_stay_so(name):
    check(lambda f, x: f.sort(again(name, x), "p", nulls_last=True).tail(3), FRAME)
    check(lambda f, x: f.sort(again(name, x), "p", nulls_last=True).with_row_index(), FRAME)


def test_what_does_not_fit_is_an_error_within_as_well():
    frame = gf.DataFrame({f"c{at}": [1] for at in range(70)}).lazy()
    with pytest.raises(gf.errors.ExecutionError, match="does not fit"):
        frame.select(r=gf.fold(0, lambda so_far, column: so_far + so_far + column, gf.all())).collect()


def test_a_fold_of_many_columns_names_what_it_has_so_far_once():
    frame = pl.DataFrame({f"c{at}": [at % 7, -at, None if at == 3 else 1] for at in range(60)})

    def greatest(f, x):
        return f.select(r=x.fold(x.lit(0), lambda so_far, column: x.when(column > so_far).then(column).otherwise(so_far), x.all()))

    # Polars calls the function with Series, which have no `when`.
    assert greatest(gf.from_arrow(frame).lazy(), gf).collect()["r"].to_list() == [6, 0, 1]


def test_hundreds_of_conditions_are_one():
    def kept(f, x):
        return f.filter(functools.reduce(lambda e, at: e | (x.col("n") == at), range(300), x.col("n") == 5)).collect()

    # As SQL it is nested too deeply.
    assert_same(kept(gf.from_arrow(FRAME).lazy(), gf), kept(FRAME.lazy(), pl))


@pytest.mark.parametrize("of", ["strict", "with a default", "beside the others", "texts"])
def test_a_thousand_values_are_replaced_by_others(of):
    new = {value: value * 7 % 1000 for value in range(1000)}
    words = {str(old): f"w{value}" for old, value in new.items()}
    replaced = {
        "strict": lambda c, x: c.replace_strict(new),
        "with a default": lambda c, x: (c - 1).replace_strict(new, default=c),
        "beside the others": lambda c, x: (c - 1).replace({**new, None: 5}),
        "texts": lambda c, x: c.cast(x.String).replace_strict(words),
    }
    check(lambda f, x: f.select(replaced[of](x.col("n"), x)), pl.DataFrame({"n": [*range(1000), None]}))


def test_a_part_that_two_arguments_share_is_one():
    def deep(x):
        value = again("clip", x)
        return (value - value.mean()) / value.max()

    check(lambda f, x: f.select("g", r=deep(x)), FRAME)


def test_structs_deep_within_structs_are_looked_into():
    def inmost(f, x):
        wrapped = functools.reduce(lambda e, _: x.struct(a=e), range(60), x.col("n"))
        return f.select(r=functools.reduce(lambda e, _: e.struct.field("a"), range(60), wrapped))

    assert_same(inmost(gf.from_arrow(FRAME).lazy(), gf).collect(), inmost(FRAME.lazy(), pl).collect())


@pytest.mark.parametrize("of", ["sum", "any", "max", "mean"])
def test_a_thousand_columns_are_one(of):
    frame = pl.DataFrame({f"c{at}": [at % 7, -at, None if at % 3 == 0 else 1] for at in range(1000)})
    frame = frame.select(pl.all() > 0) if of == "any" else frame

    def across(f, x):
        return f.select(r=getattr(x, f"{of}_horizontal")(x.all())).collect()

    assert_same(across(gf.from_arrow(frame).lazy(), gf), across(frame.lazy(), pl))
