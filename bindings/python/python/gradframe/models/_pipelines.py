"""Functions of texts, with the arguments and results of transformers' pipelines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradframe.models._arguments import LOADING, LOADING_UNSUPPORTED, plan_error, texts_of, type_error, unsupported
from gradframe.models._auto import AutoModelForCausalLM
from gradframe.models._base import Pretrained
from gradframe.models._generation import returned, settings
from gradframe.models._pipeline import Pipeline, probabilities
from gradframe.models._token_pipelines import Answers, TokenLabels, Words
from gradframe.models._tokenizer import AutoTokenizer


def pipeline(task: str | None = None, model: Any = None, *, tokenizer: Any = None, **options: Any) -> Any:
    """A function of texts, as transformers' pipelines are: "feature-extraction", "text-classification", "token-classification",
    "fill-mask", "question-answering", "zero-shot-classification", "text-generation"; and "sentence-similarity". `model` is a
    directory, a name in the hub's cache, or a model of this module; without a task, what its head is for. Other options are those
    of `from_pretrained`. A `tokenizer` must be the model's own."""
    loading = {name: value for name, value in options.items() if name in _LOADING}
    asked = {name: value for name, value in options.items() if name not in _LOADING}
    loading |= loading.pop("model_kwargs", None) or {}
    loading["device"] = None if loading.get("device") == -1 else loading.get("device")
    own = model if isinstance(model, Pretrained) else None if model is None else Pretrained.from_pretrained(model, **loading)
    task = task or (None if own is None else own._engine.task or "feature-extraction")
    if task not in _KINDS:
        raise plan_error(f"pipeline: unknown task `{task}`, expected one of {', '.join(_KINDS)}")
    if own is None:
        raise type_error(f"pipeline: {task} needs a model: a directory, or a name in the hub's cache")
    if isinstance(tokenizer, AutoTokenizer) and tokenizer.path != own.path:
        raise unsupported(f"pipeline: a model has its own tokenizer, got that of {tokenizer.path}")
    made = _KINDS[task](own, task, asked)
    if made.HEAD is not None and own._engine.task != made.HEAD:
        raise plan_error(f"pipeline: {task}: expected a model for {made.HEAD}, {own.path} is for {own._engine.task or 'no task'}")
    return made


_LOADING = frozenset("dtype torch_dtype device device_map revision subfolder model_kwargs".split()) | LOADING | set(LOADING_UNSUPPORTED)
# What transformers' pipeline does where neither a call nor the model says otherwise.
_DRAWN = {"max_new_tokens": 256, "do_sample": True, "temperature": 0.7}


class _Features(Pipeline):
    """The vectors of each text's tokens, as lists [1, T, D]. A text that is longer than the model is cut with `truncation=True`, else an
    error."""

    CUTS_IF_ASKED = True

    def _of(self, texts: list[str], *, return_tensors: bool = False, truncation: Any = None, **options: Any) -> list[Any]:
        import numpy as np

        self._refuse(options, "return_tensors", "truncation")
        rows, kinds = self._encoded(texts, truncation=truncation)
        found = zip(rows, self._model.hidden_states(rows, kinds), strict=True)
        arrays = [np.frombuffer(values, dtype="<f4").reshape(1, len(ids), -1) for ids, values in found]
        return arrays if return_tensors else [values.tolist() for values in arrays]


class _Labels(Pipeline):
    """The most probable label of each text, or of each pair `{"text": .., "text_pair": ..}`; with `top_k` as many of them, with
    None all. A text that is longer than the model is cut with `truncation=True`, else an error."""

    HEAD = "text-classification"
    CUTS_IF_ASKED = True

    def _answer(
        self,
        inputs: Any,
        *,
        top_k: int | None | str = "",
        function_to_apply: Any = None,
        truncation: Any = None,
        **options: Any,
    ) -> Any:
        self._refuse(options, "top_k", "function_to_apply", "truncation")
        single = isinstance(inputs, (str, Mapping))
        items = [inputs] if single else list(inputs)
        texts = texts_of(self.task, [one["text"] if isinstance(one, Mapping) else one for one in items])
        others = [one.get("text_pair") if isinstance(one, Mapping) else None for one in items]
        pairs = texts_of(self.task, others) if any(other is not None for other in others) else None
        most = 1 if top_k == "" else top_k
        found = []
        for scores in self._scores(texts, pairs, function_to_apply, truncation):
            ranked = sorted(zip(self._model.labels, scores, strict=True), key=lambda pair: -pair[1])
            found.append([{"label": label, "score": score} for label, score in ranked[:most]])  # type: ignore[misc]
        if top_k == "":
            best = [rows[0] for rows in found]
            return best[0] if isinstance(inputs, Mapping) else best
        return found[0] if single else found

    def _scores(self, texts: list[str], pairs: list[str] | None, function: Any, truncation: Any) -> list[list[float]]:
        """Of each text a number for each label: what the model's configuration makes of them, or this function."""
        function = getattr(function, "value", function)
        encoded = self._encoded(texts, pairs, truncation)
        if function in (None, "default"):
            return self._model.classify(*encoded)
        if function not in ("none", "softmax", "sigmoid"):
            raise plan_error(f"{self.task}: function_to_apply: expected none, softmax or sigmoid, got {function!r}")
        import numpy as np

        scores = [np.frombuffer(values, dtype="<f4") for values in self._model.scores(*encoded)]
        kinds = {"none": lambda own: own, "softmax": probabilities, "sigmoid": lambda own: 1 / (1 + np.exp(-own))}
        return [kinds[function](own).tolist() for own in scores]


