"""Stores that the real MLflow client has made by itself, taken in."""

import contextlib
import json
import math
import os
import shutil
import sqlite3
import subprocess
import sys
import urllib.request

import pytest
from mlflow_client import CLIENT_3, TESTS

import gradframe as gf

mlflow = pytest.importorskip("mlflow")
SERVE = "from gradframe._command import main; import sys; sys.argv[1:1] = ['serve', '--port', '0']; main()"


def fill(uri, artifacts):
    """Runs as a user of MLflow's own store logs them; their names there."""
    client = mlflow.MlflowClient(uri)
    experiment = client.create_experiment("taxi 🚕", artifact_location=artifacts and artifacts.as_uri())
    run = client.create_run(experiment, run_name="it's: one", tags={"team": "a", "note": "two\nlines"})
    client.log_param(run.info.run_id, "adam/lr", "0.1")
    for step, value in enumerate([0.5, math.nan, math.inf, -1e300]):
        client.log_metric(run.info.run_id, "val/loss", value, step=step, timestamp=1_700_000_000_000 + step)
    client.log_text(run.info.run_id, "hello", "notes/a b.txt")
    client.set_terminated(run.info.run_id, end_time=1_700_000_009_000)
    failed = client.create_run(experiment, run_name="failed")
    client.set_terminated(failed.info.run_id, "FAILED")
    client.delete_run(failed.info.run_id)
    return run.info.run_id, failed.info.run_id


