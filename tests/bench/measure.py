"""Times the queries of a task for one participant, in a process of its own; one JSON line a query.

    python measure.py WHO < {"tables": {..}, "queries": {..}, "runs": 3}

A figure is the median of the runs, in milliseconds, after one run that does not count.
"""

import importlib
import json
import statistics
import sys
import time

MODULES = {"gradframe": "ours", "duckdb": "duckdb_peer", "polars": "polars_peer", "datafusion": "datafusion_peer"}


def answer(run, sql):
    """Runs every statement of the text; gives the rows of the last one."""
    result = None
    for statement in filter(str.strip, sql.split(";")):
        result = run(statement)
    return len(result)


def median_ms(run, sql, runs):
    rows = answer(run, sql)
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        answer(run, sql)
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times), rows


def main():
    participant = importlib.import_module(f"peers.{MODULES[sys.argv[1]]}")
    job = json.load(sys.stdin)
    print(json.dumps({"version": participant.version}), flush=True)
    run = participant.connect(job["tables"])
    for name, sql in job["queries"].items():
        try:
            ms, rows = median_ms(run, sql, job["runs"])
            line = {"query": name, "ms": ms, "rows": rows}
        except Exception as error:  # one query that cannot run is said, and the rest go on
            line = {"query": name, "error": str(error).strip().split("\n")[0][:160]}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
