"""Pipelines over the tokens of texts: words in the place of a mask, labels of tokens, answers in a text."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gradframe.models._arguments import plan_error, texts_of, type_error
from gradframe.models._pipeline import Pipeline, probabilities

if TYPE_CHECKING:
    import numpy as np


class Words(Pipeline):
    """Of each text the most probable words in the place of its mask, the best first; of a text with several masks, such a list for
    each. A text that is longer than the model is cut with `truncation=True`, else an error."""

    HEAD = "fill-mask"
    CUTS_IF_ASKED = True

    def _of(
        self,
        texts: list[str],
        *,
        top_k: int = 5,
        targets: str | Sequence[str] | None = None,
        truncation: Any = None,
        **options: Any,
    ) -> list[Any]:
        import numpy as np

        self._refuse(options, "top_k", "targets", "truncation")
        rows, kinds = self._encoded(texts, truncation=truncation)
        mask = self.tokenizer.mask_token_id
        if mask is None or any(mask not in ids for ids in rows):
            what = f"{self.tokenizer.mask_token}" if mask is not None else "[MASK] or <mask>"
            raise plan_error(f"fill-mask: expected texts with the model's mask, {what}, in the place of a word")
        among = None if targets is None else [self._target(word) for word in texts_of("fill-mask: targets", targets)]
        found = []
        for ids, values in zip(rows, self._model.scores(rows, kinds), strict=True):
            scores = np.frombuffer(values, dtype="<f4").reshape(len(ids), -1)
            masks = [at for at, own in enumerate(ids) if own == mask]
            # Of several masks the others are shown.
            places = [self._best(ids, at, probabilities(scores[at]), top_k, among, len(masks) == 1) for at in masks]
            found.append(places[0] if len(places) == 1 else places)
        return found

    def _target(self, word: str) -> int:
        """A word's token, or the first of its tokens."""
        token = self._model.token_id(word)
        ids = [token] if token is not None else self.tokenizer.encode(word, add_special_tokens=False)
        if not ids:
            raise plan_error(f"fill-mask: targets: {word!r} has no tokens")
        return ids[0]

    def _best(self, ids: list[int], at: int, share: np.ndarray, top_k: int, among: list[int] | None, skip: bool) -> list[dict[str, Any]]:
        ranked = sorted(range(len(share)) if among is None else dict.fromkeys(among), key=lambda own: -share[own])[:top_k]
        return [
            {
                "score": float(share[own]),
                "token": own,
                "token_str": self._model.decode([own], False),
                "sequence": self._model.decode([*ids[:at], own, *ids[at + 1 :]], skip),
            }
            for own in ranked
        ]


