"""Verbs that go by the rows' order, after a sort by something computed: each key with each verb is asked of Polars too."""

import polars as pl
import pytest
from same import check

FRAME = pl.DataFrame(
    {
        "k": [3, 1, 2, None, 7, 5],
        "n": [10, 20, 30, 40, 50, 60],
        "v": [7, 5, 6, 8, 1, 9],
        "s": ["bb", "A", "ccc", "Dd", "e", "ff"],
    }
)

# The last key of each tells all rows apart: there is one order.
KEYS = {
    "a column": lambda x: ["v"],
    "computed": lambda x: [-x.col("v")],
    "remainders": lambda x: [x.col("k") % 2, "n"],
    "quotients": lambda x: [x.col("v") // 3, x.col("n") % 40],
    "one part twice": lambda x: [(x.col("k") - x.col("v")) * (x.col("k") - x.col("v")), "n"],
    "one part in two keys": lambda x: [x.col("s").str.to_lowercase().str.len_chars(), x.col("s").str.to_lowercase()],
    "ranks": lambda x: [x.col("v").rank()],
    "a shift": lambda x: [x.col("v").shift(1), "n"],
    "sums of groups": lambda x: [x.col("v").sum().over(x.col("n") % 3), "n"],
    "sums so far": lambda x: [x.col("v").cum_sum()],
    "filled": lambda x: [x.col("k").fill_null(0) % 3, "n"],
}

VERBS = {
    "as it is": lambda f, x: f,
    "tail": lambda f, x: f.tail(2),
    "head": lambda f, x: f.head(2),
    "slice": lambda f, x: f.slice(-3, 2),
    "row index": lambda f, x: f.with_row_index(),
    "reverse": lambda f, x: f.reverse(),
    "ends": lambda f, x: f.select(a=x.col("n").first(), b=x.col("n").last()),
    "every other": lambda f, x: f.gather_every(2),
    "unique": lambda f, x: f.with_columns(g=x.col("n") % 20).unique("g", keep="first", maintain_order=True),
    "shift": lambda f, x: f.select("n", x.col("v").shift(1)),
    "sums so far": lambda f, x: f.with_columns(c=x.col("v").cum_sum()),
    "less its mean": lambda f, x: f.select("n", d=x.col("v") - x.col("v").mean()),
    "groups in order": lambda f, x: f.group_by(x.col("n") % 20, maintain_order=True).agg(x.col("v").first()),
    "a filter by a window": lambda f, x: f.filter(x.col("v").shift(1) > 5),
    "stacked": lambda f, x: x.concat([f, f]),
    "sorted once more": lambda f, x: f.sort(x.col("v").rank(descending=True)).tail(3),
    "a stage between": lambda f, x: f.filter(x.col("n") > 10).select("n", "v").with_row_index().filter(x.col("index") > 1),
}


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("key", KEYS)
def test_rows_stay_in_the_order_of_a_sort(key, verb, descending):
    check(lambda f, x: VERBS[verb](f.sort(*KEYS[key](x), descending=descending), x), FRAME)
