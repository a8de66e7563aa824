"""What frames cost over the plan itself, with the bars that they are held to; `cargo xtask bench frames` runs it.

    python frames.py --data DIR [--peers] [--runs 3] [--smoke]

Prints `task | who | figure | unit | bar`. DIR holds TPC-H's tables as Parquet. With --peers Polars does the same where it
has the same. --smoke takes few rows: it shows that all of it runs, and measures nothing.
"""

import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import pyarrow as pa

import gradframe as gf

OPERATIONS = 100
IMPORT = "import time; t = time.perf_counter(); import {0}; print(time.perf_counter() - t)"


def median_ms(run, runs):
    """The median of the runs in milliseconds, after one that does not count."""
    run()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def in_turn_ms(first, second, runs):
    """The medians of two that are compared, run in turn so that what else the machine does meets both."""
    times = [], []
    for turn in range(runs + 1):
        for run, taken in zip((first, second), times, strict=True):
            start = time.perf_counter()
            run()
            if turn:
                taken.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times[0]), statistics.median(times[1])


def line(task, who, figure, unit, bar=""):
    print(f"frames {task} | {who} | {'not measured' if figure is None else f'{figure:.4g}'} | {unit} | {bar}", flush=True)


# --- the same plan and time as SQL ---------------------------------------------------------------------------------------


def q1(t, x):
    disc = x.col("l_extendedprice") * (1 - x.col("l_discount"))
    sums = [x.col(name).sum().alias(f"sum_{name}") for name in ("l_quantity", "l_extendedprice")]
    return (
        t["lineitem"]
        .filter(x.col("l_shipdate") <= datetime.date(1998, 9, 2))
        .group_by("l_returnflag", "l_linestatus")
        .agg(*sums, disc.sum().alias("sum_disc_price"), x.col("l_discount").mean().alias("avg_disc"), x.len().alias("n"))
        .sort("l_returnflag", "l_linestatus")
    )


def q6(t, x):
    day = x.col("l_shipdate")
    kept = t["lineitem"].filter(
        day >= datetime.date(1994, 1, 1),
        day < datetime.date(1995, 1, 1),
        x.col("l_quantity") < 24,
    )
    return kept.select((x.col("l_extendedprice") * x.col("l_discount")).sum().alias("revenue"))


def q12(t, x):
    late = t["lineitem"].filter(x.col("l_shipmode").is_in(["MAIL", "SHIP"]), x.col("l_commitdate") < x.col("l_receiptdate"))
    both = t["orders"].join(late, left_on="o_orderkey", right_on="l_orderkey")
    return both.group_by("l_shipmode").agg(x.len().alias("n")).sort("l_shipmode")


SQL = {
    "q1": """SELECT l_returnflag, l_linestatus, sum(l_quantity) AS q, sum(l_extendedprice) AS p,
        sum(l_extendedprice * (1 - l_discount)) AS d, avg(l_discount) AS a, count(*) AS n FROM lineitem
        WHERE l_shipdate <= DATE '1998-09-02' GROUP BY 1, 2 ORDER BY 1, 2""",
    "q6": """SELECT sum(l_extendedprice * l_discount) AS revenue FROM lineitem
        WHERE l_shipdate >= DATE '1994-01-01' AND l_shipdate < DATE '1995-01-01' AND l_quantity < 24""",
    "q12": """SELECT l_shipmode, count(*) AS n FROM orders JOIN lineitem ON o_orderkey = l_orderkey
        WHERE l_shipmode IN ('MAIL', 'SHIP') AND l_commitdate < l_receiptdate GROUP BY 1 ORDER BY 1""",
}
QUERIES = {"q1": q1, "q6": q6, "q12": q12}


def over_sql(data, runs, polars):
    tables = {name: gf.scan_parquet(data / f"{name}.parquet") for name in ("lineitem", "orders")}
    for name, frame in tables.items():
        gf.register(name, frame)
    for name, query in QUERIES.items():
        frames, text = in_turn_ms(lambda query=query: query(tables, gf).collect(), lambda name=name: gf.sql(SQL[name]).collect(), runs)
        line(f"{name} frames", "gradframe", frames, "ms")
        line(f"{name} sql", "gradframe", text, "ms")
        line(f"{name} frames / sql", "gradframe", frames / text, "x", "the same")
    if polars is not None:
        theirs = {name: polars.scan_parquet(data / f"{name}.parquet") for name in ("lineitem", "orders")}
        for name, query in QUERIES.items():
            line(f"{name} frames", "polars", median_ms(lambda query=query: query(theirs, polars).collect(), runs), "ms")


# --- overheads -----------------------------------------------------------------------------------------------------------


