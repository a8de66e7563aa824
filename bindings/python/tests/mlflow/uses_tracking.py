"""A program that tracks by MLflow's client, of 2.22 or 3, as its users do, and knows of its server by MLFLOW_TRACKING_URI alone.

Run by `test_mlflow_tracking.py` with each client. One function a subject; what is found wrong is an assertion.
"""

import json
import math
import os
import sys
import time
import warnings

os.environ["GIT_PYTHON_REFRESH"] = "quiet"

import mlflow
import mlflow.sklearn
import numpy as np
import pandas as pd
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV

IS_3 = int(mlflow.__version__.split(".")[0]) >= 3
client = mlflow.MlflowClient()
rng = np.random.default_rng(1)
X = pd.DataFrame(rng.normal(size=(200, 3)), columns=["a", "b", "c"])
y = X @ [1.0, -2.0, 0.5] + 3.0


def fails(call, words):
    """The call raises, and says so."""
    try:
        call()
    except MlflowException as error:
        assert words in str(error), error
    else:
        raise AssertionError(f"no error: {words}")


def has(package):
    """Whether a package is there that a subject needs."""
    try:
        __import__(package)
    except ImportError:
        print(f"no {package}: left out", file=sys.stderr)
        return False
    return True


def values_that_json_lacks():
    """NaN and infinities, as metrics logged and read again in each way."""
    mlflow.set_experiment("not finite")
    with mlflow.start_run() as run:
        assert run.info.run_name.count("-") == 2, "it is given a name"
        for step, value in enumerate([math.nan, math.inf, -math.inf, 1.5, 1e308, -0.0]):
            mlflow.log_metric("m", value, step=step)
        mlflow.log_metrics({"nan": math.nan, "inf": math.inf, "low": -math.inf})
    got = client.get_run(run.info.run_id).data.metrics
    assert math.isnan(got["nan"]) and got["inf"] == math.inf and got["low"] == -math.inf, got
    history = [point.value for point in client.get_metric_history(run.info.run_id, "m")]
    assert math.isnan(history[0]) and history[1:] == [math.inf, -math.inf, 1.5, 1e308, 0.0], history
    frame = mlflow.search_runs(experiment_names=["not finite"])
    assert math.isnan(frame["metrics.nan"][0]) and frame["metrics.inf"][0] == math.inf, frame
    assert len(mlflow.search_runs(experiment_names=["not finite"], filter_string="metrics.inf > 1")) == 1
    assert len(mlflow.search_runs(experiment_names=["not finite"], filter_string="metrics.low < 1")) == 1


