"""A program that uses MLflow's client, of 2.22 or 3, and knows of its server by MLFLOW_TRACKING_URI alone.

Run by `test_mlflow_registry.py` with each client; says what it has found wrong by an assertion.
"""

import os
import sys

import numpy as np

os.environ["GIT_PYTHON_REFRESH"] = "quiet"

import mlflow
import mlflow.sklearn
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException
from sklearn.linear_model import LinearRegression, LogisticRegression

IS_3 = int(mlflow.__version__.split(".")[0]) >= 3
client = mlflow.MlflowClient()
rng = np.random.default_rng(1)
X = rng.normal(size=(200, 3))
y = X @ [1.0, -2.0, 0.5] + 3.0
NO_PIP = {"pip_requirements": ["scikit-learn"]}


def fails(call, words):
    """The call raises, and says so."""
    try:
        call()
    except MlflowException as error:
        assert words in str(error), error
    else:
        raise AssertionError(f"no error: {words}")


def autologs():
    """What scikit-learn's fit logs by itself."""
    mlflow.set_experiment("autolog")
    mlflow.sklearn.autolog(log_input_examples=False, log_model_signatures=True, silent=True)
    with mlflow.start_run(run_name="auto") as run:
        model = LogisticRegression(C=0.5).fit(X, y > 3)
        model.score(X, y > 3)
    mlflow.sklearn.autolog(disable=True)
    got = client.get_run(run.info.run_id)
    assert got.data.params["C"] == "0.5", got.data.params
    assert got.data.metrics["training_accuracy_score"] > 0.9, got.data.metrics
    assert got.info.status == "FINISHED"
    assert [d.dataset.name for d in got.inputs.dataset_inputs], "autologging says on which data"
    if IS_3:
        [output] = got.outputs.model_outputs
        logged = client.get_logged_model(output.model_id)
        assert logged.source_run_id == run.info.run_id and str(logged.status) == "READY", logged
        assert logged.params["C"] == "0.5" and logged.metrics, logged
        loaded = mlflow.sklearn.load_model(f"models:/{output.model_id}")
    else:
        loaded = mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model")
    assert (loaded.predict(X) == model.predict(X)).all()
    return run.info.run_id


def registers():
    """Logged, registered, loaded again by version, alias and stage."""
    mlflow.set_experiment("registry")
    models = []
    for i, intercept in enumerate([True, False]):
        with mlflow.start_run() as run:
            models.append(LinearRegression(fit_intercept=intercept).fit(X, y))
            mlflow.log_metric("mse", i)
            mlflow.sklearn.log_model(models[-1], "model", registered_model_name="fare's", **NO_PIP)
    versions = client.search_model_versions("name LIKE 'fare%'")
    assert sorted(int(v.version) for v in versions) == [1, 2], versions
    assert client.get_model_version("fare's", "2").run_id == run.info.run_id
    client.set_registered_model_alias("fare's", "champion", "1")
    assert client.get_model_version_by_alias("fare's", "champion").version in ("1", 1)
    for uri, model in [("models:/fare's/1", models[0]), ("models:/fare's/2", models[1]), ("models:/fare's@champion", models[0])]:
        assert np.allclose(mlflow.sklearn.load_model(uri).predict(X), model.predict(X)), uri
        assert np.allclose(mlflow.pyfunc.load_model(uri).predict(X), model.predict(X)), uri
    client.transition_model_version_stage("fare's", "1", "Production")
    client.transition_model_version_stage("fare's", "2", "production", archive_existing_versions=True)
    assert client.get_model_version("fare's", "1").current_stage == "Archived"
    assert [v.version for v in client.get_latest_versions("fare's", ["Production"])][0] in ("2", 2)


def copies():
    """A version whose source is another, or a logged model, has its own files: what it was made of may go."""
    mlflow.set_experiment("copied")
    model = LinearRegression().fit(X, y)
    for _ in range(3):
        with mlflow.start_run():
            mlflow.sklearn.log_model(model, "model", registered_model_name="original", **NO_PIP)
    loads = lambda uri: np.allclose(mlflow.sklearn.load_model(uri).predict(X), model.predict(X))
    first = client.copy_model_version("models:/original/1", "copy")
    assert first.source == "models:/original/1", "the source stays what the client said"
    client.delete_model_version("original", "1")
    assert loads("models:/copy/1")
    client.copy_model_version("models:/original/2", "copy")
    client.rename_registered_model("original", "renamed")
    assert loads("models:/copy/2") and loads("models:/renamed/3")
    client.copy_model_version("models:/copy/1", "copy of a copy")
    client.delete_registered_model("copy")
    assert loads("models:/copy of a copy/1")
    if IS_3:
        logged = mlflow.sklearn.log_model(model, name="gone", registered_model_name="of logged", **NO_PIP)
        client.delete_logged_model(logged.model_id)
        assert loads("models:/of logged/1"), "a logged model that is deleted has its files as long as a version is it"
        fails(lambda: client.create_model_version("of logged", f"models:/{logged.model_id}"), logged.model_id)
    fails(lambda: client.create_model_version("renamed", "models:/original/1"), "models:/original/1")
    mlflow.set_experiment("registry")


