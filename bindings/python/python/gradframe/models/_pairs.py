"""Pairs of texts as scores, as sentence-transformers' CrossEncoder is used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

from gradframe.models._arguments import on_cpu, plan_error, refuse, texts_of, type_error
from gradframe.models._base import Pretrained, is_torch, tensor
from gradframe.models._sentences import opened, tokenizer_of
from gradframe.models._tokenizer import AutoTokenizer

if TYPE_CHECKING:
    import numpy as np

_UNSUPPORTED = ("chunk_size", "pool", "prompt", "prompt_name")


class CrossEncoder(Pretrained):
    """A model that scores pairs of texts together."""

    __slots__ = ("_most", "activation_fn")

    _most: int | None
    activation_fn: Callable[[Any], Any] | None

    def __new__(
        cls,
        model_name_or_path: Any,
        num_labels: int | None = None,
        max_length: int | None = None,
        activation_fn: Callable[[Any], Any] | None = None,
        **options: Any,
    ) -> Self:
        """The model of a directory, or of `org/name` on the hub. Pairs of more than `max_length` tokens lose their ends,
        the longer text first; `activation_fn` makes scores of logits where a call gives none. Other options are those of
        `from_pretrained`."""
        made: Self = opened(cls, model_name_or_path, options)
        if num_labels is not None and num_labels != made.num_labels:
            raise plan_error(f"CrossEncoder: num_labels: the model has {made.num_labels}, got {num_labels}")
        made.max_seq_length = max_length
        made.activation_fn = activation_fn
        return made

    @classmethod
    def from_pretrained(cls, path: Any, **options: Any) -> Self:
        """The model of a directory, or of `org/name` on the hub; options as those of `AutoTokenizer.from_pretrained`."""
        made = super().from_pretrained(path, **options)
        if made._engine.task != "text-classification":
            raise plan_error(f"CrossEncoder: expected a model for text-classification, {path} is for {made._engine.task or 'no task'}")
        made._most, made.activation_fn = None, None
        return made

    @property
    def num_labels(self) -> int:
        """Scores of a pair."""
        return len(self._engine.labels)

    @property
    def max_seq_length(self) -> int:
        """Tokens of a pair, at most; it can be set."""
        return self._most or self._engine.length_max

    @max_seq_length.setter
    def max_seq_length(self, tokens: int | None) -> None:
        self._most = tokens

    max_length = max_seq_length

    @property
    def tokenizer(self) -> AutoTokenizer:
        """Its tokenizer."""
        return tokenizer_of(self)

    def predict(
        self,
        sentences: Any = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        activation_fn: Callable[[Any], Any] | None = None,
        apply_softmax: bool | None = False,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        *,
        inputs: Any = None,
        device: Any = None,
        **given: Any,
    ) -> Any:
        """Of each pair of texts the score, [N], of one pair alone a number; of a model of several labels a score for each, [N, L],
        as it gives them, or with `apply_softmax` probabilities. A single score goes through the activation that the model's
        configuration names, else the logistic function. `activation_fn` is a function of NumPy arrays or PyTorch's. Errors:
        `DTypeError` naming the item that is no pair."""
        refuse("predict", given, _UNSUPPORTED)
        on_cpu(device)
        if batch_size < 1:
            raise plan_error(f"predict: batch_size: expected 1 or more, got {batch_size}")
        sentences = inputs if sentences is None else sentences
        single = len(sentences) == 2 and all(isinstance(text, str) for text in sentences)
        scores = self._scores(_pairs([sentences] if single else sentences), batch_size)
        scores = self._activated(scores, activation_fn or self.activation_fn)
        if apply_softmax and scores.shape[1] > 1:
            powers = _exp(scores - scores.max(axis=1, keepdims=True))
            scores = powers / powers.sum(axis=1, keepdims=True)
        scores = scores[:, 0] if scores.shape[1] == 1 else scores
        found = scores[0] if single else scores
        if convert_to_tensor:
            import numpy as np

            return tensor(np.asarray(found))
        return found if convert_to_numpy or single else list(tensor(found))

    def _scores(self, pairs: list[tuple[str, str]], batch_size: int) -> np.ndarray:
        """The logits of pairs, [N, L]; those of about a length together."""
        import numpy as np

        first, second = ([pair[side] for pair in pairs] for side in (0, 1))
        rows = self._engine.encode(first, second, special=True, max_tokens=self.max_seq_length)
        found = np.zeros((len(pairs), self.num_labels), dtype="f4")
        order = sorted(range(len(rows)), key=lambda at: len(rows[at][0]))
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            scores = self._engine.scores([rows[at][0] for at in batch], [rows[at][1] for at in batch])
            found[batch] = [np.frombuffer(values, dtype="<f4") for values in scores]
        return found

    def _activated(self, scores: np.ndarray, function: Callable[[Any], Any] | None) -> np.ndarray:
        import numpy as np

        if function is not None:
            of_torch = type(function).__module__.split(".")[0] == "torch" or getattr(function, "__module__", "").startswith("torch")
            found = function(tensor(scores) if of_torch else scores)
            return found.detach().numpy() if is_torch(found) else np.asarray(found)
        name = self._activation()
        if name == "Sigmoid":
            return np.asarray(1 / (1 + _exp(-scores)))
        return scores

    def _activation(self) -> str:
        """What the configuration names, by its last part; else of one label the logistic function, of several none."""
        own = self.config.get("sentence_transformers") or {}
        said = self._json("config_sentence_transformers.json", root=True).get("activation_fn")
        said = said or own.get("activation_fn") or self.config.get("sbert_ce_default_activation_function")
        name = said.rsplit(".", 1)[-1] if isinstance(said, str) else "Sigmoid" if self.num_labels == 1 else "Identity"
        if name not in ("Sigmoid", "Identity"):
            raise plan_error(
                f"CrossEncoder: the model's activation is {said}, expected Sigmoid or Identity; hint: activation_fn names a function"
            )
        return name

    def rank(
        self, query: str, documents: Sequence[str], top_k: int | None = None, return_documents: bool = False, **options: Any
    ) -> list[dict[str, Any]]:
        """The documents by their score with the query, the best first: `corpus_id`, `score`, and `text` with `return_documents`."""
        if self.num_labels != 1:
            raise plan_error(f"rank: expected a model of one score, it has {self.num_labels} labels; hint: predict gives them all")
        scores = [float(score) for score in self.predict([(query, text) for text in texts_of("rank", documents)], **options)]
        best = sorted(range(len(scores)), key=lambda at: -scores[at])[:top_k]
        text = (lambda at: {"text": documents[at]}) if return_documents else (lambda at: {})
        return [{"corpus_id": at, "score": scores[at]} | text(at) for at in best]


def _exp(values: np.ndarray) -> np.ndarray:
    import numpy as np

    with np.errstate(over="ignore"):
        return np.asarray(np.exp(values))


def _pairs(sentences: Any) -> list[tuple[str, str]]:
    """Pairs of texts. Errors: `DTypeError` naming the first item that is none."""
    found = []
    for at, pair in enumerate(sentences):
        if isinstance(pair, str) or not hasattr(pair, "__len__") or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise type_error(f"predict: item {at} is {pair!r}, expected a pair of texts")
        found.append((pair[0], pair[1]))
    return found
