"""A run that begins while its store is away: nobody listens at port 1."""

import pytest

import gradframe as gf

AWAY = "postgresql://ann:secret@127.0.0.1:1/runs"


def test_a_run_begins_and_ends_without_its_store(tmp_path):
    session = gf.Session(home=tmp_path, store=AWAY)
    with pytest.warns(UserWarning, match="has begun without its store") as begun:
        run = session.run("far", params={"lr": 0.1}, tags={"team": "a"}, experiment="e", seed=7)
    [warning] = [str(of.message) for of in begun if run.id in str(of.message)]
    assert "127.0.0.1:1" in warning and str(tmp_path) in warning and "secret" not in warning
    for step in range(100):
        run.log({"loss": 1 / (step + 1)}, step=step)
    run.params({"depth": 3})
    with pytest.raises(gf.errors.PlanError, match="`lr` is `0.1` already"):
        run.params({"lr": 0.2})
    run.tags({"team": "b"})
    run.log_table("rows", {"x": [1, 2]})
    with pytest.warns(UserWarning, match=f"{run.id} has ended"):
        run.finish()
    assert len(list(tmp_path.glob("shared/*/outbox/*.begun"))) == 1
    with pytest.raises(gf.errors.ExternalError, match="no server answers"):
        session.sql("SELECT * FROM gradframe.runs").collect()
