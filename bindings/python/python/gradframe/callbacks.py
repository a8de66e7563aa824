"""Callbacks by which other libraries log into a run of gradframe, each in the form that its library asks for.

    with gf.run("boosted") as run:
        lightgbm.train(params, data, valid_sets=[valid], callbacks=[gf.callbacks.lightgbm(run)])

None of the libraries is imported before its callback is made. What is no number is left out; parameters are logged once, at the
start of the training, and those that have a value in the run already keep it.

A run is logged by the process that has it: what a copy of a callback sees in another one (`GridSearchCV(n_jobs=2)`) is not logged, which a
warning says when the copy is made.
"""

from __future__ import annotations

import json
import os
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakValueDictionary

from gradframe._fits import Fits, candidates, is_fit, table
from gradframe.errors import PlanError

if TYPE_CHECKING:
    from gradframe._run import Run

__all__ = ["lightgbm", "lightning", "sklearn", "transformers", "xgboost"]


#: The callbacks of this process that have been pickled, by what their pickles say.
_pickled: WeakValueDictionary[str, _Callback] = WeakValueDictionary()


class _Callback:
    """What is copied within a process stays itself, and what comes to another process logs nothing: a run has no two writers."""

    _kind: str

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        name = uuid.uuid4().hex
        _pickled[name] = self
        warnings.warn(f"gf.callbacks.{self._kind}: a run is logged by its own process, what a copy sees in another one is not logged", stacklevel=2)
        return _unpickled, (self._kind, name, os.getpid())


def _unpickled(kind: str, name: str, process: int) -> Any:
    """The callback itself in its own process; elsewhere one without a run."""
    here = _pickled.get(name) if process == os.getpid() else None
    return globals()[kind](None) if here is None else here


def lightgbm(run: Run) -> Callable[[Any], None]:
    """For `callbacks=[...]` of LightGBM: each metric of each data set, such as `valid_0.l2`, at each iteration."""

    class Log(_Callback):
        _kind = "lightgbm"
        order = 20  # after the evaluations, as LightGBM's own

        def __call__(self, env: Any) -> None:
            if env.iteration == env.begin_iteration:
                _params(run, env.params)
            _log(run, {f"{data}.{metric}": value for data, metric, value, *_ in env.evaluation_result_list or []}, env.iteration)

    return Log()


def xgboost(run: Run) -> Any:
    """For `callbacks=[...]` of XGBoost: parameters, and each metric of each data set, such as `train.rmse`, at each round of the model: a
    training that continues one (`xgb_model=`) goes on where that ended."""
    from xgboost.callback import TrainingCallback

    class Log(_Callback, TrainingCallback):
        _kind = "xgboost"
        _rounds_before = 0

        def before_training(self, model: Any) -> Any:
            # `cv` has a model for each fold, and continues none.
            self._rounds_before = model.num_boosted_rounds() if hasattr(model, "num_boosted_rounds") else 0
            if hasattr(model, "save_config"):
                _params(run, dict(_leaves(json.loads(model.save_config())["learner"])))
            return model

        def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Mapping[str, list[Any]]]) -> bool:
            values = {f"{data}.{metric}": _mean(of[-1]) for data, metrics in evals_log.items() for metric, of in metrics.items()}
            _log(run, values, self._rounds_before + epoch)
            return False

    return Log()


