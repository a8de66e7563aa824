"""Other libraries log into a run by their own callbacks."""

import contextlib
import copy
import pickle
import subprocess
import sys
import types

import numpy as np
import pytest

import gradframe as gf


def logged(session, run):
    rows = session.sql(f"SELECT name, step, value FROM gradframe.metrics WHERE run = '{run.id}' ORDER BY name, step").collect().rows()
    return {name: [value for of, _, value in rows if of == name] for name in {row[0] for row in rows}}


def params(session, run):
    return dict(session.sql(f"SELECT name, value FROM gradframe.params WHERE run = '{run.id}'").collect().rows())


def test_the_package_imports_none_of_them():
    libraries = ["sklearn", "lightgbm", "xgboost", "lightning", "transformers"]
    program = f"import sys, gradframe; print([name for name in {libraries} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip() == "[]"


def test_lightgbm(session):
    lightgbm = pytest.importorskip("lightgbm")
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 3))
    data = lightgbm.Dataset(X, X.sum(axis=1))
    with session.run("boosted", params={"learning_rate": "chosen before"}, code=False) as run:
        lightgbm.train(
            {"objective": "l2", "verbose": -1, "learning_rate": 0.1},
            data,
            num_boost_round=5,
            valid_sets=[data],
            valid_names=["train"],
            callbacks=[gf.callbacks.lightgbm(run)],
        )
    curve = logged(session, run)["train.l2"]
    assert len(curve) == 5 and curve == sorted(curve, reverse=True)
    assert params(session, run)["objective"] == "l2" and params(session, run)["learning_rate"] == "chosen before"


def test_sklearn(session):
    callback = pytest.importorskip("sklearn.callback")
    assert callback
    from sklearn.linear_model import LogisticRegression

    if not hasattr(LogisticRegression, "set_callbacks"):
        pytest.skip("this scikit-learn's estimators take no callbacks")
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 3))
    with session.run("logistic", code=False) as run:
        LogisticRegression(C=0.5).set_callbacks(gf.callbacks.sklearn(run)).fit(X, X[:, 0] > 0)
    assert params(session, run)["C"] == "0.5"
    assert all(score > 0.5 for score in logged(session, run).get("LogisticRegression.score", [1.0]))


