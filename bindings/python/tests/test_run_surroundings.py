"""What a run keeps without being asked: what is printed, and what is used of the machine."""

import contextvars
import os
import subprocess
import sys
import threading
import time

import pytest

import gradframe as gf


def rows(session, sql):
    return session.sql(sql).collect().rows()


def test_what_is_printed_is_kept_and_seen(session, capsys):
    before = sys.stdout, sys.stderr
    with session.run("talks") as run:
        print("one é 🦀")
        print("two", file=sys.stderr)
        thread = threading.Thread(target=print, args=("three",))
        thread.start()
        thread.join()
        assert sys.stdout.encoding and not sys.stdout.closed
    assert (sys.stdout, sys.stderr) == before
    print("after")
    assert session.artifact(run.id, "system/output.txt").read_text() == "one é 🦀\ntwo\nthree\n"
    seen = capsys.readouterr()
    assert (seen.out, seen.err) == ("one é 🦀\nthree\nafter\n", "two\n")


def test_runs_in_one_another_each_keep_what_was_printed_in_them(session):
    with session.run("outer") as outer:
        print("a")
        with session.run("inner") as inner:
            print("b")
        print("c")
    assert session.artifact(outer.id, "system/output.txt").read_text() == "a\nb\nc\n"
    assert session.artifact(inner.id, "system/output.txt").read_text() == "b\n"


def test_runs_that_overlap_leave_no_streams_behind(session):
    def begun(name):
        """A run in the block of which another thread is."""
        context, run = contextvars.copy_context(), session.run(name)
        context.run(run.__enter__)
        return run, lambda: context.run(run.__exit__, None, None, None)

    before = sys.stdout, sys.stderr
    run, end = begun("first")
    for turn in range(3):
        following, end_following = begun(f"run {turn}")
        print(turn)
        end()
        run, end = following, end_following
        assert sys.stdout.stream is before[0]
    end()
    assert (sys.stdout, sys.stderr) == before
    assert session.artifact(run.id, "system/output.txt").read_text() == "2\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_what_a_forked_child_prints_is_not_the_runs(session):
    with session.run("forks") as run:
        print("before")
        # More than is held in memory: a file that the child has at the same place.
        sys.stdout.outputs[0]._file.rollover()
        child = os.fork()
        if child == 0:
            print("child " * 100)
            os._exit(0)
        os.waitpid(child, 0)
        print("after")
    assert session.artifact(run.id, "system/output.txt").read_text() == "before\nafter\n"


def test_what_was_printed_before_a_failure_is_kept(session):
    with pytest.raises(ZeroDivisionError), session.run("fails") as run:
        print("before")
        1 / 0
    assert session.artifact(run.id, "system/output.txt").read_text() == "before\n"


def test_silence_and_no_wish_keep_nothing(session):
    with session.run("silent"):
        pass
    before = sys.stdout
    with session.run("not asked", output=False):
        assert sys.stdout is before
        print("x")
    assert rows(session, "SELECT count(*) FROM gradframe.artifacts") == [(0,)]


def test_another_stream_put_there_meanwhile_stays(session, monkeypatch):
    class Other:
        def write(self, text):
            return len(text)

        def flush(self):
            pass

    other = Other()
    before = sys.stdout
    with session.run("replaced"):
        print("kept")
        sys.stdout = other
    assert sys.stdout is other
    sys.stdout = before


@pytest.mark.skipif(sys.platform != "linux", reason="what is used is known on Linux only")
def test_what_is_used_is_sampled_over_time(session):
    with session.run("busy", resources=0.1) as run:
        until = time.monotonic() + 10
        while not rows(session, "SELECT 1 FROM gradframe.latest WHERE name = 'system/cpu_percent' AND step >= 2"):
            assert time.monotonic() < until
            sum(range(100_000))
        run.log({"loss": 1.0})
    found = {name: value for name, value in rows(session, "SELECT name, value FROM gradframe.latest")}
    assert found["system/cpu_percent"] > 1 and found["system/memory_bytes"] > 1e6 and found["system/machine_memory_bytes"] > 1e6
    assert {"system/read_bytes_per_second", "system/written_bytes_per_second", "system/machine_cpu_percent"} < set(found)
    points = rows(session, "SELECT count(*) FROM gradframe.metrics")
    time.sleep(0.3)
    assert rows(session, "SELECT count(*) FROM gradframe.metrics") == points, "an ended run is sampled no more"


