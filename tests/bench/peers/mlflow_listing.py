"""MLflow's own store: fills it with runs, then prints the seconds in which its client lists them, filtered and sorted.

    python mlflow_listing.py STORE RUNS
"""

import sys
import time

import mlflow
from mlflow.entities import Metric, Param

METRICS, STEPS = 20, 100

client = mlflow.MlflowClient(sys.argv[1])
experiment = client.create_experiment(f"listing {time.time()}")
for number in range(int(sys.argv[2])):
    run = client.create_run(experiment).info.run_id
    points = [
        Metric(f"m{i}", (number * 31 + i * 7 + step) % 1000 / 1000, step + 1, step) for step in range(STEPS) for i in range(METRICS)
    ]
    for at in range(0, len(points), 1000):
        client.log_batch(run, metrics=points[at : at + 1000], params=[Param("lr", "0.1")] if at == 0 else [])
    client.set_terminated(run)
start = time.perf_counter()
found = client.search_runs([experiment], "metrics.m0 < 0.9", order_by=["metrics.m1 ASC"], max_results=1000)
assert found and len(found[0].data.metrics) == METRICS
print(time.perf_counter() - start)
