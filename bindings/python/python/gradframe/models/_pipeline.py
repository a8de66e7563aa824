"""What all pipelines have: a model, options, and how texts become tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradframe.models._arguments import refuse, texts_of
from gradframe.models._base import Pretrained
from gradframe.models._sentences import tokenizer_of
from gradframe.models._tokenizer import AutoTokenizer

if TYPE_CHECKING:
    import numpy as np

# What changes no result here.
_IGNORED = ("batch_size", "num_workers", "truncation", "padding", "framework")


class Pipeline:
    """A function of one text or of several, with the options of its making where a call gives none."""

    HEAD: str | None = None

    def __init__(self, model: Pretrained, task: str, asked: dict[str, Any]):
        self.model, self.task = model, task
        self._model, self._asked = model._engine, asked

    @property
    def tokenizer(self) -> AutoTokenizer:
        """The model's tokenizer."""
        return tokenizer_of(self.model)

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        options = {name: value for name, value in {**self._asked, **options}.items() if name not in _IGNORED}
        return self._answer(*inputs, **options)

    def _answer(self, inputs: Any, **options: Any) -> Any:
        single = isinstance(inputs, str)
        rows = self._of(texts_of(self.task, inputs), **options)
        return rows[0] if single else rows

    def _refuse(self, options: dict[str, Any], *own: str) -> None:
        refuse(self.task, options, (), own=own)

    def _of(self, texts: list[str], **options: Any) -> list[Any]:
        raise NotImplementedError

    def _encoded(self, texts: list[str], pairs: list[str] | None = None) -> tuple[list[list[int]], list[list[int]]]:
        """Tokens and kinds, without what the model has no place for."""
        found = self._model.encode(texts, pairs, special=True, max_tokens=self._model.length_max)
        return [ids for ids, _ in found], [kinds for _, kinds in found]


def probabilities(scores: np.ndarray) -> np.ndarray:
    """Softmax of the last axis."""
    import numpy as np

    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
