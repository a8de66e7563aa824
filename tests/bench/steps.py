"""Single steps of frames beside Polars, over ten million rows in memory on one core.

    POLARS_MAX_THREADS=1 taskset -c 1 python tests/bench/steps.py [--rows 10000000] [--runs 3] [--only shift,rank]

Wants `gradframe`, built in release, `polars` and `numpy`. Prints `step | Gradframe | Polars | ratio`: the least processor time of the
runs in seconds, both sides in turns, so that others on the machine trouble neither.
"""

import argparse
import gc
import time

import numpy as np
import polars as pl

import gradframe as gf

WORDS = ["alpha", "beta", "gamma delta", "Epsilon-9", "zeta@mail.com", "eta/theta/42", "", "ünïcode ß", "x" * 30]

STEPS = {
    "shift, diff": lambda f, x: f.select(x.col("v").shift(1), d=x.col("v").diff()),
    "cum_sum": lambda f, x: f.select(x.col("v").cum_sum()),
    "cum_sum over 100 keys": lambda f, x: f.select(x.col("v").cum_sum().over("k")),
    "sum over 100 keys": lambda f, x: f.select(x.col("v").sum().over("k")),
    "less the mean over a million keys": lambda f, x: f.select(x.col("v") - x.col("v").mean().over("k2")),
    "rank": lambda f, x: f.select(x.col("v").rank()),
    "rank over 100 keys": lambda f, x: f.select(x.col("v").rank().over("k")),
    "rolling_mean of 20": lambda f, x: f.select(x.col("v").rolling_mean(20)),
    "unique by a million keys": lambda f, x: f.unique("k2"),
    "unique, first, in order": lambda f, x: f.unique("k2", keep="first", maintain_order=True),
    "sort of a column": lambda f, x: f.select("v").sort("v"),
    "sort of the frame": lambda f, x: f.sort("w"),
    "first by a million keys": lambda f, x: f.group_by("k2").agg(x.col("v").first()),
    "last by a million keys": lambda f, x: f.group_by("k2").agg(x.col("v").last()),
    "first text by a million keys": lambda f, x: f.group_by("k2").agg(x.col("s").first()),
    "min_by by a million keys": lambda f, x: f.group_by("k2").agg(x.col("v").min_by("w")),
    "last over a million keys": lambda f, x: f.select(x.col("v").last().over("k2")),
    "top_k by 100 keys": lambda f, x: f.group_by("k").agg(x.col("v").top_k(3)),
    "top_k by a million keys": lambda f, x: f.group_by("k2").agg(x.col("v").top_k(3)),
    "top_k": lambda f, x: f.select(x.col("v").top_k(10)),
    "median by 100 keys": lambda f, x: f.group_by("k").agg(x.col("v").median()),
    "quantile by a million keys": lambda f, x: f.group_by("k2").agg(x.col("v").quantile(0.9, "linear")),
    "n_unique by 100 keys": lambda f, x: f.group_by("k").agg(x.col("w").n_unique()),
    "mode by 100 keys": lambda f, x: f.group_by("k").agg(x.col("k2").mode()),
    "unique, last": lambda f, x: f.unique("k2", keep="last"),
    "str.len_chars": lambda f, x: f.select(x.col("s").str.len_chars()),
    "str.len_bytes": lambda f, x: f.select(x.col("s").str.len_bytes()),
    "str.to_uppercase": lambda f, x: f.select(x.col("s").str.to_uppercase()),
    "str.slice": lambda f, x: f.select(x.col("s").str.slice(1, 3)),
    "str.contains": lambda f, x: f.select(x.col("s").str.contains("a.l")),
    "dt.truncate": lambda f, x: f.select(x.col("t").dt.truncate("1h")),
    "dt.truncate to months": lambda f, x: f.select(x.col("t").dt.truncate("1mo")),
    "dt.truncate in Berlin": lambda f, x: f.select(x.col("t").dt.convert_time_zone("Europe/Berlin").dt.truncate("1h")),
    "dt.round": lambda f, x: f.select(x.col("t").dt.round("15m")),
    "dt.year, month, day": lambda f, x: f.select(x.col("t").dt.year(), m=x.col("t").dt.month(), d=x.col("t").dt.day()),
    "dt.hour, weekday": lambda f, x: f.select(x.col("t").dt.hour(), d=x.col("t").dt.weekday()),
    "dt.date": lambda f, x: f.select(x.col("t").dt.date()),
    "dt.offset_by": lambda f, x: f.select(x.col("t").dt.offset_by("1mo")),
    "dt.strftime": lambda f, x: f.select(x.col("t").dt.strftime("%Y-%m-%d")),
}


def frame(rows):
    """The columns that the steps are of: few and many keys, floats, integers, texts, moments."""
    draw = np.random.default_rng(0)
    numbers = {"k": draw.integers(0, 100, rows), "k2": draw.integers(0, max(rows // 10, 1), rows)}
    numbers |= {"v": draw.random(rows), "w": draw.integers(0, 10**9, rows)}
    texts = pl.Series("s", np.array(WORDS)).gather(draw.integers(0, len(WORDS), rows))
    moments = (pl.Series("t", numbers["w"]) * 1_500).cast(pl.Datetime("ms")).cast(pl.Datetime("us"))
    return pl.DataFrame(numbers).with_columns(texts, moments)


def seconds(step, of, module):
    gc.collect()
    begin = time.process_time()
    step(of, module)
    return time.process_time() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    theirs = frame(options.rows)
    ours = gf.from_polars(theirs)
    print("step | Gradframe | Polars | ratio")
    for name, step in STEPS.items():
        if options.only and not any(part in name for part in options.only.split(",")):
            continue
        pairs = [(seconds(step, ours, gf), seconds(step, theirs, pl)) for _ in range(options.runs)]
        own, peer = (min(side) for side in zip(*pairs, strict=True))
        print(f"{name} | {own:.3f} | {peer:.3f} | {own / peer:.2f}", flush=True)


if __name__ == "__main__":
    main()
