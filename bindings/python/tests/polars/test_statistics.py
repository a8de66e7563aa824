"""Statistics of moments, of nothing, of infinities and NaN, of types of all kinds; each case is asked of Polars too."""

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest

import gradframe as gf

from same import assert_same, check, ours

NAN, INF = float("nan"), float("inf")


def mixed() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "g": ["a", "a", "b"], "i": [1, 2, None], "f": [1.5, None, 3.0], "s": ["b", None, "a"], "b": [True, None, False], "d": [dt.date(2024, 1, 1), None, dt.date(2024, 1, 4)],
            "t": [dt.datetime(2024, 1, 1), None, dt.datetime(2024, 1, 4)], "w": [dt.timedelta(1), None, dt.timedelta(2)], "m": [dt.time(1), None, dt.time(2)],
        }
    )


@pytest.mark.parametrize("name", ["d", "t", "w", "m"])
def test_moments_have_a_middle(name):
    check(lambda f, x: f.select(a=x.col(name).mean(), b=x.col(name).median(), c=x.col(name).quantile(0.5), d=x.col(name).mean().over("g")), mixed())
    check(lambda f, x: f.group_by("g", maintain_order=True).agg(a=x.col(name).mean(), b=x.col(name).median(), c=x.col(name).quantile(0.3)), mixed())


@pytest.mark.parametrize("rows", [3, 0])
@pytest.mark.parametrize("percentiles", [None, (0.25, 0.5)])
def test_a_frame_is_described_as_in_polars(rows, percentiles):
    frame = mixed().drop("g").head(rows)
    assert_same(gf.from_polars(frame).describe(percentiles), frame.describe(percentiles))


NOTHING = {
    **{name: lambda f, x, n=name: f.select(getattr(x.col("n"), n)()) for name in ["sum", "mean", "min", "max", "count", "median", "std", "var", "n_unique", "first", "last", "any", "mode", "interpolate"]},
    "in groups": lambda f, x: f.group_by("k", maintain_order=True).agg(s=x.col("n").sum(), m=x.col("n").mean(), d=x.col("n").median(), v=x.col("n").std(), c=x.col("n").count()),
}


@pytest.mark.parametrize("name", NOTHING)
def test_a_column_of_nothing_but_nulls(name):
    check(NOTHING[name], pl.DataFrame({"n": pl.Series([None, None], dtype=pl.Null), "k": [1, 2]}))


def test_a_column_of_nothing_has_no_running_sum():
    with pytest.raises(gf.errors.DTypeError, match="cum_sum: `n` is Null"):
        ours(pl.DataFrame({"n": pl.Series([None], dtype=pl.Null)})).select(gf.col("n").cum_sum())


def odd() -> pl.DataFrame:
    return pl.DataFrame({"a": [1.0, INF, 2.0, NAN, 3.0, 0.0, 4.0, None, 5.0, -INF, 1.0], "k": [1] * 5 + [2] * 6, "o": [1.0] * 11, "p": [float(n) for n in range(11)]})


ODD = {
    "correlation": lambda f, x: f.select(a=x.corr("a", "p"), b=x.corr("o", "p"), c=x.corr("a", "p", method="spearman"), d=x.corr("o", "p", method="spearman")),
    "correlation of one": lambda f, x: f.head(1).select(x.corr("a", "p")),
    "correlation in groups": lambda f, x: f.group_by("k", maintain_order=True).agg(x.corr("p", "o")),
    "covariance": lambda f, x: f.select(a=x.cov("a", "p"), b=x.cov("o", "p")),
    "changes": lambda f, x: f.select(a=x.col("a").pct_change(), b=x.col("a").pct_change(2), c=x.col("a").pct_change(-1), d=x.col("k").pct_change()),
    "smoothed": lambda f, x: f.select(a=x.col("a").ewm_mean(alpha=0.5), b=x.col("a").ewm_std(alpha=0.5), c=x.col("p").ewm_mean(alpha=0.3, adjust=False), d=x.col("p").ewm_var(alpha=0.3)),
}


@pytest.mark.parametrize("name", ODD)
def test_infinities_and_nan(name):
    check(ODD[name], odd())


KEPT = {
    "products": lambda f, x: f.select(p=x.col("i").cum_prod(), q=x.col("b").cum_prod(), r=x.col("f").cum_prod(), u=x.col("u").cum_prod(), v=x.col("u").product()),
    "between": lambda f, x: f.select(c=x.col("c").interpolate(), w=x.col("w").interpolate(), t=x.col("t").interpolate(), m=x.col("m").interpolate(), d=x.col("d").interpolate(), u=x.col("u").interpolate()),
    "before 1970": lambda f, x: f.select(x.col("old").interpolate(), down=x.col("old").reverse().interpolate()),
    "ranks of enums": lambda f, x: f.select(a=x.col("e").rank(), b=x.col("e").rank("dense", descending=True)),
}


