"""Texts as vectors, as sentence-transformers is used."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from gradframe.models import util
from gradframe.models._arguments import dtype_name, on_cpu, plan_error, refuse, texts_of, unsupported
from gradframe.models._base import Outputs, Pretrained, tensor
from gradframe.models._saving import save_sentences
from gradframe.models._tokenizer import AutoTokenizer

if TYPE_CHECKING:
    import numpy as np

SIMILARITIES = {
    "cosine": util.cos_sim,
    "dot": util.dot_score,
    "euclidean": util.euclidean_sim,
    "manhattan": util.manhattan_sim,
}
# sentence-transformers gives every model these two.
_PROMPTS = {"query": "", "document": ""}
_ENCODE_UNSUPPORTED = ("chunk_size", "pool", "processing_kwargs")
_ENCODE = (
    "prompt_name prompt batch_size show_progress_bar precision convert_to_numpy convert_to_tensor device normalize_embeddings truncate_dim "
    "max_tokens"
).split()


def opened(cls: type[Any], path: Any, options: dict[str, Any]) -> Any:
    """A model by sentence-transformers' arguments: those of the network are under `model_kwargs`."""
    given = dict(options.pop("model_kwargs", None) or {})
    for name in ("tokenizer_kwargs", "processor_kwargs", "config_kwargs", "model_card_data"):
        if options.pop(name, None):
            raise unsupported(f"{cls.__name__}: `{name}` is not supported")
    backend = options.pop("backend", "torch")
    if backend != "torch":
        raise unsupported(f"{cls.__name__}: `backend` has one value here, whatever computes, got {backend!r}")
    given = {**options, **given}
    given["dtype"] = dtype_name(given.pop("torch_dtype", None) or given.get("dtype", "auto"))
    return cls.from_pretrained(path, **given)


def _named(path: str) -> str:
    is_short = path and "/" not in path and "\\" not in path and not pathlib.Path(path).is_dir()
    return f"sentence-transformers/{path}" if is_short else path


