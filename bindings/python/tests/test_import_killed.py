"""Imports that are killed with `kill -9` at any moment: the next one makes them whole, and nothing comes twice.

More kills: `GRADFRAME_KILLS=50 pytest tests/test_import_killed.py`.
"""

import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import time

import pytest
from mlflow_client import CLIENT_3

import gradframe as gf

KILLS = int(os.environ.get("GRADFRAME_KILLS", "6"))
IMPORT = "import sys, gradframe as gf; session = gf.Session(home=sys.argv[1]); print('begun', flush=True); session.import_runs(sys.argv[2])"

#: A store of MLflow's: nested runs with points and files, logged models, a registry with stages, aliases and a copy.
FILL = """
import pathlib, sys
import mlflow
from mlflow.entities import Metric, Param
client = mlflow.MlflowClient(sys.argv[1])
experiment = client.create_experiment("taxi", artifact_location=pathlib.Path("files").absolute().as_uri())
outer = client.create_run(experiment, run_name="outer").info.run_id
for i in range(12):
    run = client.create_run(experiment, run_name=f"run {i}", tags={"mlflow.parentRunId": outer}, start_time=1_700_000_000_000 + i).info.run_id
    points = [Metric("loss", s / 7, 1_700_000_000_000 + s, s) for s in range(900)]
    client.log_batch(run, points, [Param(f"p{j}", str(i * j)) for j in range(20)])
    for j in range(3):
        client.log_text(run, f"{i} {j}" * 20_000, f"notes/{j}.txt")
    if hasattr(client, "create_logged_model"):
        model = client.create_logged_model(experiment, f"net{i}", source_run_id=run)
        files = pathlib.Path(model.artifact_location.removeprefix("file://"))
        files.mkdir(parents=True)
        (files / "MLmodel").write_text("flavors:")
        (files / "weights").write_bytes(bytes([i]) * 300_000)
        client.log_batch(run, [Metric("acc", i / 9, 5, s, model_id=model.model_id) for s in range(50)])
        client.finalize_logged_model(model.model_id, "READY")
        source = f"models:/{model.model_id}"
    else:
        source = f"{client.get_run(run).info.artifact_uri}/notes"
    client.set_terminated(run, "FAILED" if i % 5 == 4 else "FINISHED")
    name = f"fare{i % 3}"
    if i < 3:
        client.create_registered_model(name, tags={"team": "a"}, description="what it is")
    version = client.create_model_version(name, source, run, tags={"k": "v"}).version
    client.transition_model_version_stage(name, version, "Staging")
    client.set_registered_model_alias(name, "champion", version)
client.set_terminated(outer)
"""

RUNS = """SELECT r.run, r.title, r.status, r.started, r.ended, r.deleted, e.experiment FROM runs AS r JOIN experiments AS e ON r.experiment_id = e.id"""


def stand(home):
    """All that a store has of what was taken in, by names that do not change from one import to another."""
    store = sqlite3.connect(f"file:{home}/store.db?mode=ro", uri=True)
    ask = lambda sql: store.execute(sql).fetchall()
    source = ("mlflow.imported_from", "import.content")
    runs = {run: value for run, name, value in ask("SELECT run, name, value FROM tags") if name in source}
    models = {model: value for model, name, value in ask("SELECT logged_model, name, value FROM logged_model_values") if name in source}

    def named(value):
        if not isinstance(value, str):
            return value
        value = models.get(value.removeprefix("models:/"), value)
        # Alone, or in a place such as `mlflow-artifacts:/1/<run>/artifacts/model`, as MLflow 2 has them.
        for run, source_of_run in runs.items():
            value = value.replace(run, source_of_run)
        return value

    rows = lambda sql: sorted(tuple(named(value) for value in row) for row in ask(sql))
    found = {name: rows(sql) for name, sql in {
        "runs": RUNS,
        "params": "SELECT run, name, value FROM params",
        "tags": "SELECT run, name, value FROM tags",
        "artifacts": "SELECT run, path, kind, step, bytes, hash FROM artifacts",
        "logged": "SELECT logged_model, name, status, run, created, updated, deleted FROM logged_models",
        "logged values": "SELECT logged_model, kind, name, value FROM logged_model_values",
        "logged points": "SELECT logged_model, name, run, step, time, value_order FROM logged_model_points",
        "logged files": "SELECT logged_model, path, bytes, hash FROM logged_model_files",
        "made": "SELECT run, logged_model, step FROM run_models",
        "names": "SELECT name, last_version, created, updated, description FROM model_names",
        "versions": "SELECT model, version, run, source, stage, created, updated, description, coalesce(logged_model, '') FROM models",
        "aliases": "SELECT model, alias, version FROM aliases",
        "said": "SELECT model, version, name, value FROM model_tags",
    }.items()}  # fmt: skip
    session = gf.Session(home=home)
    points = session.sql("SELECT run, name, step, time, value FROM gradframe.metrics").collect().rows()
    found["points"] = sorted((named(run), *rest) for run, *rest in points)
    hashes = {row[0] for row in ask("SELECT hash FROM artifacts UNION SELECT hash FROM logged_model_files")}
    there = {path.parent.name + path.name for path in (pathlib.Path(home) / "objects").glob("??/*")}
    assert hashes <= there, "a file that is named is there"
    return found