def searches():
    """Filters, orders, pages and views of many runs."""
    experiment = mlflow.set_experiment("searched").experiment_id
    ids = []
    for i in range(25):
        run = client.create_run(experiment, run_name=f"run {i:02d}", tags={"half": "low" if i < 12 else "high", "with.dot": str(i)})
        ids.append(run.info.run_id)
        client.log_batch(
            run.info.run_id,
            metrics=[Metric("loss", (i * 7) % 25 / 10, 1_700_000_000_000 + i, 0), Metric("val/acc", i / 25, 1_700_000_000_000, 3)],
            params=[Param("depth", str(i % 4)), Param("name with space", "x")],
            tags=[RunTag("more", "y")],
        )
        client.set_terminated(run.info.run_id, "FINISHED" if i % 5 else "FAILED")
    frame = mlflow.search_runs([experiment], order_by=["metrics.loss DESC", "start_time ASC"])
    assert len(frame) == 25 and frame["metrics.loss"].is_monotonic_decreasing, frame["metrics.loss"]
    assert list(frame["params.depth"].unique()) and frame["start_time"].dtype.kind == "M", frame.dtypes
    first = client.search_runs([experiment], max_results=10, order_by=["metrics.loss ASC"])
    second = client.search_runs([experiment], max_results=10, order_by=["metrics.loss ASC"], page_token=first.token)
    third = client.search_runs([experiment], max_results=10, order_by=["metrics.loss ASC"], page_token=second.token)
    pages = [run.info.run_id for page in (first, second, third) for run in page]
    assert sorted(pages) == sorted(ids) and [len(p) for p in (first, second, third)] == [10, 10, 5] and not third.token
    counted = {
        "metrics.loss < 0.5": 5,
        "metrics.`val/acc` >= 0.8": 5,
        'params."name with space" = "x" and params.depth != "0"': 18,
        "tags.half = 'low'": 12,
        "tags.`with.dot` = '3'": 1,
        "attributes.status = 'FAILED'": 5,
        "status = 'FINISHED' and tags.half = 'high'": 11,
        "attributes.run_name LIKE 'run 1%'": 10,
        "run_name ILIKE 'RUN 0%'": 10,
        f"attributes.run_id IN ('{ids[0]}', '{ids[3]}')": 2,
        f"attributes.run_id NOT IN ('{ids[0]}', '{ids[3]}')": 23,
        "attributes.start_time > 0": 25,
        "attributes.end_time > 0": 25,
        "attributes.artifact_uri LIKE '%artifacts'": 25,
        "metrics.absent > 0": 0,
        "params.depth LIKE '%3%'": 6,
    }
    for filter_string, count in counted.items():
        found = client.search_runs([experiment], filter_string)
        assert len(found) == count, (filter_string, len(found), count)
    either = client.search_runs([experiment], "metrics.loss < 0.5 OR tags.half = 'low'")
    assert len(either) > 12
    fails(lambda: client.search_runs([experiment], order_by=["metrics.loss DESCENDING"]), "DESCENDING")
    fails(lambda: client.search_runs([experiment], "metrics.loss = 'a'"), "metrics.loss")
    client.delete_run(ids[0])
    assert len(client.search_runs([experiment])) == 24
    assert [r.info.run_id for r in client.search_runs([experiment], run_view_type=ViewType.DELETED_ONLY)] == [ids[0]]
    assert len(client.search_runs([experiment], run_view_type=ViewType.ALL)) == 25
    assert client.get_run(ids[0]).info.lifecycle_stage == "deleted"
    client.restore_run(ids[0])
    assert client.get_run(ids[0]).info.lifecycle_stage == "active"
    assert len(mlflow.search_runs(search_all_experiments=True, max_results=5)) == 5
    assert mlflow.search_runs([experiment], output_format="list", max_results=1)[0].info.experiment_id == experiment