class SentenceTransformer(Pretrained):
    """A model that embeds texts, with the pooling that its `modules.json` says; without one, the mean of its tokens."""

    __slots__ = ("_default", "_most", "_prompts", "_similarity", "_tokens", "truncate_dim")

    _default: str | None
    _most: int | None
    _prompts: dict[str, str]
    _similarity: str
    truncate_dim: int | None

    def __new__(
        cls,
        model_name_or_path: Any,
        *,
        prompts: Mapping[str, str] | None = None,
        default_prompt_name: str | None = None,
        similarity_fn_name: str | None = None,
        truncate_dim: int | None = None,
        **options: Any,
    ) -> Self:
        """The model of a directory, or of `org/name` on the hub. `prompts` adds to the model's own; with `truncate_dim`
        vectors have their first numbers alone. Other options are those of `from_pretrained`, and `model_kwargs`, which holds such."""
        made: Self = opened(cls, model_name_or_path, options)
        made._prompts |= dict(prompts or {})
        made.truncate_dim = made.truncate_dim if truncate_dim is None else truncate_dim
        if default_prompt_name is not None:
            made._prompt(None, default_prompt_name)
            made._default = default_prompt_name
        if similarity_fn_name is not None:
            made.similarity_fn_name = similarity_fn_name
        return made

    @classmethod
    def from_pretrained(cls, path: Any, **options: Any) -> Self:
        """The model of a directory, or of `org/name` on the hub, where a name alone is one of `sentence-transformers/`; options as
        those of `AutoModel.from_pretrained`."""
        made = super().from_pretrained(_named(str(path)), **options)
        said = made._json("config_sentence_transformers.json", root=True)
        made._prompts = _PROMPTS | dict(said.get("prompts") or {})
        made._default = said.get("default_prompt_name")
        made._similarity = said.get("similarity_fn_name") or "cosine"
        made._most, made.truncate_dim = None, said.get("truncate_dim")
        return made

    def encode(
        self,
        sentences: str | Sequence[str] | None = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        output_value: str = "sentence_embedding",
        precision: str = "float32",
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: Any = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        *,
        max_tokens: int | None = None,
        inputs: str | Sequence[str] | None = None,
        **given: Any,
    ) -> Any:
        """Vectors of f32: [N, D], or [D] of a single text. `prompt`, or the one of the model's prompts that `prompt_name` names, is
        put before each text. Texts of more than `max_tokens` (`max_seq_length`) tokens lose their ends. Batches are formed by
        length here, whatever `batch_size` is, and no bar is drawn; with `convert_to_tensor` the result is PyTorch's, without
        `convert_to_numpy` a list of such. `precision` "int8", "uint8", "binary" and "ubinary" are `util.quantize_embeddings`'.
        Errors: `DTypeError` naming the item that is no text; `PlanError` for an unknown prompt."""
        refuse("encode", {name: value for name, value in given.items() if name != "task"}, _ENCODE_UNSUPPORTED, own=_ENCODE)
        on_cpu(device)
        if output_value != "sentence_embedding":
            raise unsupported(
                f"encode: `output_value` is 'sentence_embedding', got {output_value!r}; hint: AutoModel gives tokens' vectors"
            )
        if precision not in util.PRECISIONS:
            raise plan_error(f"encode: precision: expected one of {', '.join(util.PRECISIONS)}, got {precision!r}")
        if batch_size < 1:
            raise plan_error(f"encode: batch_size: expected 1 or more, got {batch_size}")
        sentences = inputs if sentences is None else sentences
        vectors = self._vectors(texts_of("encode", sentences), self._prompt(prompt, prompt_name), max_tokens or self._most)
        found = _finished(vectors, truncate_dim or self.truncate_dim, normalize_embeddings, precision)
        found = found[0] if isinstance(sentences, str) else found
        if convert_to_tensor:
            return tensor(found)
        return found if convert_to_numpy else list(tensor(found)) if found.ndim == 2 else tensor(found)

    def _vectors(self, texts: list[str], prompt: str | None, most: int | None) -> np.ndarray:
        import numpy as np

        values, width = self._engine.embed(texts, prompt, most)
        return np.frombuffer(bytearray(values), dtype="<f4").reshape(-1, width)

    def _prompt(self, prompt: str | None, name: str | None) -> str | None:
        name = self._default if name is None else name
        if prompt is not None or name is None:
            return prompt
        if name not in self._prompts:
            from gradframe._names import suggested

            raise plan_error(f"encode: unknown prompt `{name}` of the model{suggested(name, self._prompts)}")
        return self._prompts[name]

    def encode_query(self, sentences: str | Sequence[str] | None = None, **options: Any) -> Any:
        """`encode` with the model's prompt "query", if it has one."""
        return self._encode_kind(("query",), sentences, options)

    def encode_document(self, sentences: str | Sequence[str] | None = None, **options: Any) -> Any:
        """`encode` with the model's prompt "document", "passage" or "corpus", if it has one."""
        return self._encode_kind(("document", "passage", "corpus"), sentences, options)

    def _encode_kind(self, names: Sequence[str], sentences: Any, options: dict[str, Any]) -> Any:
        if options.get("prompt") is None and options.get("prompt_name") is None:
            options["prompt_name"] = next((name for name in names if name in self._prompts), None)
        return self.encode(sentences, **options)

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """How near each vector of one is to each of the other, [N, M], by `similarity_fn_name`."""
        return SIMILARITIES[self._similarity](embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """How near each vector of one is to that of the other in its place, [N]."""
        return util.by_pairs(SIMILARITIES[self._similarity], embeddings1, embeddings2)

    @property
    def similarity_fn_name(self) -> str:
        """ "cosine", "dot", "euclidean" or "manhattan": the model's own, or as it is set."""
        return self._similarity

    @similarity_fn_name.setter
    def similarity_fn_name(self, name: str) -> None:
        name = str(getattr(name, "value", name))
        if name not in SIMILARITIES:
            raise plan_error(f"similarity_fn_name: expected one of {', '.join(SIMILARITIES)}, got {name!r}")
        self._similarity = name

    @property
    def prompts(self) -> dict[str, str]:
        """The model's prompts by name."""
        return self._prompts

    @property
    def default_prompt_name(self) -> str | None:
        """The prompt that is put before texts where a call names none."""
        return self._default

    def get_sentence_embedding_dimension(self) -> int:
        """Numbers of a vector."""
        width = self._engine.width
        return width if self.truncate_dim is None else min(width, self.truncate_dim)

    get_embedding_dimension = get_sentence_embedding_dimension

    @contextlib.contextmanager
    def truncate_sentence_embeddings(self, truncate_dim: int | None) -> Iterator[None]:
        """Within it, vectors have so many numbers."""
        before, self.truncate_dim = self.truncate_dim, truncate_dim
        try:
            yield
        finally:
            self.truncate_dim = before

    @property
    def max_seq_length(self) -> int:
        """Tokens of a text, at most; it can be set."""
        return self._most or self._engine.length_max

    @max_seq_length.setter
    def max_seq_length(self, tokens: int | None) -> None:
        if tokens is not None and tokens < 1:
            raise plan_error(f"max_seq_length: expected 1 or more, got {tokens}")
        self._most = tokens

    def get_max_seq_length(self) -> int:
        """Tokens of a text, at most."""
        return self.max_seq_length

    @property
    def tokenizer(self) -> AutoTokenizer:
        """Its tokenizer."""
        return tokenizer_of(self)

    def tokenize(self, texts: Sequence[Any], **_: Any) -> Outputs:
        """Tokens of texts as the model is given them, arrays of one length."""
        asked = {"padding": True, "truncation": True, "max_length": self.max_seq_length, "return_tensors": "np"}
        return self.tokenizer(list(texts), **asked)  # type: ignore[arg-type]

    preprocess = tokenize

    def save_pretrained(self, path: Any, **_: Any) -> None:
        """Writes it to a directory that sentence-transformers reads too: its modules with their weights, and what was set of prompts,
        similarity, `truncate_dim` and `max_seq_length`."""
        save_sentences(self, pathlib.Path(path))

    def save(self, path: Any, **_: Any) -> None:
        """As `save_pretrained`."""
        self.save_pretrained(path)


def tokenizer_of(model: Pretrained) -> AutoTokenizer:
    """The tokenizer of a model that is open."""
    made = object.__new__(AutoTokenizer)
    made._engine = model._engine
    return made


def _finished(vectors: np.ndarray, width: int | None, normalize: bool, precision: str) -> np.ndarray:
    """Cut to so many numbers, then of length 1, then in less memory."""
    import numpy as np

    if width is not None:
        vectors = np.ascontiguousarray(vectors[:, :width])
    if normalize:
        vectors = util.normalize_embeddings(vectors)
    return util.quantize_embeddings(vectors, precision)
