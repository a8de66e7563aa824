"""Pretrained models over texts, as expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradframe import _gradframe
from gradframe._expr.base import Base, column

if TYPE_CHECKING:
    from gradframe._expr.base import IntoExpr
    from gradframe._expr.expr import Expr


class Texts(Base):
    """What pretrained models make of texts. `model` is a model of `gf.models`, or the name of one that CREATE MODEL knows. In the plan
    each is a column of an operator: batched by length, equal texts once, after the filters that do not need it. A null gives null."""

    __slots__ = ()

    def embed(
        self, model: Any, *, normalize: bool = False, prompt_name: str | None = None, max_tokens: int | None = None
    ) -> Expr:
        """The vector of each text, `Array(Float32, D)`. `normalize` makes vectors of length 1; `prompt_name` is one of the model's
        prompts; texts of more than `max_tokens` lose their ends.

            lines.with_columns(gf.col("line").embed(model).alias("vector"))
        """
        return _call("embed", [self], model, normalize=normalize, prompt_name=prompt_name, max_tokens=max_tokens)

    def generate(self, model: Any, *, strict: bool = True, **options: Any) -> Expr:
        """What comes after each prompt. Options are those of `AutoModelForCausalLM.generate`. A prompt that the model cannot take is an
        error; with `strict=False`, a null."""
        return _call("generate", [self], model, strict=strict, **options)

    def classify(self, model: Any, *, pair: IntoExpr | None = None, strict: bool = True) -> Expr:
        """The most probable label of each text and its probability, the struct `{label, score}`; with `pair`, of each pair of texts, as
        cross-encoders take them. A text of no tokens is an error; with `strict=False`, a null."""
        return _call("classify", [self] if pair is None else [self, column(pair)], model, strict=strict)

    def answer(self, model: Any, context: IntoExpr, *, strict: bool = True, max_answer_len: int | None = None) -> Expr:
        """The part of `context` that answers each question, the struct `{answer, score, answer_start, answer_end}`; places are in
        characters. A question that leaves no room for its text is an error; with `strict=False`, a null."""
        return _call("answer", [self, column(context)], model, strict=strict, max_answer_len=max_answer_len)


def _call(task: str, texts: list[Any], model: Any, **options: Any) -> Expr:
    from gradframe._default import session
    from gradframe._frame.learning import private_model

    given = {name: value for name, value in options.items() if value is not None}
    texts = [getattr(text, "_expr", text) for text in texts]
    return Base._public(_gradframe.text_expr(task, texts, private_model(model), session()._session, **given))
