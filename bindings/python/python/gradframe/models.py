"""Pretrained models in the layout of the Hugging Face hub, by transformers' and sentence-transformers' names.

    from gradframe.models import SentenceTransformer, pipeline

    SentenceTransformer("all-MiniLM-L6-v2").encode(["a cat", "a dog"])      # NumPy, [2, 384]
    pipeline("text-generation", "stories").__call__("Once upon a time")

A model is a directory that holds config.json, tokenizer.json and model.safetensors, or `org/name` whose files are in the hub's
cache (`HF_HOME`); nothing is downloaded. Over a column of a frame: `frame.embed(model, "text")`, `frame.generate`, `frame.classify`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from gradframe import _gradframe

if TYPE_CHECKING:
    import numpy as np

    from gradframe._gradframe import PyPretrained

__all__ = [
    "AutoModel",
    "AutoModelForCausalLM",
    "AutoModelForMaskedLM",
    "AutoModelForQuestionAnswering",
    "AutoModelForSequenceClassification",
    "AutoModelForTokenClassification",
    "AutoTokenizer",
    "SentenceTransformer",
    "pipeline",
]


class _Pretrained:
    """What was opened of a directory."""

    __slots__ = ("_model",)

    _model: PyPretrained

    @classmethod
    def from_pretrained(cls, path: Any) -> Self:
        """The model of a directory, or of `org/name` in the hub's cache."""
        from gradframe._default import session

        made = cls.__new__(cls)
        made._model = _gradframe.PyPretrained.open(session()._session, str(path))
        return made

    @property
    def path(self) -> str:
        """Its directory."""
        return self._model.path

    def save_pretrained(self, path: Any) -> None:
        """Writes it to a directory that transformers reads too."""
        self._model.save(str(path))


class AutoTokenizer(_Pretrained):
    """A model's tokenizer."""

    __slots__ = ()

    @property
    def vocab_size(self) -> int:
        """Different tokens."""
        return self._model.vocabulary

    def __call__(
        self,
        text: str | Sequence[str],
        text_pair: str | Sequence[str] | None = None,
        *,
        add_special_tokens: bool = True,
        max_length: int | None = None,
        padding: bool = False,
    ) -> dict[str, Any]:
        """`input_ids`, `token_type_ids` and `attention_mask`, as lists; with `padding` all of the longest one's length. Texts of more
        than `max_length` tokens lose their ends."""
        single = isinstance(text, str)
        texts = [text] if isinstance(text, str) else list(text)
        pairs = [text_pair] if isinstance(text_pair, str) else None if text_pair is None else list(text_pair)
        rows = self._model.encode(texts, pairs, special=add_special_tokens, max_tokens=max_length)
        longest = max((len(ids) for ids, _ in rows), default=0) if padding else 0
        pad = self._model.token_id("[PAD]") or self._model.token_id("<pad>") or 0
        found: dict[str, Any] = {"input_ids": [], "token_type_ids": [], "attention_mask": []}
        for ids, kinds in rows:
            rest = max(longest - len(ids), 0)
            found["input_ids"].append(ids + [pad] * rest)
            found["token_type_ids"].append(kinds + [0] * rest)
            found["attention_mask"].append([1] * len(ids) + [0] * rest)
        return {name: rows[0] for name, rows in found.items()} if single else found

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]:
        """The tokens of a text."""
        return self._model.encode([text], None, special=add_special_tokens)[0][0]

    def decode(self, ids: Iterable[int], *, skip_special_tokens: bool = False) -> str:
        """The text of tokens."""
        return self._model.decode([int(i) for i in ids], skip_special_tokens)

    def convert_tokens_to_ids(self, token: str) -> int | None:
        """The number of a token; None if there is none."""
        return self._model.token_id(token)

    def apply_chat_template(self, conversation: Sequence[Mapping[str, str]], *, add_generation_prompt: bool = False) -> str:
        """A conversation, a list of `{"role": ..., "content": ...}`, as one text."""
        return self._model.chat([(m["role"], m["content"]) for m in conversation], add_generation_prompt)