class TokenLabels(Pipeline):
    """The label of each token of each text, those of `ignore_labels` left out: `entity`, `score`, `index`, `word`, `start`, `end`. With
    `aggregation_strategy="simple"` tokens side by side of a label are one: `entity_group`, `score`, `word`, `start`, `end`. "first",
    "average" and "max" give a word one label before: that of its first token, of the mean of its tokens, or of its surest token."""

    HEAD = "token-classification"

    def _of(
        self, texts: list[str], *, ignore_labels: Sequence[str] = ("O",), aggregation_strategy: Any = "none", **options: Any
    ) -> list[Any]:
        import numpy as np

        self._refuse(options, "ignore_labels", "aggregation_strategy")
        how = getattr(aggregation_strategy, "value", aggregation_strategy)
        if how not in _STRATEGIES:
            raise plan_error(f"{self.task}: aggregation_strategy: expected one of {', '.join(_STRATEGIES)}, got {how!r}")
        rows = [self._short(self._model.spans(text, None)) for text in texts]
        found = self._model.scores([[span[0] for span in row] for row in rows])
        results = []
        for text, row, values in zip(texts, rows, found, strict=True):
            shares = probabilities(np.frombuffer(values, dtype="<f4").reshape(len(row), -1))
            tokens = [(index, span, shares[index]) for index, span in enumerate(row) if span[4] is not None]
            if how == "none":
                labelled = [self._one(text, index, span, share) for index, span, share in tokens]
                results.append([one for one in labelled if one["entity"] not in ignore_labels])
                continue
            words = [[token] for token in tokens] if how == "simple" else self._words(text, tokens)
            groups = _grouped([self._labelled(word, how) for word in words])
            merged = [self._merged(text, group) for group in groups]
            results.append([one for one in merged if one["entity_group"] not in ignore_labels])
        return results

    def _short(self, row: list[Any]) -> list[Any]:
        """Without what the model has no place for."""
        room = self._model.length_max
        if len(row) <= room:
            return row
        ends = 1 if row[-1][4] is None else 0
        return [*row[: room - ends], *row[len(row) - ends :]]

    def _one(self, text: str, index: int, span: tuple[Any, ...], share: np.ndarray) -> dict[str, Any]:
        token, _, start, end = span[:4]
        best = int(share.argmax())
        # What the vocabulary does not know is told in the text's own words.
        word = text[start:end] if token == self._unknown() else self._model.token_texts([token])[0]
        label, score = self._model.labels[best], float(share[best])
        return {"entity": label, "score": score, "index": index, "word": word, "start": start, "end": end}

    def _words(self, text: str, tokens: list[Any]) -> list[list[Any]]:
        """Tokens of a word together: one goes on where its text says so ("##"), or where no blank is at its beginning. One that the
        vocabulary does not know begins a word."""
        unknown = self._unknown()
        pieces = self._model.token_texts([span[0] for _, span, _ in tokens])
        marked = self._model.token_id("##s") is not None
        words: list[list[Any]] = []
        for token, piece in zip(tokens, pieces, strict=True):
            start = token[1][2]
            goes_on = piece.startswith("##") if marked else start > 0 and " " not in text[start - 1 : start + 1]
            if words and goes_on and token[1][0] != unknown:
                words[-1].append(token)
            else:
                words.append([token])
        return words

    def _labelled(self, word: list[Any], how: str) -> tuple[str, float, list[Any]]:
        """A word's label, its score and its tokens."""
        shares = [share for _, _, share in word]
        if how == "average":
            share = sum(shares[1:], shares[0]) / len(shares)
        else:
            share = max(shares, key=lambda own: float(own.max())) if how == "max" else shares[0]
        best = int(share.argmax())
        return self._model.labels[best], float(share[best]), [span for _, span, _ in word]

    def _unknown(self) -> int | None:
        """The token of what the vocabulary does not know."""
        return self.tokenizer.unk_token_id

    def _text_of(self, text: str, spans: list[Any]) -> str:
        """Tokens as a text; those that the vocabulary does not know in the text's own words."""
        unknown, pieces = self._unknown(), []
        for is_unknown, run in itertools.groupby(spans, key=lambda span: span[0] == unknown):
            own = list(run)
            if is_unknown:
                pieces += [(text[span[2] : span[3]], span[2], span[3]) for span in own]
            else:
                pieces.append((self._model.decode([span[0] for span in own], False), own[0][2], own[-1][3]))
        # Where tokens do not say themselves where a blank is, all words have one between them.
        apart = all(self._model.token_id(blank) is None for blank in ("▁", "Ġ"))
        found = pieces[0][0]
        for (_, _, before), (piece, start, _) in itertools.pairwise(pieces):
            found += (" " if apart or start > before else "") + piece
        return found

    def _merged(self, text: str, group: list[tuple[str, float, list[Any]]]) -> dict[str, Any]:
        spans = [span for _, _, own in group for span in own]
        return {
            "entity_group": group[0][0].split("-", 1)[-1] if group[0][0][:2] in ("B-", "I-") else group[0][0],
            "score": sum(score for _, score, _ in group) / len(group),
            "word": self._text_of(text, spans),
            "start": spans[0][2],
            "end": spans[-1][3],
        }


_STRATEGIES = ("none", "simple", "first", "average", "max")


def _grouped(words: list[tuple[str, float, list[Any]]]) -> list[list[tuple[str, float, list[Any]]]]:
    """Words side by side of one label, where none of them begins anew ("B-")."""
    stem = lambda label: label[2:] if label[:2] in ("B-", "I-") else label  # noqa: E731
    groups: list[list[tuple[str, float, list[Any]]]] = []
    for word in words:
        if groups and stem(groups[-1][-1][0]) == stem(word[0]) and not word[0].startswith("B-"):
            groups[-1].append(word)
        else:
            groups.append([word])
    return groups


class Answers(Pipeline):
    """The part of a text that answers a question: `score`, `start`, `end`, `answer`; with `top_k`, as many of them, the best first;
    of lists of questions, such for each. Long texts are read in parts that overlap."""

    HEAD = "question-answering"

    def _answer(
        self,
        inputs: Any = None,
        *,
        question: str | Sequence[str] | None = None,
        context: str | Sequence[str] | None = None,
        top_k: int | None = None,
        max_answer_len: int = 15,
        **options: Any,
    ) -> Any:
        self._refuse(options, "question", "context", "top_k", "max_answer_len")
        if inputs is not None:
            given = [inputs] if isinstance(inputs, Mapping) else list(inputs)
            single, pairs = isinstance(inputs, Mapping), [(one["question"], one["context"]) for one in given]
        elif question is None or context is None:
            raise type_error("question-answering: expected question=... and context=...")
        else:
            single = isinstance(question, str)
            questions, contexts = texts_of("question-answering", question), texts_of("question-answering", context)
            contexts = contexts * len(questions) if len(contexts) == 1 else contexts
            pairs = list(zip(questions, contexts, strict=True))
        found = self._model.answer(pairs, top_k or 1, max_answer_len)
        rows = [[self._one(answer) for answer in answers] for answers in found]
        nothing = {"score": 0.0, "start": 0, "end": 0, "answer": ""}
        results = rows if top_k is not None and top_k > 1 else [next(iter(answers), nothing) for answers in rows]
        return results[0] if single else results

    @staticmethod
    def _one(answer: tuple[float, int, int, str]) -> dict[str, Any]:
        score, start, end, text = answer
        return {"score": score, "start": start, "end": end, "answer": text}
