"""Mathematics, moving windows, orders, statistics and functions of several columns: each case is asked of Polars too."""

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings

import gradframe as gf

from frames import FRAMES, made, mixed, numbers
from same import assert_same, check, ours

MATH = {
    "trigonometry": lambda f, x: f.select(
        a=x.col("x").sin(), b=x.col("x").cos(), c=x.col("x").tan(), d=x.col("x").cot(), e=(x.col("x") / 10).arcsin(), f=(x.col("x") / 10).arccos(),
        g=x.col("x").arctan(), h=x.col("x").sinh(), i=x.col("x").cosh(), j=x.col("x").tanh(), k=x.col("x").arcsinh(),
        l=(x.col("x").abs() + 1).arccosh(), m=(x.col("x") / 10).arctanh(), n=x.col("x").degrees(), o=x.col("x").radians(), p=x.col("x").cbrt(),
    ),
    "logarithms": lambda f, x: f.select(a=x.col("k").log(), b=x.col("k").log(2), c=x.col("k").log10(), d=x.col("k").log1p(), e=x.col("x").exp()),
    "error_function": lambda f, x: f.select(a=x.col("x").erf(), b=x.col("x").erfc()),
    "arctan2": lambda f, x: f.select(x.arctan2("a", "b")),
    "sign": lambda f, x: f.select(a=x.col("a").sign(), x=x.col("x").sign()),
    "clip": lambda f, x: f.select(a=x.col("a").clip(-5, 5), b=x.col("a").clip(upper_bound=0), c=x.col("x").clip(lower_bound=0.75), d=x.col("a").clip("b", 7)),
    "is_close": lambda f, x: f.select(x.col("x").is_close(x.col("x") + 1e-12), y=x.col("x").is_close(0.6, abs_tol=0.2)),
    "bit_counts": lambda f, x: f.select(
        a=x.col("a").bitwise_count_ones(), b=x.col("a").bitwise_count_zeros(), c=x.col("a").bitwise_leading_ones(),
        d=x.col("a").bitwise_leading_zeros(), e=x.col("a").bitwise_trailing_ones(), f=x.col("a").bitwise_trailing_zeros(),
    ),
    "bounds": lambda f, x: f.select(a=x.col("a").lower_bound(), b=x.col("a").upper_bound(), c=x.col("x").upper_bound()),
    "reinterpret": lambda f, x: f.select(u=x.col("a").reinterpret(signed=False), s=x.col("a").reinterpret(signed=False).reinterpret(signed=True)),
    "round_sig_figs": lambda f, x: f.select((x.col("x") * 12.345).round_sig_figs(2)),
    "correlation": lambda f, x: f.select(c=x.corr("a", "x"), s=x.corr("a", "x", method="spearman"), v=x.cov("a", "x"), p=x.cov("a", "x", ddof=0)),
    "dot": lambda f, x: f.select(x.col("a").dot("b")),
    "kept": lambda f, x: f.select(a=x.col("a").is_sorted(), b=x.col("a").sort().is_sorted(), c=x.col("a").sort(descending=True).is_sorted(descending=True)),
    "search_sorted": lambda f, x: f.select(l=x.col("a").sort().search_sorted(3, "left"), r=x.col("a").sort().search_sorted(3, "right")),
    "append": lambda f, x: f.select(x.col("a").append(x.col("b"))),
    "int_range": lambda f, x: f.select(x.int_range(2, 11, 3)),
    "int_range_of_rows": lambda f, x: f.select("a", i=x.int_range(x.len())),
    "repeat": lambda f, x: f.select(r=x.repeat(7, 3)),
    "reduce": lambda f, x: f.select(r=x.reduce(lambda a, b: a + b, ["a", "b"]), s=x.fold(x.lit(1), lambda a, b: a * b, [x.col("a"), x.col("b")])),
    "weights": lambda f, x: f.select(x.col("x").rolling_mean(2, weights=[1.0, 3.0]), s=x.col("x").rolling_sum(2, weights=[1.0, 3.0])),
    "named_aggregates": lambda f, x: f.select(x.sum("a"), b=x.mean("b"), c=x.max("x"), d=x.n_unique("k"), e=x.first("a"), g=x.quantile("x", 0.3)),
    "place": lambda f, x: f.select(x.nth(1), x.first(), z=x.last()),
}

