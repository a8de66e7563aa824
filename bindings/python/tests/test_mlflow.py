"""The real MLflow client against `gradframe serve`."""

import math
import os
import subprocess
import sys

import pytest
import requests

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


def test_pages_of_lists_neither_repeat_nor_skip_where_others_come_in_between(client):
    for i in range(5):
        client.create_experiment(f"e{i}")
        client.create_registered_model(f"m{i}")
        client.create_model_version(f"m{i}", "runs:/x/model")

    def all_of(search, come, **options):
        found, token, turn = [], None, 0
        while turn == 0 or token:
            page = search(max_results=2, page_token=token, **options)
            found, token, turn = found + list(page), page.token, turn + 1
            come(turn)
        return found

    # Newest first: what is made now would push the others on to the next page.
    experiments = all_of(client.search_experiments, lambda turn: client.create_experiment(f"new {turn}"))
    assert [e.name for e in experiments] == ["e4", "e3", "e2", "e1", "e0", "Default"]
    models = all_of(client.search_registered_models, lambda turn: client.create_registered_model(f"a{turn}"))
    assert [m.name for m in models] == ["m0", "m1", "m2", "m3", "m4"]
    versions = all_of(client.search_model_versions, lambda turn: client.create_model_version("m0", "runs:/x/model"), order_by=["last_updated_timestamp DESC"])
    assert [(v.name, int(v.version)) for v in versions] == [(f"m{i}", 1) for i in (4, 3, 2, 1, 0)]
    ties = client.search_model_versions(order_by=["version_number ASC"], max_results=5)
    assert [v.name for v in ties] == ["m0", "m1", "m2", "m3", "m4"]


def test_lists_are_as_long_as_the_clients_may_ask(client):
    client.create_registered_model("m")
    client.create_model_version("m", "runs:/x/model")
    assert len(client.search_model_versions(max_results=200_000)) == 1 and len(client.search_registered_models(max_results=1000)) == 1
    for search, most in ((client.search_model_versions, 200_000), (client.search_registered_models, 1000), (client.search_experiments, 50_000)):
        with pytest.raises(mlflow.exceptions.MlflowException) as refused:
            search(max_results=most + 1)
        assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


def test_a_registered_model_that_is_made_again_begins_at_version_1(client, home):
    for turn in range(2):
        client.create_registered_model("m")
        assert [int(client.create_model_version("m", "runs:/x/model").version) for _ in range(2)] == [1, 2]
        client.set_registered_model_alias("m", "champion", "2")
        client.delete_registered_model("m")
    # One that was trained here may be in the memory of another process, by its number.
    session = gf.Session(home=home)
    create = "CREATE MODEL m OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS SELECT value * {}.0 AS x, value AS y FROM generate_series(1, 9)"
    session.sql(create.format(1))
    before = session.sql("SELECT * FROM ML.PREDICT(MODEL m, (SELECT 10.0 AS x))").collect().rows()
    client.delete_registered_model("m")
    gf.Session(home=home).sql(create.format(2))
    assert session.sql("SELECT * FROM ML.PREDICT(MODEL m, (SELECT 10.0 AS x))").collect().rows() != before
    assert [int(version.version) for version in client.search_model_versions("name = 'm'")] == [2]


def test_latest_is_the_newest_version(client):
    client.create_registered_model("m")
    with pytest.raises(mlflow.exceptions.MlflowException) as unknown:
        client.get_model_version_by_alias("m", "latest")
    assert unknown.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    for _ in range(11):
        client.create_model_version("m", "runs:/x/model")
    client.transition_model_version_stage("m", "3", "Production")
    assert [int(client.get_model_version_by_alias("m", alias).version) for alias in ("latest", "LATEST")] == [11, 11]


@pytest.mark.parametrize("alias", ["latest", "Latest", "v1", "1", "a b"])
def test_what_reads_as_a_version_is_no_alias(client, alias):
    client.create_registered_model("m")
    client.create_model_version("m", "runs:/x/model")
    with pytest.raises(mlflow.exceptions.MlflowException) as refused:
        client.set_registered_model_alias("m", alias, "1")
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


def test_runs_are_in_the_order_of_their_names_and_of_one_name_twice(client):
    runs = sorted(client.create_run("0").info.run_id for _ in range(3))
    for order, expected in (
        (["attributes.run_id"], runs),
        (["run_id DESC"], runs[::-1]),
        (["attributes.start_time", "attributes.start_time DESC", "run_id"], None),
        (["metrics.m", "metrics.m DESC", "run_id"], runs),
    ):
        first = client.search_runs(["0"], order_by=order, max_results=2)
        found = [run.info.run_id for run in [*first, *client.search_runs(["0"], order_by=order, max_results=2, page_token=first.token)]]
        assert sorted(found) == runs and (expected is None or found == expected), order


def test_one_run_has_one_name(client):
    with pytest.raises(mlflow.exceptions.MlflowException) as refused:
        client.create_run("0", run_name="a", tags={"mlflow.runName": "b"})
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
    assert client.create_run("0", run_name="a", tags={"mlflow.runName": "a"}).info.run_name == "a"


def test_a_history_without_a_limit_is_whole(client):
    run = client.create_run("0").info.run_id
    for part in range(26):
        client.log_batch(run, metrics=[mlflow.entities.Metric("m", i, i, part * 1000 + i) for i in range(1000)])
    answer = requests.get(f"{mlflow.get_tracking_uri()}/api/2.0/mlflow/metrics/get-history", params={"run_id": run, "metric_key": "m"}).json()
    assert len(answer["metrics"]) == 26_000 and "next_page_token" not in answer
    assert len(client.get_metric_history(run, "m")) == 26_000
