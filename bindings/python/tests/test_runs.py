"""Runs that Python logs, and how they are read."""

import math
import multiprocessing
import os
import socket
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import gradframe as gf


def rows(session, sql):
    return session.sql(sql).collect().rows()


def test_a_run_is_rows_of_the_log_tables(session):
    with session.run("first", params={"lr": 0.1, "adam": {"beta": 0.9}}, tags={"team": "a"}, experiment="taxi", seed=7) as r:
        for step in range(3):
            r.log({"loss": 1 / (step + 1), "accuracy": step}, step=step)
        assert rows(session, "SELECT status FROM gradframe.runs") == [("running",)]
        assert rows(session, "SELECT count(*) FROM gradframe.metrics") == [(6,)]
    assert rows(session, "SELECT run, title, experiment, status, seed FROM gradframe.runs") == [
        (r.id, "first", "taxi", "finished", 7)
    ]
    assert rows(session, "SELECT name, value FROM gradframe.params ORDER BY name") == [("adam.beta", "0.9"), ("lr", "0.1")]
    own = "SELECT name, value FROM gradframe.tags WHERE NOT starts_with(name, 'system/')"
    assert rows(session, own) == [("team", "a")]
    loss = "SELECT step, value FROM gradframe.metrics WHERE name = 'loss' ORDER BY step"
    assert rows(session, loss) == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    latest = "SELECT name, step, value, points, min, max FROM gradframe.latest ORDER BY name"
    assert rows(session, latest) == [("accuracy", 2, 2.0, 3, 0.0, 2.0), ("loss", 2, 1 / 3, 3, 1 / 3, 1.0)]
    version = "SELECT value FROM gradframe.runs JOIN gradframe.environments USING (environment) WHERE name = 'numpy'"
    assert rows(session, version) == [(np.__version__,)]


def test_a_run_inside_another_says_so(session):
    with session.run("outer") as outer:
        with session.run("inner") as inner:
            pass
        alone = session.run("begun, not entered")
        alone.finish()
    with session.run("after"):
        pass
    parents = "SELECT title, t.value FROM gradframe.tags AS t JOIN gradframe.runs USING (run) WHERE name = 'mlflow.parentRunId' ORDER BY 1"
    assert rows(session, parents) == [("begun, not entered", outer.id), ("inner", outer.id)] and inner.id != outer.id


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("r = gf.run('x')", "finished", None),
        ("r = gf.run('x'); sys.exit()", "finished", None),
        ("r = gf.run('x'); sys.exit(0)", "finished", None),
        ("with gf.run('x') as r: sys.exit(0)", "finished", None),
        ("with gf.run('x') as r: raise SystemExit", "finished", None),
        ("with gf.run('x') as r: sys.exit(3)", "failed", "SystemExit: 3"),
        ("with gf.run('x') as r: sys.exit('no data')", "failed", "SystemExit: no data"),
        ("r = gf.run('x'); sys.exit(3)", "failed", "SystemExit: 3"),
        ("r = gf.run('x'); 1 / 0", "failed", "ZeroDivisionError: division by zero"),
        ("r = gf.run('x'); raise KeyboardInterrupt", "cancelled", None),
        ("r = gf.run('x')\nif os.fork() == 0: sys.exit(5)\nos.wait(); r.log({'after': 1})", "finished", None),
        ("with gf.run('x') as r:\n  if os.fork() == 0: sys.exit(5)\n  os.wait(); r.log({'after': 1})", "finished", None),
        ("with gf.run('x') as r:\n  if os.fork() == 0: raise OSError('the child')\n  os.wait(); r.log({'after': 1})", "finished", None),
        ("r = gf.run('x'); r.finish('cancelled')", "cancelled", None),
    ],
    ids=str,
)
def test_a_run_ends_with_its_program_and_as_it_does(tmp_path, body, status, error):
    program = "import os, sys\nimport gradframe as gf\ngf.configure(home=sys.argv[1])\n"
    ended = subprocess.run([sys.executable, "-c", program + body, str(tmp_path)], capture_output=True, text=True)
    assert "gradframe:" not in ended.stderr, ended.stderr
    session = gf.Session(home=tmp_path)
    assert rows(session, "SELECT status, error FROM gradframe.runs") == [(status, error)], ended.stderr


