"""Trainings of scikit-learn that become runs by themselves."""

import warnings

import numpy as np
import pytest

import gradframe as gf

sklearn = pytest.importorskip("sklearn")
from sklearn.cluster import KMeans
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(1)
X = rng.normal(size=(200, 3))
classes = X[:, 0] + 0.3 * rng.normal(size=200) > 0


@pytest.fixture
def log(session):
    with gf.autolog.sklearn(session=session, experiment="auto"):
        yield session


def rows(session, sql):
    return session.sql(sql).collect().rows()


def metrics(session):
    return dict(rows(session, "SELECT name, value FROM gradframe.latest WHERE NOT starts_with(name, 'system/')"))


def test_a_classifier_is_a_run_with_its_params_and_scores(log):
    model = LogisticRegression(C=0.5).fit(X, classes)
    assert rows(log, "SELECT title, experiment, status FROM gradframe.runs") == [("LogisticRegression", "auto", "finished")]
    assert dict(rows(log, "SELECT name, value FROM gradframe.params"))["C"] == "0.5"
    assert ("estimator_name", "LogisticRegression") in rows(log, "SELECT name, value FROM gradframe.tags")
    found = metrics(log)
    assert found["training_accuracy_score"] == model.score(X, classes)
    expected = {"precision_score", "recall_score", "f1_score", "accuracy_score", "log_loss", "roc_auc"}
    assert set(found) == {"fit_seconds"} | {f"training_{name}" for name in expected}


def test_a_regressor_is_scored_by_its_errors(log):
    LinearRegression().fit(X, y=X.sum(axis=1))
    found = metrics(log)
    assert found["training_r2_score"] == pytest.approx(1) and found["training_mean_squared_error"] < 1e-20


def test_what_is_inside_a_fit_is_part_of_it(log):
    make_pipeline(StandardScaler(), LogisticRegression()).fit(X, classes)
    RandomForestClassifier(n_estimators=4, n_jobs=2).fit(X, classes)
    assert [title for (title,) in rows(log, "SELECT title FROM gradframe.runs ORDER BY run")] == ["Pipeline", "RandomForestClassifier"]


def test_a_search_keeps_its_candidates(log):
    GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0, 10.0]}, cv=3).fit(X, classes)
    [(run,)] = rows(log, "SELECT run FROM gradframe.runs")
    assert 0.8 < metrics(log)["best_cv_score"] <= 1
    assert "best_C" in dict(rows(log, "SELECT name, value FROM gradframe.tags"))
    assert log.read_artifact(run, "cv_results.parquet").collect().height == 3


def test_inherited_fits_and_clusterings_are_runs_and_transformers_are_none(log):
    GradientBoostingClassifier(n_estimators=3).fit(X, classes)
    KMeans(2, n_init=1).fit(X)
    StandardScaler().fit(X)
    assert rows(log, "SELECT title FROM gradframe.runs ORDER BY run") == [("GradientBoostingClassifier",), ("KMeans",)]


def test_a_fit_that_fails_is_a_failed_run_and_fails_as_before(log):
    with pytest.raises(ValueError, match="inconsistent"):
        LogisticRegression().fit(X, classes[:10])
    [(status, error)] = rows(log, "SELECT status, error FROM gradframe.runs")
    assert status == "failed" and "inconsistent" in error


def test_in_a_run_the_first_fit_goes_to_it(log):
    with log.run("mine") as mine:
        LogisticRegression(C=0.5).fit(X, classes)
        KMeans(2, n_init=1).fit(X)
        mine.log({"own": 1.0})
    with pytest.raises(ValueError), log.run("fails"):
        LinearRegression().fit(X, None)
    found = rows(log, "SELECT title, status FROM gradframe.runs ORDER BY title")
    assert found == [("KMeans", "finished"), ("fails", "failed"), ("mine", "finished")]
    of_mine = dict(rows(log, f"SELECT name, value FROM gradframe.params WHERE run = '{mine.id}'"))
    assert of_mine["C"] == "0.5"
    logged = {name for (name,) in rows(log, f"SELECT name FROM gradframe.latest WHERE run = '{mine.id}'")}
    assert {"own", "training_accuracy_score", "fit_seconds"} <= logged
    parents = "SELECT title, value FROM gradframe.tags JOIN gradframe.runs USING (run) WHERE name = 'mlflow.parentRunId'"
    assert rows(log, parents) == [("KMeans", mine.id)]


def test_stopped_nothing_is_left_of_it(session):
    before = {kind: vars(kind).get("fit") for kind in (LogisticRegression, GradientBoostingClassifier, GridSearchCV)}
    log = gf.autolog.sklearn(session=session)
    assert gf.autolog.sklearn(session=session) is not log, "the later one is the one that logs"
    cross_val_score(LogisticRegression(), X, classes, cv=2)
    log.stop()
    LogisticRegression().fit(X, classes)
    assert rows(session, "SELECT count(*) FROM gradframe.runs") == [(2,)]
    assert before == {kind: vars(kind).get("fit") for kind in before}


def test_what_cannot_be_logged_is_a_warning_and_the_fit_goes_on(tmp_path):
    (tmp_path / "file").write_text("no directory")
    with gf.autolog.sklearn(session=gf.Session(home=tmp_path / "file" / "home")), pytest.warns(UserWarning, match="is not logged"):
        assert LogisticRegression().fit(X, classes).score(X, classes) > 0.8
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LogisticRegression().fit(X, classes)