def copies_what_was_trained():
    """What a copy has its files of stays."""
    version = client.search_model_versions("name = 'trained'")[0].version
    client.copy_model_version(f"models:/trained/{version}", "copy of trained")
    fails(lambda: client.delete_model_version("trained", version), "is a copy")
    fails(lambda: client.delete_registered_model("trained"), "is a copy")
    path = mlflow.artifacts.download_artifacts(client.get_model_version_download_uri("copy of trained", "1"))
    assert sorted(os.listdir(path)) == ["model.json", "weights.safetensors"], os.listdir(path)
    client.delete_registered_model("copy of trained")


def describes():
    """Names, descriptions, tags, searches; what is wrong is said."""
    client.create_registered_model("empty", tags={"team": "a"}, description="nothing yet")
    fails(lambda: client.create_registered_model("empty"), "already")
    assert client.get_registered_model("empty").tags == {"team": "a"}
    client.update_registered_model("empty", "still nothing")
    client.set_registered_model_tag("empty", "more", "x")
    client.delete_registered_model_tag("empty", "team")
    client.rename_registered_model("empty", "emptier")
    got = client.get_registered_model("emptier")
    assert (got.description, got.tags) == ("still nothing", {"more": "x"}), got
    fails(lambda: client.get_registered_model("empty"), "not found")
    fails(lambda: client.get_model_version("emptier", "7"), "not found")
    client.update_model_version("fare's", "1", "the first")
    client.set_model_version_tag("fare's", "1", "checked", "yes")
    client.set_model_version_tag("fare's", "1", "gone", "yes")
    client.delete_model_version_tag("fare's", "1", "gone")
    version = client.get_model_version("fare's", "1")
    assert (version.description, version.tags, version.aliases) == ("the first", {"checked": "yes"}, ["champion"]), version
    assert [m.name for m in client.search_registered_models("tags.more = 'x'")] == ["emptier"]
    names = [m.name for m in client.search_registered_models(order_by=["name DESC"])]
    assert names == sorted(names, reverse=True) and {"emptier", "fare's", "trained"} <= set(names), names
    first = client.search_registered_models(max_results=1)
    assert len(first) == 1 and first.token
    client.delete_registered_model("emptier")
    fails(lambda: client.get_registered_model("emptier"), "not found")
    client.set_registered_model_alias("fare's", "old", "1")
    client.delete_registered_model_alias("fare's", "old")
    fails(lambda: client.get_model_version_by_alias("fare's", "old"), "not found")
    fails(lambda: client.search_registered_models("name !! 'x'"), "character 6")


def sees_what_was_trained():
    """A model of ours is in the registry, and its files can be had."""
    [version] = client.search_model_versions("name = 'trained'")
    assert version.source.startswith("mlflow-artifacts:/registry/trained/"), version
    path = mlflow.artifacts.download_artifacts(client.get_model_version_download_uri("trained", version.version))
    assert sorted(os.listdir(path)) == ["model.json", "weights.safetensors"], os.listdir(path)
    client.set_model_version_tag("trained", version.version, "seen", "by mlflow")
    client.set_registered_model_alias("trained", "champion", version.version)


def logs_models():
    """What MLflow 3 calls a logged model: without a run, found, tagged, deleted."""
    model = LinearRegression().fit(X, y)
    info = mlflow.sklearn.log_model(model, name="alone", params={"alpha": "2"}, tags={"kind": "test"}, **NO_PIP)
    logged = mlflow.get_logged_model(info.model_id)
    assert (logged.name, logged.params["alpha"], logged.tags["kind"]) == ("alone", "2", "test"), logged
    mlflow.set_logged_model_tags(info.model_id, {"more": "x"})
    mlflow.delete_logged_model_tag(info.model_id, "kind")
    experiment = mlflow.get_experiment_by_name("registry").experiment_id
    with mlflow.start_run():
        mlflow.log_metric("r2", 0.9, model_id=info.model_id)
    found = client.search_logged_models([experiment], "name = 'alone' AND params.alpha = '2'")
    assert [m.model_id for m in found] == [info.model_id] and found[0].tags["more"] == "x", found
    assert [m.value for m in mlflow.get_logged_model(info.model_id).metrics] == [0.9]
    best = client.search_logged_models([experiment], "metrics.r2 > 0.5", order_by=[{"field_name": "metrics.r2", "ascending": False}])
    assert [m.model_id for m in best] == [info.model_id], best
    assert "MLmodel" in [f.path for f in client.list_logged_model_artifacts(info.model_id)]
    registered = mlflow.register_model(f"models:/{info.model_id}", "from logged")
    assert np.allclose(mlflow.sklearn.load_model("models:/from logged/1").predict(X), model.predict(X))
    assert client.get_model_version("from logged", registered.version).source == f"models:/{info.model_id}"
    client.delete_model_version("from logged", "1")
    client.delete_logged_model(info.model_id)
    fails(lambda: mlflow.get_logged_model(info.model_id), "not found")


