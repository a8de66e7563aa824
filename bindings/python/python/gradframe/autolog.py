"""Trainings of other libraries as runs, without a line about logging in them.

    gf.autolog.sklearn()
    LogisticRegression(C=0.5).fit(X, y)      # a run: parameters, scores on these rows, seconds
"""

from __future__ import annotations

import contextvars
import functools
import time
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradframe._run import Run
    from gradframe._session import Session

__all__ = ["sklearn"]

# A longer parameter, such as an array of weights, is cut.
_PARAMETER_CHARACTERS_MAX = 1000

# Whether a fit that is logged goes on here: those inside it (a pipeline's steps, a search's candidates) are part of it.
_inside: contextvars.ContextVar[bool] = contextvars.ContextVar("inside", default=False)
# Classes whose `fit` is ours, with the one that they had themselves, or None where they inherit it.
_fits: dict[type, Any] = {}


class sklearn:
    """Each `fit` of scikit-learn's classifiers, regressors, clusterings, pipelines and searches is a run from now on, until
    `stop()`, or the end of a `with` block.

    A run has the estimator's name and `get_params()`. Metrics have the names that MLflow gives them: of a classifier
    `training_accuracy_score`, precision, recall, F1, log loss and area under the curve, of a regressor `training_r2_score` and
    errors, all on the rows of the fit and without its weights; `fit_seconds`; of a search `best_cv_score`, its best parameters as
    tags, and all candidates as the table `cv_results.parquet`. A fit inside another is no run. One that fails is a failed run.
    In the `with` block of a run the first fit goes to that run, and others are runs that are part of it.

    `scores=False` predicts nothing. `session` and `experiment` say where runs go. What cannot be logged is a warning, never an
    error of the fit.
    """

    def __init__(self, *, session: Session | None = None, experiment: str | None = None, scores: bool = True) -> None:
        self.stop()
        for kind in _estimators():
            _fits[kind] = vars(kind).get("fit")
            kind.fit = _logged(kind.fit, session, experiment, scores)  # type: ignore[attr-defined]

    def stop(self) -> None:
        """Estimators fit as they did before."""
        while _fits:
            kind, fit = _fits.popitem()
            if fit is None:
                del kind.fit  # type: ignore[attr-defined]
            else:
                kind.fit = fit  # type: ignore[attr-defined]

    def __enter__(self) -> sklearn:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _estimators() -> Iterator[type]:
    """Those that predict something; what only transforms is none."""
    from sklearn.utils.discovery import all_estimators

    return (kind for _, kind in all_estimators() if hasattr(kind, "fit") and hasattr(kind, "predict"))


def _logged(fit: Callable[..., Any], session: Session | None, experiment: str | None, scores: bool) -> Callable[..., Any]:
    @functools.wraps(fit)
    def logged(estimator: Any, *args: Any, **options: Any) -> Any:
        run, is_own = (None, False) if _is_inside() else _start(estimator, session, experiment)
        if run is None:
            return fit(estimator, *args, **options)
        token = _inside.set(True)
        try:
            began = time.perf_counter()
            fitted = fit(estimator, *args, **options)
            seconds = time.perf_counter() - began
            with _only_warning(estimator):
                rows, target = (*args, *[options.get(name) for name in ("X", "y")[len(args) :]])[:2]
                _log(run, estimator, seconds, _scores(estimator, rows, target) if scores else {})
        except BaseException as error:
            if is_own:
                with _only_warning(estimator):
                    run.__exit__(type(error), error, None)
            raise
        finally:
            _inside.reset(token)
        if is_own:
            with _only_warning(estimator):
                run.finish()
        return fitted

    return logged


def _is_inside() -> bool:
    """Also in a thread of joblib, which does not know what goes on in the one that started it."""
    from joblib.parallel import get_active_backend

    return _inside.get() or bool(get_active_backend()[0].nesting_level)


def _start(estimator: Any, session: Session | None, experiment: str | None) -> tuple[Run | None, bool]:
    """The run that the fit goes to, and whether it was begun for it."""
    from gradframe import _default
    from gradframe._run import around

    kind = type(estimator)
    with _only_warning(estimator):
        params = {name: str(value)[:_PARAMETER_CHARACTERS_MAX] for name, value in estimator.get_params().items()}
        tags = {"estimator_name": kind.__name__, "estimator_class": f"{kind.__module__}.{kind.__name__}"}
        where = session if session is not None else _default.session()
        run = around(where._session)
        if run is None or run._has_fit:
            return where.run(kind.__name__, params=params, tags=tags, experiment=experiment), True
        run._has_fit = True
        run.params(params)
        run.tags(tags)
        return run, False
    return None, False


def _log(run: Run, estimator: Any, seconds: float, scores: dict[str, float]) -> None:
    run.log({"fit_seconds": seconds, **scores}, step=0)
    if hasattr(estimator, "cv_results_"):
        results = {name: list(values) for name, values in estimator.cv_results_.items()}
        run.log_table("cv_results", {name: [_cell(value) for value in values] for name, values in results.items()})
        if hasattr(estimator, "best_score_"):
            run.log({"best_cv_score": estimator.best_score_}, step=0)
        if hasattr(estimator, "best_params_"):
            run.tags({f"best_{name}": value for name, value in estimator.best_params_.items()})


def _cell(value: Any) -> Any:
    """Numbers as they are; candidates are of many types."""
    value = value.item() if hasattr(value, "item") else value
    return value if isinstance(value, float) and not isinstance(value, bool) else str(value)


def _scores(estimator: Any, rows: Any, target: Any) -> dict[str, float]:
    """What can be said of predictions of the rows of the training; what cannot is left out."""
    from sklearn.base import is_classifier, is_regressor

    if target is None or not (is_classifier(estimator) or is_regressor(estimator)):
        return {}
    predicted = estimator.predict(rows)
    named = _of_classes(estimator, rows, target, predicted) if is_classifier(estimator) else _of_numbers(target, predicted)
    scores = {}
    for name, score in named.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                scores[f"training_{name}"] = float(score())
        except Exception:
            continue  # such as an area under the curve of one class
    return scores


def _of_numbers(target: Any, predicted: Any) -> dict[str, Callable[[], Any]]:
    from sklearn import metrics

    return {
        name: functools.partial(getattr(metrics, name), target, predicted)
        for name in ("mean_squared_error", "root_mean_squared_error", "mean_absolute_error", "r2_score")
    }


def _of_classes(estimator: Any, rows: Any, target: Any, predicted: Any) -> dict[str, Callable[[], Any]]:
    from sklearn import metrics

    scores: dict[str, Callable[[], Any]] = {
        name: functools.partial(getattr(metrics, name), target, predicted, average="weighted")
        for name in ("precision_score", "recall_score", "f1_score")
    }
    scores["accuracy_score"] = lambda: metrics.accuracy_score(target, predicted)
    if hasattr(estimator, "predict_proba"):
        likely = estimator.predict_proba(rows)
        of_two = getattr(likely, "ndim", 0) == 2 and likely.shape[1] == 2
        scores["log_loss"] = lambda: metrics.log_loss(target, likely, labels=estimator.classes_)
        scores["roc_auc"] = lambda: metrics.roc_auc_score(target, likely[:, 1] if of_two else likely, multi_class="ovr")
    return scores


class _only_warning:
    """What goes wrong in the block is a warning."""

    def __init__(self, estimator: Any) -> None:
        self._estimator = type(estimator).__name__

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        if kind is None or not issubclass(kind, Exception):
            return False
        warnings.warn(f"autolog: {self._estimator} is not logged: {error}", stacklevel=4)
        return True
