"""Programs with loops of their own: the rows behind a step, and the whole program once more."""

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
    run, seen = looped(session, session.sql(f"SELECT * FROM '{file}'"))
    assert in_order(session, run, 11) == seen[11]
    file.write_text("x\n" + "\n".join(map(str, range(51))) + "\n")
    with pytest.raises(gf.errors.ExecutionError, match="rides.csv.*has changed since"):
        session.batch_rows(run, 11)


def started(tmp_path, program, *words):
    file = tmp_path / "train.py"
    file.write_text(textwrap.dedent(program))
    environment = {**os.environ, "GRADFRAME_HOME": str(tmp_path / "home")}
    subprocess.run([sys.executable, "train.py", *words], cwd=tmp_path, env=environment, check=True)
    return gf.Session(home=tmp_path / "home"), file


def newest(session):
    return session.sql("SELECT max(run) FROM gradframe.runs").collect().rows()[0][0]


def test_a_program_is_started_again_and_each_value_compared(tmp_path):
    session, file = started(tmp_path, TRAIN, "2.5")
    run = newest(session)
    with pytest.raises(gf.errors.PlanError, match=r"logged by a program: .*train.py 2.5, in .*--program"):
        session.replay_run(run)
    again, values, differences = session.replay_run(run, program=True)
    assert values == 5 and differences.collect().rows() == []
    titles = session.sql(f"SELECT title FROM gradframe.runs WHERE run = '{again}'").collect().rows()
    assert titles == [(f"replay of {run}",)]

    file.write_text(file.read_text().replace("random.random()", "(random.random() + (step == 3))"))
    _, values, differences = session.replay_run(run, program=True)
    [(what, name, before, now)] = differences.collect().rows()
    assert (what, name) == ("value", "loss at step 3") and float(now) == pytest.approx(float(before) + 2.5)

    file.write_text("import sys; sys.exit(3)")
    with pytest.raises(gf.errors.ExecutionError, match="logged no run into this store again, and has ended with exit status: 3"):
        session.replay_run(run, program=True)
    file.write_text(TRAIN + "\nsys.exit(3)")
    with pytest.raises(gf.errors.ExecutionError, match="ended with exit status: 3, its run is"):
        session.replay_run(run, program=True)


def test_what_cannot_be_started_again_says_so(session):
    with session.run("without code", code=False) as run:
        run.log({"x": 1})
    with pytest.raises(gf.errors.PlanError, match="how the program was started .* is not known"):
        session.replay_run(run.id, program=True)
    with pytest.raises(gf.errors.PlanError, match="unknown run"):
        session.replay_run("nothing", program=True)