def measures_models():
    """Each point of a logged model's metrics, on each data set; searched, by any of them, and sorted, by the latest."""
    experiment = mlflow.set_experiment("measured").experiment_id
    first, second = (mlflow.data.from_numpy(X * factor, name=f"data {factor}") for factor in (1, 2))
    low, high = (mlflow.initialize_logged_model(name=name, params={"a": name}) for name in ("low", "high"))
    with mlflow.start_run() as run:
        for step in range(3):
            mlflow.log_metric("acc", step / 10, step=step, model_id=low.model_id)
        mlflow.log_metric("acc", 0.9, step=1, model_id=low.model_id, dataset=first)
        mlflow.log_metric("acc", 0.1, step=1, model_id=low.model_id, dataset=second)
        mlflow.log_metric("acc", 0.5, step=5, model_id=high.model_id, dataset=first)
    points = {(m.step, m.dataset_name, m.value) for m in client.get_logged_model(low.model_id).metrics}
    assert points == {(0, None, 0.0), (1, None, 0.1), (2, None, 0.2), (1, "data 1", 0.9), (1, "data 2", 0.1)}, points
    kept = client.get_run(run.info.run_id).data.metrics["acc"]
    assert kept == 0.5, kept
    batch = [Metric("loss", value, 5, 0, model_id=low.model_id) for value in (1.0, 1.0, 2.0)]
    for _ in range(2):
        client.log_batch(run.info.run_id, metrics=batch)
    again = [m.value for m in client.get_logged_model(low.model_id).metrics if m.key == "loss"]
    assert sorted(again) == [1.0, 2.0], "what is sent again is kept once"

    def found(filter_string=None, **options):
        return [m.name for m in client.search_logged_models([experiment], filter_string, **options)]

    def on(dataset, **more):
        return {"dataset_name": dataset.name, **more}

    for filter_string, datasets, names in [
        ("metrics.acc > 0.8", None, {"low"}),
        ("metrics.acc < 0.2", None, {"low"}),
        ("metrics.acc > 0.4", None, {"low", "high"}),
        ("metrics.acc > 0.8", [on(second)], set()),
        ("metrics.acc > 0.4", [on(first, dataset_digest=first.digest)], {"low", "high"}),
        ("metrics.acc < 0.2", [on(second)], {"low"}),
        ("creation_time > 0", None, {"low", "high"}),
        (f"experiment_id = '{experiment}'", None, {"low", "high"}),
        (None, [on(second)], {"low"}),
    ]:
        got = found(filter_string, datasets=datasets)
        assert len(got) == len(names) and set(got) == names, (filter_string, datasets, got)
    for order, names in [
        ({"field_name": "metrics.acc", "ascending": False, **on(first)}, ["low", "high"]),
        ({"field_name": "metrics.acc", "ascending": True, **on(first)}, ["high", "low"]),
        ({"field_name": "metrics.acc", "ascending": False, **on(second)}, ["low", "high"]),
        ({"field_name": "name"}, ["high", "low"]),
    ]:
        assert found(order_by=[order]) == names, order
    fails(lambda: found("metrics.acc > 'x'"), "number")
    fails(lambda: found(datasets=[{"dataset_name": ""}]), "dataset_name")
    mlflow.log_model_params({"a": "low", "b": "2"}, low.model_id)
    fails(lambda: mlflow.log_model_params({"b": "3"}, low.model_id), "`b` is `2` already")
    assert client.get_logged_model(low.model_id).params == {"a": "low", "b": "2"}
    for name in ("", "a/b", "a:b", "a.b", "a%b", "a'b", 'a"b'):
        fails(lambda name=name: mlflow.initialize_logged_model(name=name), "name")
    assert mlflow.initialize_logged_model(name="é🚕 x").name == "é🚕 x"
    client.set_logged_model_tags(low.model_id, {"k/x y": "é"})
    client.delete_logged_model_tag(low.model_id, "k/x y")
    assert "k/x y" not in client.get_logged_model(low.model_id).tags


if __name__ == "__main__":
    autologs()
    registers()
    copies()
    describes()
    sees_what_was_trained()
    copies_what_was_trained()
    if IS_3:
        logs_models()
        measures_models()
    print(f"all well with {mlflow.__version__}", file=sys.stderr)
