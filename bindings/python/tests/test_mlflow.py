"""The real MLflow client against `gradframe serve`."""

import math
import os
import subprocess
import sys

import pytest

import gradframe as gf

mlflow = pytest.importorskip("mlflow", reason="the client of MLflow is not installed: pip install mlflow-skinny")
SERVE = "from gradframe._command import main; import sys; sys.argv[1:1] = ['serve', '--port', '0']; main()"


@pytest.fixture
def home(tmp_path):
    return tmp_path / "served"


@pytest.fixture
def client(home, monkeypatch):
    """A client of a server of its own."""
    server = subprocess.Popen([sys.executable, "-c", SERVE, "--home", str(home)], stdout=subprocess.PIPE, text=True)
    address = server.stdout.readline().split()[-1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    mlflow.set_tracking_uri(address)
    mlflow.set_experiment(experiment_id="0")
    yield mlflow.MlflowClient(address)
    server.kill()
    server.wait()


def test_experiments(client):
    assert client.get_experiment_by_name("Default").experiment_id == "0"
    assert client.get_experiment_by_name("none") is None
    made = client.create_experiment("taxi's 🚕", tags={"team": "a"})
    assert client.get_experiment(made).tags == {"team": "a"}
    with pytest.raises(mlflow.exceptions.MlflowException, match="already"):
        client.create_experiment("taxi's 🚕")
    assert [e.name for e in client.search_experiments(filter_string="tags.team = 'a'")] == ["taxi's 🚕"]
    client.rename_experiment(made, "fares")
    client.set_experiment_tag(made, "note", "x")
    client.delete_experiment(made)
    assert [e.name for e in client.search_experiments()] == ["Default"]
    client.restore_experiment(made)
    assert client.get_experiment(made).name == "fares"


def test_a_run_as_the_fluent_interface_logs_it(client, home):
    mlflow.set_experiment("fluent")
    with mlflow.start_run(run_name="first") as run:
        mlflow.log_params({"lr": 0.1, "depth": 3})
        for step in range(5):
            mlflow.log_metrics({"loss": 1 / (step + 1), "odd": math.nan}, step=step)
        mlflow.log_metric("inf", math.inf)
        mlflow.set_tag("team", "a")
    got = client.get_run(run.info.run_id)
    assert (got.info.run_name, got.info.status, got.data.params) == ("first", "FINISHED", {"lr": "0.1", "depth": "3"})
    assert got.data.metrics["loss"] == 0.2 and math.isnan(got.data.metrics["odd"]) and got.data.metrics["inf"] == math.inf
    assert got.data.tags["team"] == "a"
    assert [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, "loss")] == [(i, 1 / (i + 1)) for i in range(5)]
    # The same run, as tables.
    session = gf.Session(home=home)
    sql = "SELECT experiment, title, status, value FROM gradframe.runs JOIN gradframe.latest USING (run) WHERE name = 'loss'"
    assert session.sql(sql).collect().rows() == [("fluent", "first", "finished", 0.2)]


def test_a_run_that_fails_and_one_that_goes_on(client):
    with pytest.raises(ZeroDivisionError), mlflow.start_run() as run:
        1 / 0
    assert client.get_run(run.info.run_id).info.status == "FAILED"
    with mlflow.start_run(run_id=run.info.run_id):
        mlflow.log_metric("later", 1.0)
    assert client.get_run(run.info.run_id).info.status == "FINISHED"
    client.set_tag(run.info.run_id, "a", "b")
    client.delete_tag(run.info.run_id, "a")
    with pytest.raises(mlflow.exceptions.MlflowException):
        client.delete_tag(run.info.run_id, "a")
    with pytest.raises(mlflow.exceptions.MlflowException, match="not found"):
        client.get_run("no-such-run")
    client.log_param(run.info.run_id, "p", "1")
    with pytest.raises(mlflow.exceptions.MlflowException, match="already"):
        client.log_param(run.info.run_id, "p", "2")
    client.delete_run(run.info.run_id)
    assert client.search_runs(["0"]) == []
    client.restore_run(run.info.run_id)
    assert len(client.search_runs(["0"])) == 1


@pytest.mark.parametrize(
    ("filter_string", "found"),
    [
        ("", "abc"),
        ("metrics.loss < 0.15", "ab"),
        ("metrics.loss >= 0.1 and params.lr = '0.1'", "b"),
        ("params.lr = '0' OR params.lr = '0.2'", "ac"),
        ("(metrics.loss = 0 OR metrics.loss > 0.15) AND tags.kind != 'x'", "c"),
        ("tags.kind LIKE 'Y%'", ""),
        ("tags.kind ILIKE 'Y%'", "c"),
        ("attributes.run_name IN ('a', 'c')", "ac"),
        ("attributes.status = 'RUNNING'", "abc"),
        ("tags.none IS NULL", "abc"),
    ],
)
def test_runs_are_found_by_the_filter_language(client, filter_string, found):
    for i, name in enumerate("abc"):
        run = client.create_run("0", run_name=name, tags={"kind": "yes" if name == "c" else "x"})
        client.log_batch(
            run.info.run_id,
            metrics=[mlflow.entities.Metric("loss", i * 0.1, 1, 0)],
            params=[mlflow.entities.Param("lr", str(i * 0.1).rstrip("0").rstrip(".") or "0")],
        )
    runs = client.search_runs(["0"], filter_string, order_by=["metrics.loss ASC"])
    assert "".join(run.info.run_name for run in runs) == found


def test_a_wrong_filter_names_its_place(client):
    with pytest.raises(mlflow.exceptions.MlflowException, match="character 14"):
        client.search_runs(["0"], "metrics.loss !! 1")


def test_pages_of_runs(client):
    ids = [client.create_run("0").info.run_id for _ in range(7)]
    first = client.search_runs(["0"], max_results=5)
    second = client.search_runs(["0"], max_results=5, page_token=first.token)
    assert sorted(run.info.run_id for run in [*first, *second]) == sorted(ids) and second.token is None


def test_artifacts_by_proxy(client, tmp_path):
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "a b.txt").write_text("hello")
    (tmp_path / "big.bin").write_bytes(os.urandom(3 << 20))
    with mlflow.start_run() as run:
        mlflow.log_artifacts(str(tmp_path / "plots"), "plots")
        mlflow.log_artifact(str(tmp_path / "big.bin"))
        mlflow.log_text("noted", "notes/x.txt")
        mlflow.log_dict({"a": 1}, "d.json")
    run_id = run.info.run_id
    assert [(f.path, f.is_dir, f.file_size) for f in client.list_artifacts(run_id)] == [
        ("big.bin", False, 3 << 20),
        ("d.json", False, 12),
        ("notes", True, None),
        ("plots", True, None),
    ]
    assert [f.path for f in client.list_artifacts(run_id, "plots")] == ["plots/a b.txt"]
    directory = mlflow.artifacts.download_artifacts(run_id=run_id, dst_path=str(tmp_path / "down"))
    assert (tmp_path / "down" / "plots" / "a b.txt").read_text() == "hello"
    assert open(os.path.join(directory, "big.bin"), "rb").read() == (tmp_path / "big.bin").read_bytes()


def test_a_batch_of_many(client):
    run = client.create_run("0").info.run_id
    metrics = [mlflow.entities.Metric(f"m{i}", i, i, i) for i in range(900)]
    params = [mlflow.entities.Param(f"p{i}", str(i)) for i in range(100)]
    client.log_batch(run, metrics=metrics, params=params)
    got = client.get_run(run).data
    assert (len(got.metrics), len(got.params), got.metrics["m899"]) == (900, 100, 899)
