"""Callbacks by which other libraries log into a run of gradframe, each in the form that its library asks for.

    with gf.run("boosted") as run:
        lightgbm.train(params, data, valid_sets=[valid], callbacks=[gf.callbacks.lightgbm(run)])

None of the libraries is imported before its callback is made. What is no number is left out; parameters are logged once, at the
start of the training, and those that have a value in the run already keep it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gradframe.errors import PlanError

if TYPE_CHECKING:
    from gradframe._run import Run

__all__ = ["lightgbm", "lightning", "sklearn", "transformers", "xgboost"]


def lightgbm(run: Run) -> Callable[[Any], None]:
    """For `callbacks=[...]` of LightGBM: each metric of each data set, such as `valid_0.l2`, at each iteration."""

    def log(env: Any) -> None:
        if env.iteration == env.begin_iteration:
            _params(run, env.params)
        _log(run, {f"{data}.{metric}": value for data, metric, value, *_ in env.evaluation_result_list or []}, env.iteration)

    log.order = 20  # type: ignore[attr-defined]  # after the evaluations, as LightGBM's own
    return log


def xgboost(run: Run) -> Any:
    """For `callbacks=[...]` of XGBoost: the last value of each metric of each data set, such as `train.rmse`."""
    from xgboost.callback import TrainingCallback

    class Log(TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Mapping[str, list[Any]]]) -> bool:
            values = {f"{data}.{metric}": _mean(of[-1]) for data, metrics in evals_log.items() for metric, of in metrics.items()}
            _log(run, values, epoch)
            return False

    return Log()


def sklearn(run: Run, scoring: Callable[[Any, Any, Any], float] | None = None) -> Any:
    """For `estimator.set_callbacks(...)` of scikit-learn 1.9: parameters, and the score on the training rows after each task.

    `scoring(estimator, X, y)` gives the score, `estimator.score` if it is not said.
    """

    class Log:
        def setup(self, estimator: Any, context: Any) -> None:
            _params(run, estimator.get_params(deep=False))

        def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
            pass

        def on_fit_task_end(
            self, estimator: Any, context: Any, *, X: Any = None, y: Any = None, fitted_estimator: Any = None
        ) -> bool:
            if fitted_estimator is not None and X is not None and context.parent is not None:
                score = scoring(fitted_estimator, X, y) if scoring else fitted_estimator.score(X, y)
                _log(run, {f"{type(estimator).__name__}.score": score}, context.task_id)
            return False

        def teardown(self, estimator: Any, context: Any) -> None:
            pass

    return Log()


def lightning(run: Run) -> Any:
    """For `Trainer(callbacks=[...])` of Lightning: hyper-parameters, and all that the module logs by `self.log`."""
    try:
        from lightning.pytorch.callbacks import Callback
    except ModuleNotFoundError:
        from pytorch_lightning.callbacks import Callback

    class Log(Callback):  # type: ignore[misc]
        def on_fit_start(self, trainer: Any, module: Any) -> None:
            _params(run, dict(getattr(module, "hparams", {})))

        def on_train_batch_end(self, trainer: Any, *_: Any, **__: Any) -> None:
            _log(run, dict(trainer.logged_metrics), trainer.global_step)

        def on_train_epoch_end(self, trainer: Any, *_: Any) -> None:
            _log(run, dict(trainer.logged_metrics), trainer.global_step, trainer.current_epoch)

        def on_validation_end(self, trainer: Any, *_: Any) -> None:
            if not trainer.sanity_checking:
                _log(run, dict(trainer.logged_metrics), trainer.global_step, trainer.current_epoch)

    return Log()


def transformers(run: Run) -> Any:
    """For `Trainer(callbacks=[...])` of transformers: its arguments as parameters, and what it logs at each of its steps."""
    from transformers import TrainerCallback

    class Log(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            _params(run, args.to_sanitized_dict() if hasattr(args, "to_sanitized_dict") else vars(args))

        def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
            _log(run, logs or {}, state.global_step)

    return Log()


def _log(run: Run, values: Mapping[str, Any], step: int, epoch: int | None = None) -> None:
    numbers = {name: value for name, value in values.items() if hasattr(value, "__float__") and not isinstance(value, str)}
    if numbers:
        run.log(numbers, step=step, epoch=epoch)


def _params(run: Run, params: Mapping[str, Any]) -> None:
    for name, value in params.items():
        try:
            run.params({str(name): value})
        except PlanError:
            pass  # the run says otherwise already: what was chosen first stays


def _mean(value: Any) -> Any:
    """XGBoost's `cv` gives mean and deviation."""
    return value[0] if isinstance(value, tuple) else value
