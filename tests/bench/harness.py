"""One task, timed for us and, with --peers, for what a user would pick instead; `cargo xtask bench` runs it.

    python harness.py tasks/tpch.json --data DIR [--peers] [--runs 3]

Prints `task | who | figure | unit` in milliseconds (less is better), then the geometric mean of each participant and
our ratio to each peer. A query that a peer could not answer, or answered with another number of rows, is
`not measured`, and so is then every mean and ratio over it: they are never taken over the queries that are left.
"""

import argparse
import json
import math
import os
import pathlib
import re
import subprocess
import sys

from peers import OURS, PEERS

HERE = pathlib.Path(__file__).resolve().parent
NOT_MEASURED = "not measured"


def queries_of(task):
    if "queries" in task:
        return task["queries"]
    folder = pathlib.Path(os.environ.get("GRADFRAME_QUERIES", HERE.parents[1] / "../shared/queries" / task["queries_in"]))
    files = sorted(folder.glob("q*.sql"), key=lambda path: int(re.sub(r"\D", "", path.stem)))
    if not files:
        sys.exit(f"bench: no queries in {folder}; name their folder in GRADFRAME_QUERIES")
    return {path.stem: path.read_text() for path in files}


def measure(who, job):
    """Milliseconds and rows by query, and the version; what is missing was not measured, and standard error says why."""
    child = subprocess.run(
        [sys.executable, str(HERE / "measure.py"), who], input=json.dumps(job), stdout=subprocess.PIPE, text=True, cwd=HERE
    )
    figures, version = {}, "?"
    for line in map(json.loads, child.stdout.splitlines()):
        version = line.get("version", version)
        if "ms" in line:
            figures[line["query"]] = (line["ms"], line["rows"])
        elif "error" in line:
            print(f"# {who} {line['query']}: {line['error']}", file=sys.stderr)
    if child.returncode != 0:
        print(f"# {who} ended with status {child.returncode}", file=sys.stderr)
    return figures, version


def agreeing(figures, ours):
    """A peer's times, without those of answers that have another number of rows than ours."""
    return {query: ms for query, (ms, rows) in figures.items() if query not in ours or ours[query][1] == rows}


def geometric_mean(times, queries):
    if any(query not in times for query in queries):
        return None
    return math.exp(sum(math.log(times[query]) for query in queries) / len(queries))


def line(task, who, figure, unit):
    print(f"{task} | {who} | {NOT_MEASURED if figure is None else f'{figure:.4g}'} | {unit}", flush=True)


def report(name, times, queries):
    for query in queries:
        for who in times:
            line(f"{name} {query}", who, times[who].get(query), "ms")
    means = {who: geometric_mean(times[who], queries) for who in times}
    for who, mean in means.items():
        line(f"{name} geomean", who, mean, "ms")
    for who, mean in means.items():
        if who != OURS:
            ratio = means[OURS] / mean if mean and means[OURS] else None
            line(f"{name} geomean", f"{OURS} / {who}", ratio, "x")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("task", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    task = json.loads(options.task.read_text())
    queries = queries_of(task)
    tables = {table: str(options.data / f"{table}.parquet") for table in task["tables"]}
    job = {"tables": tables, "queries": queries, "runs": options.runs}
    print(f"# {task['about']}; {os.cpu_count()} cores; median of {options.runs}; data {options.data.name}")
    measured = {}
    for who in (OURS, *(PEERS if options.peers else ())):
        measured[who], version = measure(who, job)
        print(f"# {who} {version}", flush=True)
    report(options.task.stem, {who: agreeing(figures, measured[OURS]) for who, figures in measured.items()}, list(queries))
    if len(measured[OURS]) < len(queries):
        sys.exit("bench: we failed some queries ourselves")


if __name__ == "__main__":
    main()
