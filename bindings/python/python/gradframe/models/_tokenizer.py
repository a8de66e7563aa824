"""Tokenizers, as transformers' AutoTokenizer is used."""

from __future__ import annotations

import json
import pathlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from gradframe.models._arguments import plan_error, refuse, texts_of, type_error
from gradframe.models._base import Pretrained, is_torch
from gradframe.models._chat import ChatTemplates
from gradframe.models._encoding import Encoding, Plan, Span, encoding, filled, plan, shortened
from gradframe.models._special import NAMES, SpecialTokens

_WITHOUT_KINDS = ("distilbert", "roberta", "xlm-roberta", "mpnet", "gpt2", "llama", "mistral", "qwen2", "qwen3")
_FILES = (
    "tokenizer.json tokenizer_config.json special_tokens_map.json added_tokens.json vocab.txt vocab.json merges.txt chat_template.jinja "
    "config.json"
).split()
_CALL_UNSUPPORTED = "is_split_into_words return_overflowing_tokens stride text_pair_target text_target tokenizer_kwargs".split()
_NO_LIMIT = int(1e30)


class AutoTokenizer(ChatTemplates, SpecialTokens, Pretrained):
    """A model's tokenizer."""

    padding_side: str
    truncation_side: str
    is_fast = True

    @classmethod
    def from_pretrained(cls, path: Any, **options: Any) -> Self:
        """The tokenizer of a directory, or of `org/name` on the hub. `padding_side`, `truncation_side`, `model_max_length`
        and special tokens (`pad_token`) are set; other options are those of transformers that change nothing."""
        own = {name: options.pop(name) for name in (*NAMES, "padding_side", "truncation_side", "model_max_length") if name in options}
        made = super().from_pretrained(path, **options)
        for name, value in own.items():
            setattr(made, name, value)
        return made

    def __getattr__(self, name: str) -> Any:
        """What its files say, read when it is first asked for."""
        if name == "_special":
            value: Any = {}
        elif name == "_settings":
            value = self._json("special_tokens_map.json") | self._json("tokenizer_config.json")
        elif name in ("padding_side", "truncation_side"):
            value = self._setting(name) or "right"
        elif name == "model_max_length":
            said = self._setting(name)
            value = int(said) if isinstance(said, (int, float)) else _NO_LIMIT
        else:
            raise AttributeError(f"a tokenizer has no `{name}`")
        self.__dict__[name] = value
        return value

    def _setting(self, name: str) -> Any:
        return self._settings.get(name)

    def _has_files(self) -> bool:
        return bool(self._settings)

    @property
    def vocab_size(self) -> int:
        """Different tokens, without those that were added to its vocabulary."""
        vocabulary = self._json("tokenizer.json").get("model", {}).get("vocab")
        return len(vocabulary) if vocabulary else self._engine.vocabulary

    def __len__(self) -> int:
        return self._engine.vocabulary

    def get_vocab(self) -> dict[str, int]:
        """The number of each token."""
        texts = self._engine.token_texts(list(range(self._engine.vocabulary)))
        return {text: number for number, text in enumerate(texts) if text}

    vocab = property(get_vocab, doc="The number of each token.")

    @property
    def model_input_names(self) -> list[str]:
        """What it gives for the model."""
        said = self._setting("model_input_names")
        return said or ["input_ids", *(["token_type_ids"] if self._engine.kind not in _WITHOUT_KINDS else []), "attention_mask"]

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """Special tokens around a text, or around two."""
        return len(self._engine.spans("", "" if pair else None))

    def __call__(
        self,
        text: Any,
        text_pair: str | Sequence[str] | None = None,
        *,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        **unsupported: Any,
    ) -> Encoding:
        """`input_ids` and `attention_mask`, and `token_type_ids` where the model takes them: lists, or arrays of `return_tensors`
        "np" or "pt". With `padding` rows have the longest one's length, or `max_length` with "max_length"; with `truncation` texts
        of more than `max_length` tokens lose their ends, the longer text of a pair first. `return_offsets_mapping` adds each
        token's place in its text."""
        refuse("tokenizer", unsupported, _CALL_UNSUPPORTED)
        single = isinstance(text, str)
        texts, pairs = _texts_and_pairs(text, text_pair)
        asked = plan(self, padding, truncation, max_length, pad_to_multiple_of, padding_side)
        if return_offsets_mapping or return_special_tokens_mask or not self._is_plain(pairs, add_special_tokens, asked):
            rows = self._by_spans(texts, pairs, add_special_tokens, asked)
        else:
            found = self._engine.encode(texts, pairs, special=add_special_tokens, max_tokens=asked.most)
            rows = {"input_ids": [ids for ids, _ in found], "token_type_ids": [kinds for _, kinds in found]}
        lengths = [len(ids) for ids in rows["input_ids"]]
        rows["attention_mask"] = [[1] * length for length in lengths]
        asked_for = {
            "token_type_ids": "token_type_ids" in self.model_input_names if return_token_type_ids is None else return_token_type_ids,
            "attention_mask": return_attention_mask is not False,
            "special_tokens_mask": return_special_tokens_mask,
            "offset_mapping": return_offsets_mapping,
        }
        rows = {name: values for name, values in rows.items() if asked_for.get(name, True)}
        filled(self, rows, asked)
        if return_length:
            rows["length"] = [len(ids) for ids in rows["input_ids"]]
        made = encoding(self, rows, single=single, return_tensors=return_tensors)
        made._side, made._spans = asked.side, lambda at: self._span_row(texts, pairs, at, add_special_tokens, asked)
        return made

    def _is_plain(self, pairs: list[str] | None, special: bool, asked: Plan) -> bool:
        """True where the tokens alone are needed, and cut as the engine cuts them."""
        cuts = asked.most is not None and (asked.cut != "longest_first" or self.truncation_side == "left")
        return not cuts and (pairs is None or special)

    def _by_spans(self, texts: list[str], pairs: list[str] | None, special: bool, asked: Plan) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {name: [] for name in ("input_ids", "token_type_ids", "special_tokens_mask", "offset_mapping")}
        for at in range(len(texts)):
            row = self._span_row(texts, pairs, at, special, asked)
            found["input_ids"].append([span[0] for span in row])
            found["token_type_ids"].append([span[1] for span in row])
            found["special_tokens_mask"].append([int(span[4] is None) for span in row])
            found["offset_mapping"].append([(span[2], span[3]) for span in row])
        return found

    def _span_row(self, texts: list[str], pairs: list[str] | None, at: int, special: bool, asked: Plan) -> list[Span]:
        whole: list[Span] = self._engine.spans(texts[at], None if pairs is None else pairs[at])
        return shortened([span for span in whole if special or span[4] is not None], asked, self.truncation_side)

    def tokenize(self, text: str, pair: str | None = None, add_special_tokens: bool = False, **options: Any) -> list[str]:
        """The tokens of a text as texts."""
        found: list[str] = self.convert_ids_to_tokens(self.encode(text, pair, add_special_tokens=add_special_tokens, **options))
        return found

    def encode(self, text: Any, text_pair: str | None = None, **options: Any) -> Any:
        """The tokens of a text, or of two; options are those of a call."""
        return self(text, text_pair, **options)["input_ids"]

    def pad(
        self,
        encoded_inputs: Any,
        padding: bool | str = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | None = None,
        verbose: bool = True,
    ) -> Encoding:
        """Rows of tokens, a dictionary of lists or a list of dictionaries, filled up to one length."""
        if not isinstance(encoded_inputs, Mapping):
            encoded_inputs = {name: [row[name] for row in encoded_inputs] for name in (encoded_inputs[0] if encoded_inputs else ())}
        if "input_ids" not in encoded_inputs:
            raise plan_error(f"tokenizer: pad: expected input_ids, got {', '.join(encoded_inputs) or 'nothing'}")
        given = encoded_inputs["input_ids"]
        if return_tensors is None and hasattr(given, "tolist"):
            return_tensors = "pt" if is_torch(given) else "np"
        rows = {name: [_listed(row) for row in _listed(values)] for name, values in encoded_inputs.items()}
        single = bool(rows["input_ids"]) and isinstance(rows["input_ids"][0], int)
        rows = {name: [values] for name, values in rows.items()} if single else rows
        if return_attention_mask is not False:
            rows.setdefault("attention_mask", [[1] * len(row) for row in rows["input_ids"]])
        filled(self, rows, plan(self, padding, False, max_length, pad_to_multiple_of, padding_side))
        return encoding(self, rows, single=single, return_tensors=return_tensors)

    def decode(self, token_ids: Any, skip_special_tokens: bool = False, **_: Any) -> Any:
        """The text of tokens; of rows of them a list of texts."""
        ids = _listed(token_ids)
        ids = [ids] if isinstance(ids, int) else ids
        if ids and hasattr(ids[0], "__iter__"):
            return [self.decode(row, skip_special_tokens) for row in ids]
        for at, token in enumerate(ids):
            if isinstance(token, (float, str)) or token is None or token < 0:
                raise type_error(f"tokenizer: decode: item {at} is {token!r}, expected a token's number")
        return self._engine.decode([int(token) for token in ids], skip_special_tokens)

    def batch_decode(self, sequences: Any, skip_special_tokens: bool = False, **_: Any) -> list[str]:
        """The texts of rows of tokens."""
        found = self.decode(sequences, skip_special_tokens) if len(sequences) else []
        return [found] if isinstance(found, str) else found

    def convert_tokens_to_ids(self, tokens: str | Sequence[str]) -> Any:
        """The number of a token, or of each; that of the unknown token if there is none."""
        if not isinstance(tokens, str):
            return [self.convert_tokens_to_ids(token) for token in tokens]
        found = self._engine.token_id(tokens)
        return self.unk_token_id if found is None else found

    def convert_ids_to_tokens(self, ids: int | Iterable[int], skip_special_tokens: bool = False) -> Any:
        """The text of a token, or of each."""
        ids = _listed(ids)
        if isinstance(ids, int):
            return self._engine.token_texts([ids])[0]
        special = set(self.all_special_ids) if skip_special_tokens else set()
        return self._engine.token_texts([int(token) for token in ids if token not in special])

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """The text that tokens come from."""
        return self._engine.decode([number for number in map(self._engine.token_id, tokens) if number is not None], False)

    def save_pretrained(self, path: Any) -> tuple[str, ...]:
        """Writes its files to a directory, and what was set of it; their names."""
        target = pathlib.Path(path)
        target.mkdir(parents=True, exist_ok=True)
        there = [name for name in _FILES if pathlib.Path(self._engine.path, name).is_file()]
        for name in there:
            if pathlib.Path(self._engine.path, name).resolve() != (target / name).resolve():
                shutil.copyfile(pathlib.Path(self._engine.path, name), target / name)
        config = self._json("tokenizer_config.json")
        own = self._own_settings()
        if "_chat" in self.__dict__:
            there = self._save_chat_template(target, config, there)
            own |= {"chat_template": config.get("chat_template")}
        if own != {name: self._json("tokenizer_config.json").get(name) for name in own}:
            config = {name: value for name, value in (config | own).items() if value is not None}
            (target / "tokenizer_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
            there = list(dict.fromkeys([*there, "tokenizer_config.json"]))
        return tuple(str(target / name) for name in there)

    def _own_settings(self) -> dict[str, Any]:
        """What was set of it, or read once and is as its files say."""
        own = {name: self.__dict__[name] for name in ("padding_side", "truncation_side", "model_max_length") if name in self.__dict__}
        if own.get("model_max_length") == _NO_LIMIT:
            del own["model_max_length"]
        return own | {name: text for name, text in self.__dict__.get("_special", {}).items() if text is not None}

    def _save_chat_template(self, target: pathlib.Path, config: dict[str, Any], there: list[str]) -> list[str]:
        """A template that was set: in a file of its own, as transformers writes it; several in the configuration."""
        template, name = self.__dict__["_chat"], "chat_template.jinja"
        config.pop("chat_template", None)
        (target / name).unlink(missing_ok=True)
        there = [one for one in there if one != name]
        if isinstance(template, dict):
            config["chat_template"] = [{"name": own, "template": text} for own, text in template.items()]
        elif template is not None:
            (target / name).write_text(template, encoding="utf-8")
            there.append(name)
        return there


def _listed(values: Any) -> Any:
    """Arrays as lists."""
    return values.tolist() if hasattr(values, "tolist") else list(values) if isinstance(values, (tuple, range)) else values


def _texts_and_pairs(text: Any, text_pair: Any) -> tuple[list[str], list[str] | None]:
    """Texts, and the other one of each; a list of pairs says both."""
    if text_pair is None and isinstance(text, (list, tuple)) and text and isinstance(text[0], (list, tuple)):
        for place, pair in enumerate(text):
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                raise type_error(f"tokenizer: item {place} is {pair!r}, expected a pair of texts")
        text, text_pair = [pair[0] for pair in text], [pair[1] for pair in text]
    texts = texts_of("tokenizer", text)
    pairs = None if text_pair is None else texts_of("tokenizer: text_pair", text_pair)
    if pairs is not None and len(pairs) != len(texts):
        raise plan_error(f"tokenizer: expected as many of text_pair as of text, got {len(pairs)} and {len(texts)}")
    return texts, pairs