@pytest.mark.parametrize("kind", ["mlruns", "mlflow.db"])
def test_what_mlflow_keeps_by_itself_is_taken_in_once(tmp_path, kind, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = tmp_path / kind
    uri = place.as_uri() if kind == "mlruns" else f"sqlite:///{place}"
    run, failed = fill(uri, tmp_path / "artifacts" if kind == "mlflow.db" else None)
    session = gf.Session(home=tmp_path / "home")
    imported = session.import_runs(place)
    assert len(imported) == 2 and session.import_runs(place) == []
    found = session.sql(
        "SELECT r.title, r.status, r.experiment, r.deleted, t.value FROM gradframe.runs AS r JOIN gradframe.tags AS t USING (run) "
        "WHERE t.name = 'mlflow.imported_from' ORDER BY r.title"
    )
    assert found.collect().rows() == [
        ("failed", "failed", "taxi 🚕", True, failed),
        ("it's: one", "finished", "taxi 🚕", False, run),
    ]
    of_run = "JOIN gradframe.runs USING (run) WHERE title = 'it''s: one'"
    points = session.sql(f"SELECT name, step, value FROM gradframe.metrics {of_run} ORDER BY step").collect().rows()
    assert [(name, step) for name, step, _ in points] == [("val/loss", step) for step in range(4)]
    values = [value for _, _, value in points]
    assert values[0] == 0.5 and math.isnan(values[1]) and values[2] == math.inf and values[3] == -1e300
    assert session.sql(f"SELECT name, value FROM gradframe.params {of_run}").collect().rows() == [("adam/lr", "0.1")]
    tags = dict(session.sql(f"SELECT name, value FROM gradframe.tags {of_run}").collect().rows())
    assert tags["team"] == "a" and tags["note"] == "two\nlines"
    name = next(name for name in imported if session.sql(f"SELECT title FROM gradframe.runs WHERE run = '{name}'").collect().item() != "failed")
    assert session.artifact(name, "notes/a b.txt").read_text() == "hello"


@pytest.mark.parametrize("kind", ["mlruns", "mlflow.db"])
def test_experiments_states_and_data_sets_are_as_they_were(tmp_path, kind, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = tmp_path / kind
    client = mlflow.MlflowClient(place.as_uri() if kind == "mlruns" else f"sqlite:///{place}")
    client.set_experiment_tag("0", "mlflow.note.content", "the first")
    made = client.create_experiment("taxi", tags={"team": "a", "x: y": "two\nlines"})
    dead = client.create_experiment("dead")
    client.create_experiment("empty", tags={"k": "v"})
    client.create_run(dead, run_name="of dead")
    client.create_run(made, run_name="on", start_time=1_700_000_000_000)
    client.update_run(client.create_run(made, run_name="later", start_time=1_700_000_000_000).info.run_id, "SCHEDULED")
    used = client.create_run(made, run_name="used").info.run_id
    schema = '{"columns": "' + " ".join(f"it's {i}" for i in range(60)) + '"}'
    for name, tags in (("rides", {"mlflow.data.context": "training", "z": "1"}), ("plain", {})):
        dataset = mlflow.entities.Dataset(name, "d1", "local", '{"uri": "/x: y.csv"}', schema=schema, profile='{"num_rows": 3}')
        said = [mlflow.entities.InputTag(*tag) for tag in tags.items()]
        client.log_inputs(used, [mlflow.entities.DatasetInput(dataset, said)])
    client.set_terminated(used)
    client.delete_experiment(dead)

    session = gf.Session(home=tmp_path / "home")
    assert len(session.import_runs(place)) == 4 and session.import_runs(place) == []
    runs = session.sql("SELECT title, status, ended, deleted FROM gradframe.runs WHERE title <> 'used' ORDER BY title").collect().rows()
    assert runs == [("later", "running", None, False), ("of dead", "running", None, True), ("on", "running", None, False)]
    inputs = session.sql('SELECT role, name, digest, kind, source, "schema", profile, rows FROM gradframe.datasets ORDER BY name')
    rest = ("d1", "local", '{"uri": "/x: y.csv"}', schema, '{"num_rows": 3}', 3)
    assert inputs.collect().rows() == [("", "plain", *rest), ("training", "rides", *rest)]
    with served(tmp_path / "home") as ours:
        views = mlflow.entities.ViewType
        for view, names in ((views.ACTIVE_ONLY, ["Default", "empty", "taxi"]), (views.DELETED_ONLY, ["dead"])):
            theirs = {e.name: e for e in client.search_experiments(view_type=view)}
            found = {e.name: e for e in ours.search_experiments(view_type=view)}
            assert sorted(found) == sorted(theirs) == names
            for name in names:
                assert found[name].tags == theirs[name].tags, name
                if name != "Default":
                    times = [(e.creation_time, e.last_update_time) for e in (found[name], theirs[name])]
                    assert times[0] == times[1], name
        made = next(e for e in ours.search_experiments() if e.name == "taxi").experiment_id
        states = {run.info.run_name: (run.info.status, run.info.end_time is None) for run in ours.search_runs([made])}
        assert states == {"on": ("RUNNING", True), "later": ("SCHEDULED", True), "used": ("FINISHED", False)}
        [tags] = [d.tags for d in ours.search_runs([made], "run_name = 'used'")[0].inputs.dataset_inputs if d.dataset.name == "rides"]
        assert {t.key: t.value for t in tags} == {"mlflow.data.context": "training", "z": "1"}


@contextlib.contextmanager
def served(home):
    """A client of a server over this home."""
    server = subprocess.Popen([sys.executable, "-c", SERVE, "--home", str(home)], stdout=subprocess.PIPE, text=True)
    try:
        yield mlflow.MlflowClient(server.stdout.readline().split()[-1])
    finally:
        server.kill()
        server.wait()


def test_the_registry_nested_runs_and_data_sets_come_along(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = mlflow.MlflowClient(uri)
    experiment = client.create_experiment("taxi", artifact_location=(tmp_path / "artifacts").as_uri())
    outer = client.create_run(experiment, run_name="outer")
    inner = client.create_run(experiment, run_name="inner", tags={"mlflow.parentRunId": outer.info.run_id})
    dataset = mlflow.entities.Dataset("rides", "d1", "local", "{}", profile='{"num_rows": 3}')
    context = mlflow.entities.InputTag("mlflow.data.context", "train")
    client.log_inputs(inner.info.run_id, [mlflow.entities.DatasetInput(dataset, [context])])
    client.log_text(inner.info.run_id, "flavors:\n  sklearn:\n    x: 1\n", "model/MLmodel")
    for run in (inner, outer):
        client.set_terminated(run.info.run_id)
    client.create_registered_model("fare", tags={"team": "a"}, description="about")
    for i in range(3):
        client.create_model_version("fare", f"{inner.info.artifact_uri}/model", inner.info.run_id, tags={"i": str(i)})
    client.delete_model_version("fare", "2")
    client.set_registered_model_alias("fare", "champ", "3")
    client.transition_model_version_stage("fare", "3", "Staging")

    session = gf.Session(home=tmp_path / "home")
    assert len(session.import_runs(tmp_path / "mlflow.db")) == 2 and session.import_runs(tmp_path / "mlflow.db") == []
    runs = dict(session.sql("SELECT title, run FROM gradframe.runs").collect().rows())
    parents = "SELECT run, value FROM gradframe.tags WHERE name = 'mlflow.parentRunId'"
    assert session.sql(parents).collect().rows() == [(runs["inner"], runs["outer"])]
    assert session.sql("SELECT run, role, name, rows FROM gradframe.datasets").collect().rows() == [(runs["inner"], "train", "rides", 3)]
    versions = session.sql("SELECT version, run, source, stage FROM gradframe.models WHERE model = 'fare' ORDER BY version")
    [(experiment_number,)] = session.sql("SELECT id FROM gradframe.experiments WHERE experiment = 'taxi'").collect().rows()
    source = f"mlflow-artifacts:/{experiment_number}/{runs['inner']}/artifacts/model"
    assert versions.collect().rows() == [(1, runs["inner"], source, "None"), (3, runs["inner"], source, "Staging")]
    assert session.sql("SELECT alias, version FROM gradframe.aliases").collect().rows() == [("champ", 3)]
    tags = dict(session.sql("SELECT name, value FROM gradframe.model_tags WHERE version = 3").collect().rows())
    assert tags == {"i": "2", "mlflow.imported_from": "fare/3"}
    theirs = client.get_model_version("fare", "3")
    with served(tmp_path / "home") as ours:
        model, version = ours.get_registered_model("fare"), ours.get_model_version("fare", "3")
    assert version.tags == theirs.tags == {"i": "2"}
    assert (version.creation_timestamp, version.last_updated_timestamp) == (theirs.creation_timestamp, theirs.last_updated_timestamp)
    assert model.creation_timestamp == client.get_registered_model("fare").creation_timestamp
    assert model.last_updated_timestamp == client.get_registered_model("fare").last_updated_timestamp


@pytest.mark.parametrize("kind", ["mlruns", "mlflow.db"])
def test_logged_models_and_the_registry_of_mlflow_3_are_as_they_were(tmp_path, kind):
    if not CLIENT_3.exists():
        pytest.skip(f"no {CLIENT_3}: `cargo xtask test` makes it, of requirements-mlflow3.txt")
    store, facts = tmp_path / "store", tmp_path / "facts.json"
    store.mkdir()
    place = store / kind
    uri = place.as_uri() if kind == "mlruns" else f"sqlite:///{place}"
    program = [str(CLIENT_3), str(TESTS / "mlflow" / "imports_models.py")]

    def client_3(*arguments, **environment):
        environment = {**os.environ, "MLFLOW_ALLOW_FILE_STORE": "true", **environment}
        done = subprocess.run([*program, *map(str, arguments)], env=environment, cwd=store, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-4000:]

    client_3("make", uri, facts)
    session = gf.Session(home=tmp_path / "home")
    assert len(session.import_runs(place)) == 1 and session.import_runs(place) == []
    counts = [session.sql(f"SELECT count(*) FROM gradframe.{table}").collect().item() for table in ("logged_models", "models")]
    assert counts == [1, 2], "what is deleted stays behind, and nothing is taken in twice"
    with served(tmp_path / "home") as ours:
        client_3("check", facts, MLFLOW_TRACKING_URI=ours.tracking_uri)


#: Names that YAML cannot have plain: MLflow keeps them in `meta.yaml`, as its own reader reads them again.
ODD_NAMES = [
    *'odd 🚕 "d" #: x|null|5|1e3|~|a: b|- x|\'q\'|"d"|#c|{a}|[b]|&a|*a|!t|> x|%d|@x|`b`|tab\tx|é🚕\u2028x|2020-01-01|yes'.split("|"),
    "x" * 300,
    "word " * 60 + "end",
    'back\\slash \\ "q" ' * 20,
    "multi\nline\n\nend",
    "\x7f\x85\u2029\x1b\xa0",
]


def test_odd_names_come_out_of_yaml_as_they_went_in(session, tmp_path):
    client = mlflow.MlflowClient((tmp_path / "mlruns").as_uri())
    experiment = client.create_experiment(ODD_NAMES[0])
    for name in ODD_NAMES:
        client.set_terminated(client.create_run(experiment, run_name=name).info.run_id)
    theirs = sorted(run.info.run_name for run in client.search_runs([experiment]))
    session.import_runs(tmp_path / "mlruns")
    taken = session.sql("SELECT title, experiment FROM gradframe.runs").collect().rows()
    assert sorted(title for title, _ in taken) == theirs == sorted(ODD_NAMES)
    assert {experiment for _, experiment in taken} == {ODD_NAMES[0]}


def test_artifacts_that_a_server_of_mlflow_kept_beside_its_database_come_along(tmp_path):
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    runs = {}
    for name, place in (("served", "mlflow-artifacts:/7"), ("far", "s3://bucket/path"), ("here", (tmp_path / "artifacts").as_uri())):
        run = client.create_run(client.create_experiment(name, artifact_location=place), run_name=name)
        client.set_terminated(run.info.run_id)
        runs[name] = run.info
    notes = "SELECT title, value FROM gradframe.tags JOIN gradframe.runs USING (run) WHERE name = 'import.note' ORDER BY title"
    session = gf.Session(home=tmp_path / "without")
    session.import_runs(tmp_path / "mlflow.db")
    said = session.sql(notes).collect().rows()
    assert [title for title, _ in said] == ["far", "served"], "nothing is left without a word"
    assert "s3://bucket/path" in said[0][1] and "mlflow-artifacts:/7" in said[1][1]
    kept = tmp_path / "mlartifacts" / runs["served"].artifact_uri.removeprefix("mlflow-artifacts:/") / "model"
    kept.mkdir(parents=True)
    (kept / "MLmodel").write_text("flavors:\n  sklearn:\n    x: 1\n")
    client.create_registered_model("fare")
    # As `register_model("models:/a/1", "b")` of 2.22 leaves them: of no run, and of one that is gone.
    for of in (runs["served"].run_id, None, "0" * 32):
        client.create_model_version("fare", f"{runs['served'].artifact_uri}/model", of)
    session = gf.Session(home=tmp_path / "with")
    session.import_runs(tmp_path / "mlflow.db")
    assert [title for title, _ in session.sql(notes).collect().rows()] == ["far"]
    [(run, path)] = session.sql("SELECT run, path FROM gradframe.artifacts").collect().rows()
    [(experiment,)] = session.sql("SELECT id FROM gradframe.experiments WHERE experiment = 'served'").collect().rows()
    assert path == "model/MLmodel"
    sources = session.sql("SELECT source FROM gradframe.models").collect().rows()
    assert sources == [(f"mlflow-artifacts:/{experiment}/{run}/artifacts/model",)] * 3


@pytest.mark.parametrize("kind", ["mlruns", "mlflow.db"])
def test_copies_of_versions_have_the_files_that_they_had_there(tmp_path, kind):
    place = tmp_path / kind
    client = mlflow.MlflowClient(place.as_uri() if kind == "mlruns" else f"sqlite:///{place}")
    run = client.create_run(client.create_experiment("taxi", artifact_location=None if kind == "mlruns" else (tmp_path / "files").as_uri()))
    client.create_registered_model("original")
    for i in range(1, 5):
        client.log_text(run.info.run_id, f"model {i}", f"model{i}/MLmodel")
        client.create_model_version("original", f"{run.info.artifact_uri}/model{i}", run.info.run_id)
    client.delete_model_version("original", "1")
    # By names before and after the original's, a copy of a copy, and one whose original is gone.
    client.copy_model_version("models:/original/3", "a copy")
    client.copy_model_version("models:/a copy/1", "z copy")
    client.copy_model_version("models:/original/2", "of gone")
    client.delete_model_version("original", "2")
    client.set_terminated(run.info.run_id)
    gf.Session(home=tmp_path / "home").import_runs(place)
    with served(tmp_path / "home") as ours:
        mlflow.set_tracking_uri(ours.tracking_uri)
        for name, number in (("a copy", 3), ("z copy", 3), ("of gone", 2)):
            uri = ours.get_model_version_download_uri(name, "1")
            assert uri.endswith(f"/artifacts/model{number}"), (name, uri)
            [file] = ours.list_artifacts(ours.search_runs(["1"])[0].info.run_id, f"model{number}")
            assert file.path == f"model{number}/MLmodel"


def test_a_run_that_cannot_be_read_keeps_neither_parents_nor_models_out(session, tmp_path):
    client = mlflow.MlflowClient((tmp_path / "mlruns").as_uri())
    outer = client.create_run("0", run_name="outer")
    inner = client.create_run("0", run_name="inner", tags={"mlflow.parentRunId": outer.info.run_id})
    damaged = client.create_run("0", run_name="damaged").info.run_id
    client.log_metric(damaged, "m", 1)
    (tmp_path / "mlruns" / "0" / damaged / "metrics" / "m").write_text("nonsense\n")
    client.create_registered_model("fare")
    client.create_model_version("fare", f"{inner.info.artifact_uri}/model", inner.info.run_id)
    with pytest.raises(gf.errors.ExecutionError, match="metrics/m.*all other runs"):
        session.import_runs(tmp_path / "mlruns")
    runs = dict(session.sql("SELECT title, run FROM gradframe.runs").collect().rows())
    parents = "SELECT run, value FROM gradframe.tags WHERE name = 'mlflow.parentRunId'"
    assert session.sql(parents).collect().rows() == [(runs["inner"], runs["outer"])]
    assert session.sql("SELECT model, run FROM gradframe.models").collect().rows() == [("fare", runs["inner"])]


def test_all_that_is_damaged_is_named_and_all_else_comes_in(session, tmp_path):
    place = tmp_path / "mlruns"
    client = mlflow.MlflowClient(place.as_uri())
    experiments = [client.create_experiment(name) for name in ("good", "cut")]
    runs = {name: client.create_run(experiments[name == "of cut"], run_name=name).info for name in ("one", "empty", "gone", "binary", "tag", "of cut")}
    for name, count in (("fare", 4), ("other", 1)):
        client.create_registered_model(name)
        for _ in range(count):
            client.create_model_version(name, f"{runs['one'].artifact_uri}/model", runs["one"].run_id)
    client.set_tag(runs["tag"].run_id, "t", "x")
    metas = {name: place / run.experiment_id / run.run_id / "meta.yaml" for name, run in runs.items()}
    fare = [place / "models" / "fare" / f"version-{version}" / "meta.yaml" for version in range(1, 5)]
    damaged = [metas["empty"], metas["gone"], metas["binary"], place / experiments[1] / "meta.yaml", *fare[1:], place / "models" / "other" / "meta.yaml"]
    for path in (metas["empty"], damaged[3], fare[1], damaged[-1]):
        path.write_bytes(b"")
    for path in (metas["gone"], fare[2]):
        path.unlink()
    for path in (metas["binary"], fare[3]):
        path.write_bytes(path.read_bytes() + b"\xff\xfe: 1\n")
    tag = metas["tag"].parent / "tags" / "t"
    tag.write_bytes(b"\xff")
    with pytest.raises(gf.errors.ExecutionError) as failed:
        session.import_runs(place)
    said = str(failed.value)
    assert all(f"`{path}`" in said for path in [*damaged, tag]), said
    assert f"{len(damaged) + 1} are damaged" in said and "all other runs have been taken in" in said
    assert session.sql("SELECT title FROM gradframe.runs").collect().rows() == [("one",)]
    assert session.sql("SELECT model, version FROM gradframe.models").collect().rows() == [("fare", 1)]
    assert session.sql("SELECT experiment FROM gradframe.experiments WHERE experiment IN ('good', 'cut')").collect().rows() == [("good",)]


def test_a_directory_says_where_files_are_that_it_does_not_have_and_has_those_that_were_served(tmp_path):
    client = mlflow.MlflowClient((tmp_path / "mlruns").as_uri())
    runs = {}
    for name, place in (("served", "mlflow-artifacts:/7"), ("far", "s3://bucket/path"), ("here", None)):
        run = client.create_run(client.create_experiment(name, artifact_location=place), run_name=name)
        client.set_terminated(run.info.run_id)
        runs[name] = run.info
    notes = "SELECT title, value FROM gradframe.tags JOIN gradframe.runs USING (run) WHERE name = 'import.note' ORDER BY title"
    without = gf.Session(home=tmp_path / "without")
    without.import_runs(tmp_path / "mlruns")
    assert [title for title, _ in without.sql(notes).collect().rows()] == ["far", "served"]
    kept = tmp_path / "mlartifacts" / runs["served"].artifact_uri.removeprefix("mlflow-artifacts:/")
    kept.mkdir(parents=True)
    (kept / "a.txt").write_text("a")
    session = gf.Session(home=tmp_path / "with")
    session.import_runs(tmp_path / "mlruns")
    assert [title for title, _ in session.sql(notes).collect().rows()] == ["far"]
    assert session.sql("SELECT path FROM gradframe.artifacts").collect().rows() == [("a.txt",)]


def test_a_logged_model_that_could_not_be_taken_in_is_when_it_can(tmp_path):
    """By a database whose model has a file that is larger than files may be in the process that takes it in."""
    if not CLIENT_3.exists():
        pytest.skip(f"no {CLIENT_3}: `cargo xtask test` makes it, of requirements-mlflow3.txt")
    place = tmp_path / "store" / "mlflow.db"
    place.parent.mkdir()
    make = (
        "import mlflow, pathlib, sys; from mlflow.entities import Metric; client = mlflow.MlflowClient(sys.argv[1]);"
        "experiment = client.create_experiment('e', artifact_location=pathlib.Path('files').absolute().as_uri()); run = client.create_run(experiment).info.run_id;"
        "model = client.create_logged_model(experiment, 'net', source_run_id=run); files = pathlib.Path(model.artifact_location.removeprefix('file://'));"
        "files.mkdir(parents=True); (files / 'weights').write_bytes(bytes(8 << 20)); (files / 'MLmodel').write_text('flavors:');"
        "client.log_batch(run, [Metric('acc', 0.5, 5, 0, model_id=model.model_id)])"
    )
    done = subprocess.run([str(CLIENT_3), "-c", make, f"sqlite:///{place}"], cwd=place.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    taken = f"import gradframe as gf; gf.Session(home={str(tmp_path / 'home')!r}).import_runs({str(place)!r})"
    limited = subprocess.run(["sh", "-c", "trap '' XFSZ; ulimit -f 8000; exec \"$0\" -c \"$1\"", sys.executable, taken], capture_output=True, text=True)
    assert limited.returncode != 0 and "cannot write" in limited.stderr, limited.stderr
    session = gf.Session(home=tmp_path / "home")
    assert session.sql("SELECT name FROM gradframe.logged_models").collect().rows() == [], "half a model is none"
    session.import_runs(place)
    [(name, model)] = session.sql("SELECT name, logged_model FROM gradframe.logged_models").collect().rows()
    with served(tmp_path / "home") as ours:
        address = f"{ours.tracking_uri}/api/2.0/mlflow/logged-models/{model}"
        shown, files = (json.load(urllib.request.urlopen(address + part)) for part in ("", "/artifacts/directories"))
        metrics, files = shown["model"]["data"]["metrics"], files["files"]
        # So `runs:/<former name>/net` is found by clients of MLflow 3.
        [former] = session.sql("SELECT value FROM gradframe.tags WHERE name = 'mlflow.imported_from'").collect()["value"].to_list()
        asked = {"experiment_ids": [shown["model"]["info"]["experiment_id"]], "filter": f"source_run_id = '{former}'"}
        request = urllib.request.Request(f"{ours.tracking_uri}/api/2.0/mlflow/logged-models/search", json.dumps(asked).encode(), {"Content-Type": "application/json"})
        found = json.load(urllib.request.urlopen(request))["models"]
    assert [each["info"]["model_id"] for each in found] == [model]
    assert name == "net" and [metric["value"] for metric in metrics] == [0.5]
    assert sorted(file["path"] for file in files) == ["MLmodel", "weights"]


@pytest.mark.parametrize("kind", ["mlruns", "mlflow.db"])
def test_files_whose_names_no_artifact_has_are_left_out_with_a_note(tmp_path, kind):
    place = tmp_path / kind
    client = mlflow.MlflowClient(place.as_uri() if kind == "mlruns" else f"sqlite:///{place}")
    experiment = client.create_experiment("e", artifact_location=None if kind == "mlruns" else (tmp_path / "files").as_uri())
    odd, plain = (client.create_run(experiment, run_name=name) for name in ("odd", "plain"))
    names = [b"a:b", b"C:", b"a\\b.txt", b"new\nline", b"\xff.bin"]
    below = os.fsencode(odd.info.artifact_uri.removeprefix("file://"))
    os.makedirs(os.path.join(below, b"dir"), exist_ok=True)
    for name in [*names, b"dir/kept.txt"]:
        with open(os.path.join(below, name), "wb") as file:
            file.write(b"text")
    client.log_text(plain.info.run_id, "text", "plain.txt")
    client.create_registered_model("fare")
    client.create_model_version("fare", f"{odd.info.artifact_uri}/dir", odd.info.run_id)
    session = gf.Session(home=tmp_path / "home")
    assert len(session.import_runs(place)) == 2 and session.import_runs(place) == []
    assert session.sql("SELECT path FROM gradframe.artifacts ORDER BY path").collect().rows() == [("a:b",), ("dir/kept.txt",), ("plain.txt",)]
    assert session.sql("SELECT model FROM gradframe.models").collect().rows() == [("fare",)]
    notes = "SELECT title, value FROM gradframe.tags JOIN gradframe.runs USING (run) WHERE name = 'import.note'"
    [(title, note)] = session.sql(notes).collect().rows()
    assert title == "odd" and all(name in note for name in ("`C:`", r"`a\\b.txt`", r"`new\nline`", ".bin`")), note


@pytest.mark.parametrize("kind", ["mlruns", "mlflow.db"])
@pytest.mark.parametrize("old_is_there", [True, False])
def test_a_store_that_was_copied_or_moved_brings_its_artifacts(tmp_path, kind, old_is_there):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    client = mlflow.MlflowClient((old / kind).as_uri() if kind == "mlruns" else f"sqlite:///{old / kind}")
    place = None if kind == "mlruns" else (old / "mlruns" / "1").as_uri()
    experiment = client.create_experiment("e", artifact_location=place)
    run, empty = (client.create_run(experiment, run_name=name) for name in ("full", "empty"))
    client.log_text(run.info.run_id, "flavors:\n  sklearn:\n    x: 1\n", "model/MLmodel")
    client.create_registered_model("fare")
    for source, of in ((f"{run.info.artifact_uri}/model", run.info.run_id), (f"{run.info.artifact_uri}/model", None), (f"runs:/{run.info.run_id}/model", None)):
        client.create_model_version("fare", source, of)
    client.create_model_version("fare", (tmp_path / "nowhere").as_uri())
    shutil.copytree(old, new)
    if not old_is_there:
        shutil.rmtree(old)
    session = gf.Session(home=tmp_path / "home")
    assert len(session.import_runs(new / kind)) == 2
    names = dict(session.sql("SELECT title, run FROM gradframe.runs").collect().rows())
    assert session.sql("SELECT run, path FROM gradframe.artifacts").collect().rows() == [(names["full"], "model/MLmodel")]
    assert session.sql("SELECT value FROM gradframe.tags WHERE name = 'import.note'").collect().rows() == []
    [(number,)] = session.sql("SELECT id FROM gradframe.experiments WHERE experiment = 'e'").collect().rows()
    sources = session.sql("SELECT source FROM gradframe.models ORDER BY version").collect().rows()
    ours = f"mlflow-artifacts:/{number}/{names['full']}/artifacts/model"
    assert sources[:3] == [(ours,)] * 3
    [(version, note)] = session.sql("SELECT version, value FROM gradframe.model_tags WHERE name = 'import.note'").collect().rows()
    assert version == 4 and "nowhere" in note, "what is not here is named"


def test_files_outside_of_the_store_stay_there(session, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.txt").write_text("key")
    client = mlflow.MlflowClient((tmp_path / "mlruns").as_uri())
    linked, led_away = (client.create_run("0", run_name=name).info.run_id for name in ("linked", "led away"))
    client.log_text(linked, "kept", "a.txt")
    (tmp_path / "mlruns" / "0" / linked / "artifacts" / "link.txt").symlink_to(secret / "key.txt")
    meta = tmp_path / "mlruns" / "0" / led_away / "meta.yaml"
    meta.write_text("".join(line if not line.startswith("artifact_uri") else f"artifact_uri: {secret.as_uri()}\n" for line in meta.open()))
    assert len(session.import_runs(tmp_path / "mlruns")) == 2
    assert session.sql("SELECT path FROM gradframe.artifacts").collect().rows() == [("a.txt",)]
    notes = session.sql("SELECT value FROM gradframe.tags WHERE name = 'import.note'").collect().rows()
    assert len(notes) == 1 and "secret`, which is not below" in notes[0][0]


def test_what_is_no_store_is_said(session, tmp_path):
    (tmp_path / "empty").mkdir()
    for path in [tmp_path / "empty", tmp_path / "none"]:
        with pytest.raises(gf.errors.GradframeError):
            session.import_runs(path)
    (tmp_path / "cut.db").write_bytes(b"SQLite format 3\0" + b"\1" * 200)
    with pytest.raises(gf.errors.ExecutionError, match="cut.db` is damaged"):
        session.import_runs(tmp_path / "cut.db")
    uri = (tmp_path / "mlruns").as_uri()
    client = mlflow.MlflowClient(uri)
    for i in range(2):
        run = client.create_run("0", run_name=f"run {i}")
        client.log_metric(run.info.run_id, "m", i)
        client.set_terminated(run.info.run_id)
    (tmp_path / "mlruns" / "0" / run.info.run_id / "metrics" / "m").write_text("nonsense\n")
    with pytest.raises(gf.errors.ExecutionError, match="metrics/m.*all other runs"):
        session.import_runs(tmp_path / "mlruns")
    assert session.sql("SELECT title FROM gradframe.runs").collect().rows() == [("run 0",)]
    (tmp_path / "mlflow.db").write_bytes(b"no database")
    with pytest.raises(gf.errors.PlanError, match="holds no runs"):
        session.import_runs(tmp_path / "mlflow.db")


def test_a_version_without_a_number_is_named(session, tmp_path):
    client = mlflow.MlflowClient((tmp_path / "mlruns").as_uri())
    run = client.create_run("0").info
    client.create_registered_model("fare")
    for _ in range(2):
        client.create_model_version("fare", f"{run.artifact_uri}/model", run.run_id)
    meta = tmp_path / "mlruns" / "models" / "fare" / "version-1" / "meta.yaml"
    meta.write_text(meta.read_text().replace("version: 1", "version: one"))
    with pytest.raises(gf.errors.ExecutionError, match="its version is `one`, expected a number"):
        session.import_runs(tmp_path / "mlruns")
    assert session.sql("SELECT model, version FROM gradframe.models").collect().rows() == [("fare", 2)]


def test_versions_keep_their_numbers_unless_the_name_has_such_here(session, tmp_path):
    client = mlflow.MlflowClient((tmp_path / "mlruns").as_uri())
    run = client.create_run("0").info
    client.create_registered_model("fare")
    for i in range(4):
        client.create_model_version("fare", f"{run.artifact_uri}/model{i}", run.run_id)
    client.delete_model_version("fare", "1")
    client.delete_model_version("fare", "3")
    session.import_runs(tmp_path / "mlruns")
    theirs = "SELECT version, value FROM gradframe.model_tags WHERE name = 'mlflow.imported_from' ORDER BY version"
    assert session.sql(theirs).collect().rows() == [(2, "fare/2"), (4, "fare/4")]
    session.import_runs(tmp_path / "mlruns")
    assert session.sql(theirs).collect().rows() == [(2, "fare/2"), (4, "fare/4")]

    # A model of that name was trained here: its numbers are taken, and what is another number is said.
    other = gf.Session(home=tmp_path / "other")
    for _ in range(3):
        other.sql(
            "CREATE OR REPLACE MODEL fare OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS SELECT value * 1.0 AS x, value AS y FROM generate_series(1, 9)"
        )
    with pytest.warns(UserWarning, match="`fare` have other numbers here.*: 2 is "):
        other.import_runs(tmp_path / "mlruns")
    assert other.sql(theirs).collect().rows() == [(4, "fare/2"), (5, "fare/4")]


def test_traces_of_a_directory_stay_behind_and_are_counted(session, tmp_path):
    place = tmp_path / "mlruns"
    mlflow.MlflowClient(place.as_uri()).create_run("0")
    for name in ("tr-1", "tr-2"):
        (place / "0" / "traces" / name).mkdir(parents=True)
    with pytest.warns(UserWarning, match="2 traces stay behind in .*mlruns"):
        assert len(session.import_runs(place)) == 1


def test_traces_of_a_database_come_along_with_their_files(session, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    program = """
import mlflow
mlflow.set_experiment("traced")
with mlflow.start_run(run_name="of traces"):
    with mlflow.start_span("answer", span_type="CHAIN") as outer:
        outer.set_inputs({"q": "é"})
        with mlflow.start_span("part", span_type="LLM") as inner:
            inner.set_outputs([1, 2])
        outer.set_outputs("a")
mlflow.MlflowClient().set_trace_tag(outer.request_id, "team", "a")
"""
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false"})
    imported = session.import_runs(tmp_path / "mlflow.db")
    assert len(imported) == 1 and session.import_runs(tmp_path / "mlflow.db") == []
    traces = session.sql("SELECT t.name, t.experiment, t.state, t.run, t.request, v.value FROM gradframe.traces AS t JOIN gradframe.trace_values AS v USING (trace) WHERE v.name = 'team'")
    assert traces.collect().rows() == [("answer", "traced", "OK", imported[0], '{"q": "é"}', "a")]
    spans = session.sql("SELECT name, span_type, parent IS NULL, inputs, outputs FROM gradframe.spans ORDER BY started, name")
    assert spans.collect().rows() == [("answer", "CHAIN", True, '{"q": "é"}', '"a"'), ("part", "LLM", False, None, "[1, 2]")]


def of_version_3(place):
    """The tables of a database of MLflow 3.17 with two traces whose spans it has itself, made in those of 2.22."""
    mlflow.MlflowClient(f"sqlite:///{place}").create_run("0")
    tables = """
        ALTER TABLE trace_info ADD COLUMN client_request_id VARCHAR(50);
        ALTER TABLE trace_info ADD COLUMN request_preview VARCHAR(1000);
        ALTER TABLE trace_info ADD COLUMN response_preview VARCHAR(1000);
        ALTER TABLE trace_info ADD COLUMN trace_name VARCHAR(4096);
        ALTER TABLE trace_info ADD COLUMN session_id VARCHAR(250);
        ALTER TABLE trace_info ADD COLUMN input_tokens BIGINT;
        CREATE TABLE spans (trace_id TEXT, experiment_id INTEGER, span_id TEXT, start_time_unix_nano BIGINT, content TEXT);
        CREATE TABLE assessments (assessment_id TEXT, trace_id TEXT, name TEXT, assessment_type TEXT, value TEXT, error TEXT,
            created_timestamp BIGINT, last_updated_timestamp BIGINT, source_type TEXT, source_id TEXT, run_id TEXT, span_id TEXT,
            rationale TEXT, overrides TEXT, valid BOOLEAN, assessment_metadata TEXT);
        CREATE TABLE entity_associations (source_type TEXT, source_id TEXT, destination_type TEXT, destination_id TEXT, created_time BIGINT);
        CREATE TABLE evaluation_datasets (dataset_id TEXT); INSERT INTO evaluation_datasets VALUES ('d-1'), ('d-2');
        INSERT INTO trace_tags (key, value, request_id) VALUES ('mlflow.trace.spansLocation', 'TRACKING_STORE', 'tr-1');
    """
    with contextlib.closing(sqlite3.connect(place)) as database, database:
        [(run,)] = database.execute("SELECT run_uuid FROM runs").fetchall()
        for trace in ("tr-1", "tr-2"):
            database.execute("INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, execution_time_ms, status) VALUES (?, 0, 1000, 7, 'OK')", (trace,))
        database.executescript(tables)
        database.execute("UPDATE trace_info SET trace_name = 'f', session_id = 's', input_tokens = 7, request_preview = '{\"x\": 1}', client_request_id = 'c' WHERE request_id = 'tr-1'")
        content = {"span_id": "AAAAAAAAAAE=", "parent_span_id": None, "name": "f", "start_time_unix_nano": 1_000_000_000, "end_time_unix_nano": 1_007_000_000}
        content |= {"status": {"code": "STATUS_CODE_OK"}, "attributes": {"mlflow.spanType": '"TOOL"', "mlflow.spanOutputs": "14"}}
        database.execute("INSERT INTO spans VALUES ('tr-1', 0, '0000000000000001', 1000000000, ?)", (json.dumps(content),))
        database.execute("INSERT INTO entity_associations VALUES ('trace', 'tr-1', 'run', ?, 5)", (run,))
        metadata = json.dumps({"mlflow.assessment.sourceRunId": run, "n": 3})
        said = [("a-1", "right", "feedback", "true"), ("a-2", "expected", "expectation", "[1]"), ("a-3", "score", "feedback", "0.5")]
        for number, (name, *rest) in enumerate(said):
            database.execute(
                "INSERT INTO assessments VALUES (?, 'tr-1', ?, ?, ?, NULL, ?, 2000, 'HUMAN', 'ann', NULL, NULL, 'so', NULL, 1, ?)",
                (name, *rest, 1500 + number, metadata),
            )


def test_traces_spans_and_assessments_of_version_3_come_along_and_what_cannot_is_counted(session, tmp_path):
    place = tmp_path / "mlflow.db"
    of_version_3(place)
    with pytest.warns(UserWarning, match="2 evaluation data sets stay behind in .*mlflow.db"):
        [run] = session.import_runs(place)
    with pytest.warns(UserWarning, match="2 evaluation data sets"):
        assert session.import_runs(place) == []
    traces = session.sql("SELECT trace, name, run, request, duration_us, state FROM gradframe.traces ORDER BY trace").collect().rows()
    assert traces == [("tr-1", "f", run, '{"x": 1}', 7000, "OK"), ("tr-2", "", "", None, 7000, "OK")]
    assert session.sql("SELECT name, span_type, outputs FROM gradframe.spans").collect().rows() == [("f", "TOOL", "14")]
    assert session.sql("SELECT count(*) FROM gradframe.trace_values WHERE name = 'mlflow.trace.spansLocation'").collect().item() == 0
    program = [sys.executable, "-c", SERVE, "--home", str(tmp_path / "home")]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as server:
        try:
            address = next(line for line in server.stdout if "http://" in line).split()[-1]
            address = "http://" + address.split("http://")[1].rstrip("/")
            info = json.load(urllib.request.urlopen(f"{address}/api/3.0/mlflow/traces/tr-1"))["trace"]["trace_info"]
            spans = json.load(urllib.request.urlopen(f"{address}/api/2.0/mlflow-artifacts/artifacts/0/traces/tr-1/artifacts/traces.json"))
            # Links have the name that the run had before.
            [before] = session.sql("SELECT value FROM gradframe.tags WHERE name = 'mlflow.imported_from'").collect()["value"].to_list()
            by_former_name = json.load(urllib.request.urlopen(f"{address}/api/2.0/mlflow/runs/get?run_id={before}"))["run"]["info"]
            files = json.load(urllib.request.urlopen(f"{address}/api/2.0/mlflow/artifacts/list?run_id={before}"))
        finally:
            server.terminate()
    assert by_former_name["run_id"] == run and files["root_uri"] == by_former_name["artifact_uri"]
    said = {each["assessment_name"]: each for each in info["assessments"]}
    assert [each["assessment_name"] for each in info["assessments"]] == ["right", "expected", "score"]
    assert said["right"]["feedback"] == {"value": True} and said["score"]["feedback"] == {"value": 0.5}
    assert json.loads(said["expected"]["expectation"]["serialized_value"]["value"]) == [1]
    assert said["right"]["metadata"] == {"mlflow.assessment.sourceRunId": run, "n": "3"}
    assert said["right"]["create_time"] == "1970-01-01T00:00:01.500Z" and said["right"]["rationale"] == "so"
    assert [span["name"] for span in spans["spans"]] == ["f"] and info["tags"]["mlflow.traceName"] == "f"
    assert info["trace_metadata"] == {"mlflow.trace.session": "s", "mlflow.trace.tokenUsage": '{"input_tokens":7}'}