class AutoModel(_Pretrained):
    """A model. Called with rows of tokens, it gives of each what its head gives, or the tokens' vectors of a model without one."""

    __slots__ = ()

    _TASK: str | None = None

    @classmethod
    def from_pretrained(cls, path: Any) -> Self:
        """The model of a directory, or of `org/name` in the hub's cache."""
        made = super().from_pretrained(path)
        if cls._TASK is not None and made._model.task != cls._TASK:
            from gradframe.errors import PlanError

            raise PlanError(f"{cls.__name__}: expected a model for {cls._TASK}, {path} is for {made._model.task or 'no task'}")
        return made

    def __call__(self, input_ids: Sequence[int] | Sequence[Sequence[int]]) -> Any:
        """NumPy arrays, [T, ..] or [L], one a row; of a single row the array itself."""
        import numpy as np

        single = len(input_ids) > 0 and not isinstance(input_ids[0], (list, tuple, np.ndarray))
        rows = [[int(i) for i in row] for row in ([input_ids] if single else input_ids)]  # type: ignore[list-item, union-attr]
        found = []
        for ids, values in zip(rows, self._model.scores(rows), strict=True):
            flat = np.frombuffer(values, dtype="<f4")
            found.append(flat if self._by_text() else flat.reshape(len(ids), -1))
        return found[0] if single else found

    def _by_text(self) -> bool:
        return self._model.task == "text-classification"

    def state(self) -> list[tuple[str, str, list[int]]]:
        """Name, type and shape of each tensor."""
        return self._model.tensors()


class AutoModelForCausalLM(AutoModel):
    """A model that continues texts."""

    __slots__ = ()
    _TASK = "text-generation"

    def generate(self, input_ids: Sequence[int] | Sequence[Sequence[int]], **options: Any) -> Any:
        """The new tokens of each row of tokens, or of a single one. `max_new_tokens`, `min_new_tokens`, `temperature` (0: the most
        probable token), `top_k`, `top_p`, `repetition_penalty`, `stop`, `seed`, `num_beams`, `length_penalty`."""
        single = len(input_ids) > 0 and isinstance(input_ids[0], int)
        rows = [list(input_ids)] if single else [list(row) for row in input_ids]  # type: ignore[arg-type]
        found = [ids for ids, _, _ in self._model.generate(rows, **options)]
        return found[0] if single else found


class AutoModelForMaskedLM(AutoModel):
    """A model that fills in tokens."""

    __slots__ = ()
    _TASK = "fill-mask"


class AutoModelForSequenceClassification(AutoModel):
    """A model that labels texts."""

    __slots__ = ()
    _TASK = "text-classification"


class AutoModelForTokenClassification(AutoModel):
    """A model that labels tokens."""

    __slots__ = ()
    _TASK = "token-classification"


class AutoModelForQuestionAnswering(AutoModel):
    """A model that finds answers in texts."""

    __slots__ = ()
    _TASK = "question-answering"


class SentenceTransformer(_Pretrained):
    """A model that embeds texts, with the pooling that its `modules.json` says; without one, the mean of its tokens."""

    __slots__ = ()

    def __new__(cls, path: Any) -> Self:
        return cls.from_pretrained(path)

    @classmethod
    def from_pretrained(cls, path: Any) -> Self:
        """The model of a directory, or of `org/name` in the hub's cache."""
        from gradframe._default import session

        made = object.__new__(cls)
        made._model = _gradframe.PyPretrained.open(session()._session, str(path))
        return made

    def encode(
        self,
        sentences: str | Sequence[str],
        *,
        normalize_embeddings: bool = False,
        prompt_name: str | None = None,
        max_tokens: int | None = None,
    ) -> np.ndarray:
        """Vectors of f32: [N, D], or [D] of a single text."""
        import numpy as np

        texts = [sentences] if isinstance(sentences, str) else list(sentences)
        values, width = self._model.embed(texts, normalize_embeddings, prompt_name, max_tokens)
        vectors = np.frombuffer(values, dtype="<f4").reshape(-1, width)
        return vectors[0] if isinstance(sentences, str) else vectors


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
    return kinds[task](model if isinstance(model, _Pretrained) else _Pretrained.from_pretrained(model))


class _Pipeline:
    def __init__(self, model: _Pretrained):
        self._model = model._model

    def __call__(self, texts: str | Sequence[str], **options: Any) -> Any:
        rows = self._of([texts] if isinstance(texts, str) else list(texts), **options)
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
