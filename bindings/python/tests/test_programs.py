"""Programs with loops of their own: the rows behind a step, and the whole program once more."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

import gradframe as gf

TRAIN = """
import random, sys
import gradframe as gf

for seed in (1, 2):
    random.seed(seed)
    with gf.run(f"seed {seed}", seed=seed, resources=0.01) as run:
        for step in range(5):
            run.log({"loss": random.random() * float(sys.argv[1])}, step=step)
"""


def in_order(session, run, step, frame=None):
    return [x for (x,) in session.batch_rows(run, step, frame=frame).select("x").collect().rows()]


def looped(session, frame, **options):
    """A run over two epochs, and what was in its loop at each step."""
    seen, step = {}, 10
    with session.run("own loop") as run:
        run.log({"before": 1}, step=9)
        loader = run.iter_batches(frame, 16, batch_format="numpy", **options)
        for _ in range(2):
            for batch in loader:
                run.log({"loss": float(batch["x"].mean())}, step=step)
                seen[step] = batch["x"].tolist()
                step += 1
    return run.id, seen


@pytest.mark.parametrize(
    "options",
    [{}, {"shuffle": True, "seed": 3}, {"shuffle": True, "rank": 1, "world_size": 2}, {"worker": 1, "num_workers": 3}],
    ids=str,
)
def test_the_rows_behind_a_step_of_a_loop_of_ones_own(session, options):
    session.sql("CREATE TABLE rides AS SELECT value AS x FROM generate_series(1, 100)").collect()
    run, seen = looped(session, session.table("rides"), **options)
    for step in (min(seen), min(seen) + 1, max(seen)):
        assert in_order(session, run, step) == seen[step], step
    joined = f"SELECT count(*) FROM gradframe.batch_rows('{run}', 10) AS b JOIN rides USING (x)"
    assert session.sql(joined).collect().rows() == [(len(seen[10]),)]
    with pytest.raises(gf.errors.PlanError, match="nothing at step 9 while a batch was in its loop"):
        session.batch_rows(run, 9)
    with pytest.raises(gf.errors.PlanError, match="nothing at step 99"):
        session.batch_rows(run, 99)


def test_rows_without_a_name_need_their_frame_and_changed_files_are_said(session, tmp_path):
    own = gf.DataFrame({"x": list(range(40))})
    run, seen = looped(session, own, shuffle=True)
    with pytest.raises(gf.errors.PlanError, match="a frame of its program.*frame=frame"):
        session.batch_rows(run, 10)
    assert in_order(session, run, 10, frame=own) == seen[10]

    file = tmp_path / "rides.csv"
    file.write_text("x\n" + "\n".join(map(str, range(50))) + "\n")
    of_file = session.sql(f"SELECT * FROM '{file}'")
    run, seen = looped(session, of_file)
    assert in_order(session, run, 11) == in_order(session, run, 11, frame=of_file) == seen[11]
    file.write_text("x\n" + "\n".join(map(str, range(51))) + "\n")
    with pytest.raises(gf.errors.ExecutionError, match="rides.csv.*has changed since"):
        session.batch_rows(run, 11, frame=of_file)


def started(tmp_path, program, *words):
    """The home and the file of a program that was run as a user runs it."""
    file = tmp_path / "train.py"
    file.write_text(textwrap.dedent(program))
    subprocess.run([sys.executable, "train.py", *words], cwd=tmp_path, env=at_home(tmp_path / "home"), check=True)
    return gf.Session(home=tmp_path / "home"), file


def at_home(home):
    return {**os.environ, "GRADFRAME_HOME": str(home)}


def newest(session):
    return session.sql("SELECT max(run) FROM gradframe.runs").collect().rows()[0][0]


def by_command(home, *words):
    """What `gradframe runs replay` does and says."""
    program = "from gradframe._command import main; main()"
    command = [sys.executable, "-c", program, "runs", "replay", *words, "--home", str(home), "--format", "json"]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_program_is_started_again_and_each_value_compared(tmp_path):
    session, file = started(tmp_path, TRAIN, "2.5")
    run = newest(session)
    with pytest.warns(UserWarning, match="not compared: data"):
        again, values, differences = session.replay_run(run)
    assert values == 5 and differences.rows() == []
    titles = session.sql(f"SELECT title FROM gradframe.runs WHERE run = '{again}'").collect().rows()
    assert titles == [(f"replay of {run}",)]

    file.write_text(file.read_text().replace("random.random()", "(random.random() + (step == 3))"))
    with pytest.warns(UserWarning):
        _, values, differences = session.replay_run(run)
    code, (what, name, before, now) = differences.rows()
    assert code[:2] == ("code", "train.py") and code[2] != code[3]
    assert (what, name) == ("value", "loss at step 3") and float(now) == pytest.approx(float(before) + 2.5)

    file.write_text("import sys; sys.exit(3)")
    with pytest.raises(gf.errors.ExecutionError, match="logged no run into this store again, and has ended with exit status: 3"):
        session.replay_run(run)
    file.write_text(TRAIN + "\nsys.exit(3)")
    with pytest.raises(gf.errors.ExecutionError, match="ended with exit status: 3, its run is"):
        session.replay_run(run)


def test_the_command_replays_a_program_and_says_what_it_cannot_compare(tmp_path):
    session, file = started(tmp_path, TRAIN, "2.5")
    run = newest(session)
    done = by_command(tmp_path / "home", run)
    assert done.returncode == 0 and json.loads(done.stdout) == [], done.stderr
    assert f"train.py 2.5, in {tmp_path}" in done.stderr and "5 values are equal, bit for bit" in done.stderr, done.stderr
    assert "not compared: data: the run names no data set" in done.stderr, done.stderr
    file.write_text(file.read_text().replace("range(5)", "range(4)"))
    done = by_command(tmp_path / "home", run)
    assert done.returncode == 1 and "1 of 5 values" in done.stderr, done.stderr
    assert [(d["what"], d["name"]) for d in json.loads(done.stdout)] == [("code", "train.py"), ("value", "loss at step 4")]
    file.unlink()
    done = by_command(tmp_path / "home", run)
    assert done.returncode != 0 and "train.py" in done.stderr, done.stderr


WITH_DATA = """
import pathlib, subprocess
import gradframe as gf
import helper

