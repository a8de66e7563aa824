"""Makes a store of MLflow 3's own with logged models and a registry (`make URI FACTS`), or compares a server that has taken it in (`check FACTS`).

Run by `test_mlflow_import.py` with the real client of MLflow 3, which can do both.
"""

import json
import os
import pathlib
import sys

os.environ["GIT_PYTHON_REFRESH"] = "quiet"

import mlflow
import mlflow.sklearn
import numpy as np
from sklearn.linear_model import LinearRegression

X = np.arange(20.0).reshape(-1, 1)
NAME = "fare's 🚕"


def make(uri):
    """Two logged models of which one is deleted, three versions of which one is, and what is measured on a data set and on none."""
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    client = mlflow.MlflowClient()
    mlflow.set_experiment("taxi")
    model = LinearRegression().fit(X, 3 * X[:, 0])
    rides = mlflow.data.from_numpy(X, name="rides")
    with mlflow.start_run(run_name="trained") as run:
        info = mlflow.sklearn.log_model(model, name="model", registered_model_name=NAME, params={"alpha": "2"}, pip_requirements=["scikit-learn"])
        for step in range(3):
            mlflow.log_metric("rmse", step / 4, step=step, model_id=info.model_id)
        mlflow.log_metric("rmse", float("inf"), step=1, model_id=info.model_id, dataset=rides)
        mlflow.sklearn.save_model(model, "saved", pip_requirements=["scikit-learn"])
        mlflow.log_artifacts("saved", "plain")
    client.set_logged_model_tags(info.model_id, {"team": "a"})
    client.delete_logged_model(mlflow.initialize_logged_model(name="gone").model_id)
    for i in range(2):
        client.create_model_version(NAME, f"{run.info.artifact_uri}/plain", run.info.run_id, tags={"i": str(i)}, description="two\nlines")
    client.delete_model_version(NAME, "2")
    client.set_registered_model_alias(NAME, "champion", "3")
    client.transition_model_version_stage(NAME, "3", "Production")
    client.set_registered_model_tag(NAME, "team", "a")
    client.update_registered_model(NAME, "of taxis")
    client.create_registered_model("empty")
    return facts(client)


def facts(client):
    """What a user of the store sees, without what each store names in its own way."""
    runs = {run.info.run_id: run.info.run_name for run in client.search_runs([client.get_experiment_by_name("taxi").experiment_id])}
    logged = client.search_logged_models([client.get_experiment_by_name("taxi").experiment_id])
    versions = sorted(client.search_model_versions(f'name = "{NAME}"'), key=lambda version: version.creation_timestamp)
    registered = client.get_registered_model(NAME)
    return {
        "logged": [
            {
                "name": model.name,
                "run": runs[model.source_run_id],
                "status": str(model.status),
                "times": [model.creation_timestamp, model.last_updated_timestamp],
                "params": model.params,
                "tags": {name: value for name, value in model.tags.items() if not name.startswith("mlflow.")},
                "files": sorted(file.path for file in client.list_logged_model_artifacts(model.model_id)),
            }
            for model in logged
        ],
        "versions": [
            [str(v.version), v.description or "", v.current_stage, v.tags, runs[v.run_id], v.creation_timestamp, v.last_updated_timestamp] for v in versions
        ],
        "registered": [registered.description, registered.tags, {a: str(v) for a, v in registered.aliases.items()}],
        "names": sorted(model.name for model in client.search_registered_models()),
    }


def check(expected):
    """The server gives what the store had, and its models can be loaded."""
    client = mlflow.MlflowClient()
    got = facts(client)
    for subject, value in json.loads(json.dumps(got)).items():
        assert value == expected[subject], f"{subject}\n{value}\n{expected[subject]}"
    # All points, as MLflow's database has them; its directory shows the last of each data set alone. And an infinity is one.
    [logged] = client.search_logged_models([client.get_experiment_by_name("taxi").experiment_id])
    points = {(m.key, m.step, m.value, m.dataset_name) for m in logged.metrics}
    assert points == {("rmse", 0, 0.0, None), ("rmse", 1, 0.25, None), ("rmse", 2, 0.5, None), ("rmse", 1, float("inf"), "rides")}, points
    assert {m.run_id for m in logged.metrics} == {logged.source_run_id} and all(m.timestamp > 0 for m in logged.metrics)
    for version in client.search_model_versions(f'name = "{NAME}"'):
        loaded = mlflow.sklearn.load_model(f"models:/{NAME}/{version.version}")
        assert np.allclose(loaded.predict(X), 3 * X[:, 0]), version


if __name__ == "__main__":
    if sys.argv[1] == "make":
        pathlib.Path(sys.argv[3]).write_text(json.dumps(make(sys.argv[2])))
    else:
        check(json.loads(pathlib.Path(sys.argv[2]).read_text()))
