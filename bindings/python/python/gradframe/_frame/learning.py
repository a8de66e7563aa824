"""Verbs of models: training on a frame, predicting and evaluating over one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from gradframe import _gradframe
from gradframe._frame.base import Verb

if TYPE_CHECKING:
    from gradframe._frame.base import IntoColumn
    from gradframe._model import Model
    from gradframe.ml import Estimator


class LearningVerbs(Verb):
    """Verbs that make models or use them."""

    __slots__ = ()

    def fit(
        self,
        estimator: Estimator,
        target: str,
        *,
        name: str | None = None,
        split: Literal["none", "auto", "random", "seq", "custom"] | None = None,
        eval_fraction: float | None = None,
        split_by: str | None = None,
        sample_weight: str | None = None,
        transform: Sequence[IntoColumn] | Mapping[str, IntoColumn] | None = None,
    ) -> Model:
        """Trains on these rows, all columns but the target being features, and logs a run. With a name the model is
        stored under it (replacing one of that name) and SQL knows it; without, it lives in the result alone.

        `split` keeps rows for evaluation: "random" (a fraction `eval_fraction`, by default 0.2), "seq" (the fraction whose
        column `split_by` is largest), "custom" (where the boolean column `split_by` is true or null), "auto" (by the number
        of rows) or "none"; an `eval_fraction` alone means "random". `sample_weight` names a column: a row of weight 2 counts
        as two. Neither column is a feature.

        `transform` are the columns to learn from in place of the frame's own: names and expressions, or
        `{name: expression}`, the target among them. They are stored with the model, which computes them again wherever it
        predicts.
        """
        from gradframe._model import Model

        fitted = _gradframe.fit(
            self._lazy(),
            estimator,
            target,
            name=name,
            split=split,
            eval_fraction=eval_fraction,
            split_by=split_by,
            sample_weight=sample_weight,
            transform=transform,
        )
        return Model._of(fitted)

    def predict(self, model: Model | str, *, threshold: float | None = None) -> Self:
        """All columns, then `predicted_<label>`, and for a classifier `predicted_<label>_probs`. `model` is a Model or a
        stored model's name."""
        return self._wrap(_gradframe.predict(self._lazy(), _private(model), threshold=threshold))

    def evaluate(self, model: Model | str, *, threshold: float | None = None) -> Self:
        """One row of the model's errors on these rows, which must hold the label."""
        return self._wrap(_gradframe.evaluate(self._lazy(), _private(model), threshold=threshold))

    def transform(self, model: Model | str) -> Self:
        """The columns that the model's transform makes of these rows, the target among them if it can be made."""
        return self._wrap(_gradframe.transform(self._lazy(), _private(model)))


def _private(model: Any) -> Any:
    return getattr(model, "_model", model)
