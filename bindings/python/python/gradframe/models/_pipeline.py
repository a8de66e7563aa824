"""What all pipelines have: a model, options, and how texts become tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradframe.models._arguments import plan_error, refuse, texts_of
from gradframe.models._base import Pretrained
from gradframe.models._sentences import tokenizer_of
from gradframe.models._tokenizer import AutoTokenizer

if TYPE_CHECKING:
    import numpy as np

# What changes no result here.
_IGNORED = ("batch_size", "num_workers", "padding", "framework")
_WHOLE = (None, False, "do_not_truncate")


class Pipeline:
    """A function of one text or of several, with the options of its making where a call gives none."""

    HEAD: str | None = None
    # Whether texts that are too long are cut only if `truncation` asks for it; the others always cut them, or read them in parts.
    CUTS_IF_ASKED = False

    def __init__(self, model: Pretrained, task: str, asked: dict[str, Any]):
        self.model, self.task = model, task
        self._model, self._asked = model._engine, asked

    @property
    def tokenizer(self) -> AutoTokenizer:
        """The model's tokenizer."""
        return tokenizer_of(self.model)

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        ignored = _IGNORED if self.CUTS_IF_ASKED else (*_IGNORED, "truncation")
        options = {name: value for name, value in {**self._asked, **options}.items() if name not in ignored}
        return self._answer(*inputs, **options)

    def _answer(self, inputs: Any, **options: Any) -> Any:
        single = isinstance(inputs, str)
        rows = self._of(texts_of(self.task, inputs), **options)
        return rows[0] if single else rows

    def _refuse(self, options: dict[str, Any], *own: str) -> None:
        refuse(self.task, options, (), own=own)

    def _of(self, texts: list[str], **options: Any) -> list[Any]:
        raise NotImplementedError

    def _encoded(
        self, texts: list[str], pairs: list[str] | None = None, truncation: Any = True
    ) -> tuple[list[list[int]], list[list[int]]]:
        """Tokens and kinds, without what the model has no place for if texts are to be cut.
        Errors: `PlanError` for a text that is too long and is not to be cut."""
        cuts = getattr(truncation, "value", truncation) not in _WHOLE
        found = self._model.encode(texts, pairs, special=True, max_tokens=self._model.length_max if cuts else None)
        most = self._model.length_max
        long = next((number for number, (ids, _) in enumerate(found) if len(ids) > most), None)
        if long is not None:
            what = f"{self.task}: text {long} has {len(found[long][0])} tokens, the model takes at most {most}"
            raise plan_error(f"{what}; hint: truncation=True cuts it")
        return [ids for ids, _ in found], [kinds for _, kinds in found]


def probabilities(scores: np.ndarray) -> np.ndarray:
    """Softmax of the last axis."""
    import numpy as np

    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
