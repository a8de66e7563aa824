"""Estimators for `frame.fit(estimator, target=...)`, and functions for its `transform=`.

An estimator is the model type of the same name in SQL (`CREATE MODEL ... OPTIONS (model_type = ...)`) with its options.

A function is that of the same name in SQL (`TRANSFORM (ML.STANDARD_SCALER(x) OVER () AS x, y)`): most are fitted to the
rows that are given, and what they found is stored with the model. Those kept for evaluation are among them, unless
`split` is "custom": evaluate such a model with rows that it was not given where that matters.

    trips.fit(gf.ml.LinearRegression(), "fare", transform=[gf.ml.standard_scaler("distance"), "fare"])
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

from gradframe import _gradframe
from gradframe._expr import Expr

__all__ = [
    "DNNClassifier",
    "DNNRegressor",
    "Estimator",
    "LinearRegression",
    "LogisticRegression",
    "Network",
    "bucketize",
    "feature_cross",
    "hash_bucketize",
    "imputer",
    "label_encoder",
    "max_abs_scaler",
    "min_max_scaler",
    "one_hot_encoder",
    "quantile_bucketize",
    "robust_scaler",
    "standard_scaler",
]

IntoColumn = Expr | str


def _call(name: str, column: IntoColumn, *parameters: object) -> Expr:
    return Expr(_gradframe.ml_function(name, column, *parameters))


def feature_cross(*columns: IntoColumn | Sequence[IntoColumn]) -> Expr:
    """Several categories as one: their values joined by `_`."""
    return Expr(_gradframe.feature_cross(*columns))


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

    scikit-learn's `LogisticRegression(C)` on the same encoded matrix is `l2_reg = 1 / (rows * C)`. `class_weights`, such as
    `{"yes": 2.0}`, says what rows of a class count for (others 1); `auto_class_weights` weighs classes by the
    inverse of their frequency.
    """

    model_type: ClassVar[str] = "logistic_reg"

    l2_reg: float | None = None
    max_iterations: int | None = None
    tolerance: float | None = None
    seed: int | None = None
    class_weights: Mapping[object, float] | None = None
    auto_class_weights: bool | None = None


@dataclass(frozen=True)
class Network(Estimator):
    """The options of networks. Trained in mini-batches, in float32; a batch's forward pass, backward pass and update are
    one compiled program, and the same seed on the same rows gives the same bits whatever the number of threads.

    - `hidden_units`: units of each hidden layer, from the input on (default `[64, 32]`);
    - `activation_fn`: `"relu"`, `"relu6"`, `"leaky_relu"`, `"elu"`, `"selu"`, `"gelu"`, `"silu"`, `"tanh"`, `"sigmoid"`,
      `"softplus"` or `"identity"`;
    - `dropout`: the part of hidden units silent in each step; `batch_norm`: normalise hidden layers over the batch;
    - `optimizer`: `"adam"`, `"adamw"`, `"sgd"` (with `momentum`, `nesterov`), `"rmsprop"` or `"adagrad"`;
    - `learning_rate`, and `learn_rate_schedule`: `"constant"`, `"step"` or `"exponential"` (times `decay_factor` each
      `decay_epochs`), `"linear"` or `"cosine"` (to 0 by the last epoch), after `warmup_steps` of rising;
    - `batch_size`; `max_iterations`: epochs at most;
    - `early_stop`: stop after `patience` epochs whose loss (of the evaluation rows, where there are any) fell by less than
      the part `min_rel_progress`, and keep the weights of the best epoch;
    - `l1_reg`, `l2_reg`: penalties on the weights, biases excepted (of `"adamw"`, `l2_reg` is the weight decay);
      `clip_norm`: the largest norm of a gradient.
    """

    hidden_units: Sequence[int] | None = None
    activation_fn: str | None = None
    dropout: float | None = None
    batch_norm: bool | None = None
    optimizer: str | None = None
    learning_rate: float | None = None
    learn_rate_schedule: str | None = None
    warmup_steps: int | None = None
    decay_epochs: float | None = None
    decay_factor: float | None = None
    momentum: float | None = None
    nesterov: bool | None = None
    batch_size: int | None = None
    max_iterations: int | None = None
    early_stop: bool | None = None
    patience: int | None = None
    min_rel_progress: float | None = None
    l1_reg: float | None = None
    l2_reg: float | None = None
    clip_norm: float | None = None
    seed: int | None = None


@dataclass(frozen=True)
class DNNRegressor(Network):
    """A network that learns a number, by half the mean squared error of the standardised label.

    Losses in the log are in the label's own units, comparable with those of `LinearRegression`.
    See `Network` for the options.
    """

    model_type: ClassVar[str] = "dnn_regressor"


@dataclass(frozen=True)
class DNNClassifier(Network):
    """A network that learns two or more classes, by the mean log loss.

    `class_weights`, such as `{"yes": 2.0}`, says what rows of a class count for (others 1); `auto_class_weights` weighs
    classes by the inverse of their frequency. See `Network` for the other options.
    """

    model_type: ClassVar[str] = "dnn_classifier"

    class_weights: Mapping[object, float] | None = None
    auto_class_weights: bool | None = None


def standard_scaler(x: IntoColumn) -> Expr:
    """`(x - mean) / std`, the standard deviation being the population's: scikit-learn's `StandardScaler`."""
    return _call("standard_scaler", x)


def min_max_scaler(x: IntoColumn) -> Expr:
    """`(x - min) / (max - min)`; what lies outside the training's range is 0 or 1: `MinMaxScaler(clip=True)`."""
    return _call("min_max_scaler", x)


def max_abs_scaler(x: IntoColumn) -> Expr:
    """`x / max |x|`: scikit-learn's `MaxAbsScaler`."""
    return _call("max_abs_scaler", x)


def robust_scaler(x: IntoColumn) -> Expr:
    """`(x - median) / (quantile 75 % - quantile 25 %)`: scikit-learn's `RobustScaler`."""
    return _call("robust_scaler", x)


def quantile_bucketize(x: IntoColumn, buckets: int) -> Expr:
    """The bucket (`bin_1`, `bin_2`, ...) of a number; buckets hold about as many training rows each."""
    return _call("quantile_bucketize", x, buckets)


def bucketize(x: IntoColumn, split_points: Sequence[float]) -> Expr:
    """The bucket (`bin_1`, `bin_2`, ...) that a number falls into; a split point belongs to the bucket above it."""
    return _call("bucketize", x, [float(point) for point in split_points])


def one_hot_encoder(x: IntoColumn) -> Expr:
    """The value itself where training saw it, as a category; null where it did not."""
    return _call("one_hot_encoder", x)


def label_encoder(x: IntoColumn) -> Expr:
    """The values of the training numbered from 1, in ascending order; 0 for all others and for null."""
    return _call("label_encoder", x)


def imputer(x: IntoColumn, strategy: str) -> Expr:
    """The column with its "mean", "median" or "most_frequent" value in the place of nulls: `SimpleImputer`."""
    return _call("imputer", x, strategy)


def hash_bucketize(x: IntoColumn, buckets: int) -> Expr:
    """A bucket from 0 for a text, by its hash. A number to a model: make categories of it by `one_hot_encoder`."""
    return _call("hash_bucketize", x, buckets)
