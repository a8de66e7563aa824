"""Estimators for `frame.fit(estimator, target=...)`.

Each is the model type of the same name in SQL (`CREATE MODEL ... OPTIONS (model_type = ...)`) with its options.
"""

from dataclasses import dataclass, fields
from typing import ClassVar


@dataclass(frozen=True)
class Estimator:
    """What every estimator takes."""

    model_type: ClassVar[str]

    def options(self) -> dict:
        """The options that were given, by their names in SQL; the others keep the engine's defaults."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class LinearRegression(Estimator):
    """Least squares: minimises `mean((y - z)^2) / 2 + l2_reg / 2 * sum(w^2)`; the intercept is not penalised.

    Numbers are standardised, strings one-hot encoded, nulls imputed by the mean with an indicator.
    scikit-learn's `Ridge(alpha)` on the same encoded matrix is `l2_reg = alpha / rows`.
    """

    model_type: ClassVar[str] = "linear_reg"

    l2_reg: float | None = None
    max_iterations: int | None = None
    tolerance: float | None = None
    seed: int | None = None


@dataclass(frozen=True)
class LogisticRegression(Estimator):
    """Logistic regression of two or more classes: mean log loss + `l2_reg / 2 * sum(w^2)`.

    scikit-learn's `LogisticRegression(C)` on the same encoded matrix is `l2_reg = 1 / (rows * C)`.
    """

    model_type: ClassVar[str] = "logistic_reg"

    l2_reg: float | None = None
    max_iterations: int | None = None
    tolerance: float | None = None
    seed: int | None = None