def hundred(frame, x):
    for i in range(OPERATIONS // 4):
        frame = frame.with_columns((x.col("a") + i).alias(f"c{i}"))
        frame = frame.filter(x.col("a") > -i)
        frame = frame.with_columns((x.col(f"c{i}") * 2).alias(f"d{i % 3}"))
        frame = frame.drop(f"c{i}")
    return frame


def planning(runs, polars):
    small = {"a": [1, 2, 3], "b": [1.0, 2.0, 3.0]}
    ours = gf.from_dict(small).lazy()
    line("plan of 100 operations", "gradframe", median_ms(lambda: hundred(ours, gf).explain(format="logical"), runs), "ms", "5")
    if polars is not None:
        theirs = polars.DataFrame(small).lazy()
        line("plan of 100 operations", "polars", median_ms(lambda: hundred(theirs, polars).explain(), runs), "ms")


def importing(runs, polars):
    # As pip installs a package, with its bytecode: the first run, which does not count, writes what is not there.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for who in ("gradframe", *(("polars",) if polars is not None else ())):
        child = [sys.executable, "-c", IMPORT.format(who)]
        times = [float(subprocess.run(child, env=env, capture_output=True, text=True, check=True).stdout) for _ in range(runs + 1)]
        line("import", who, 1e3 * statistics.median(times[1:]), "ms", "150" if who == "gradframe" else "")


def small_collect(runs, polars):
    ten = {"a": list(range(10)), "b": [str(i) for i in range(10)]}

    def query(frame, x):
        return frame.filter(x.col("a") > 3).with_columns(c=x.col("a") * 2)

    ours = gf.from_dict(ten).lazy()
    line("collect() of 10 rows", "gradframe", median_ms(lambda: query(ours, gf).collect(), 20 * runs), "ms", "1")
    if polars is not None:
        theirs = polars.DataFrame(ten).lazy()
        line("collect() of 10 rows", "polars", median_ms(lambda: query(theirs, polars).collect(), 20 * runs), "ms")


# --- much data -----------------------------------------------------------------------------------------------------------


def mapping(rows, runs, polars):
    values = {"x": np.arange(rows, dtype=np.float64)}
    ours = gf.from_dict(values).lazy()
    total = gf.col("x").sum()
    plain = median_ms(lambda: ours.select(total).collect(), runs)
    mapped = median_ms(lambda: ours.map_batches(lambda batch: batch).select(total).collect(), runs)
    line("map_batches", "gradframe", mapped, "ms")
    line("map_batches / without", "gradframe", mapped / plain, "x", "1.2")
    if polars is not None:
        theirs = polars.DataFrame(values).lazy()
        same = theirs.map_batches(lambda frame: frame, streamable=True).select(polars.col("x").sum())
        line("map_batches", "polars", median_ms(lambda: same.collect(engine="streaming"), runs), "ms")


def exporting(bytes_, runs):
    rows = bytes_ // 8 // 4
    frame = gf.from_dict({name: np.arange(rows, dtype=np.float64) for name in "abcd"}).lazy().select("a", "b", "c", "d").collect()
    line("export to pyarrow", "gradframe", median_ms(frame.to_arrow, runs), "ms", "1")
    line("export of a column to NumPy", "gradframe", median_ms(lambda: frame["a"].to_numpy(), runs), "ms", "1")
    try:
        import polars
    except ImportError:
        return line("export to Polars", "gradframe", None, "ms", "1")
    del polars
    line("export to Polars", "gradframe", median_ms(frame.to_polars, runs), "ms", "1")


def loading(rows, runs):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "x.parquet"
        values = {name: np.random.default_rng(1).random(rows) for name in "abcdefgh"}
        gf.from_dict(values).write_parquet(path)
        frame = gf.scan_parquet(path).filter(gf.col("a") > 0.01).with_columns(i=gf.col("b") * gf.col("c"))

        def stream():
            return sum(batch.height for batch in frame.collect_batches())

        def loop(batch_format):
            batches = frame.iter_batches(batch_size=65_536, batch_format=batch_format)
            return sum(len(batch["i"]) for batch in batches)

        plan = median_ms(stream, runs)
        formats = ["numpy"]
        try:
            import torch

            formats += ["torch"] if torch else []
        except ImportError:
            line("iter_batches into torch", "gradframe", None, "% of the plan", "80")
        for batch_format in formats:
            took = median_ms(lambda batch_format=batch_format: loop(batch_format), runs)
            line(f"iter_batches into {batch_format}", "gradframe", 100 * plan / took, "% of the plan", "80")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    gf.configure(in_memory=True, progress=False)
    polars = None
    if options.peers:
        import polars
    task = json.loads((pathlib.Path(__file__).parent / "tasks/frames.json").read_text())
    print(f"# {task['about']}; {os.cpu_count()} cores; median of {options.runs}; pyarrow {pa.__version__}")
    importing(options.runs, polars)
    planning(options.runs, polars)
    small_collect(options.runs, polars)
    over_sql(options.data, options.runs, polars)
    mapping(1_000_000 if options.smoke else 100_000_000, options.runs, polars)
    exporting(1 << 24 if options.smoke else 1 << 30, options.runs)
    loading(500_000 if options.smoke else 10_000_000, options.runs)


if __name__ == "__main__":
    main()