def test_a_run_may_be_ended_again(session):
    with session.run("ended inside") as r:
        print("something")
        r.finish()
    r.finish()
    with pytest.raises(gf.errors.PlanError, match="ended"):
        r.finish("failed", "too late")
    with pytest.raises(ZeroDivisionError), session.run("failed") as failed:
        1 / 0
    failed.finish()
    assert rows(session, "SELECT title, status FROM gradframe.runs ORDER BY 1") == [("ended inside", "finished"), ("failed", "failed")]


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda r: r.log({"x": 10**400}), OverflowError, "metric x is too large"),
        (lambda r: r.log({"x": 1}, step="a"), TypeError, "log: step is 'a', expected an integer"),
        (lambda r: r.log({"x": 1}, step=1.5), TypeError, "log: step is 1.5, expected an integer"),
        (lambda r: r.log({"x": 1}, step=2**63), OverflowError, "log: step is 9223372036854775808"),
        (lambda r: r.params([1]), TypeError, r"\[1\] is a list, expected names and values"),
        (lambda r: r.params({"a.b": 1, "a": {"b": 2}}), ValueError, "two values have the name 'a.b', '1' and '2'"),
        (lambda r: r.tags({1: "x", "1": "y"}), ValueError, "two values have the name '1', 'x' and 'y'"),
        (lambda r: r.log_text("", "d"), ValueError, "the name is ''"),
        (lambda r: r.log_text("a/.", "d"), ValueError, "the name is 'a/.'"),
        (lambda r: r.log_input(gf.DataFrame({"x": [1]}), role=""), gf.errors.PlanError, "the role of a data set is empty"),
    ],
)
def test_wrong_calls_name_what_is_wrong(session, call, error, said):
    with session.run("wrong") as r, pytest.raises(error, match=said):
        call(r)
    with pytest.raises(TypeError, match="the name is None"):
        session.run(None)
    for seed, error, said in [(-1, OverflowError, "is -1"), (2**70, OverflowError, "is 1180591620717411303424"), (0.5, TypeError, "is 0.5")]:
        with pytest.raises(error, match=f"run: seed {said}, expected an integer"):
            session.run("wrong", seed=seed)


def test_no_parameter_is_lost_without_a_word(session):
    given = {"a": {"b": {}, "c": {"d": 1}}, "e": {}, "none": None, 1: "x", "1": "x", "a.c.d": 1}
    with session.run("all", params=given, tags={"t": {}}, seed=2**64 - 1):
        pass
    found = rows(session, "SELECT name, value FROM gradframe.params ORDER BY name")
    assert found == [("1", "x"), ("a.b", "{}"), ("a.c.d", "1"), ("e", "{}"), ("none", "None")]
    assert ("t", "{}") in rows(session, "SELECT name, value FROM gradframe.tags")
    assert rows(session, "SELECT seed FROM gradframe.runs") == [(2**64 - 1,)]


def test_the_module_s_function_uses_the_default_session():
    with gf.run("default") as r:
        r.log({"x": 1})
    assert gf.sql("SELECT run FROM gradframe.runs").collect().rows() == [(r.id,)]
    assert r.name == "default" and r.id in repr(r)


