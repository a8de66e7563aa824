"""A trained model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from gradframe._frame import DataFrame

if TYPE_CHECKING:
    from gradframe._array.core import Array
    from gradframe._gradframe import PyModel


class Model:
    """A trained model: its specification, weights and the account of its training."""

    __slots__ = ("_model",)

    _model: PyModel

    @classmethod
    def _of(cls, model: PyModel) -> Self:
        """The public model of a private one."""
        made = cls.__new__(cls)
        made._model = model
        return made

    @property
    def name(self) -> str | None:
        """The name under which it is stored; None if it was not given one."""
        return self._model.name

    @property
    def model_type(self) -> str:
        """The model type, as in SQL."""
        return self._model.model_type

    @property
    def run(self) -> str:
        """The run that trained it, as in `gradframe.runs`."""
        return self._model.run

    @property
    def spec(self) -> dict[str, Any]:
        """The specification as a dictionary: label, features with their encoding, options, how training went."""
        return self._model.spec

    def state_dict(self) -> dict[str, Array]:
        """The weights as arrays, by name: of a module, its parameters and buffers."""
        from gradframe._array.core import wrap

        return {name: wrap(raw) for name, raw in self._model.tensors()}

    def weights(self) -> DataFrame:
        """The weights: feature, category, class, weight (per unit of the raw column), standardized_weight."""
        return DataFrame._of(self._model.weights())

    def training_info(self) -> DataFrame:
        """The training log: run, epoch, step, rows, loss, gradient_norm, seconds, eval_loss, learning_rate."""
        return DataFrame._of(self._model.training_info())

    def feature_info(self) -> DataFrame:
        """What training saw in the input columns: input, min, max, mean, median, stddev, category_count, null_count."""
        return DataFrame._of(self._model.feature_info())

    def evaluation(self) -> DataFrame:
        """What training found on the rows that it kept back (`fit(..., split=...)`): one row of errors."""
        return DataFrame._of(self._model.evaluation())

    def __repr__(self) -> str:
        return repr(self._model)