def test_what_is_used_is_not_sampled_if_not_wanted(session):
    with session.run("quiet", resources=False):
        time.sleep(0.2)
    assert rows(session, "SELECT count(*) FROM gradframe.metrics") == [(0,)]
    for wrong in (0, -1, float("nan")):
        with pytest.raises(gf.errors.PlanError, match="resources"):
            session.run("wrong", resources=wrong)


CREATE = "CREATE MODEL line OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS SELECT CAST(value AS DOUBLE) AS x, 2.0 * value AS y FROM generate_series(1, 20)"
PACKAGES = """SELECT e.name, e.value FROM gradframe.environments AS e JOIN gradframe.runs AS r ON e.environment = r.environment
    WHERE e.kind = 'package' AND r.run = '{}'"""


@pytest.fixture
def repository(tmp_path):
    """A repository with one file, which was changed since."""
    place = tmp_path / "code"
    place.mkdir()
    (place / "train.py").write_text("lr = 1\n")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(place)]
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "first"]):
        subprocess.run([*git, *words], check=True)
    (place / "train.py").write_text("lr = 2\n")
    return place


def of_training(session):
    [(run, commit, diff)] = rows(session, "SELECT run, commit, diff FROM gradframe.runs WHERE model IS NOT NULL")
    return commit, diff, dict(rows(session, PACKAGES.format(run)))


@pytest.mark.parametrize("way", ["sql", "fit"])
def test_a_training_keeps_its_code_and_its_packages(tmp_path, repository, way):
    session = gf.Session(home=tmp_path / "home", code=repository)
    if way == "sql":
        session.sql(CREATE)
    else:
        session.sql("SELECT value AS x, 2.0 * value AS y FROM generate_series(1, 20)").fit(gf.ml.LinearRegression(), "y", name="line")
    commit, diff, packages = of_training(session)
    assert len(commit) == 40 and "+lr = 2" in diff
    assert packages["pytest"] == pytest.__version__


def test_who_asks_for_no_code_has_none_kept(tmp_path, repository):
    session = gf.Session(home=tmp_path / "home", code=False)
    session.sql(CREATE)
    commit, diff, packages = of_training(session)
    assert (commit, diff) == (None, None) and "pytest" in packages
    within = gf.Session(home=tmp_path / "other", code=repository)
    with within.run("silent", code=False):
        within.sql(CREATE)
    assert rows(within, "SELECT commit, diff FROM gradframe.runs") == [(None, None)] * 2


def test_the_command_line_of_python_keeps_both_too_and_replays_without_a_difference(tmp_path, repository):
    def command(*words):
        command = [sys.executable, "-m", "gradframe", *words, "--home", str(tmp_path / "home")]
        return subprocess.run(command, cwd=repository, check=True, capture_output=True, text=True).stdout

    command("sql", "-c", CREATE)
    session = gf.Session(home=tmp_path / "home")
    commit, diff, packages = of_training(session)
    assert len(commit) == 40 and "+lr = 2" in diff and "pytest" in packages
    [(run,)] = rows(session, "SELECT run FROM gradframe.runs")
    said = command("runs", "replay", run)
    assert "package" not in said and "code" not in said, said
    command("sql", "--no-code", "-c", CREATE.replace("MODEL line", "MODEL other"))
    assert rows(session, "SELECT commit FROM gradframe.runs WHERE model = 'other'") == [(None,)]