def test_numbers_of_all_kinds_are_kept(session):
    with session.run("kinds") as r:
        r.log({"nan": math.nan, "inf": math.inf, "int": 3, "bool": True, "np": np.float32(0.5), "np0": np.array(2.5)})
        r.log({"big": 10**20, "nested/name 'x' 🦀": -0.0}, step=5, epoch=1)
        r.log({"after": 1.0})
    found = dict((name, value) for name, value in rows(session, "SELECT name, value FROM gradframe.metrics"))
    assert math.isnan(found.pop("nan"))
    assert found == {"inf": math.inf, "int": 3, "bool": 1, "np": 0.5, "np0": 2.5, "big": 1e20, "nested/name 'x' 🦀": 0, "after": 1}
    steps = "SELECT name, step, epoch FROM gradframe.metrics WHERE name IN ('big', 'after', 'int') ORDER BY name"
    assert rows(session, steps) == [("after", 6, None), ("big", 5, 1), ("int", 0, None)]


@pytest.mark.parametrize(
    ("metrics", "error", "said"),
    [
        ({"a": "0.5"}, TypeError, "'a' is a str"),
        ({"a": None}, TypeError, "'a' is a NoneType"),
        ({1: 0.5}, TypeError, "name of a metric is a str"),
        ({"": 0.5}, ValueError, "is empty"),
        ({"a\0b": 0.5}, ValueError, "holds a NUL"),
        ({"good": 1.0, "bad": [1]}, TypeError, "'bad' is a list"),
        ({"a": 10**400}, OverflowError, "too large"),
        ({"an array": np.array([1.0, 2.0])}, TypeError, "'an array' is a ndarray, expected a number: only "),
        ({"a day": np.datetime64("2026-11-28")}, TypeError, "'a day' is a datetime64, expected a number: "),
    ],
)
def test_what_is_no_metric_is_refused_whole(session, metrics, error, said):
    with session.run("bad") as r:
        with pytest.raises(error, match=said):
            r.log(metrics)
    assert rows(session, "SELECT count(*) FROM gradframe.metrics") == [(0,)]


def test_an_exception_is_how_the_run_ended(session):
    with pytest.raises(ZeroDivisionError), session.run("failing") as r:
        r.log({"x": 1.0})
        1 / 0
    with pytest.raises(KeyboardInterrupt), session.run("stopped"):
        raise KeyboardInterrupt
    assert rows(session, "SELECT title, status, error FROM gradframe.runs ORDER BY run") == [
        ("failing", "failed", "ZeroDivisionError: division by zero"),
        ("stopped", "cancelled", None),
    ]


def test_parameters_do_not_change_and_a_run_ends_once(session):
    with session.run("fixed", params={"lr": 0.1}) as r:
        r.params({"lr": 0.1, "depth": 3})
        with pytest.raises(gf.errors.PlanError, match="`lr` is `0.1` already, got `0.2`"):
            r.params({"lr": 0.2})
        r.tags({"note": "a"})
        r.tags({"note": "b"})
        r.flush()
    for late in (lambda: r.log({"x": 1}), lambda: r.finish("finished"), lambda: r.params({"a": 1}), lambda: r.tags({"a": 1})):
        with pytest.raises(gf.errors.PlanError, match="has ended"):
            late()
    assert rows(session, "SELECT value FROM gradframe.tags WHERE NOT starts_with(name, 'system/')") == [("b",)]
    with pytest.raises(gf.errors.PlanError, match="name is empty"):
        session.run("")


def test_a_thousand_parameters(session):
    with session.run("wide", params={f"p{i}": i for i in range(1000)}):
        pass
    assert rows(session, "SELECT count(*), sum(CAST(value AS BIGINT)) FROM gradframe.params") == [(1000, 499500)]


def test_the_state_of_the_code_is_kept(session, tmp_path):
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(tmp_path)]
    script = tmp_path / "train.py"
    script.write_text("lr = 1\n")
    for command in (["init", "--quiet"], ["add", "train.py"], ["commit", "--quiet", "-m", "first"]):
        subprocess.run(git + command, check=True)
    script.write_text("lr = 2\n")
    with session.run("in git", code=tmp_path):
        pass
    ((commit, diff),) = rows(session, "SELECT commit, diff FROM gradframe.runs")
    assert len(commit) == 40 and "-lr = 1\n+lr = 2" in diff
    with session.run("elsewhere", code=False):
        pass
    assert rows(session, "SELECT commit, diff FROM gradframe.runs WHERE title = 'elsewhere'") == [(None, None)]