def sklearn(run: Run, scoring: Callable[[Any, Any, Any], float] | None = None) -> Any:
    """For `estimator.set_callbacks(...)` of scikit-learn 1.9: parameters, and the score on the training rows after each task.

    `scoring(estimator, X, y)` gives the score, `estimator.score` if it is not said. Each fit has a curve of its own: that of the model
    that stays is `LogisticRegression.score`; those of candidates and folds, and of later fits, are `LogisticRegression.fit2.score`, with
    the parameters in which they differ. Set on a search, such as `GridSearchCV`, it logs the scores of candidate `i` at step `i`, the best parameters, and
    all of `cv_results_` as the table `GridSearchCV.cv_results`.
    """
    fits = Fits()

    class Log(_Callback):
        _kind = "sklearn"

        def setup(self, estimator: Any, context: Any) -> None:
            if run is not None:
                _params(run, fits.params(estimator, context))

        def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
            pass

        def on_fit_task_end(
            self, estimator: Any, context: Any, *, X: Any = None, y: Any = None, fitted_estimator: Any = None
        ) -> bool:
            if run is None:
                return False
            if is_fit(context):
                if hasattr(estimator, "cv_results_"):
                    _log_search(run, fits.name(context), estimator)
            elif fitted_estimator is not None and X is not None and (scoring or hasattr(fitted_estimator, "score")):
                score = scoring(fitted_estimator, X, y) if scoring else fitted_estimator.score(X, y)
                _log(run, {f"{fits.name(context)}.score": score}, context.task_id)
            return False

        def teardown(self, estimator: Any, context: Any) -> None:
            pass

    return Log()


def _log_search(run: Run, name: str, search: Any) -> None:
    """What came of a search: the numbers of each candidate at its place."""
    for place, numbers in enumerate(candidates(search.cv_results_)):
        _log(run, {f"{name}.{of}": value for of, value in numbers.items()}, place)
    if hasattr(search, "best_params_"):
        _params(run, {f"{name}.best_params.{key}": value for key, value in search.best_params_.items()})
    run.log_table(f"{name}.cv_results", table(search.cv_results_))


def lightning(run: Run) -> Any:
    """For `Trainer(logger=...)` of Lightning: hyper-parameters, and all that the module logs by `self.log`, at its steps and epochs."""
    try:
        from lightning.pytorch.loggers.logger import Logger
    except ModuleNotFoundError:
        from pytorch_lightning.loggers.logger import Logger

    class Log(Logger):  # type: ignore[misc]
        @property
        def name(self) -> str:
            return run.name

        @property
        def version(self) -> str:
            return run.id

        @property
        def experiment(self) -> Run:
            return run

        def log_hyperparams(self, params: Any, *_: Any, **__: Any) -> None:
            if _is_first_process():
                _params(run, params if isinstance(params, Mapping) else vars(params))

        def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
            if _is_first_process():
                values = dict(metrics)
                epoch = values.pop("epoch", None)
                _log(run, values, step or 0, None if epoch is None else int(epoch))

        def finalize(self, status: str) -> None:
            if _is_first_process():
                run.flush()

    return Log()


def _is_first_process() -> bool:
    """Of several that train one model, each with a copy of the run."""
    return not int(os.environ.get("LOCAL_RANK", 0)) and not int(os.environ.get("RANK", 0))


def transformers(run: Run) -> Any:
    """For `Trainer(callbacks=[...])` of transformers: its arguments as parameters, and what it logs at each of its steps."""
    from transformers import TrainerCallback

    class Log(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            _params(run, args.to_sanitized_dict() if hasattr(args, "to_sanitized_dict") else vars(args))

        def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
            values = dict(logs or {})
            # It comes with whatever is logged, several times a step: it says when, as the step does.
            epoch = values.pop("epoch", None)
            _log(run, values, state.global_step, None if epoch is None else int(epoch))

    return Log()


def _log(run: Run | None, values: Mapping[str, Any], step: int, epoch: int | None = None) -> None:
    numbers = {name: value for name, value in values.items() if hasattr(value, "__float__") and not isinstance(value, str)}
    if numbers and run is not None:
        run.log(numbers, step=step, epoch=epoch)


def _params(run: Run | None, params: Mapping[str, Any]) -> None:
    if run is None:
        return None
    named = {str(name): value for name, value in params.items()}
    try:
        return run.params(named)
    except PlanError:
        pass  # one of them, so one by one
    for name, value in named.items():
        try:
            run.params({name: value})
        except PlanError:
            pass  # the run says otherwise already: what was chosen first stays


def _leaves(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names and values of the parameters in XGBoost's configuration, whatever group they are in."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _leaves(value)
        elif isinstance(value, str):
            yield name, value


def _mean(value: Any) -> Any:
    """XGBoost's `cv` gives mean and deviation."""
    return value[0] if isinstance(value, tuple) else value
