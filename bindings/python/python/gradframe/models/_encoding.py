"""Rows of tokens as a model takes them: cut, filled up, as arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from gradframe.models._arguments import plan_error
from gradframe.models._base import Outputs, as_asked

if TYPE_CHECKING:
    from gradframe.models._tokenizer import AutoTokenizer

# (token, kind, first character, the one behind its last, the text that it is of or None of a special one, the word of its text)
Span = tuple[int, int, int, int, int | None, int | None]
# Tokens that rows are filled up to at most: more than any model reads.
_FILLED_MAX = 1 << 24
_PADS = (False, True, "longest", "max_length", "do_not_pad", None)
_CUTS = (False, True, "longest_first", "only_first", "only_second", "do_not_truncate", None)


class Encoding(Outputs):
    """Tokens by name; `tokens()` shows them as texts, `word_ids()` and `sequence_ids()` say what each is part of."""

    __slots__ = ("_side", "_spans", "_tokenizer")
    _tokenizer: AutoTokenizer
    # The spans of a row before it was filled up, and the side on which that was.
    _spans: Callable[[int], list[Span]]
    _side: str

    def tokens(self, batch_index: int = 0) -> list[str]:
        """The texts of a row's tokens."""
        found: list[str] = self._tokenizer.convert_ids_to_tokens(self._ids(batch_index))
        return found

    def word_ids(self, batch_index: int = 0) -> list[int | None]:
        """Of each of a row's tokens the word of its text, from 0; None of special tokens and of what fills up."""
        return [None if span is None or span[4] is None else span[5] for span in self._row("word_ids", batch_index)]

    def sequence_ids(self, batch_index: int = 0) -> list[int | None]:
        """Of each of a row's tokens the text that it is of, 0 or 1; None of special tokens and of what fills up."""
        return [None if span is None else span[4] for span in self._row("sequence_ids", batch_index)]

    def _ids(self, batch_index: int) -> list[int]:
        ids = self["input_ids"]
        ids = ids.tolist() if hasattr(ids, "tolist") else ids
        row: list[int] = ids if not ids or isinstance(ids[0], int) else ids[batch_index]
        return row

    def _row(self, what: str, batch_index: int) -> list[Span | None]:
        if not hasattr(self, "_spans"):
            raise plan_error(f"tokenizer: {what}: expected what a call of a tokenizer gave")
        length = len(self._ids(batch_index))
        row: list[Span | None] = list(self._spans(batch_index))
        rest: list[Span | None] = [None] * (length - len(row))
        return rest + row if self._side == "left" else row + rest


class Plan(NamedTuple):
    """How rows are cut and filled up."""

    most: int | None
    cut: str
    fill: str | None
    length: int | None
    multiple: int | None
    side: str


