"""What scikit-learn's tasks are part of: fits with names of their own, searches with candidates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

#: Columns of `cv_results_` that are numbers of each candidate.
NUMBERS = ("mean_", "std_", "rank_", "split")


class Fits:
    """Names of the fits that one callback sees, so that no two of them share a curve.

    A fit has its estimator's name: `LogisticRegression`. Those of candidates and folds of a search, and any later one, are numbered in
    the order in which they begin: `LogisticRegression.fit2`. What a search fits last, with its best parameters, has the name alone.
    """

    def __init__(self) -> None:
        self._names: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
        self._counts: Counter[str] = Counter()
        self._alone: set[str] = set()
        self._params: dict[str, dict[str, str]] = {}

    def name(self, context: Any) -> str:
        """The name of the fit that a task is part of."""
        fit = next(task for task in _upwards(context) if is_fit(task))
        if fit not in self._names:
            self._names[fit] = self._named(fit)
        return self._names[fit]

    def _named(self, fit: Any) -> str:
        kind: str = fit.estimator_name
        self._counts[kind] += 1
        is_one_of_many = any(task.parent is not None and not task.parent.sequential_subtasks for task in _upwards(fit))
        if is_one_of_many or kind in self._alone:
            return f"{kind}.fit{self._counts[kind]}"
        self._alone.add(kind)
        return kind

    def params(self, estimator: Any, context: Any) -> dict[str, Any]:
        """Parameters to log of a fit that begins: all of an estimator's first fit, of later ones those that are others."""
        name, params = self.name(context), estimator.get_params(deep=False)
        first = self._params.get(context.estimator_name)
        if first is None:
            self._params[context.estimator_name] = {key: str(value) for key, value in params.items()}
            return dict(params)
        return {f"{name}.{key}": value for key, value in params.items() if first.get(key) != str(value)}


def is_fit(task: Any) -> bool:
    """Whether it is the whole fit of an estimator, within another's task or not."""
    return task.parent is None or task.source_task_name is not None


def candidates(results: Mapping[str, Any]) -> Iterator[dict[str, float]]:
    """The numbers of each candidate of a search, by their names in `cv_results_`."""
    for i in range(len(results["params"])):
        yield {name: float(column[i]) for name, column in results.items() if name.startswith(NUMBERS)}


def table(results: Mapping[str, Any]) -> dict[str, list[Any]]:
    """`cv_results_` as columns: numbers, and parameters as text."""
    numbers = {name: [float(value) for value in column] for name, column in results.items() if name.startswith(NUMBERS)}
    names = sorted({name for params in results["params"] for name in params})
    texts = {f"param_{name}": [str(params[name]) if name in params else None for params in results["params"]] for name in names}
    return {**texts, **numbers}


def _upwards(task: Any) -> Iterator[Any]:
    while task is not None:
        yield task
        task = task.parent