def log_in_a_child(home, number):
    with gf.Session(home=home).run(f"child {number}") as r:
        for step in range(100):
            r.log({"loss": step, "number": number}, step=step)


def test_processes_log_at_once_and_a_forked_child_does_not_end_its_parent_s_run(tmp_path):
    session = gf.Session(home=tmp_path / "home")
    fork = multiprocessing.get_context("fork")
    with session.run("parent") as parent:
        parent.log({"x": 0.0}, step=0)
        forked = fork.Process(target=lambda: parent.log({"x": 1.0, "of the child": 2.0}, step=1))
        forked.start()
        forked.join()
        assert forked.exitcode == 0
        spawn = multiprocessing.get_context("spawn")
        children = [spawn.Process(target=log_in_a_child, args=(tmp_path / "home", i)) for i in range(3)]
        [child.start() for child in children]
        [child.join() for child in children]
        parent.log({"x": 2.0}, step=2)
    assert rows(session, "SELECT DISTINCT status FROM gradframe.runs") == [("finished",)]
    # A slow machine's use is logged meanwhile, every ten seconds.
    logged = "gradframe.metrics JOIN gradframe.runs USING (run) WHERE name NOT LIKE 'system/%'"
    count = f"SELECT title, count(*) FROM {logged} GROUP BY title ORDER BY title"
    assert rows(session, count) == [("child 0", 200), ("child 1", 200), ("child 2", 200), ("parent", 4)]


def test_what_was_acknowledged_survives_kill_9(tmp_path):
    script = """
        import sys, gradframe as gf
        r = gf.Session(home=sys.argv[1]).run("killed", code=False)
        for step in range(10**9):
            r.log({"loss": step * 0.5, "name with spaces": -step}, step=step)
            print(step, flush=True)
    """
    home = tmp_path / "home"
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script), str(home)], stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        if int(line) == 500:
            break
    child.kill()
    acknowledged = int(([line] + child.stdout.read().splitlines()[:-1])[-1])
    child.wait()
    time.sleep(0.5)
    session = gf.Session(home=home)
    assert rows(session, "SELECT status, error FROM gradframe.runs") == [("failed", "the process ended before the run did")]
    ended = "SELECT ended = (SELECT max(time) FROM gradframe.metrics) FROM gradframe.runs"
    assert rows(session, ended) == [(True,)], "it did not end when somebody looked"
    steps = [step for (step,) in rows(session, "SELECT step FROM gradframe.metrics WHERE name = 'loss' ORDER BY step")]
    assert steps == list(range(len(steps))) and len(steps) > acknowledged
    assert os.listdir(home / "points") == []


def test_files_and_directories_are_kept_once(session, tmp_path):
    (tmp_path / "plots" / "deep").mkdir(parents=True)
    (tmp_path / "plots" / "a.txt").write_text("same")
    (tmp_path / "plots" / "deep" / "b 🦀.txt").write_text("same")
    with session.run("files") as r:
        r.log_artifact(tmp_path / "plots")
        r.log_artifact(tmp_path / "plots" / "a.txt", "renamed/a.txt")
        r.log_text("note", "hello\n")
        r.log_text("sample", "step three", step=3)
    paths = "SELECT path, kind, step, bytes FROM gradframe.artifacts ORDER BY path"
    assert rows(session, paths) == [
        ("note.txt", "text", None, 6),
        ("plots/a.txt", "file", None, 4),
        ("plots/deep/b 🦀.txt", "file", None, 4),
        ("renamed/a.txt", "file", None, 4),
        ("sample/000000003.txt", "text", 3, 10),
    ]
    assert rows(session, "SELECT count(DISTINCT hash) FROM gradframe.artifacts") == [(3,)]
    assert session.artifact(r.id, "plots/a.txt") == session.artifact(r.id[:-2], "renamed/a.txt")
    assert session.artifact(r.id, "note.txt").read_text() == "hello\n"
    with pytest.raises(gf.errors.PlanError, match="note.txt"):
        session.artifact(r.id, "nota.txt")


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../b", "a\\b", "a//b"])
def test_a_name_that_leads_elsewhere_is_refused(session, tmp_path, name):
    file = tmp_path / "x"
    file.write_text("x")
    with session.run("traversal") as r, pytest.raises(gf.errors.PlanError):
        r.log_artifact(file, name)
    with pytest.raises(gf.errors.PlanError):
        session.artifact(r.id, name)