def plan(tokenizer: AutoTokenizer, padding: Any, truncation: Any, max_length: int | None, multiple: int | None, side: str | None) -> Plan:
    """What transformers' arguments come to. Errors: `PlanError` naming the one that is wrong."""
    padding, truncation = getattr(padding, "value", padding), getattr(truncation, "value", truncation)
    if padding not in _PADS:
        raise plan_error(f"tokenizer: padding: expected True, False, 'longest' or 'max_length', got {padding!r}")
    if truncation not in _CUTS:
        expected = "True, False, 'longest_first', 'only_first' or 'only_second'"
        raise plan_error(f"tokenizer: truncation: expected {expected}, got {truncation!r}")
    if max_length is not None and (not isinstance(max_length, int) or max_length < 1):
        raise plan_error(f"tokenizer: max_length: expected a whole number from 1, got {max_length!r}")
    if multiple is not None and (not isinstance(multiple, int) or not 1 <= multiple <= _FILLED_MAX):
        raise plan_error(f"tokenizer: pad_to_multiple_of: expected a whole number from 1 to {_FILLED_MAX}, got {multiple!r}")
    if truncation is None and max_length is not None and padding is False:
        truncation = True
    cuts = truncation not in (False, None, "do_not_truncate")
    fill = {True: "longest", False: None, "do_not_pad": None}.get(padding, padding)
    limit = max_length if max_length is not None else tokenizer.model_max_length
    limit = None if limit >= 1 << 30 else limit
    side = tokenizer.padding_side if side is None else side
    if fill is not None and tokenizer.pad_token_id is None:
        raise plan_error("tokenizer: padding: it has no padding token; hint: tokenizer.pad_token = tokenizer.eos_token")
    if side not in ("left", "right"):
        raise plan_error(f"tokenizer: padding_side: expected 'left' or 'right', got {side!r}")
    if fill == "max_length" and max_length is not None and max_length > _FILLED_MAX:
        raise plan_error(f"tokenizer: max_length: rows are filled up to at most {_FILLED_MAX} tokens, got {max_length}")
    fill = None if fill == "max_length" and limit is None else fill
    if cuts and fill and multiple and limit and limit % multiple:
        raise plan_error(f"tokenizer: pad_to_multiple_of: {multiple} does not divide the {limit} tokens that texts are cut to")
    how = truncation if isinstance(truncation, str) else "longest_first"
    return Plan(limit if cuts else None, how, fill, limit, multiple, side)


def shortened(row: Sequence[Span], plan: Plan, side: str) -> list[Span]:
    """A row of spans without what is too long: of the texts, never of the special tokens around them."""
    if plan.most is None or len(row) <= plan.most:
        return list(row)
    lengths = [sum(span[4] == text for span in row) for text in (0, 1)]
    room = plan.most - (len(row) - sum(lengths))
    keep = _lengths(lengths, max(room, 0), plan.cut)
    drop = [length - kept for length, kept in zip(lengths, keep, strict=True)]
    seen, found = [0, 0], []
    for span in row:
        text = span[4]
        if text is not None:
            at = seen[text]
            seen[text] += 1
            if (at < drop[text]) if side == "left" else (at >= keep[text]):
                continue
        found.append(span)
    return found


def _lengths(lengths: list[int], room: int, how: str) -> list[int]:
    """Tokens that stay of each of two texts: the longer one loses first, until both are of a length. Source: the tokenizers library."""
    first, second = lengths
    if how != "longest_first" and second:
        side = how == "only_second"
        left = room - lengths[1 - side]
        if left < 1:
            raise plan_error(f"tokenizer: truncation={how!r} leaves no room beside {lengths[1 - side]} tokens of the other, got {room}")
        return [first, left] if side else [left, second]
    if not second:
        return [room, 0]
    short = min(first, second)
    long = short if short > room else max(short, room - short)
    if short + long > room:
        short, long = room // 2, room // 2 + room % 2
    return [short, long] if first <= second else [long, short]


def filled(tokenizer: AutoTokenizer, rows: dict[str, list[Any]], plan: Plan) -> None:
    """Fills up each row in place, with what means nothing."""
    lengths = [len(row) for row in rows["input_ids"]]
    if plan.fill is None or not lengths:
        return
    length = max(lengths) if plan.fill == "longest" else max(*lengths, plan.length or 0)
    if plan.multiple:
        length += -length % plan.multiple
    nothing: dict[str, Any] = {"input_ids": tokenizer.pad_token_id, "offset_mapping": (0, 0), "special_tokens_mask": 1}
    for name, values in rows.items():
        for at, row in enumerate(values):
            rest = [nothing.get(name, 0)] * (length - len(row))
            values[at] = rest + row if plan.side == "left" else row + rest


def encoding(tokenizer: AutoTokenizer, rows: dict[str, Any], *, single: bool, return_tensors: Any) -> Encoding:
    """Rows as what is asked for; a single text's alone, unless as an array."""
    if single and return_tensors is None:
        made = Encoding({name: values[0] for name, values in rows.items()})
    else:
        made = Encoding({name: as_asked(values, return_tensors) for name, values in rows.items()})
    made._tokenizer = tokenizer
    return made