def nested():
    """A run in a run."""
    mlflow.set_experiment("nested")
    with mlflow.start_run(run_name="parent", description="what it is for") as parent:
        for i in range(3):
            with mlflow.start_run(run_name=f"child {i}", nested=True) as child:
                mlflow.log_metric("loss", i)
        mlflow.set_tags({"a": 1, "b": True, "long": "x" * 4000})
    assert client.get_parent_run(child.info.run_id).info.run_id == parent.info.run_id
    below = mlflow.search_runs(filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'", order_by=["metrics.loss DESC"])
    assert list(below["tags.mlflow.runName"]) == ["child 2", "child 1", "child 0"], below
    tags = client.get_run(parent.info.run_id).data.tags
    assert tags["mlflow.note.content"] == "what it is for" and tags["b"] == "True" and len(tags["long"]) == 4000, tags
    assert mlflow.get_run(parent.info.run_id).info.run_name == "parent"
    mlflow.delete_run(child.info.run_id)
    assert mlflow.last_active_run().info.run_id in (parent.info.run_id, child.info.run_id)


def experiments():
    """Names that were deleted, restored, asked for again; tags; searches."""
    made = mlflow.create_experiment("once", tags={"team": "a"})
    client.delete_experiment(made)
    assert client.get_experiment(made).lifecycle_stage == "deleted"
    fails(lambda: mlflow.set_experiment("once"), "deleted experiment")
    fails(lambda: mlflow.create_experiment("once"), "deleted")
    fails(lambda: client.create_run(made), "delete")
    client.restore_experiment(made)
    assert mlflow.set_experiment("once").experiment_id == made
    mlflow.set_experiment_tag("note", "x")
    mlflow.set_experiment_tags({"b": 1})
    tags = mlflow.get_experiment_by_name("once").tags
    assert (tags["team"], tags["note"], tags["b"]) == ("a", "x", "1"), tags
    names = [e.name for e in mlflow.search_experiments(filter_string="name LIKE 'on%' AND tags.team = 'a'")]
    assert names == ["once"], names
    for i in range(4):
        mlflow.create_experiment(f"paged {i}")
    ordered = [e.name for e in mlflow.search_experiments(filter_string="name LIKE 'paged%'", order_by=["name DESC"])]
    assert ordered == [f"paged {i}" for i in (3, 2, 1, 0)], ordered
    ordered = [e.name for e in mlflow.search_experiments(filter_string="name LIKE 'paged%'", order_by=["creation_time ASC"])]
    assert ordered == [f"paged {i}" for i in range(4)], ordered
    page = client.search_experiments(filter_string="name LIKE 'paged%'", max_results=3)
    assert len(page) == 3 and len(client.search_experiments(filter_string="name LIKE 'paged%'", max_results=3, page_token=page.token)) == 1
    client.rename_experiment(made, "twice")
    assert client.get_experiment_by_name("once") is None and client.get_experiment_by_name("twice").experiment_id == made


def data_sets():
    """What a run was trained on, and the runs of it."""
    mlflow.set_experiment("data")
    frame = pd.DataFrame({"x": [1, 2, 3], "y": [0.5, 0.1, 0.2]})
    dataset = mlflow.data.from_pandas(frame, source="https://example.org/rides.csv", name="rides", targets="y")
    with mlflow.start_run() as run:
        mlflow.log_input(dataset, context="training", tags={"version": "3"})
        mlflow.log_input(mlflow.data.from_numpy(np.eye(3), name="eye"), context="eval")
    got = {d.dataset.name: d for d in client.get_run(run.info.run_id).inputs.dataset_inputs}
    assert set(got) == {"rides", "eye"}, got
    assert got["rides"].dataset.digest == dataset.digest and json.loads(got["rides"].dataset.profile)["num_rows"] == 3
    assert {t.key: t.value for t in got["rides"].tags} == {"mlflow.data.context": "training", "version": "3"}
    source = mlflow.data.get_source(got["rides"])
    assert source.url == "https://example.org/rides.csv", source
    with mlflow.start_run() as run:
        for context in (None, "training", "eval"):
            mlflow.log_input(dataset, context=context)
    [once] = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert once.tags == [], "what it was logged for first, which was nothing"
    assert len(mlflow.search_runs(filter_string="datasets.name = 'rides'")) == 2
    assert len(mlflow.search_runs(filter_string=f"dataset.digest = '{dataset.digest}' AND dataset.context = 'training'")) == 1


def artifacts():
    """Texts, dictionaries, tables, figures, images, directories: kept, listed, had again."""
    mlflow.set_experiment("artifacts")
    with mlflow.start_run() as run:
        mlflow.log_text("hällo 🚕", "notes/a.txt")
        mlflow.log_text("of a colon", "a:b/c:d.txt")
        mlflow.log_dict({"a": [1, None, "ü"]}, "config.json")
        mlflow.log_dict({"a": [1, 2]}, "config.yaml")
        mlflow.log_table({"q": ["one", "two"], "n": [1, 2]}, "tables/eval.json")
        mlflow.log_table(pd.DataFrame({"q": ["three"], "n": [3]}), "tables/eval.json")
        os.makedirs("out/deep/er", exist_ok=True)
        for name in ("one.bin", "deep/two.bin", "deep/er/three with space & ü.bin"):
            with open(f"out/{name}", "wb") as file:
                file.write(name.encode() * 1000)
        open("out/empty", "wb").close()
        mlflow.log_artifacts("out", "all")
        mlflow.log_artifact("out/one.bin")
        if has("matplotlib"):
            import matplotlib

            matplotlib.use("Agg")
            from matplotlib import pyplot

            figure, axes = pyplot.subplots()
            axes.plot([1, 2, 3])
            mlflow.log_figure(figure, "plots/curve.png")
        if has("PIL"):
            mlflow.log_image(np.zeros((8, 8, 3), dtype=np.uint8), "black.png")
            for step in range(2):
                mlflow.log_image(np.full((8, 8), step * 255, dtype=np.uint8), key="seen", step=step)
    run_id = run.info.run_id
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/notes/a.txt") == "hällo 🚕"
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/a:b/c:d.txt") == "of a colon"
    assert mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/config.json") == {"a": [1, None, "ü"]}
    table = mlflow.load_table("tables/eval.json", run_ids=[run_id], extra_columns=["run_id"])
    assert list(table["q"]) == ["one", "two", "three"] and set(table["run_id"]) == {run_id}, table
    assert [(f.path, f.file_size) for f in client.list_artifacts(run_id, "all")] == [("all/deep", None), ("all/empty", 0), ("all/one.bin", 7000)]
    assert client.list_artifacts(run_id, "none") == []
    names = {f.path for f in mlflow.artifacts.list_artifacts(artifact_uri=f"runs:/{run_id}/all/deep")}
    assert {name.split("/")[-1] for name in names} == {"two.bin", "er"}, names
    path = mlflow.artifacts.download_artifacts(f"runs:/{run_id}/all")
    for name in ("one.bin", "deep/two.bin", "deep/er/three with space & ü.bin"):
        with open(os.path.join(path, name), "rb") as file:
            assert file.read() == name.encode() * 1000, name
    assert os.path.getsize(os.path.join(path, "empty")) == 0
    one = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="one.bin", dst_path="fetched")
    assert os.path.getsize(one) == 7000
    fails(lambda: mlflow.artifacts.load_text(f"runs:/{run_id}/none.txt"), "none.txt")
    if has("PIL"):
        assert mlflow.artifacts.load_image(f"runs:/{run_id}/black.png").size == (8, 8)
        assert len(client.list_artifacts(run_id, "images")) >= 2