ON_ROWS = {
    "round": lambda f, x: f.select(a=x.col("f").round(), b=(x.col("f") * 1.37).round(1), c=x.col("f").round(0, mode="half_away_from_zero"), d=x.col("i").round(1)),
    "truncate": lambda f, x: f.select((x.col("f") * 1.37).truncate(1)),
    "fill_strategies": lambda f, x: f.select(
        *(x.col("i").fill_null(strategy=s).alias(s) for s in ["forward", "backward", "min", "max", "mean", "zero", "one"]), l=x.col("i").fill_null(strategy="forward", limit=1)
    ),
    "filled": lambda f, x: f.select(a=x.col("i").forward_fill(), b=x.col("i").backward_fill(1), c=x.col("s").forward_fill()),
    "interpolate": lambda f, x: f.select(x.col("i").interpolate(), b=x.col("n").interpolate()),
    "replace": lambda f, x: f.select(a=x.col("i").replace(4, 40), b=x.col("i").replace({4: 1, None: 0}), c=x.col("s").replace(["a b", "ß"], ["ab", "ss"])),
    "replace_strict": lambda f, x: f.select(a=x.col("i").replace_strict({4: "four", 9: "nine"}, default="?"), b=x.col("n").replace_strict(list(range(1, 10)), list("abcdefghi"))),
    "to_physical": lambda f, x: f.select(x.col("d").to_physical()),
    "horizontal": lambda f, x: f.select(
        s=x.sum_horizontal("i", "n"), m=x.mean_horizontal("i", "n"), lo=x.min_horizontal("i", "n"), hi=x.max_horizontal("i", "n"),
        a=x.any_horizontal("b", x.col("n") > 5), e=x.all_horizontal("b", x.col("n") > 5), z=x.sum_horizontal(x.selectors.integer()),
    ),
    "concat_str": lambda f, x: f.select(a=x.concat_str("s", "n", separator="-"), b=x.concat_str(["s", "i"], ignore_nulls=True), c=x.format("{}={}!", "s", "n")),
    "struct": lambda f, x: f.select(t=x.struct("i", "s"), u=x.struct(x.col("n") + 1, q="b")),
    "concat_list": lambda f, x: f.select(x.concat_list("n", "n")),
    "repeat_by": lambda f, x: f.select(x.col("n").repeat_by(2)),
}