rides = gf.scan_csv("rides.csv")
with gf.run("with data", params={"lr": helper.RATE}) as run:
    run.log_input(gf.scan_csv("held_out.csv"), "held out", role="validation")
    step = 0
    for batch in run.iter_batches(rides, 8, batch_format="numpy", shuffle=True, seed=5):
        run.log({"mean": float(batch["x"].mean())}, step=step)
        step += 1
    run.log_table("rows", {"x": [helper.RATE]})
    run.log_text("note", "all well")
"""


def test_code_in_a_repository_data_and_contents_are_told_exactly(tmp_path):
    def git(*words):
        named = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *named, *words], cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "helper.py").write_text("RATE = 0.5\n")
    for name in ("rides.csv", "held_out.csv"):
        (tmp_path / name).write_text("x\n" + "\n".join(map(str, range(40))) + "\n")
    (tmp_path / "train.py").write_text(WITH_DATA)
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    session, _ = started(tmp_path, WITH_DATA)
    run = newest(session)
    _, values, differences = session.replay_run(run)
    assert differences.rows() == [] and values == 5 + 5 + 2

    (tmp_path / "helper.py").write_text("RATE = 0.25\n")
    with open(tmp_path / "held_out.csv", "a") as file:
        file.write("41\n")
    again, _, differences = session.replay_run(run)
    found = {(what, name.split("/")[-1]): (before, now) for what, name, before, now in differences.rows()}
    assert set(found) == {
        ("code", "helper.py"),
        ("code", "helper.py beyond the commit"),
        ("code", "held_out.csv beyond the commit"),
        ("file", "held_out.csv"),
        ("param", "lr"),
        ("value", "rows.parquet"),
    }
    assert "-RATE = 0.5\n+RATE = 0.25" in found["code", "helper.py beyond the commit"][1]
    assert found["param", "lr"] == ("0.5", "0.25")
    sets = session.sql(f"SELECT role, name, kind FROM gradframe.datasets WHERE run = '{again}' ORDER BY role").collect().rows()
    assert sets == [("loader", "loader", "loader"), ("validation", "held out", "query")]


def test_a_run_from_another_store_starts_nothing_unasked(tmp_path):
    session, _ = started(tmp_path, TRAIN, "2.5")
    run = newest(session)
    session.export_run(run, tmp_path / "elsewhere")
    elsewhere = gf.Session(home=tmp_path / "elsewhere")
    with pytest.raises(gf.errors.PlanError, match=r"logged by a program elsewhere: .*train.py 2.5, in .*--program"):
        elsewhere.replay_run(run)
    with pytest.warns(UserWarning):
        _, values, differences = elsewhere.replay_run(run, program=True)
    assert values == 5 and differences.rows() == []


def test_what_cannot_be_started_again_says_so(session):
    with session.run("without code", code=False) as run:
        run.log({"x": 1})
    with pytest.raises(gf.errors.PlanError, match="started by no statement that is kept"):
        session.replay_run(run.id)
    with pytest.raises(gf.errors.PlanError, match="how the program was started .* is not known"):
        session.replay_run(run.id, program=True)
    with pytest.raises(gf.errors.PlanError, match="unknown run"):
        session.replay_run("nothing", program=True)
    with pytest.raises(gf.errors.PlanError, match="`frame` goes with program=False"):
        session.replay_run(run.id, frame=session.sql("SELECT 1 AS x"), program=True)


WITH_MEMORY = """
import gradframe as gf