def histories():
    """Many points, points of one step, points of several runs."""
    experiment = mlflow.set_experiment("histories").experiment_id
    run = client.create_run(experiment).info.run_id
    for start in range(0, 3000, 1000):
        points = [Metric("loss", 1 / (i + 1), 1_700_000_000_000 + i, i) for i in range(start, start + 1000)]
        client.log_batch(run, metrics=points)
    history = client.get_metric_history(run, "loss")
    assert [point.step for point in history] == list(range(3000)) and history[2999].value == 1 / 3000
    assert history[7].timestamp == 1_700_000_000_007
    client.log_metric(run, "again", 1.0, timestamp=1000, step=5)
    client.log_metric(run, "again", 2.0, timestamp=2000, step=5)
    client.log_metric(run, "again", 3.0, timestamp=3000, step=2)
    client.log_metric(run, "again", 4.0, timestamp=3000, step=-2)
    assert sorted(point.value for point in client.get_metric_history(run, "again")) == [1, 2, 3, 4]
    assert client.get_run(run).data.metrics["again"] == 2.0, "the latest is that of the greatest step, then of the latest time"
    assert client.get_metric_history(run, "none") == []
    with mlflow.start_run(run_id=run):
        mlflow.log_metric("fluent", 1.0)
        mlflow.log_metric("fluent", 2.0)
        mlflow.log_param("p", "x" * 6000)
        mlflow.log_param("p", "x" * 6000)
        mlflow.log_params({f"p{i}": i for i in range(1000)})
    assert len(client.get_run(run).data.params) == 1001
    fails(lambda: client.log_param(run, "p", "other"), "already")
    fails(lambda: client.log_batch(run, params=[Param("q", "1"), Param("q", "2")]), "q")


