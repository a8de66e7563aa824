"""Runs that Python logs, and how they are read."""

import math
import multiprocessing
import os
import subprocess
import sys
import textwrap

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
    assert rows(session, "SELECT name, value FROM gradframe.tags") == [("team", "a")]
    loss = "SELECT step, value FROM gradframe.metrics WHERE name = 'loss' ORDER BY step"
    assert rows(session, loss) == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    latest = "SELECT name, step, value, points, min, max FROM gradframe.latest ORDER BY name"
    assert rows(session, latest) == [("accuracy", 2, 2.0, 3, 0.0, 2.0), ("loss", 2, 1 / 3, 3, 1 / 3, 1.0)]
    version = "SELECT value FROM gradframe.runs JOIN gradframe.environments USING (environment) WHERE name = 'numpy'"
    assert rows(session, version) == [(np.__version__,)]


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
        ({"good": 1.0, "bad": [1]}, TypeError, "'bad' is a list"),
        ({"a": 10**400}, OverflowError, "too large"),
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
    for late in (lambda: r.log({"x": 1}), r.finish, lambda: r.params({"a": 1}), lambda: r.tags({"a": 1})):
        with pytest.raises(gf.errors.PlanError, match="has ended"):
            late()
    assert rows(session, "SELECT value FROM gradframe.tags") == [("b",)]
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
    count = "SELECT title, count(*) FROM gradframe.metrics JOIN gradframe.runs USING (run) GROUP BY title ORDER BY title"
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
    session = gf.Session(home=home)
    assert rows(session, "SELECT status, error FROM gradframe.runs") == [("failed", "the process ended before the run did")]
    steps = [step for (step,) in rows(session, "SELECT step FROM gradframe.metrics WHERE name = 'loss' ORDER BY step")]
    assert steps == list(range(len(steps))) and len(steps) > acknowledged
    assert os.listdir(home / "points") == []