def test_tables_and_histograms_are_read_back_as_tables(session):
    import polars

    with session.run("tables") as r:
        r.log_table("predictions", {"id": [1, 2, 3], "fare": [1.5, None, 2.5]}, step=7)
        r.log_table("frame.parquet", session.sql("SELECT 1 AS a"))
        r.log_table("polars", polars.DataFrame({"x": ["a", "b"]}))
        r.log_histogram("weights", np.array([0.0, 1.0, 1.0, np.nan, np.inf]), bins=2)
        r.log_histogram("given", counts=[1, 2], edges=[0, 1, 2], step=1)
    read = session.read_artifact(r.id, "predictions/000000007.parquet")
    assert read.collect().rows() == [(1, 1.5), (2, None), (3, 2.5)]
    found = f"SELECT sum(fare) FROM read_artifact('{r.id}/predictions/000000007.parquet') WHERE id <> 1"
    assert rows(session, found) == [(2.5,)]
    assert rows(session, f"SELECT * FROM read_artifact('runs:/{r.id}/polars.parquet')") == [("a",), ("b",)]
    assert session.read_artifact(r.id, "weights.parquet").collect().rows() == [(0.0, 0.5, 1), (0.5, 1.0, 2)]
    assert rows(session, "SELECT kind FROM gradframe.artifacts WHERE path = 'given/000000001.parquet'") == [("histogram",)]
    for wrong in ("nothing", f"{r.id}/no.parquet", f"{r.id}/frame.exe"):
        with pytest.raises(gf.errors.PlanError):
            session.sql(f"SELECT * FROM read_artifact('{wrong}')").collect()


def test_an_end_that_could_not_be_written_is_not_said_again_at_the_program_s_end(session):
    class Full:
        id = "full"

        def finish(self, status, why):
            raise OSError("no room")

    run = session.run("full")
    real, run._run = run._run, Full()
    with pytest.raises(OSError, match="no room"):
        run.finish()
    run.finish()
    run._run = real
    with pytest.raises(gf.errors.PlanError, match="expected finished"):
        run.finish("done")
    real.finish("finished", None)


@pytest.mark.filterwarnings("error")
def test_a_histogram_takes_values_as_far_apart_as_floats_are(session):
    with session.run("wide") as r:
        r.log_histogram("wide", [1e308, 0.0, -1e308], bins=4)
    bins = session.read_artifact(r.id, "wide.parquet").collect().rows()
    assert bins == [(-1e308, -5e307, 1), (-5e307, 0.0, 0), (0.0, 5e307, 1), (5e307, 1e308, 1)]


def test_what_cannot_be_logged_is_named(session):
    itself = {"lr": 1}
    itself["again"] = itself
    deep = []
    for _ in range(100_000):
        deep = [deep]
    for wrong, error, words in [
        (lambda r: r.params(itself), ValueError, "holds itself"),
        (lambda r: r.params({"deep": deep}), ValueError, "'deep' is nested too deeply"),
        (lambda r: session.run("x", experiment=5), TypeError, "the experiment is 5, expected a str"),
        (lambda r: r.log([1]), TypeError, r"log: \[1\] is a list, expected names and numbers"),
        (lambda r: r.log_histogram("h", "x"), TypeError, "log_histogram: the values are 'x'"),
        (lambda r: r.log_histogram("h", [1.0, 1.0000000000000002]), ValueError, "log_histogram: no 64 bins between"),
        (lambda r: r.log_table("t", {}), ValueError, "log_table: the table has no columns"),
        (lambda r: r.log_table("t", None), TypeError, "log_table: the table is None"),
        (lambda r: [r.log({"a": 1}, step=2**63 - 1), r.log({"a": 1})], OverflowError, "the step after 9223372036854775807"),
    ]:
        with session.run("wrong") as r, pytest.raises(error, match=words):
            wrong(r)