def search(*, on):
    """A search over two candidates in two folds, with the callback on the search, on its estimator, or on both."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    def fit(callback, X, y):
        estimator = LogisticRegression(max_iter=3)
        estimator = estimator.set_callbacks(callback) if "estimator" in on else estimator
        made = GridSearchCV(estimator, {"C": [1, 2]}, cv=2)
        (made.set_callbacks(callback) if "search" in on else made).fit(X, y)

    return fit


def cross_validation(callback, X, y):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    cross_val_score(LogisticRegression(max_iter=3).set_callbacks(callback), X, y, cv=2)


def two_fits(callback, X, y):
    from sklearn.linear_model import LogisticRegression

    estimator = LogisticRegression(max_iter=3).set_callbacks(callback)
    estimator.fit(X, y)
    estimator.set_params(C=2).fit(X, y)


@pytest.mark.parametrize(
    ("fit", "curves", "others"),
    [
        (search(on=["estimator"]), ["fit1.score", "fit2.score", "fit3.score", "fit4.score", "score"], {"fit3.C": "2", "fit4.C": "2"}),
        (search(on=["search"]), [], {}),
        (search(on=["search", "estimator"]), ["fit1.score", "fit2.score", "fit3.score", "fit4.score", "score"], {"fit3.C": "2", "fit4.C": "2"}),
        (cross_validation, ["fit2.score", "score"], {}),
        (two_fits, ["fit2.score", "score"], {"fit2.C": "2"}),
    ],
    ids=["in a search", "a search", "both", "cross validation", "fitted twice"],
)
def test_each_fit_of_sklearn_has_a_curve_of_its_own(session, fit, curves, others):
    if "sklearn" not in estimators():
        pytest.skip("this scikit-learn's estimators take no callbacks")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    with session.run("fits", code=False) as run:
        fit(gf.callbacks.sklearn(run), X, X[:, 0] > 0)
    rows = session.sql(f"SELECT name, step FROM gradframe.metrics WHERE run = '{run.id}' ORDER BY name, step").collect().rows()
    steps = {name: [step for of, step in rows if of == name] for name, _ in rows}
    own = {name: of for name, of in steps.items() if name.startswith("LogisticRegression.")}
    assert sorted(own) == [f"LogisticRegression.{curve}" for curve in curves]
    assert all(of == list(range(len(of))) for of in own.values()), "a step twice in a curve"
    found = {name: value for name, value in params(session, run).items() if name.startswith("LogisticRegression.")}
    assert found == {f"LogisticRegression.{name}": value for name, value in others.items()}
    tables = session.sql(f"SELECT path FROM gradframe.artifacts WHERE run = '{run.id}' AND kind = 'table'").collect().rows()
    if "GridSearchCV.mean_test_score" not in steps:
        assert fit in (cross_validation, two_fits) or tables == []
        return
    assert steps["GridSearchCV.mean_test_score"] == steps["GridSearchCV.split1_test_score"] == [0, 1]
    assert params(session, run)["GridSearchCV.best_params.C"] in ("1", "2")
    assert tables == [("GridSearchCV.cv_results.parquet",)]
    assert session.read_artifact(run.id, "GridSearchCV.cv_results.parquet").select("param_C").collect().rows() == [("1",), ("2",)]


def test_what_has_no_score_is_fitted_all_the_same(session):
    if "sklearn" not in estimators():
        pytest.skip("this scikit-learn's estimators take no callbacks")
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X = np.random.default_rng(0).normal(size=(60, 3))
    with session.run("scaled", code=False) as run:
        make_pipeline(StandardScaler().set_callbacks(gf.callbacks.sklearn(run)), StandardScaler()).fit(X)
    assert logged(session, run) == {} and params(session, run)["with_mean"] == "True"


def test_xgboost_goes_on_where_the_model_that_it_continues_ended(session):
    xgboost = pytest.importorskip("xgboost")
    X = np.random.default_rng(1).normal(size=(300, 3))
    data = xgboost.DMatrix(X, X.sum(axis=1))
    with session.run("continued", code=False) as run:
        log, model = gf.callbacks.xgboost(run), None
        for rounds in (3, 2):
            model = xgboost.train({}, data, rounds, evals=[(data, "train")], callbacks=[log], xgb_model=model, verbose_eval=False)
        xgboost.cv({}, data, 2, nfold=2, metrics="mae", callbacks=[log])
    rows = session.sql(f"SELECT name, step FROM gradframe.metrics WHERE run = '{run.id}' ORDER BY name, step").collect().rows()
    assert [step for name, step in rows if name == "train.rmse"] == [0, 1, 2, 3, 4]
    assert [step for name, step in rows if name == "test.mae"] == [0, 1]
    curve = logged(session, run)["train.rmse"]
    assert curve == sorted(curve, reverse=True)


def test_xgboost(session):
    xgboost = pytest.importorskip("xgboost")
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 3))
    data = xgboost.DMatrix(X, X.sum(axis=1))
    with session.run("boosted", code=False) as run:
        xgboost.train({"eta": 0.3}, data, 5, evals=[(data, "train")], callbacks=[gf.callbacks.xgboost(run)], verbose_eval=False)
    assert params(session, run)["eta"].startswith("0.3") and params(session, run)["objective"] == "reg:squarederror"
    curve = logged(session, run)["train.rmse"]
    assert len(curve) == 5 and curve == sorted(curve, reverse=True)


def estimators():
    """An estimator for each callback that goes into one; `.fit` of some takes it."""
    made = {}
    try:
        from sklearn.linear_model import LogisticRegression

        if hasattr(LogisticRegression, "set_callbacks"):
            made["sklearn"] = lambda callback: LogisticRegression(max_iter=5).set_callbacks(callback)
        import xgboost

        made["xgboost"] = lambda callback: xgboost.XGBClassifier(n_estimators=3, callbacks=[callback])
    except ModuleNotFoundError:
        pass
    return made


@pytest.mark.parametrize("kind", ["sklearn", "xgboost"])
def test_a_search_in_several_processes_goes_on_though_they_log_nothing(session, kind):
    model_selection = pytest.importorskip("sklearn.model_selection")
    estimator = estimators().get(kind)
    if estimator is None:
        pytest.skip(f"no {kind} that takes callbacks")
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 3))
    y = X[:, 0] > 0
    with session.run("search", code=False) as run:
        searched = model_selection.GridSearchCV(
            estimator(getattr(gf.callbacks, kind)(run)), {"random_state": [1, 2]}, cv=2, n_jobs=2, refit=False, error_score="raise"
        )
        with pytest.warns(UserWarning, match=f"callbacks.{kind}: a run is logged by its own process"):
            searched.fit(X, y)
    assert len(searched.cv_results_["params"]) == 2


def test_a_search_in_several_processes_logs_its_candidates(session):
    linear_model = pytest.importorskip("sklearn.linear_model")
    if not hasattr(linear_model.LogisticRegression, "set_callbacks"):
        pytest.skip("this scikit-learn's estimators take no callbacks")
    from sklearn.model_selection import GridSearchCV

    X = np.random.default_rng(1).normal(size=(60, 3))
    found = {}
    for jobs in (1, 2):
        with session.run(f"search {jobs}", code=False) as run:
            searched = GridSearchCV(linear_model.LogisticRegression(), {"C": [0.1, 1.0, 10.0]}, cv=2, n_jobs=jobs)
            searched.set_callbacks(gf.callbacks.sklearn(run))
            with contextlib.nullcontext() if jobs == 1 else pytest.warns(UserWarning, match="callbacks.sklearn"):
                searched.fit(X, X[:, 0] > 0)
        found[jobs] = {name: scores for name, scores in logged(session, run).items() if name.startswith("GridSearchCV.")}
        assert found[jobs]["GridSearchCV.mean_test_score"] == list(searched.cv_results_["mean_test_score"])
        assert session.read_artifact(run.id, "GridSearchCV.cv_results.parquet").collect().height == 3
    assert set(found[1]) == set(found[2])


def test_a_callback_is_itself_in_its_own_process_and_silent_in_another(session):
    run = session.run("copied", code=False)
    log = gf.callbacks.lightgbm(run)
    env = types.SimpleNamespace(iteration=0, begin_iteration=0, params={"a": 1}, evaluation_result_list=[("valid", "l2", 0.5, False)])
    assert copy.deepcopy(log) is log
    with pytest.warns(UserWarning, match="callbacks.lightgbm"):
        pickled = pickle.dumps(log)
    assert pickle.loads(pickled) is log
    silent = f"import pickle, types; log = pickle.loads({pickled!r}); log(types.SimpleNamespace(**{vars(env)!r})); print(log.order)"
    done = subprocess.run([sys.executable, "-c", silent], capture_output=True, text=True)
    assert done.stdout.strip() == "20", done.stderr
    assert logged(session, run) == {}
    log(env)
    run.finish()
    assert logged(session, run) == {"valid.l2": [0.5]} and params(session, run) == {"a": "1"}


def test_transformers_and_lightning(session, monkeypatch):
    """By what they ask of a callback and a logger; with the real packages `tests/real_trainers.py` is run by hand."""
    transformers, loggers = types.ModuleType("transformers"), types.ModuleType("lightning.pytorch.loggers.logger")
    transformers.TrainerCallback, loggers.Logger = type("TrainerCallback", (), {}), type("Logger", (), {})
    for name, module in {"transformers": transformers, "lightning.pytorch.loggers.logger": loggers}.items():
        monkeypatch.setitem(sys.modules, name, module)
    for name in ["lightning", "lightning.pytorch", "lightning.pytorch.loggers"]:
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    with session.run("both", code=False) as run:
        log = gf.callbacks.transformers(run)
        log.on_train_begin(types.SimpleNamespace(lr=0.1), None, None, model=None)
        log.on_log(None, types.SimpleNamespace(global_step=10), None, logs={"loss": 0.5, "note": "x", "epoch": 1.25})
        log.on_log(None, types.SimpleNamespace(global_step=10), None, logs={"eval_loss": 0.75, "epoch": 1.25})
        log = gf.callbacks.lightning(run)
        assert (log.name, log.version) == ("both", run.id)
        log.log_hyperparams({"width": 8})
        log.log_hyperparams(types.SimpleNamespace(depth=2))
        log.log_metrics({"train_loss": np.float32(0.25), "epoch": 1}, step=3)
        log.finalize("success")
        monkeypatch.setenv("LOCAL_RANK", "1")
        log.log_metrics({"train_loss": 7.0}, step=3)
    assert logged(session, run) == {"loss": [0.5], "eval_loss": [0.75], "train_loss": [0.25]}
    assert params(session, run) == {"lr": "0.1", "width": "8", "depth": "2"}
    epochs = session.sql("SELECT DISTINCT epoch FROM gradframe.metrics").collect().rows()
    assert epochs == [(1,)]