with gf.run("in memory") as run:
    run.log_input(gf.read_csv("rides.csv"), "rides")
    run.log({"loss": 1.0}, step=0)
"""


def test_data_in_memory_that_have_changed_are_told(tmp_path):
    (tmp_path / "rides.csv").write_text("x,y\n1,a\n2,b\n")
    session, _ = started(tmp_path, WITH_MEMORY)
    run = newest(session)
    _, _, differences = session.replay_run(run)
    assert differences.rows() == []
    [(digest, count)] = session.sql(f"SELECT digest, rows FROM gradframe.datasets WHERE run = '{run}'").collect().rows()
    assert len(digest) == 32 and count == 2
    (tmp_path / "rides.csv").write_text("x,y\n1,a\n3,b\n")
    _, _, differences = session.replay_run(run)
    assert [(what, name) for what, name, _, _ in differences.rows()] == [("data", "training digest")]


def test_changed_rows_are_not_packed_as_those_of_a_training(tmp_path):
    data = tmp_path / "rides.csv"
    data.write_text("x,y\n" + "\n".join(f"{i},{2 * i}" for i in range(30)) + "\n")
    session = gf.Session(home=tmp_path / "home")
    session.sql(f"CREATE MODEL rides OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS SELECT x, y FROM '{data}'")
    [(run,)] = session.sql("SELECT run FROM gradframe.runs").collect().rows()
    session.export_run(run, tmp_path / "whole.tar", data=True)
    data.write_text(data.read_text().replace("\n3,6\n", "\n3,7\n"))
    with pytest.raises(gf.errors.ExecutionError, match="have changed since it was trained: `.*rides.csv` is another"):
        session.export_run(run, tmp_path / "changed.tar", data=True)
    assert not (tmp_path / "changed.tar").exists()
    session.export_run(run, tmp_path / "without.tar")
    data.unlink()
    elsewhere = gf.Session(home=tmp_path / "elsewhere")
    elsewhere.import_runs(tmp_path / "whole.tar")
    _, values, differences = elsewhere.replay_run(run)
    assert values > 0 and all(what != "value" for what, *_ in differences.rows())