def test_images_are_png(session):
    with session.run("images") as r:
        r.log_image("grey", np.array([[0, 128, 255]], dtype="uint8"))
        r.log_image("colour", np.linspace(0, 1, 24).reshape(2, 4, 3), step=2)
        r.log_image("bytes", b"\xff\xd8\xff rest")
        for wrong in (np.zeros((2, 2, 7)), np.zeros((2, 2), dtype="int64"), b"no image"):
            with pytest.raises((ValueError, TypeError), match="log_image"):
                r.log_image("wrong", wrong)
    content = session.artifact(r.id, "grey.png").read_bytes()
    assert content.startswith(b"\x89PNG") and content.endswith(b"IEND\xaeB\x60\x82")
    assert rows(session, "SELECT path FROM gradframe.artifacts ORDER BY path") == [
        ("bytes.jpg",),
        ("colour/000000002.png",),
        ("grey.png",),
    ]
    try:
        import PIL.Image
    except ImportError:
        return
    assert np.asarray(PIL.Image.open(session.artifact(r.id, "grey.png"))).tolist() == [[0, 128, 255]]


def test_runs_are_copied_removed_and_what_nothing_has_is_collected(session, tmp_path):
    with session.run("to go", params={"lr": 1}, experiment="e") as r:
        r.log({"loss": 0.5})
        r.log_text("note", "only here")
    assert session.export_run(r.id, tmp_path / "export") == r.id
    other = gf.Session(home=tmp_path / "other")
    assert other.import_runs(tmp_path / "export") == [r.id]
    assert other.artifact(r.id, "note.txt").read_text() == "only here"
    assert rows(other, "SELECT experiment, value FROM gradframe.runs JOIN gradframe.latest USING (run)") == [("e", 0.5)]
    assert session.collect_garbage() == {"objects": 0, "bytes": 0, "versions": 0}
    session.remove_run(r.id)
    assert session.collect_garbage() == {"objects": 1, "bytes": 9, "versions": 0}
    with pytest.raises(gf.errors.PlanError, match="there is no `.*nowhere`"):
        session.import_runs(tmp_path / "nowhere")


def test_a_target_that_ends_with_tar_is_one_file(session, tmp_path):
    create = "CREATE OR REPLACE MODEL fare OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS SELECT 1.0 * i AS x, 2.0 * i AS y FROM generate_series(1, 20) AS t(i)"
    session.sql(create)
    [(run,)] = rows(session, "SELECT run FROM gradframe.runs")
    left = tmp_path / ".run.tar.dead.writing"
    left.write_text("of an export that was killed")
    assert session.export_run(run[:17], tmp_path / "run.tar", data=True) == run
    assert [path.name for path in tmp_path.iterdir() if "run.tar" in path.name] == ["run.tar"] and (tmp_path / "run.tar").is_file()
    other = gf.Session(home=tmp_path / "other")
    assert other.import_runs(tmp_path / "run.tar") == [run]
    with pytest.raises(gf.errors.PlanError, match=r"is no \.tar file.*run\.tar"):
        session.export_run(run, tmp_path / "store", data=True)
    with pytest.raises(gf.errors.PlanError, match="unknown run"):
        session.export_run("nothing", tmp_path / "other.tar")
    assert not (tmp_path / "other.tar").exists()


