"""What compiling float expressions saves (NumericStage), with the rule on and off; `cargo xtask bench stages` runs it.

    python stages.py --data DIR [--peers] [--runs 5] [--smoke]

Prints `task | who | figure | unit | bar`. With --peers DuckDB and Polars compute the same over the same columns. --smoke takes few
rows: it shows that all of it runs, and measures nothing. DIR is not used.
"""

import argparse
import statistics
import time

import numpy as np
import pyarrow as pa

import gradframe as gf

EXPRESSIONS = {
    "ten functions": "sqrt(abs(x * y - 0.5) + 1.0) * x - y / (x + 2.0) + x * 0.25",
    "a polynomial": "(((((x * 1.1 + y) * x - 0.3) * y + 2.0) * x - 1.0) * y + 0.5) * x - y",
}


def seconds(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def line(task, who, figure, unit, bar=""):
    print(f"stages {task} | {who} | {figure:.4g} | {unit} | {bar}", flush=True)


def on_and_off(text, runs):
    """Medians in seconds, taken in turn after a turn that does not count; the sums have to be the same bits."""
    taken, sums = {True: [], False: []}, {}
    for turn in range(runs + 1):
        for is_on, times in taken.items():
            gf.sql(f"SET gradframe.numeric_stages = {str(is_on).lower()}").collect()
            start = time.perf_counter()
            sums[is_on] = gf.sql(text).collect().item()
            if turn:
                times.append(time.perf_counter() - start)
    assert sums[True] == sums[False], sums
    return statistics.median(taken[True]), statistics.median(taken[False])


def peers(columns, expression, runs):
    import duckdb
    import polars

    connection, frame = duckdb.connect(), polars.from_arrow(columns)
    connection.register("numbers", columns)
    text = f"SELECT sum({expression}) FROM numbers"
    theirs = {
        "duckdb": lambda: connection.sql(text).fetchall(),
        "polars": lambda: frame.lazy().select(polars.sql_expr(expression).sum()).collect(),
    }
    for who, run in theirs.items():
        run()
        yield who, statistics.median(seconds(run) for _ in range(runs))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--smoke", action="store_true")
    asked = parser.parse_args()
    rows = 100_000 if asked.smoke else 50_000_000
    random = np.random.default_rng(0)
    columns = pa.table({"x": random.random(rows), "y": random.random(rows)})
    gf.register("numbers", gf.from_arrow(columns))
    print(f"# float expressions over {rows} rows, summed; median of {asked.runs}")
    for name, expression in EXPRESSIONS.items():
        on, off = on_and_off(f"SELECT sum({expression}) FROM numbers", asked.runs)
        line(name, "gradframe", 1e3 * on, "ms")
        line(f"{name}, rule off", "gradframe", 1e3 * off, "ms")
        line(f"{name}, on / off", "gradframe", on / off, "x", "0.5")
        if asked.peers:
            for who, taken in peers(columns, expression, asked.runs):
                line(name, who, 1e3 * taken, "ms")


if __name__ == "__main__":
    main()