def logs_asynchronously():
    """What is logged without waiting is there after the flush."""
    mlflow.set_experiment("asynchronous")
    with mlflow.start_run() as run:
        waiting = [mlflow.log_metric("loss", i, step=i, synchronous=False) for i in range(200)]
        mlflow.log_params({"a": 1, "b": 2}, synchronous=False).wait()
        mlflow.set_tag("t", "x", synchronous=False).wait()
        for one in waiting:
            one.wait()
        mlflow.flush_async_logging()
    assert [p.value for p in client.get_metric_history(run.info.run_id, "loss")] == list(range(200))
    mlflow.config.enable_async_logging()
    with mlflow.start_run() as run:
        for i in range(50):
            mlflow.log_metric("loss", i, step=i)
    mlflow.flush_async_logging()
    mlflow.config.enable_async_logging(False)
    assert len(client.get_metric_history(run.info.run_id, "loss")) == 50


def samples_the_system():
    """MLflow's own samples of the machine."""
    if not has("psutil"):
        return
    mlflow.set_experiment("system")
    mlflow.set_system_metrics_sampling_interval(0.2)
    mlflow.set_system_metrics_samples_before_logging(1)
    with mlflow.start_run(log_system_metrics=True) as run:
        time.sleep(1.5)
    metrics = client.get_run(run.info.run_id).data.metrics
    assert any(name.startswith("system/cpu") for name in metrics), metrics


def autologs():
    """scikit-learn's autologging, with examples of its input; a search's candidates are runs below it."""
    mlflow.set_experiment("autologged")
    mlflow.sklearn.autolog(log_input_examples=True, max_tuning_runs=3, silent=False)
    with mlflow.start_run() as run:
        GridSearchCV(Ridge(), {"alpha": [0.1, 1.0, 10.0]}, cv=3).fit(X, y)
    mlflow.sklearn.autolog(disable=True)
    got = client.get_run(run.info.run_id)
    assert got.data.params["best_alpha"] == "0.1" and got.data.metrics["best_cv_score"] > 0.9, got.data
    assert "cv_results.csv" in [f.path for f in client.list_artifacts(run.info.run_id)]
    below = mlflow.search_runs(filter_string=f"tags.mlflow.parentRunId = '{run.info.run_id}'")
    assert len(below) == 3, below


def evaluates():
    """A model's evaluation of its metrics, as MLflow computes them."""
    if not has("matplotlib"):
        return
    mlflow.set_experiment("evaluated")
    model = Ridge().fit(X, y)
    data = X.assign(target=y, prediction=model.predict(X))
    with mlflow.start_run() as run:
        evaluate = mlflow.models.evaluate if IS_3 else mlflow.evaluate
        dataset = mlflow.data.from_pandas(data, predictions="prediction", targets="target", name="held out")
        result = evaluate(data=dataset, model_type="regressor", evaluator_config={"log_explainer": False})
    assert result.metrics["mean_absolute_error"] < 0.1, result.metrics
    assert client.get_run(run.info.run_id).data.metrics["mean_absolute_error"] < 0.1
    with mlflow.start_run() as run:
        mlflow.log_metric("x", 1)
    assert [d.dataset.name for d in client.get_run(run.info.run_id).inputs.dataset_inputs] == []