def test_trainings_within_a_run_name_it_as_their_parent(session):
    frame = session.sql("SELECT 1.0 * i AS x, 2.0 * i AS y FROM generate_series(1, 20) AS t(i)")
    create = "CREATE OR REPLACE MODEL fare OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS "
    query = "SELECT 1.0 * i AS x, 2.0 * i AS y FROM generate_series(1, 20) AS t(i)"
    with session.run("outer") as outer:
        frame.fit(gf.ml.LinearRegression(), "y", name="inside")
        lazy = session.sql(create + query)
        session.sql(create + "SELECT x, y FROM rides", rides=frame)
        with pytest.raises(gf.errors.GradframeError):
            session.sql(create + "SELECT 1.0 AS x, CAST(NULL AS DOUBLE) AS y")
        with gf.Session(in_memory=True).run("elsewhere"):
            frame.fit(gf.ml.LinearRegression(), "y", name="of another session")
    frame.fit(gf.ml.LinearRegression(), "y", name="after")
    lazy.collect()
    parents = """SELECT r.model, r.status, t.value FROM gradframe.runs AS r LEFT JOIN
                 (SELECT run, value FROM gradframe.tags WHERE name = 'mlflow.parentRunId') AS t ON r.run = t.run
                 WHERE r.run <> '%s' ORDER BY r.run""" % outer.id
    assert rows(session, parents) == [
        ("inside", "finished", outer.id),
        ("fare", "finished", outer.id),
        ("fare", "finished", outer.id),
        ("fare", "failed", outer.id),
        ("of another session", "finished", None),
        ("after", "finished", None),
    ]


def test_an_alias_is_a_model_in_sql_and_python(session):
    frame = session.sql("SELECT CAST(i AS DOUBLE) AS x, 2.0 * i AS y FROM generate_series(1, 20) AS t(i)")
    for _ in range(2):
        session.sql(
            "CREATE OR REPLACE MODEL fare OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS "
            "SELECT CAST(i AS DOUBLE) AS x, 2.0 * i AS y FROM generate_series(1, 20) AS t(i)"
        )
    session.set_alias("fare", "champion", 1)
    session.tag_model("fare", 1, {"card": "rides"})
    assert session.promote("fare", "latest", "challenger") == 2
    predicted = session.sql("SELECT count(*) FROM ML.PREDICT(MODEL fare@champion, (SELECT 3.0 AS x))")
    assert predicted.collect().rows() == [(1,)]
    for name in ("fare@champion", "models:/fare@champion", "models:/fare/1", "fare@1"):
        assert session.model(name).name == "fare"
    assert rows(session, "SELECT alias, version FROM gradframe.aliases ORDER BY alias") == [("challenger", 2), ("champion", 1)]
    assert rows(session, "SELECT version, name, value FROM gradframe.model_tags") == [(1, "card", "rides")]
    session.set_alias("fare", "champion", 2)
    assert session.roll_back("fare", "champion") == 1
    assert frame.predict(session.model("fare@champion")).collect().height == 20
    with pytest.raises(gf.errors.PlanError, match="fare@champion"):
        session.model("fare@champoin")
    assert session.remove_alias("fare", "challenger")
    assert session.collect_garbage(keep_versions=1)["versions"] == 0


def test_a_run_that_cannot_be_ended_does_not_hide_why_the_program_failed(session, monkeypatch):
    def fails(run, *_):
        raise gf.errors.ResourcesError("the disk is full")

    monkeypatch.setattr(gf.Run, "finish", fails)
    with pytest.raises(ValueError, match="mine") as raised, session.run("r", code=False) as run:
        raise ValueError("mine")
    assert raised.value.__notes__ == [f"gradframe: run {run.id} cannot be ended: the disk is full"]
    with pytest.raises(gf.errors.ResourcesError, match="the disk is full"), session.run("r", code=False):
        pass


