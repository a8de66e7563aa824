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
    "top_k by 100 keys": lambda f, x: f.group_by("k").agg(x.col("v").top_k(3)),
    "str.len_chars": lambda f, x: f.select(x.col("s").str.len_chars()),
    "dt.truncate": lambda f, x: f.select(x.col("t").dt.truncate("1h")),
}


def frame(rows):
    """The columns that the steps are of: few and many keys, floats, integers, texts, moments."""
    draw = np.random.default_rng(0)
    numbers = {"k": draw.integers(0, 100, rows), "k2": draw.integers(0, max(rows // 10, 1), rows)}
    numbers |= {"v": draw.random(rows), "w": draw.integers(0, 10**9, rows)}
    texts = pl.Series("s", np.array(WORDS)).gather(draw.integers(0, len(WORDS), rows))
    moments = pl.Series("t", numbers["w"]).cast(pl.Datetime("ms")).cast(pl.Datetime("us"))
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
