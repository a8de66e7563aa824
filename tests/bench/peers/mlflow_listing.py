"""MLflow's own store: fills it with runs, then prints the seconds in which its client lists them, filtered and sorted.

    python mlflow_listing.py STORE RUNS

Runs are made by the client. Their points, of which it would take thousands of seconds to log two million, are put into the tables of
MLflow's store by its own classes, many rows a statement: the rows that `log_batch` makes, of which the last run's are compared.
"""

import sys
import time

import mlflow
import sqlalchemy
from mlflow.entities import Metric, Param
from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric

METRICS, STEPS = 20, 100


def points(number):
    return [Metric(f"m{i}", (number * 31 + i * 7 + step) % 1000 / 1000, step + 1, step) for step in range(STEPS) for i in range(METRICS)]


def put(connection, run, points):
    rows = [
        {"run_uuid": run, "key": point.key, "value": point.value, "timestamp": point.timestamp, "step": point.step, "is_nan": False}
        for point in points
    ]
    connection.execute(sqlalchemy.insert(SqlMetric.__table__), rows)
    connection.execute(sqlalchemy.insert(SqlLatestMetric.__table__), rows[-METRICS:])


def rows_of(store, run):
    def ask(table):
        columns = [column for column in table.columns if column.name != "run_uuid"]
        with store.engine.connect() as connection:
            return sorted(map(tuple, connection.execute(sqlalchemy.select(*columns).where(table.c.run_uuid == run))))

    return ask(SqlMetric.__table__), ask(SqlLatestMetric.__table__)


def fill(client, experiment, runs):
    store = client._tracking_client.store
    for start in range(0, runs, 50):
        made = range(start, min(start + 50, runs))
        ids = [client.create_run(experiment).info.run_id for _ in made]
        for run in ids:
            client.log_param(run, "lr", "0.1")
        with store.engine.begin() as connection:
            for number, run in zip(made, ids):
                put(connection, run, points(number))
        for run in ids:
            client.set_terminated(run)
    logged = client.create_run(client.create_experiment(f"compared {time.time()}")).info.run_id
    of_last = points(runs - 1)
    for at in range(0, len(of_last), 1000):
        client.log_batch(logged, metrics=of_last[at : at + 1000], params=[Param("lr", "0.1")] if at == 0 else [])
    assert rows_of(store, logged) == rows_of(store, ids[-1]), "the rows are not those of `log_batch`"


client = mlflow.MlflowClient(sys.argv[1])
experiment = client.create_experiment(f"listing {time.time()}")
fill(client, experiment, int(sys.argv[2]))
start = time.perf_counter()
found = client.search_runs([experiment], "metrics.m0 < 0.9", order_by=["metrics.m1 ASC"], max_results=1000)
assert found and len(found[0].data.metrics) == METRICS
print(time.perf_counter() - start)