def test_what_could_not_be_logged_uses_no_step_up(session):
    with session.run("r", code=False, resources=False) as r:
        r.log({"a": 0.0})
        for wrong, step in [({"a": None}, None), ({"a": 0.0}, 1 << 70), ({"": 1.0}, 50)]:
            with pytest.raises((TypeError, OverflowError, gf.errors.PlanError)):
                r.log(wrong, step=step)
        r.log({"a": 1.0})
    assert rows(session, "SELECT step FROM gradframe.metrics ORDER BY step") == [(0,), (1,)]


def test_counts_of_histograms_keep_their_fractions(session):
    counts, edges = np.histogram([0.0, 0.1, 0.9, 1.0], bins=2, density=True)
    with session.run("r", code=False) as r:
        r.log_histogram("density", counts=counts / 4, edges=edges)
        r.log_histogram("whole", counts=np.array([1.0, 2.0]), edges=edges)
    density = session.read_artifact(r.id, "density.parquet").collect()
    assert density["count"].to_list() == [0.25, 0.25]
    assert session.read_artifact(r.id, "whole.parquet").collect()["count"].to_list() == [1, 2]
    for counts in ([-1.0, 1.0], [np.nan, 1.0], ["a", "b"]):
        with pytest.raises((TypeError, ValueError), match="log_histogram"):
            r.log_histogram("wrong", counts=counts, edges=edges)


def test_a_directory_that_holds_the_home_is_kept_without_it(tmp_path):
    (tmp_path / "train.py").write_text("pass")
    (tmp_path / "home.txt").write_text("x")
    session = gf.Session(home=tmp_path / "home")
    with session.run("all of it", output=False) as run:
        run.log_artifact(tmp_path, "here")
    paths = session.sql(f"SELECT path FROM gradframe.artifacts WHERE run = '{run.id}' AND starts_with(path, 'here/') ORDER BY path")
    assert paths.collect().rows() == [("here/home.txt",), ("here/train.py",)]


def test_a_collection_keeps_what_an_alias_would_go_back_to(session):
    for _ in range(4):
        session.sql(
            "CREATE OR REPLACE MODEL fare OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS SELECT value * 1.0 AS x, value AS y FROM generate_series(1, 9)"
        )
    session.promote("fare", "1", "champion")
    session.promote("fare", "2", "champion")
    session.collect_garbage(keep_versions=1)
    assert [version for (version,) in session.sql("SELECT version FROM gradframe.models ORDER BY 1").collect().rows()] == [1, 2, 4]
    assert session.roll_back("fare", "champion") == 1


def test_what_is_no_file_is_refused_at_once(session, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "socket"))
    (tmp_path / "file.txt").write_text("x")
    with session.run("r", output=False, code=False) as run:
        for path, what in [(tmp_path / "pipe", "a named pipe"), (tmp_path / "socket", "a socket"), ("/dev/null", "a device")]:
            with pytest.raises(gf.errors.PlanError, match=f"`{path}` is {what}"):
                run.log_artifact(path)
        with pytest.warns(UserWarning, match="left out of .*they are no files: `pipe`, `socket`"):
            run.log_artifact(tmp_path, "here")
    listening.close()
    assert rows(session, "SELECT path FROM gradframe.artifacts") == [("here/file.txt",)]


def test_a_model_that_others_were_trained_on_goes_with_a_word(session):
    session.sql("CREATE MODEL first OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS SELECT value * 1.0 AS x, value AS y FROM generate_series(1, 9)")
    predicted = "SELECT predicted_y AS x, x AS y FROM ML.PREDICT(MODEL first, (SELECT value * 1.0 AS x FROM generate_series(1, 9)))"
    session.sql(f"CREATE MODEL second OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS {predicted}")
    session.sql("CREATE OR REPLACE MODEL first OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS SELECT value * 1.0 AS x, value AS y FROM generate_series(1, 9)")
    with pytest.warns(UserWarning, match="model `first` is gone, and runs of `second` were trained by queries that read from it"):
        session.sql("DROP MODEL first")
    assert rows(session, "SELECT model FROM gradframe.models") == [("second",)]