def runs_in(home):
    """Of a home that may not be one yet."""
    try:
        [(runs,)] = sqlite3.connect(f"file:{home}/store.db?mode=ro", uri=True).execute("SELECT count(*) FROM runs")
    except sqlite3.OperationalError:
        return 0
    return runs


def begin(home, path):
    process = subprocess.Popen([sys.executable, "-c", IMPORT, str(home), str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begun\n", process.stderr.read()
    return process


def taken_in(home, path):
    """Imports to the end; gives the seconds that it took."""
    process, started = begin(home, path), time.perf_counter()
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return time.perf_counter() - started


def killed_and_whole(tmp_path, path, start):
    """Kills imports into homes that are as `start` makes them, and looks at what the next one makes of it."""
    start(tmp_path / "whole")
    seconds = taken_in(tmp_path / "whole", path)
    expected, chance, halves = stand(tmp_path / "whole"), random.Random(7), 0
    for kill in range(KILLS):
        home = tmp_path / f"killed{kill}"
        start(home)
        for _ in range(1 + kill % 3):
            process = begin(home, path)
            time.sleep(seconds * chance.random())
            process.kill()
            process.communicate()
        halves += 0 < runs_in(home) < len(expected["runs"])
        taken_in(home, path)
        found = stand(home)
        for table, rows in expected.items():
            assert found[table] == rows, (kill, table)
        again = gf.Session(home=home)
        assert again.import_runs(path) == []
        again.collect_garbage()
        assert stand(home) == expected and not list((home / "objects").glob(".writing-*"))
        assert not list((home / "scratch").glob("*"))
        shutil.rmtree(home)
    print(f"{KILLS} homes, of which {halves} were half full; an import takes {seconds:.2f} s")


@pytest.mark.parametrize("kind", ["mlruns", "mlflow.db"])
def test_what_is_left_of_an_import_from_mlflow_is_made_whole(tmp_path, kind):
    pytest.importorskip("mlflow")
    python = CLIENT_3 if CLIENT_3.exists() else sys.executable
    place = tmp_path / "theirs" / kind
    place.parent.mkdir()
    uri = place.as_uri() if kind == "mlruns" else f"sqlite:///{place}"
    environment = {**os.environ, "MLFLOW_ALLOW_FILE_STORE": "true"}
    done = subprocess.run([str(python), "-c", FILL, uri], cwd=place.parent, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    killed_and_whole(tmp_path, place, lambda home: None)


def test_what_is_left_of_an_import_of_event_files_is_made_whole(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.compat.proto import event_pb2, summary_pb2
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    def log(steps):
        for number in range(4):
            writer = EventFileWriter(str(tmp_path / "logs" / f"run{number}"), filename_suffix=f".{steps.start}")
            for step in steps:
                values = [summary_pb2.Summary.Value(tag=f"m{i}", simple_value=step / (i + 1)) for i in range(5)]
                writer.add_event(event_pb2.Event(wall_time=1_700_000_000 + step, step=step, summary=summary_pb2.Summary(value=values)))
            writer.close()

    log(range(0, 4000))
    killed_and_whole(tmp_path / "new", tmp_path / "logs", lambda home: home.parent.mkdir(exist_ok=True))
    # Half of it was taken in before: the runs that there are go on.
    taken_in(tmp_path / "half", tmp_path / "logs")
    log(range(4000, 9000))
    killed_and_whole(tmp_path / "grown", tmp_path / "logs", lambda home: shutil.copytree(tmp_path / "half", home))
    assert len(stand(tmp_path / "grown" / "whole")["runs"]) == 4


def test_what_is_left_of_an_import_of_another_home_is_made_whole(tmp_path):
    other = gf.Session(home=tmp_path / "other")
    for i in range(8):
        with other.run(f"run {i}", params={"i": i}, code=False) as run:
            for step in range(300):
                run.log({"loss": step / 3, "acc": step / 9}, step=step)
            run.log_text("note", "x" * 400_000, step=i)
    killed_and_whole(tmp_path / "copies", tmp_path / "other", lambda home: home.parent.mkdir(exist_ok=True))


def test_what_is_left_of_an_import_of_an_archive_is_made_whole(tmp_path):
    other = gf.Session(home=tmp_path / "other")
    with other.run("packed", code=False) as run:
        for step in range(300):
            run.log({"loss": step / 3}, step=step)
        for step in range(20):
            run.log_text("note", f"{step} " * 400_000, step=step)
    subprocess.run([sys.executable, "-m", "gradframe", "--home", str(tmp_path / "other"), "runs", "export", run.id, str(tmp_path / "one.tar")], check=True)
    killed_and_whole(tmp_path / "unpacked", tmp_path / "one.tar", lambda home: home.parent.mkdir(exist_ok=True))
