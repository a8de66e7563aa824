"""What was set of a model of sentence-transformers, written beside it as that library reads it."""

from __future__ import annotations

import json
import pathlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradframe.models._sentences import SentenceTransformer

_TYPE = "sentence_transformers.models"


def write_json(file: pathlib.Path, values: Any) -> None:
    """Values as the text of a file."""
    file.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(file: pathlib.Path) -> dict[str, Any]:
    """The values of a file; empty if it is not there."""
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def save_sentences(model: SentenceTransformer, path: pathlib.Path) -> None:
    """Writes network, modules and settings to a directory."""
    network = pathlib.Path(model._engine.save(str(path), True))
    if not (path / "modules.json").is_file():
        _write_mean(model, path)
    own = {
        "prompts": model._prompts,
        "default_prompt_name": model._default,
        "similarity_fn_name": model._similarity,
        "truncate_dim": model.truncate_dim,
    }
    file = path / "config_sentence_transformers.json"
    said = read_json(file)
    if any(said.get(name) != value for name, value in own.items()):
        own = {name: value for name, value in own.items() if value is not None or name != "truncate_dim"}
        kept = {name: value for name, value in said.items() if name != "truncate_dim"}
        write_json(file, {"model_type": "SentenceTransformer", **kept, **own})
    if model._most is not None:
        _write_length(network, model._most)


def _write_length(network: pathlib.Path, tokens: int) -> None:
    """In the tokenizer's settings, and where older versions of sentence-transformers look first."""
    for name, field in (("tokenizer_config.json", "model_max_length"), ("sentence_bert_config.json", "max_seq_length")):
        said = read_json(network / name)
        if field == "model_max_length" or said.get(field) is not None:
            write_json(network / name, {**said, field: tokens})


def _write_mean(model: SentenceTransformer, path: pathlib.Path) -> None:
    """The modules that a network without such has: the mean of its tokens."""
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    listed = [{"idx": at, "name": str(at), "path": own, "type": f"{_TYPE}.{kind}"} for at, (own, kind) in enumerate(modules)]
    (path / "1_Pooling").mkdir(exist_ok=True)
    width = model._engine.width
    write_json(path / "1_Pooling" / "config.json", {"word_embedding_dimension": width, "pooling_mode_mean_tokens": True})
    write_json(path / "modules.json", listed)
