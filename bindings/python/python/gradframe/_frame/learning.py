"""Verbs of models: training on a frame, predicting and evaluating over one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from gradframe import _gradframe
from gradframe._frame.base import Verb

if TYPE_CHECKING:
    from gradframe._frame.base import IntoColumn
    from gradframe._model import Model
    from gradframe.ml import Estimator
    from gradframe.nn import Module


class LearningVerbs(Verb):
    """Verbs that make models or use them."""

    __slots__ = ()

    def fit(
        self,
        estimator: Estimator | Module,
        target: str,
        *,
        name: str | None = None,
        split: Literal["none", "auto", "random", "seq", "custom"] | None = None,
        eval_fraction: float | None = None,
        split_by: str | None = None,
        sample_weight: str | None = None,
        transform: Sequence[IntoColumn] | Mapping[str, IntoColumn] | None = None,
        loss: Any = None,
        optimizer: Any = None,
        inputs: Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
        task: Literal["regression", "classification"] | None = None,
        precision: Literal["bf16", "f16"] | None = None,
        resume: str | None = None,
        reproducible: bool = True,
        **options: Any,
    ) -> Model:
        """Trains on these rows, all columns but the target being features, and logs a run. With a name the model is
        stored under it (replacing one of that name) and SQL knows it; without, it lives in the result alone.

        `split` keeps rows for evaluation: "random" (a fraction `eval_fraction`, by default 0.2), "seq" (the fraction whose
        column `split_by` is largest), "custom" (where the boolean column `split_by` is true or null), "auto" (by the number
        of rows) or "none"; an `eval_fraction` alone means "random". `sample_weight` names a column: a row of weight 2 counts
        as two, one of weight 0 is left out. Neither column is a feature.

        `transform` are the columns to learn from in place of the frame's own: names and expressions, or
        `{name: expression}`, the target among them. They are stored with the model, which computes them again wherever it
        predicts: in another process, and in SQL. An expression looks at its own row alone, or is one of `gf.ml` that training fits
        (`standard_scaler`, `imputer`); an aggregate or a window is a PlanError. A Python function cannot be stored and is an
        UnsupportedError. A number that comes as another type than training had is used as it is where the expression means the same of it
        (`col("t") / 7`), else cast; one that the type does not hold is a DTypeError.

            trips.fit(gf.ml.LinearRegression(), "fare", transform={
                "miles": gf.col("distance").log1p(), "hour": gf.col("pickup").dt.hour(), "fare": "fare"})

        `resume` goes on with a run that failed or was killed, from its last checkpoint to the bits that it would have ended with: the
        call is the same otherwise, the rows and options are too, and a module's parameters come from the checkpoint. The run is named
        by its beginning, as in `gf.sql("SELECT run FROM gradframe.runs WHERE status = 'failed'")`.

        Sums, means, variances and correlations of floats in the frame are exact, so that it has the same rows bit for bit each time;
        `reproducible=False` takes the faster ones, and the run says so.

        A module of one's own, a `gf.nn.Module`, is traced once and trained by the plan in mini-batches, without Python; what it
        learns is written back into it, and the model predicts without Python too, in SQL as well.

            net = gf.nn.Sequential(gf.nn.Linear(3, 16), gf.nn.ReLU(), gf.nn.Linear(16, 1))
            trips.fit(net, "fare", loss="mse", optimizer=gf.optim.AdamW(net.parameters(), lr=1e-3), epochs=5, name="fares")
            gf.sql("SELECT * FROM ML.PREDICT(MODEL fares, TABLE trips)")

        - `inputs`: what `forward` is given. By default all columns but the target side by side, float32 (rows, columns), in the
          frame's order; a list of names takes these; `{argument: column}` gives each by name, one column as it is, (rows,), or a
          list of them side by side. Integers stay int64 where they come alone, those of UInt64 uint64, to the last digit (those in a column
          of tensors must be below 2^53 in size). What is predicted there must be whole: floats and decimals that are whole are taken, any other value is a `DTypeError` that names the
          column.
        - `loss`: a function of output and target, such as `gf.nn.MSELoss()`, that gives the mean over the rows or a loss for
          each row; or "mse", "l1", "huber", "cross_entropy", "nll", "bce_with_logits". With `sample_weight` it must be one a row.
        - `task`: "regression" gives the loss the target in the output's shape; "classification" the index of the class, int64
          (rows,) for an output of a score for each class, else 0 or 1 in the output's shape. By default as the loss means it,
          else by the target's type. Probabilities are the softmax or sigmoid of the output, unless it is one already: a module that ends
          in `Sigmoid` or `Softmax`, or a loss of probabilities (`gf.nn.BCELoss()`).
        - `optimizer`: one of `gf.optim` over the module's parameters, with its groups, or its name (default "adam").
        - `precision`: "bf16" multiplies numbers of 16 bits, in training and in prediction, as `gf.autocast` does; the parameters and
          what the optimiser keeps stay float32.
        - `epochs` (default 20), `batch_size` (256), `learning_rate`, `schedule` ("constant", "step", "exponential", "linear",
          "cosine"), `warmup_steps`, `decay_epochs`, `decay_factor`, `clip_norm`, `early_stop`, `patience`, `min_rel_progress`,
          `seed`.

        A null in a column is an error that names it, and so is a module whose code depends on the number of rows, or whose
        prediction for a row depends on others. Where a module picks by a column (`nn.Embedding`, `take`, brackets, classes of a loss), a
        row of a place that there is not is an `OutOfBoundsError` that names the column and the place, before the training begins and in
        every prediction. Not asked are places that learned weights, random numbers or the other rows of a batch have a part in, those
        inside loops and choices, and those of models that were stored before this was kept: there such a place gives zeros. A label may be the same in every row: the loss says what is learned.
        """
        from gradframe._frame.modules import of_module
        from gradframe._model import Model
        from gradframe._run import around_frame

        taken = {"loss": loss, "optimizer": optimizer, "inputs": inputs, "task": task, "precision": precision, **options}
        estimator = of_module(self, estimator, target, (split_by, sample_weight), transform, taken)
        lazy = self._lazy()
        inside = around_frame(lazy)
        fitted = _gradframe.fit(
            lazy,
            estimator,
            target,
            name=name,
            split=split,
            eval_fraction=eval_fraction,
            split_by=split_by,
            sample_weight=sample_weight,
            transform=transform,
            resume=resume,
            reproducible=reproducible,
            run=None if inside is None else inside.id,
        )
        model = Model._of(fitted)
        if hasattr(estimator, "write_back"):
            estimator.write_back(model.state_dict())
        return model

    def predict(self, model: Model | str, *, threshold: float | None = None) -> Self:
        """All columns, then `predicted_<label>`, and for a classifier `predicted_<label>_probs`. `model` is a Model or a
        stored model's name. A class is null where a probability is NaN: a feature is NaN or infinite. A module's integers must be whole
        (`DTypeError`), and what it picks by them must be there (`OutOfBoundsError`)."""
        return self._wrap(_gradframe.predict(self._lazy(), private_model(model), threshold=threshold))

    def evaluate(self, model: Model | str, *, threshold: float | None = None) -> Self:
        """One row of the model's errors on these rows, which must hold the label."""
        return self._wrap(_gradframe.evaluate(self._lazy(), private_model(model), threshold=threshold))

    def transform(self, model: Model | str) -> Self:
        """The columns that the model's transform makes of these rows, the target among them if it can be made."""
        return self._wrap(_gradframe.transform(self._lazy(), private_model(model)))

    def embed(
        self,
        model: Any,
        column: IntoColumn | None = None,
        *,
        name: str = "embedding",
        normalize: bool = False,
        prompt_name: str | None = None,
        max_tokens: int | None = None,
    ) -> Self:
        """All columns, then `name`: the vector of each row's text, `Array(Float32, D)`. `model` is a model of `gf.models`, or the name
        of one that CREATE MODEL knows; `column` is a name or an expression, by default `content`, or the only one of texts. A null has a
        null vector.

        `normalize` makes vectors of length 1; `prompt_name` is one of the model's prompts; texts of more than `max_tokens`
        lose their ends."""
        options = {"normalize": normalize, "prompt_name": prompt_name, "max_tokens": max_tokens}
        if column is not None and not isinstance(column, str):
            return self.with_columns(column.embed(model, **options).alias(name))  # type: ignore[attr-defined, no-any-return]
        return self._wrap(_gradframe.embed(self._lazy(), private_model(model), column, name, **options))

    def generate(
        self, model: Any, column: IntoColumn | None = None, *, name: str = "generated", strict: bool = True, **options: Any
    ) -> Self:
        """All columns, then `name`: what comes after each row's prompt. `column` is a name or an expression, by default `prompt`, or the only one
        of texts.
        Options are those of `AutoModelForCausalLM.generate`; `seed_column` names a column of whole numbers that has each row's seed, so
        that equal prompts go on otherwise (`column` is a name then). A prompt that the model cannot take is an error; with
        `strict=False`, a null."""
        if column is not None and not isinstance(column, str):
            return self.with_columns(column.generate(model, strict=strict, **options).alias(name))  # type: ignore[attr-defined, no-any-return]
        return self._wrap(_gradframe.generate_text(self._lazy(), private_model(model), column, name, strict=strict, **options))

    def classify(
        self,
        model: Any,
        column: str | None = None,
        *,
        pair: str | None = None,
        label: str = "label",
        score: str = "score",
        strict: bool = True,
    ) -> Self:
        """All columns, then `label`, the most probable one of each row's text, and `score`, its probability; with `pair`, a second column
        of texts, of each row's pair, as cross-encoders take them. A text of no tokens is an error; with `strict=False`, a null."""
        return self._wrap(_gradframe.classify(self._lazy(), private_model(model), column, label, score, pair=pair, strict=strict))

    def answer(
        self,
        model: Any,
        question: str | None = None,
        context: str | None = None,
        *,
        names: Sequence[str] = ("answer", "score", "answer_start", "answer_end"),
        strict: bool = True,
        max_answer_len: int | None = None,
    ) -> Self:
        """All columns, then the part of each row's `context` that answers its `question`, its probability, its first character and the one
        behind its last. The columns are by default `question` and `content`. A question that leaves no room for its text is an error;
        with `strict=False`, a null. Answers have at most `max_answer_len` tokens (15)."""
        options = {"strict": strict, "max_answer_len": max_answer_len}
        return self._wrap(_gradframe.answer(self._lazy(), private_model(model), question, context, names, **options))


def private_model(model: Any) -> Any:
    """What the extension takes for a model. Errors: `TypeError` for a directory, which is no stored model's name."""
    if isinstance(model, (str, os.PathLike)) and os.path.isdir(model):
        raise TypeError(f'{str(model)!r} is a directory, expected a model or the name of a stored one: gf.models.AutoModel.from_pretrained("{model}")')
    return getattr(model, "_model", model)
