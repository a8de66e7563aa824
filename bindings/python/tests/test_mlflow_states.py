"""What MLflow's own store says of states, and what our server says: the same calls of the same client, answer by answer."""

import subprocess
import sys
import time

import pytest

mlflow = pytest.importorskip("mlflow", reason="the client of MLflow is not installed: pip install mlflow-skinny")
pytest.importorskip("sqlalchemy", reason="MLflow's own store needs it")
from mlflow.entities import Dataset, DatasetInput, InputTag  # noqa: E402

SERVE = "from gradframe._command import main; import sys; sys.argv[1:1] = ['serve', '--port', '0']; main()"


@pytest.fixture
def clients(tmp_path, monkeypatch):
    """A client of MLflow's store, and one of ours."""
    server = subprocess.Popen([sys.executable, "-c", SERVE, "--home", str(tmp_path / "home")], stdout=subprocess.PIPE, text=True)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    address = server.stdout.readline().split()[-1]
    yield [mlflow.MlflowClient(uri) for uri in (f"sqlite:///{tmp_path / 'oracle.db'}", address)]
    server.kill()
    server.wait()


def told(call):
    """What a call gives, or the code of its error."""
    try:
        return call()
    except mlflow.exceptions.MlflowException as error:
        return error.error_code


def of_experiments(client):
    made = client.create_experiment("e", tags={"a": "b"})
    run = client.create_run(made).info.run_id
    client.create_run(made)
    yield told(lambda: client.restore_experiment(made))
    client.delete_experiment(made)
    yield client.get_run(run).info.lifecycle_stage, len(client.search_runs([made])), len(client.search_runs([made], run_view_type=3))
    yield told(lambda: client.log_metric(run, "m", 1.0))
    yield told(lambda: client.rename_experiment(made, "f"))
    yield told(lambda: client.set_experiment_tag(made, "a", "c"))
    yield told(lambda: client.delete_experiment(made))
    client.restore_experiment(made)
    yield client.get_run(run).info.lifecycle_stage, len(client.search_runs([made])), client.get_experiment(made).tags
    made_at = client.get_experiment(made).creation_time
    time.sleep(0.02)
    client.rename_experiment(made, "f")
    after = client.get_experiment(made)
    yield after.last_update_time > made_at, after.creation_time == made_at
    for words in ("last_update_time > 0 AND name = 'f'", "creation_time = 'x'", "metrics.a > 1", "name = 3", "tags.a = 'b'"):
        yield words, told(lambda words=words: [e.name for e in client.search_experiments(filter_string=words)])


def of_runs(client):
    made = client.create_experiment("r")
    runs = {}
    for name in ("FINISHED", "FAILED", "KILLED", "RUNNING", "SCHEDULED"):
        runs[name] = client.create_run(made, run_name=name).info.run_id
        client.update_run(runs[name], name)
    yield {name: client.get_run(run).info.status for name, run in runs.items()}
    yield client.get_run(runs["SCHEDULED"]).data.tags, client.get_run(runs["SCHEDULED"]).info.user_id
    for words in (
        "status = 'SCHEDULED'",
        "status = 'RUNNING'",
        "status != 'RUNNING'",
        "status LIKE 'F%'",
        "status ILIKE '%ed'",
        "created > 0",
        "Created > 0",
        "`run name` = 'KILLED'",
        "`Run Name` LIKE 'K%'",
    ):
        yield words, told(lambda words=words: [r.info.run_name for r in client.search_runs([made], words, order_by=["status"])])
    yield [r.info.run_name for r in client.search_runs([made], order_by=["status DESC"])]
    run = runs["RUNNING"]
    client.set_tag(run, "k", "v")
    client.delete_run(run)
    yield told(lambda: client.delete_tag(run, "k"))
    yield told(lambda: client.set_terminated(run))
    yield told(lambda: client.set_tag(run, "mlflow.runName", "x"))
    client.restore_run(run)
    yield client.get_run(run).info.run_name, client.get_run(run).info.status, client.get_run(run).data.tags


def of_data_sets(client):
    made = client.create_experiment("d")
    run = client.create_run(made).info.run_id
    for context in (None, "training", "eval"):
        for digest in ("1", context or "2"):
            dataset = Dataset("rides", digest, "local", "{}")
            tags = [InputTag("mlflow.data.context", context), InputTag("k", context)] if context else []
            client.log_inputs(run, [DatasetInput(dataset, tags)])
    got = client.get_run(run).inputs.dataset_inputs
    yield sorted((d.dataset.digest, sorted((t.key, t.value) for t in d.tags)) for d in got)
    for context in ("training", "eval"):
        yield len(client.search_runs([made], f"datasets.context = '{context}'"))


def of_versions(client):
    client.create_registered_model("m")
    for _ in range(3):
        client.create_model_version("m", "s3://x/1", description="text")
    client.transition_model_version_stage("m", "2", "Production")
    for version, stage in (("2", "None"), ("3", "Archived"), ("3", "Production")):
        moved = told(lambda v=version, s=stage: client.transition_model_version_stage("m", v, s, archive_existing_versions=True))
        # MLflow's own store has no code for that.
        yield not isinstance(moved, str)
        yield {v: client.get_model_version("m", v).current_stage for v in "123"}
    client.update_model_version("m", "1", "")
    yield client.get_model_version("m", "1").description


@pytest.mark.parametrize("subject", [of_experiments, of_runs, of_data_sets, of_versions])
def test_states_are_those_of_mlflow_s_own_store(clients, subject):
    theirs, ours = (list(subject(client)) for client in clients)
    assert ours == theirs


@pytest.mark.parametrize("status", ["FINISHED", "KILLED"])
def test_a_run_that_another_client_has_ended_ends_in_its_program_too(clients, tmp_path, status):
    import gradframe as gf

    session = gf.Session(home=tmp_path / "home")
    with session.run("ended elsewhere") as run:
        run.log({"loss": 1.0}, step=0)
        run.flush()
        clients[1].set_terminated(run.id, status)
        run.log({"loss": 0.5}, step=1)
    found = clients[1].get_run(run.id)
    assert found.info.status == status and found.data.metrics["loss"] == 0.5
    for _ in range(2):  # its client may end it again, too
        clients[1].set_terminated(run.id, status)