@pytest.mark.parametrize("name", KEPT)
def test_types_are_kept(name):
    frame = mixed().with_columns(
        c=pl.Series([Decimal("1.5"), None, Decimal("2.6")], dtype=pl.Decimal(10, 1)), u=pl.Series([3, None, 2**62], dtype=pl.UInt64),
        old=pl.Series([dt.date(1969, 5, 1), None, dt.date(1969, 5, 4)]), e=pl.Series(["b", "a", None], dtype=pl.Enum(["b", "c", "a"])),
    )
    check(KEPT[name], frame)


def test_between_truths_nothing_lies():
    assert gf.DataFrame({"b": [True, None, False]}).select(gf.col("b").interpolate())["b"].to_list() == [True, None, False]


ORDERS = {
    "sorted twice": lambda f, x: f.sort("b").sort("k", maintain_order=True),
    "sorted and numbered": lambda f, x: f.sort("b", maintain_order=True).with_row_index("row").sort("k", maintain_order=True),
    "sorted and exploded": lambda f, x: f.sort("k", "s", descending=True, maintain_order=True).explode("l"),
    "sorted and put together": lambda f, x: x.concat([f.sort("k", maintain_order=True), f.sort("s", maintain_order=True)]),
    "sorted and joined": lambda f, x: f.sort("s", maintain_order=True).join(f.select("k", n2="n").sort("n2", descending=True), on="k", how="left", maintain_order="left_right"),
    "grouped and made unique": lambda f, x: f.group_by("k", "s", maintain_order=True).agg(x.len()).unique("k", maintain_order=True),
    "sorted and taken from": lambda f, x: f.unique("n", maintain_order=True).sort("k", maintain_order=True).drop_nulls("s").head(2),
}


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_lasts(name):
    rows = {"k": [2, None, 2, 3, 3, 2], "n": [1, 2, 3, 4, 5, 6], "s": ["a", None, "b", "c", None, "a"], "l": [[1], None, [2, 3], [], None, [4]], "b": [True, None, False, None, True, True]}
    check(ORDERS[name], pl.DataFrame(rows))


def many() -> pl.DataFrame:
    return pl.DataFrame({"k": [i % 700 for i in range(5000)], "x": [float(i * 7919 % 1009) if i % 11 else None for i in range(5000)], "i": [i * 31 % 5 for i in range(5000)]})


MANY = {
    "quantiles": lambda f, x: f.group_by("k").agg(a=x.col("x").quantile(0.3), b=x.col("x").quantile(0.7, "linear"), c=x.col("x").median(), d=x.col("x").cast(x.Float32).quantile(0.5)),
    "lists": lambda f, x: f.group_by("k").agg(a=x.col("x").implode(), b=x.col("i"), c=x.col("i").filter(x.col("i") > 3), d=x.col("i").reverse()),
    "moments": lambda f, x: f.group_by("k").agg(a=x.col("x").skew(), b=x.col("x").kurtosis(), c=x.col("i").product(), d=x.col("x").entropy()),
    "filtered": lambda f, x: f.group_by("k").agg(a=x.col("x").filter(x.col("i") == 1).quantile(0.5), b=x.col("x").filter(x.col("i") > 99).implode()),
    "places": lambda f, x: f.group_by("k").agg(a=x.col("i").get(1), b=x.col("x").is_sorted(), c=x.col("i").unique(maintain_order=True)),
}


@pytest.mark.parametrize("name", MANY)
def test_many_groups_at_once(name):
    check(MANY[name], many(), sort=True)


@pytest.mark.parametrize("values", [[], [0.0], [5.0], [-1.0], [None], [None, None], [float("nan")], [0.0, 0.0], [0.0, 1.0], [1.0, 2.0], [None, 2.0]])
def test_the_entropy_of_few_values(values):
    # Polars's streaming engine, the default of lazy frames, has it otherwise than its frames and its groups.
    frame = pl.DataFrame({"j": pl.Series(values, dtype=pl.Float64)})
    case = lambda f, x: f.select(a=x.col("j").entropy(), b=x.col("j").entropy(normalize=False), c=x.col("j").entropy(2))
    assert_same(case(ours(frame), gf).collect(), case(frame, pl))