COLUMNWISE = {
    "sort": lambda f, x: f.select(a=x.col("i").sort(), b=x.col("f").sort(descending=True), c=x.col("s").sort(nulls_last=True)),
    "arg_sort": lambda f, x: f.select(a=x.col("n").arg_sort(), b=x.col("n").arg_sort(descending=True)),
    "sort_by": lambda f, x: f.select(a=x.col("s").sort_by("n"), b=x.col("i").sort_by("g", "n", descending=[True, False])),
    "reverse": lambda f, x: f.select(x.col("i").reverse()),
    "top_k": lambda f, x: f.select(x.col("n").top_k(3).sort()),
    "bottom_k": lambda f, x: f.select(x.col("n").bottom_k(3).sort()),
    "top_k_by": lambda f, x: f.select(x.col("s").top_k_by("n", 3).sort()),
    "bottom_k_by": lambda f, x: f.select(x.col("s").bottom_k_by("n", 3).sort()),
    "places": lambda f, x: f.select(a=x.col("i").arg_min(), b=x.col("i").arg_max(), c=x.col("n").index_of(8), d=x.col("n").index_of(88)),
    "by_key": lambda f, x: f.select(a=x.col("s").min_by("n"), b=x.col("s").max_by("n")),
    "arg_true": lambda f, x: f.select(x.col("b").arg_true()),
    "arg_where": lambda f, x: f.select(x.arg_where(x.col("n") > 4)),
    "arg_unique": lambda f, x: f.select(x.col("g").arg_unique()),
    "gather_every": lambda f, x: f.select(x.col("n").gather_every(3, 1)),
    "extend_constant": lambda f, x: f.select(x.col("i").extend_constant(5, 2)),
    "ranks": lambda f, x: f.select(*(x.col("i").rank(m).alias(m) for m in ["average", "min", "max", "dense", "ordinal"]), d=x.col("n").rank("min", descending=True)),
    "rank_over": lambda f, x: f.with_columns(r=x.col("n").rank().over("g")),
    "rolling": lambda f, x: f.select(
        *(getattr(x.col("n"), f"rolling_{s}")(3).alias(s) for s in ["sum", "mean", "min", "max", "std", "var", "median", "skew", "kurtosis"])
    ),
    "rolling_nulls": lambda f, x: f.select(
        *(getattr(x.col("i"), f"rolling_{s}")(3, min_samples=1).alias(s) for s in ["sum", "mean", "min", "max", "std", "var", "median"])
    ),
    "rolling_centred": lambda f, x: f.select(
        *(getattr(x.col("n"), f"rolling_{s}")(4, min_samples=2, center=True).alias(s) for s in ["sum", "mean", "min", "max", "median"])
    ),
    "rolling_quantile": lambda f, x: f.select(x.col("n").rolling_quantile(0.3, "linear", 3), r=x.col("n").rolling_rank(3)),
    "rolling_over": lambda f, x: f.with_columns(r=x.col("n").rolling_mean(2, min_samples=1).over("g")),
    "ewm": lambda f, x: f.select(
        a=x.col("i").ewm_mean(alpha=0.5), b=x.col("n").ewm_mean(span=3, adjust=False), c=x.col("i").ewm_mean(com=1, ignore_nulls=True),
        d=x.col("n").ewm_std(half_life=2), e=x.col("n").ewm_var(alpha=0.3, bias=True), f=x.col("n").ewm_sum(alpha=0.5),
    ),
    "cum_prod": lambda f, x: f.select(x.col("n").cum_prod(), r=x.col("n").cum_prod(reverse=True)),
    "pct_change": lambda f, x: f.select(x.col("n").pct_change()),
    "runs": lambda f, x: f.select(x.col("g").rle_id(), n=(x.col("n") > 4).rle_id()),
    "peaks": lambda f, x: f.select(a=x.col("n").peak_max(), b=x.col("n").peak_min()),
    "distinct": lambda f, x: f.select(
        a=x.col("g").is_first_distinct(), b=x.col("g").is_last_distinct(), c=x.col("g").is_duplicated(), d=x.col("g").is_unique()
    ),
    "unique": lambda f, x: f.select(x.col("g").unique(maintain_order=True)),
    "unique_counts": lambda f, x: f.select(x.col("g").unique_counts()),
    "value_counts": lambda f, x: f.select(x.col("g").value_counts().alias("c")).sort("c"),
    "quantiles": lambda f, x: f.select(
        *(x.col("i").quantile(0.3, m).alias(m) for m in ["nearest", "lower", "higher", "midpoint", "linear", "equiprobable"])
    ),
    "moments": lambda f, x: f.select(
        a=x.col("i").skew(), b=x.col("n").skew(bias=False), c=x.col("i").kurtosis(), d=x.col("n").kurtosis(fisher=False, bias=False),
    ),
    "product": lambda f, x: f.select(x.col("n").product(), f=x.col("f").fill_nan(1.0).product()),
    "logic": lambda f, x: f.select(
        a=x.col("b").any(), b=x.col("b").all(), c=x.col("b").any(ignore_nulls=False), d=x.col("b").all(ignore_nulls=False), e=(x.col("n") > 99).any(ignore_nulls=False),
    ),
    "nan_extremes": lambda f, x: f.select(a=x.col("f").nan_max(), b=x.col("f").nan_min()),
    "about": lambda f, x: f.select(a=x.col("i").has_nulls(), b=x.col("n").has_nulls(), c=x.col("i").is_empty(), d=x.col("n").approx_n_unique()),
    "bits": lambda f, x: f.select(a=x.col("n").bitwise_and(), b=x.col("n").bitwise_or(), c=x.col("n").bitwise_xor()),
    "bins": lambda f, x: f.select(
        a=x.col("n").bin_intervals([2, 5], labels=["a", "b", "c"]), b=x.col("n").bin_intervals([2, 5], labels=["a", "b", "c"], right_closed=True),
    ),
    "kept_then_sorted": lambda f, x: f.select(x.col("i").drop_nulls().sort().head(2)),
    "head_of_sorted": lambda f, x: f.select(x.col("n").sort(descending=True).head(2)),
    "aggregate_of_unique": lambda f, x: f.select(n=x.col("g").unique().len(), s=x.col("n").unique().sum()),
    "row_index": lambda f, x: f.select("n", x.row_index()),
}

NOT_EMPTY = {
    "get": lambda f, x: f.select(a=x.col("i").get(2), b=x.col("n").get(-1), c=x.col("n").get(99, null_on_oob=True)),
    "gather": lambda f, x: f.select(x.col("s").gather([0, 3, -1])),
    "item": lambda f, x: f.select(x.col("n").head(1).item()),
    "rle": lambda f, x: f.select(x.col("g").rle()),
    "mode": lambda f, x: f.select(x.col("b").mode()),
    "sample_all": lambda f, x: f.select(s=x.col("n").sample(fraction=1.0, seed=1).sum(), k=x.col("n").sample(3, seed=2).len(), h=x.col("n").shuffle(seed=3).sum()),
    "cut": lambda f, x: f.select(x.col("n").cut([2, 5]), q=x.col("n").qcut(2, labels=["lo", "hi"]), l=x.col("n").cut([2, 5], labels=["a", "b", "c"], left_closed=True)),
}