class _ZeroShot(Pipeline):
    """Labels that the model was not trained for, by whether each text entails a sentence about them."""

    HEAD = "text-classification"

    def _answer(
        self, sequences: Any, candidate_labels: Any, *, hypothesis_template: str = "This example is {}.", multi_label: bool = False
    ) -> Any:
        import numpy as np

        single = isinstance(sequences, str)
        texts = texts_of("zero-shot-classification", sequences)
        labels = candidate_labels.split(",") if isinstance(candidate_labels, str) else list(candidate_labels)
        labels = [label.strip() for label in labels]
        if not labels or hypothesis_template.format(labels[0]) == hypothesis_template:
            raise plan_error("zero-shot-classification: expected labels, and a hypothesis_template with {} in the place of one")
        entails, contradicts = self._places()
        results = []
        for text in texts:
            rows, kinds = self._encoded([text] * len(labels), [hypothesis_template.format(label) for label in labels])
            logits = np.stack([np.frombuffer(values, dtype="<f4") for values in self._model.scores(rows, kinds)])
            if multi_label or len(labels) == 1:
                scores = probabilities(logits[:, [contradicts, entails]])[:, 1]
            else:
                scores = probabilities(logits[:, entails])
            order = np.argsort(-scores, kind="stable")
            named = {"labels": [labels[at] for at in order], "scores": [float(scores[at]) for at in order]}
            results.append({"sequence": text} | named)
        return results[0] if single else results

    def _places(self) -> tuple[int, int]:
        labels = [label.lower() for label in self._model.labels]
        entails = next((at for at, label in enumerate(labels) if label.startswith("entail")), None)
        if entails is None:
            raise plan_error(f"zero-shot-classification: expected a model with a label `entailment`, got {', '.join(labels)}")
        return entails, 0 if entails == len(labels) - 1 else len(labels) - 1


class _Continuations(Pipeline):
    """Each text, or each conversation, with what comes after it; with `return_full_text=False` only that."""

    HEAD = "text-generation"

    def _answer(self, inputs: Any, **options: Any) -> Any:
        if not isinstance(inputs, str) and len(inputs) > 0 and not isinstance(inputs[0], str):
            several = not isinstance(inputs[0], Mapping)
            found = [self._talk(list(talk), **options) for talk in (inputs if several else [inputs])]
            return found if several else found[0]
        return super()._answer(inputs, **options)

    def _of(self, texts: list[str], *, return_full_text: bool = True, **options: Any) -> list[Any]:
        options.pop("clean_up_tokenization_spaces", None)
        found = self._new([ids for ids, _ in self._model.encode(texts, None, special=True)], options)
        whole = [[text + new if return_full_text else new for new in own] for text, own in zip(texts, found, strict=True)]
        return [[{"generated_text": text} for text in own] for own in whole]

    def _talk(self, talk: list[Any], *, return_full_text: bool = True, **options: Any) -> list[Any]:
        text = self.tokenizer.apply_chat_template(talk, add_generation_prompt=True, tokenize=False)
        (found,) = self._new([self._model.encode([text], None, special=False)[0][0]], options)
        answers = [{"role": "assistant", "content": new} for new in found]
        return [{"generated_text": [*talk, new] if return_full_text else new["content"]} for new in answers]

    def _new(self, prompts: list[list[int]], options: dict[str, Any]) -> list[list[str]]:
        """The texts that come after each prompt: what the whole has more than the prompt, as words may share a blank."""
        model = object.__new__(AutoModelForCausalLM)
        model._engine = self._model
        found = settings({**_DRAWN, **model.generation_config}, options.pop("generation_config", None), options)
        new = model._new_tokens(prompts, found, max(map(len, prompts), default=1))
        each = returned(found)
        texts = []
        for at, prompt in enumerate(prompts):
            before = len(self._model.decode(prompt, True))
            texts.append([self._model.decode(prompt + ids, True)[before:] for ids in new[at * each : (at + 1) * each]])
        return texts


class _Similarities(Pipeline):
    """How near each of some sentences is to one, the cosine of their vectors."""

    def _answer(self, source_sentence: str, sentences: Sequence[str]) -> list[float]:
        import numpy as np

        values, width = self._model.real.embed([source_sentence, *texts_of("sentence-similarity", sentences)], True, None, None)
        vectors = np.frombuffer(values, dtype="<f4").reshape(-1, width)
        return [float(near) for near in vectors[1:] @ vectors[0]]


_KINDS: dict[str, type[Any]] = {
    "feature-extraction": _Features,
    "fill-mask": Words,
    "ner": TokenLabels,
    "question-answering": Answers,
    "sentence-similarity": _Similarities,
    "sentiment-analysis": _Labels,
    "text-classification": _Labels,
    "text-generation": _Continuations,
    "token-classification": TokenLabels,
    "zero-shot-classification": _ZeroShot,
}
