"""Trainings over files that are named by relative paths, replayed where those mean nothing."""

import pytest

import gradframe as gf

TRAINING = "CREATE MODEL fare OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS SELECT x, y FROM {}"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A directory with files that trainings name by relative paths: they are started there."""
    place = tmp_path / "project"
    (place / "data" / "deep").mkdir(parents=True)
    (place / "sub").mkdir()
    rows = "".join(f"{x},{3 * x + x % 7}\n" for x in range(60))
    (place / "data.csv").write_text("x,y\n" + rows)
    for name in ("a", "b"):
        (place / "data" / f"{name}.csv").write_text("x,y\n" + rows)
    monkeypatch.chdir(place)
    return place


@pytest.mark.parametrize(
    "source",
    ["'data.csv'", "'./data.csv'", "read_csv('data.csv', header => true)", "'data/*.csv'", "'data'", "'../project/data.csv'"],
)
def test_a_training_replays_from_another_directory(project, monkeypatch, source):
    session = gf.Session(home=project / "home")
    session.sql(TRAINING.format(source))
    run = session.sql("SELECT run FROM gradframe.runs").collect().item()
    for place in (project / "sub", project.parent, project):
        monkeypatch.chdir(place)
        _, values, differences = session.replay_run(run)
        assert values > 2 and differences.rows() == [], place
        assert session.sql(f"SELECT count(*) FROM gradframe.batch_rows('{run}', 1)").collect().item() > 0


def test_a_path_that_means_something_here_is_that(project, monkeypatch):
    session = gf.Session(home=project / "home")
    session.sql(TRAINING.format("'data.csv'"))
    run = session.sql("SELECT run FROM gradframe.runs").collect().item()
    (project / "sub" / "data.csv").write_text("x,y\n" + "".join(f"{x},{x}\n" for x in range(60)))
    monkeypatch.chdir(project / "sub")
    _, _, differences = session.replay_run(run)
    assert any(what == "file" for what, *_ in differences.rows())


def test_an_error_names_both_places(project, monkeypatch):
    session = gf.Session(home=project / "home")
    session.sql(TRAINING.format("'data.csv'"))
    run = session.sql("SELECT run FROM gradframe.runs").collect().item()
    packed = project / "run.tar"
    session.export_run(run, packed)
    other = gf.Session(home=project / "other")
    [run] = other.import_runs(packed)
    monkeypatch.chdir(project / "sub")
    assert other.replay_run(run)[2].rows() == []
    (project / "data.csv").unlink()
    with pytest.raises(gf.errors.PlanError) as caught:
        other.replay_run(run)
    said = str(caught.value)
    assert "no such file `data.csv`" in said and str(project / "sub") in said and f"`{project / 'data.csv'}`" in said
    assert run in said and "--data" in said
