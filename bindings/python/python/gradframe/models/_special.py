"""A tokenizer's special tokens, by transformers' names: read from its files, and set as attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradframe.models._arguments import plan_error, unsupported

if TYPE_CHECKING:
    from gradframe.models._tokenizer import AutoTokenizer

NAMES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
# Where no file says so: by their usual texts, if the tokenizer has one of them.
_USUAL = {
    "unk_token": ("[UNK]", "<unk>"),
    "sep_token": ("[SEP]",),
    "pad_token": ("[PAD]", "<pad>"),
    "cls_token": ("[CLS]",),
    "mask_token": ("[MASK]", "<mask>"),
}


def _text(name: str) -> property:
    def read(self: AutoTokenizer) -> str | None:
        return _find(self, name)

    def write(self: AutoTokenizer, text: Any) -> None:
        token = None if text is None else getattr(text, "content", text)
        if token is not None and self._engine.token_id(token) is None:
            raise plan_error(f"tokenizer: {name} is {token!r}, expected a token of its vocabulary; hint: tokens cannot be added")
        self._special[name] = token

    return property(read, write, doc=f"The text of its {name.removesuffix('_token')} token; None if it has none. It can be set.")


def _number(name: str) -> property:
    def read(self: AutoTokenizer) -> int | None:
        text = _find(self, name)
        return None if text is None else self._engine.token_id(text)

    def write(self: AutoTokenizer, token: int | None) -> None:
        setattr(self, name, None if token is None else self.convert_ids_to_tokens(int(token)))

    return property(read, write, doc=f"The number of its {name.removesuffix('_token')} token; None if it has none. It can be set.")


def _find(tokenizer: AutoTokenizer, name: str) -> str | None:
    """What was set, else what its files say, else what the model's configuration numbers, else what is usual."""
    if name not in tokenizer._special:
        value = tokenizer._setting(name)
        value = value.get("content") if isinstance(value, dict) else value
        tokenizer._special[name] = value if isinstance(value, str) else _unsaid(tokenizer, name)
    return tokenizer._special[name]


def _unsaid(tokenizer: AutoTokenizer, name: str) -> str | None:
    number = tokenizer.config.get(f"{name}_id")
    number = number[0] if isinstance(number, list) and number else number
    if isinstance(number, int) and 0 <= number < tokenizer._engine.vocabulary and not tokenizer._has_files():
        return tokenizer._engine.token_texts([number])[0] or None
    return next((text for text in _USUAL.get(name, ()) if tokenizer._engine.token_id(text) is not None), None)


class SpecialTokens:
    """Attributes of special tokens."""

    bos_token, eos_token, unk_token, sep_token, pad_token, cls_token, mask_token = map(_text, NAMES)
    bos_token_id, eos_token_id, unk_token_id, sep_token_id, pad_token_id, cls_token_id, mask_token_id = map(_number, NAMES)

    @property
    def special_tokens_map(self) -> dict[str, str]:
        """The texts of those it has, by name."""
        found = ((name, getattr(self, name)) for name in NAMES)
        return {name: text for name, text in found if text is not None}

    @property
    def all_special_tokens(self) -> list[str]:
        """The texts of those it has, each once."""
        return list(dict.fromkeys(self.special_tokens_map.values()))

    @property
    def all_special_ids(self: Any) -> list[int]:
        """The numbers of those it has, each once."""
        return [self._engine.token_id(text) for text in self.all_special_tokens]

    def add_special_tokens(self, tokens: dict[str, Any]) -> int:
        """Sets special tokens by name to tokens of the vocabulary; 0, the number of those that were added to it.
        Errors: `UnsupportedError` for a token that it does not have: a model has no vector for it."""
        for name, text in tokens.items():
            if name not in NAMES:
                raise unsupported(f"tokenizer: add_special_tokens takes {', '.join(NAMES)}, got `{name}`")
            setattr(self, name, text)
        return 0

    def add_tokens(self, tokens: Any, **_: Any) -> int:
        """Errors: `UnsupportedError`: a model has no vectors for tokens that it was not trained with."""
        raise unsupported(f"tokenizer: add_tokens is not supported, got {tokens!r}; hint: models here do not train")
