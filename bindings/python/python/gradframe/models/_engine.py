"""A model of the extension, with what can be read in its directory beside."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gradframe import _gradframe

if TYPE_CHECKING:
    from gradframe._gradframe import PyPretrained

_NO_LIMIT = 1 << 30


def located(path: str, revision: str | None, options: Mapping[str, Any]) -> str:
    """The directory of a path or of a name of the hub, by the arguments that transformers has for it.
    Errors: `ExternalError` naming the places where it was looked for."""
    from gradframe._default import session

    if pathlib.Path(path).is_dir():
        return path
    token = options.get("token", options.get("use_auth_token"))
    name = path if revision is None else f"{path}@{revision}"
    here_only = bool(options.get("local_files_only"))
    return _gradframe.PyPretrained.find(session()._session, name, here_only, token if isinstance(token, str) else None)


class Engine:
    """What the classes ask of a model. Attributes that are not here are the extension's."""

    __slots__ = ("_ends", "_length_max", "_pooler", "_root", "real")

    real: PyPretrained

    def __init__(self, path: str, dtype: str):
        from gradframe._default import session

        self.real = _gradframe.PyPretrained.open(session()._session, path, dtype)
        self._root = pathlib.Path(path) if pathlib.Path(path).is_dir() else self._above()

    def _above(self) -> pathlib.Path:
        """The directory of `modules.json`, which may be above the network's."""
        own = pathlib.Path(self.real.path)
        return own.parent if not (own / "modules.json").is_file() and (own.parent / "modules.json").is_file() else own

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    @property
    def root(self) -> str:
        """The directory that was opened."""
        return str(self._root)

    def json(self, name: str, *, root: bool = False) -> dict[str, Any]:
        """A file of its directory; empty if it is not there. Errors: `ExecutionError` if it is not JSON."""
        file = pathlib.Path(self.root if root else self.real.path) / name
        if not file.is_file():
            return {}
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            from gradframe.errors import ExecutionError

            raise ExecutionError(f"{name}: {file} is not JSON: {error}") from error
        return found if isinstance(found, dict) else {}

    @property
    def length_max(self) -> int:
        """Tokens of a text, at most: of the network, and of what its tokenizer and sentence-transformers' settings say."""
        if not hasattr(self, "_length_max"):
            said = self.json("sentence_bert_config.json").get("max_seq_length")
            said = self.json("tokenizer_config.json").get("model_max_length") if said is None else said
            said = int(said) if isinstance(said, (int, float)) and 0 < said < _NO_LIMIT else _NO_LIMIT
            self._length_max = min(said, self.places)
        return self._length_max

    @property
    def places(self) -> int:
        """Tokens that the network has places for."""
        config = self.json("config.json")
        places = config.get("max_position_embeddings") or config.get("n_positions") or _NO_LIMIT
        # The first places of these are those of padding, of which MPNet's stands at 1.
        if self.real.kind in ("roberta", "xlm-roberta"):
            return int(places) - int(config.get("pad_token_id", 1)) - 1
        return int(places) - 2 if self.real.kind == "mpnet" else int(places)

    @property
    def pooler(self) -> tuple[Any, Any] | None:
        """Weight [C, C] and bias [C] of what makes one vector of the first token's; None where the checkpoint has no such."""
        import numpy as np

        if not hasattr(self, "_pooler"):
            name = next((name for name, _, _ in self.real.tensors() if name.endswith("pooler.dense.weight")), None)
            parts = [self.real.numbers(part) for part in (name, name.removesuffix("weight") + "bias")] if name else []
            found = [np.frombuffer(part, dtype="<f4") for part in parts if part is not None]
            self._pooler = (found[0].reshape(len(found[1]), -1), found[1]) if len(found) == 2 else None
        return self._pooler

    @property
    def ends(self) -> list[int]:
        """Tokens that end a text."""
        said = self.json("generation_config.json").get("eos_token_id", self.json("config.json").get("eos_token_id"))
        return [] if said is None else said if isinstance(said, list) else [said]

    def generate(self, prompts: Sequence[Sequence[int]], **options: Any) -> list[list[int]]:
        """The new tokens of each prompt, that which ends them among them."""
        found = self.real.generate([list(prompt) for prompt in prompts], configured=False, **options)
        return [ids for ids, _, _ in found]

    def embed(self, texts: list[str], prompt: str | None, most: int | None) -> tuple[bytes, int]:
        """The vectors of texts, each with the prompt before it, and with no other."""
        return self.real.embed(texts, False, None, most, prompt or "")
