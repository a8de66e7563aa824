"""Models by their heads, as transformers' AutoModel classes are used."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any, Self

from gradframe.models._arguments import FORWARD, plan_error, refuse
from gradframe.models._base import Configuration, Outputs, Pretrained, array_of, as_rows, is_torch, rows_of, tensor
from gradframe.models._generation import engine_options, returned, settings
from gradframe.models._saving import write_json


class AutoModel(Pretrained):
    """A model without a head, or what is below it. Called with rows of tokens, it gives the tokens' vectors; the classes of heads give
    `logits`."""

    __slots__ = ()

    _TASK: str | None = None

    @classmethod
    def from_pretrained(cls, path: Any, **options: Any) -> Self:
        """The model of a directory, or of `org/name` on the hub; `dtype` and other options as those of
        `Pretrained.from_pretrained`."""
        made = super().from_pretrained(path, **options)
        if cls._TASK is not None and made._engine.task != cls._TASK:
            from gradframe.errors import PlanError

            raise PlanError(f"{cls.__name__}: expected a model for {cls._TASK}, {path} is for {made._engine.task or 'no task'}")
        return made

    def __call__(
        self, input_ids: Any, attention_mask: Any = None, token_type_ids: Any = None, *, return_dict: bool | None = None, **given: Any
    ) -> Any:
        """Of AutoModel `last_hidden_state` [B, T, C], below any head, and `pooler_output` [B, C] where the checkpoint has the tensors
        for it (transformers makes some up); of the classes with a head `logits`: [B, T, V] of tokens, [B, T, L] or [B, L] of labels;
        `start_logits` and `end_logits` [B, T] of answers. `model(**tokenizer(texts, padding=True, return_tensors="np"))`.
        Rows may be lists of several lengths, or a single one; what the mask leaves out is not looked at and has zeros. PyTorch's
        tensors give PyTorch's.
        Errors: `PlanError` naming the row and the place of a token that the model does not have."""
        refuse("model", {name: value for name, value in given.items() if name != "use_cache"}, FORWARD)
        if isinstance(input_ids, Mapping):
            return self(**input_ids, return_dict=return_dict)
        found = self._results(input_ids, attention_mask, token_type_ids)
        if is_torch(input_ids):
            found = Outputs({name: tensor(values) for name, values in found.items()})
        return found.to_tuple() if return_dict is False else found

    def _results(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Outputs:
        import numpy as np

        rows, places, sizes = rows_of("model", input_ids, attention_mask, self._vocabulary())
        self._check_places(rows)
        kinds = None
        if token_type_ids is not None:
            kinds = [[int(row[at]) for at in own] for row, own in zip(as_rows("model", token_type_ids), places, strict=True)]
        found = self._engine.hidden_states(rows, kinds) if self._TASK is None else self._engine.scores(rows, kinds)
        if self._TASK == "text-classification":
            return Outputs(logits=np.stack([np.frombuffer(values, dtype="<f4") for values in found]) if found else np.zeros((0, 0), "f4"))
        parts = [np.frombuffer(values, dtype="<f4").reshape(len(ids), -1) for ids, values in zip(rows, found, strict=True)]
        whole = np.zeros((*sizes, parts[0].shape[1] if parts else 0), dtype="f4")
        for own, at, part in zip(whole, places, parts, strict=True):
            own[at] = part
        if self._TASK == "question-answering":
            return Outputs(start_logits=whole[..., 0], end_logits=whole[..., 1])
        if self._TASK is not None:
            return Outputs(logits=whole)
        pooler = self._engine.pooler
        pooled = {} if pooler is None or not parts else {"pooler_output": np.tanh(whole[:, 0] @ pooler[0].T + pooler[1])}
        return Outputs({"last_hidden_state": whole, **pooled})

    forward = __call__

    def _check_places(self, rows: list[list[int]]) -> None:
        places = self._engine.places
        long = next((number for number, row in enumerate(rows) if len(row) > places), None)
        if long is not None:
            what = f"model: row {long} of input_ids has {len(rows[long])} tokens, expected at most {places}"
            raise plan_error(f"{what}; hint: truncation=True of the tokenizer cuts texts")

    def _vocabulary(self) -> int:
        return int(self.config["vocab_size"])

    def num_parameters(self) -> int:
        """Numbers in its tensors."""
        import math

        return sum(math.prod(shape) for _, _, shape in self._engine.tensors())

    def state(self) -> list[tuple[str, str, list[int]]]:
        """Name, type and shape of each tensor."""
        return self._engine.tensors()


_DEFAULTS = (
    "max_new_tokens", "min_new_tokens", "temperature", "top_k", "top_p", "repetition_penalty", "num_beams", "length_penalty",
)  # fmt: skip
_SAMPLING = ("temperature", "top_k", "top_p")


def generation_options(model: Pretrained, do_sample: bool | None, options: dict[str, Any]) -> dict[str, Any]:
    """What is asked for, and what the model's own `generation_config.json` says of the rest: tokens are drawn where `do_sample`
    says so, or a temperature is given without it."""
    said = model._json("generation_config.json")
    if do_sample is None and options.get("temperature") is None:
        do_sample = bool(said.get("do_sample", False))
    if do_sample is False:
        options = {name: value for name, value in options.items() if name not in _SAMPLING}
    own = {name: said[name] for name in _DEFAULTS if said.get(name) is not None and (do_sample or name not in _SAMPLING)}
    usual = {"temperature": 1.0, "top_k": 50} if do_sample else {}
    return usual | own | options


class AutoModelForCausalLM(AutoModel):
    """A model that continues texts."""

    __slots__ = ("_generation",)
    _TASK = "text-generation"
    _generation: Configuration

    @property
    def generation_config(self) -> Configuration:
        """What its `generation_config.json` says of `generate`; it can be set."""
        if not hasattr(self, "_generation"):
            self._generation = Configuration(self._json("generation_config.json"))
        return self._generation

    def save_pretrained(self, path: Any) -> None:
        """As `AutoModel.save_pretrained`, with what was set of `generation_config`."""
        super().save_pretrained(path)
        config = {name: value for name, value in self.generation_config.items() if value is not None}
        if config != self._json("generation_config.json"):
            write_json(pathlib.Path(path, "generation_config.json"), config)

    def generate(self, inputs: Any = None, attention_mask: Any = None, *, generation_config: Any = None, **options: Any) -> Any:
        """Each row of tokens with the new ones behind it, that which ends them among them: of an array an array, [B, T], filled up
        with `pad_token_id` behind what ended before others; of lists lists. Options are transformers', with the model's
        `generation_config.json` and then transformers' defaults for what is not said: `max_new_tokens` (20) or `max_length`,
        `min_new_tokens`, `do_sample` (False: the most probable token) with `temperature`, `top_k`, `top_p` and
        `num_return_sequences`, `repetition_penalty`, `num_beams`, `length_penalty`, `stop_strings`; and `seed`: equal seeds give
        equal texts.
        Errors: `PlanError` naming an option or a prompt that is wrong, `UnsupportedError` naming an option that cannot be met."""
        inputs = options.pop("input_ids", None) if inputs is None else inputs
        if isinstance(inputs, Mapping):
            inputs, attention_mask = inputs["input_ids"], inputs.get("attention_mask")
        if inputs is None:
            raise plan_error("generate: expected input_ids; hint: model.generate(**tokenizer(text, return_tensors='np'))")
        found = settings(self.generation_config, generation_config, options)
        rows, _, _ = rows_of("generate", inputs, attention_mask, self._vocabulary())
        each, width = returned(found), max(map(len, as_rows("generate", inputs)))
        new = self._new_tokens(rows, found, width)
        whole = self._behind(inputs, [row for row in rows for _ in range(each)], new, each, found["pad_token_id"])
        return Outputs(sequences=whole) if found["return_dict_in_generate"] else whole

    def _new_tokens(self, rows: list[list[int]], found: Mapping[str, Any], width: int) -> list[list[int]]:
        """What comes after each row, as often as is asked for, one after the other."""
        chosen = engine_options(found, width, self._engine.ends)
        seeds = [{**chosen, "seed": chosen["seed"] + one} for one in range(returned(found))]
        several = [self._engine.generate(rows, **own) for own in seeds]
        return [ids for own in zip(*several, strict=True) for ids in own]

    def _behind(self, inputs: Any, rows: list[list[int]], new: list[list[int]], each: int, pad: int | None) -> Any:
        """New tokens behind the rows that were given, in what they came in."""
        import numpy as np

        if not hasattr(inputs, "tolist"):
            lists = [row + ids for row, ids in zip(rows, new, strict=True)]
            return lists[0] if each == 1 and len(inputs) and not hasattr(inputs[0], "__iter__") else lists
        given = np.repeat(np.atleast_2d(array_of(inputs)), each, axis=0)
        nothing = next((token for token in (pad, self.config.get("pad_token_id"), *self._engine.ends) if token is not None), 0)
        behind = np.full((len(given), max(map(len, new), default=0)), nothing, dtype=given.dtype)
        for row, ids in zip(behind, new, strict=True):
            row[: len(ids)] = ids
        whole: np.ndarray = np.concatenate([given, behind], axis=1)
        return tensor(whole) if is_torch(inputs) else whole


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
