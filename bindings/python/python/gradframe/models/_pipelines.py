"""Functions of texts, with the results that transformers' pipelines give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradframe.models._arguments import texts_of
from gradframe.models._base import Pretrained


def pipeline(task: str, model: Any) -> _Pipeline:
    """A function of texts: "feature-extraction", "text-classification" or "text-generation", with the results that transformers'
    pipelines give. `model` is a directory, a name in the hub's cache, or a model of this module."""
    kinds: dict[str, type[_Pipeline]] = {
        "feature-extraction": _Features,
        "text-classification": _Labels,
        "sentiment-analysis": _Labels,
        "text-generation": _Continuations,
    }
    if task not in kinds:
        from gradframe.errors import PlanError

        raise PlanError(f"pipeline: unknown task `{task}`, expected one of {', '.join(kinds)}")
    return kinds[task](model if isinstance(model, Pretrained) else Pretrained.from_pretrained(model))


class _Pipeline:
    def __init__(self, model: Pretrained):
        self._model = model._engine.real

    def __call__(self, texts: str | Sequence[str], **options: Any) -> Any:
        rows = self._of(texts_of("pipeline", texts), **options)
        return rows[0] if isinstance(texts, str) else rows

    def _of(self, texts: list[str], **options: Any) -> list[Any]:
        raise NotImplementedError


class _Features(_Pipeline):
    """The vectors of each text's tokens, [T, D]."""

    def _of(self, texts: list[str], **options: Any) -> list[Any]:
        import numpy as np

        rows = [ids for ids, _ in self._model.encode(texts, None, **options)]
        found = zip(rows, self._model.scores(rows), strict=True)
        return [np.frombuffer(values, dtype="<f4").reshape(len(ids), -1) for ids, values in found]


class _Labels(_Pipeline):
    """The most probable label of each text; with `top_k`, as many of them."""

    def _of(self, texts: list[str], *, top_k: int | None = None) -> list[Any]:
        labels = self._model.labels
        found = []
        for scores in self._model.classify(texts):
            ranked = sorted(zip(labels, scores, strict=True), key=lambda pair: -pair[1])
            rows = [{"label": label, "score": score} for label, score in ranked[: top_k or 1]]
            found.append(rows if top_k is not None else rows[0])
        return found


class _Continuations(_Pipeline):
    """Each text with what comes after it; with `return_full_text=False`, only that."""

    def _of(self, texts: list[str], *, return_full_text: bool = True, **options: Any) -> list[Any]:
        prompts = [ids for ids, _ in self._model.encode(texts, None)]
        found = self._model.generate(prompts, **options)
        whole = (text + new if return_full_text else new for text, (_, new, _) in zip(texts, found, strict=True))
        return [[{"generated_text": text}] for text in whole]