def promotes():
    """Versions by alias, stage and tag; searched with OR, ordered, in pages."""
    mlflow.set_experiment("promoted")
    signature = mlflow.models.infer_signature(X, y)
    for alpha in (0.1, 1.0, 10.0):
        with mlflow.start_run() as run:
            model = Ridge(alpha=alpha).fit(X, y)
            logged = {"name": "model"} if IS_3 else {"artifact_path": "model"}
            info = mlflow.sklearn.log_model(
                model, registered_model_name="price", signature=signature, input_example=X[:2], pip_requirements=["scikit-learn"], **logged
            )
    assert info.registered_model_version in (3, "3"), info.registered_model_version
    for version, team in (("1", "a"), ("2", "b"), ("3", "c")):
        client.set_model_version_tag("price", version, "team", team)
    found = client.search_model_versions("name = 'price' AND tags.team = 'b'")
    assert [int(v.version) for v in found] == [2], found
    either = client.search_model_versions("name = 'price' AND (tags.team = 'a' OR tags.team = 'c')", order_by=["version_number ASC"])
    assert [int(v.version) for v in either] == [1, 3], either
    ordered = client.search_model_versions("name = 'price'", order_by=["version_number DESC"], max_results=2)
    assert [int(v.version) for v in ordered] == [3, 2] and ordered.token, ordered
    rest = client.search_model_versions("name = 'price'", order_by=["version_number DESC"], max_results=2, page_token=ordered.token)
    assert [int(v.version) for v in rest] == [1], rest
    assert [int(v.version) for v in client.search_model_versions(f"run_id = '{run.info.run_id}'")] == [3]
    client.set_registered_model_alias("price", "champion", 3)
    client.set_registered_model_alias("price", "champion", 2)
    got = client.get_registered_model("price")
    assert {k: int(v) for k, v in got.aliases.items()} == {"champion": 2}, got.aliases
    assert [int(v.version) for v in got.latest_versions] == [3], got.latest_versions
    loaded = mlflow.pyfunc.load_model("models:/price@champion")
    assert np.allclose(loaded.predict(X), Ridge(alpha=1.0).fit(X, y).predict(X))
    assert loaded.metadata.signature.inputs.input_names() == ["a", "b", "c"]
    copied = client.copy_model_version("models:/price@champion", "price in production")
    assert int(copied.version) == 1
    assert np.allclose(mlflow.sklearn.load_model("models:/price in production/1").predict(X), loaded.predict(X))
    fails(lambda: client.set_registered_model_alias("price", "latest", 1), "latest")
    fails(lambda: client.set_registered_model_alias("price", "v1", 1), "v1")
    fails(lambda: client.create_registered_model("a/b:c"), "a/b:c")
    fails(lambda: client.set_registered_model_alias("price", "champion", 9), "not found")
    client.delete_model_version("price", "2")
    fails(lambda: client.get_model_version_by_alias("price", "champion"), "champion")
    assert [int(v.version) for v in client.search_model_versions("name = 'price'", order_by=["version_number ASC"])] == [1, 3]
    with mlflow.start_run():
        mlflow.sklearn.log_model(model, registered_model_name="price", pip_requirements=["scikit-learn"], **logged)
    assert max(int(v.version) for v in client.search_model_versions("name = 'price'")) == 4, "a number is never given twice"
    client.delete_registered_model("price")
    assert client.search_model_versions("name = 'price'") == []


def sorts_names():
    """Names of which some read as numbers, as hashes do: they are texts."""
    names = [f"{int(n):x}" for n in rng.integers(16**5, size=60)] + [str(n) for n in rng.integers(10**4, size=40)] + ["nan", "1e5", "inf"]
    names = list(dict.fromkeys(names))
    for name in names:
        client.create_experiment(name)
        client.create_registered_model(name)
    got = [e.name for e in client.search_experiments(order_by=["name ASC"], max_results=2000) if e.name in names]
    assert got == sorted(names), got
    registered = [m.name for m in client.search_registered_models(max_results=1000) if m.name in names]
    assert registered == sorted(names), "by name, though no order is asked for"
    for name in names:
        client.delete_registered_model(name)


def files_in_parts():
    """Uploads in parts, which teams with large files ask for: a file is sent whole then."""
    asked = {"MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true", "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "10"}
    os.environ.update(asked)
    try:
        mlflow.set_experiment("in parts")
        with mlflow.start_run() as run:
            mlflow.log_text("x" * 1000, "large.txt")
        assert [(file.path, file.file_size) for file in client.list_artifacts(run.info.run_id)] == [("large.txt", 1000)]
    finally:
        for name in asked:
            del os.environ[name]


SUBJECTS = [
    values_that_json_lacks,
    searches,
    nested,
    experiments,
    data_sets,
    artifacts,
    files_in_parts,
    histories,
    logs_asynchronously,
    samples_the_system,
    autologs,
    evaluates,
    promotes,
    sorts_names,
]

if __name__ == "__main__":
    warnings.simplefilter("default")
    asked = sys.argv[1:]
    for subject in SUBJECTS:
        if not asked or subject.__name__ in asked:
            subject()
    print(f"all well with {mlflow.__version__}", file=sys.stderr)