GROUPED = {
    "statistics": lambda f, x: f.group_by("g").agg(q=x.col("n").quantile(0.5), p=x.col("n").product(), k=x.col("n").skew(), a=x.col("b").any()),
    "lists": lambda f, x: f.group_by("g").agg(x.col("n").sort(), r=x.col("n").reverse(), h=x.col("n").sort(descending=True).head(1), u=x.col("b").unique(maintain_order=True)),
    "places": lambda f, x: f.group_by("g").agg(a=x.col("n").arg_max(), b=x.col("s").max_by("n"), c=x.col("n").get(0)),
    "ranks": lambda f, x: f.group_by("g").agg(x.col("n").rank()),
    "top": lambda f, x: f.group_by("g").agg(t=x.col("n").top_k(2).sort(), m=x.col("n").top_k(2).sum()),
}


@pytest.mark.parametrize("name", MATH)
def test_mathematics(name):
    check(MATH[name], numbers())


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("name", ON_ROWS)
def test_on_rows(name, frame):
    check(ON_ROWS[name], FRAMES[frame]())


@pytest.mark.parametrize("frame", FRAMES)
def test_entropy(frame):
    # Polars's streaming engine, the default of lazy frames, has that of no values otherwise than its frames and its groups.
    values = FRAMES[frame]()
    case = lambda f, x: f.select(e=x.col("n").entropy())
    assert_same(case(ours(values), gf).collect(), case(values, pl))


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("name", COLUMNWISE)
def test_columnwise(name, frame):
    check(COLUMNWISE[name], FRAMES[frame]())


@pytest.mark.parametrize("name", NOT_EMPTY)
def test_of_rows_that_are_there(name):
    check(NOT_EMPTY[name], mixed())


@pytest.mark.parametrize("name", GROUPED)
def test_grouped(name):
    check(GROUPED[name], mixed(), sort=True)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frame=made())
@pytest.mark.parametrize("name", ["sort", "ranks", "rolling_nulls", "distinct", "quantiles", "cum_prod", "runs"])
def test_made_frames(name, frame):
    check(COLUMNWISE[name], frame)


WRONG = {
    "impossible cast": (lambda f: f.select(gf.col("s").cast(gf.Int64)).collect(), gf.errors.ExecutionError, "cast: `s` has 'héllo', which is no Int64 .row 0.*strict=False"),
    "no cast at all": (lambda f: f.select(gf.struct("i").cast(gf.Date)), gf.errors.DTypeError, "cannot become"),
    "unmapped text": (lambda f: f.select(gf.col("n").cast(gf.String).replace_strict({"5": 1})).collect(), gf.errors.ExecutionError, "no new value is given for '2'"),
    "unmapped": (lambda f: f.select(gf.col("n").replace_strict({5: 1})).collect(), gf.errors.ExecutionError, "no new value is given for '2'"),
    "outside": (lambda f: f.select(gf.col("n").get(99)).collect(), gf.errors.ExecutionError, "no row 99 among 8 rows"),
    "several items": (lambda f: f.select(gf.col("n").item()).collect(), gf.errors.ExecutionError, "has 8 values"),
    "a quantile above 1": (lambda f: f.select(gf.col("n").quantile(1.5)), gf.errors.PlanError, "`quantile` is 1.5"),
    "a window of nothing": (lambda f: f.select(gf.col("n").rolling_sum(0)), gf.errors.PlanError, "`window_size` is 0"),
    "a moving mean of text": (lambda f: f.select(gf.col("s").rolling_mean(2)), gf.errors.DTypeError, "expected numbers"),
    "product beyond 64 bits": (lambda f: f.select((gf.col("n") * 10**17).product()).collect(), gf.errors.ExecutionError, "more than 64 bits"),
    "too few labels": (lambda f: f.select(gf.col("n").cut([1, 2], labels=["a"])), gf.errors.PlanError, "1 labels for 3 bins"),
    "flags": (lambda f: f.select(gf.col("n").sort_by("i", descending=[True, False])), gf.errors.PlanError, "1 keys, 2 flags"),
    "no decay": (lambda f: f.select(gf.col("n").ewm_mean()), TypeError, "one of com, span"),
}


@pytest.mark.parametrize("name", WRONG)
def test_bad_input_is_named(name):
    make, kind, message = WRONG[name]
    with pytest.raises(kind, match=message):
        make(gf.from_arrow(mixed()).lazy())
