"""How a text is continued: transformers' options of `generate` and of `generation_config.json`, as the engine's."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any

from gradframe.models._arguments import plan_error, unsupported, warn

# transformers' own defaults, where neither a call nor the model says otherwise.
DEFAULTS: dict[str, Any] = {
    "max_new_tokens": None, "max_length": None, "min_new_tokens": None, "min_length": 0, "do_sample": False, "num_beams": 1,
    "temperature": 1.0, "top_k": 50, "top_p": 1.0, "repetition_penalty": 1.0, "length_penalty": 1.0, "num_return_sequences": 1,
    "stop_strings": None, "eos_token_id": None, "pad_token_id": None, "seed": 0, "return_dict_in_generate": False,
}  # fmt: skip
_NEW_TOKENS = 20
# What means the same whatever it is: `tokenizer` is the model's own.
_IGNORED = frozenset(
    "bos_token_id cache_implementation decoder_start_token_id disable_compile low_memory prefill_chunk_size synced_gpus token_type_ids "
    "tokenizer transformers_version use_cache".split()
)
# With the value that asks for nothing, where that is not nothing itself.
_UNSUPPORTED: dict[str, Any] = {
    "assistant_model": None, "bad_words_ids": None, "begin_suppress_tokens": None, "constraints": None, "diversity_penalty": 0.0,
    "early_stopping": False, "encoder_no_repeat_ngram_size": 0, "encoder_repetition_penalty": 1.0, "epsilon_cutoff": 0.0,
    "eta_cutoff": 0.0, "exponential_decay_length_penalty": None, "force_words_ids": None, "forced_bos_token_id": None,
    "forced_eos_token_id": None, "guidance_scale": 1.0, "inputs_embeds": None, "logits_processor": None, "max_time": None, "min_p": None,
    "negative_prompt_ids": None, "no_repeat_ngram_size": 0, "num_beam_groups": 1, "output_attentions": False,
    "output_hidden_states": False, "output_logits": False, "output_scores": False, "past_key_values": None, "penalty_alpha": None,
    "position_ids": None, "prefix_allowed_tokens_fn": None, "prompt_lookup_num_tokens": None, "remove_invalid_values": False,
    "renormalize_logits": False, "sequence_bias": None, "stopping_criteria": None, "streamer": None, "suppress_tokens": None,
    "token_healing": False, "typical_p": 1.0, "watermarking_config": None,
}  # fmt: skip
_SAMPLING = ("temperature", "top_k", "top_p")


def settings(own: Mapping[str, Any], config: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """All options: those of the call, else of a `generation_config` that it gives, else of the model's own, else transformers' defaults.
    Errors: `PlanError` for an unknown one, `UnsupportedError` for one that cannot be met."""
    config = {} if config is None else config.to_dict() if hasattr(config, "to_dict") else dict(config)
    given = {"stop_strings" if name == "stop" else name: value for name, value in given.items()}
    known = {**DEFAULTS, **_UNSUPPORTED}
    for name in given:
        if name not in known and name not in _IGNORED:
            from gradframe._names import suggested

            raise plan_error(f"generate: unknown option `{name}`{suggested(name, DEFAULTS)}")
    found = dict(DEFAULTS)
    for source, where in ((own, "the model's generation_config"), (config, "generation_config"), (given, "")):
        for name, value in source.items():
            if name in _UNSUPPORTED and value is not None and value != _UNSUPPORTED[name] and given.get(name, value) == value:
                hint = f"; hint: {name}={_UNSUPPORTED[name]!r} leaves it out of {where}" if where else ""
                raise unsupported(f"generate: `{name}` is not supported, got {value!r}{hint}")
            if name in DEFAULTS and value is not None:
                found[name] = value
    check(found)
    if not found["do_sample"] and any(given.get(name) is not None for name in _SAMPLING):
        named = ", ".join(name for name in _SAMPLING if given.get(name) is not None)
        warn(f"generate: {named} changes nothing without do_sample=True: the most probable token is taken")
    return found


# What an option may be, and how that is said.
_RANGES: dict[str, tuple[str, Any]] = {
    "max_new_tokens": ("a whole number from 1", lambda value: _whole(value) and value >= 1),
    "min_new_tokens": ("a whole number from 0", lambda value: _whole(value) and value >= 0),
    "max_length": ("a whole number from 1", lambda value: _whole(value) and value >= 1),
    "min_length": ("a whole number from 0", lambda value: _whole(value) and value >= 0),
    "num_beams": ("a whole number from 1", lambda value: _whole(value) and value >= 1),
    "num_return_sequences": ("a whole number from 1", lambda value: _whole(value) and value >= 1),
    "seed": ("a whole number from 0", lambda value: _whole(value) and value >= 0),
    "top_k": ("a whole number from 0 (all)", lambda value: _whole(value) and value >= 0),
    "top_p": ("a number above 0 and at most 1", lambda value: _number(value) and 0 < value <= 1),
    "temperature": ("a number from 0", lambda value: _number(value) and value >= 0),
    "repetition_penalty": ("a number above 0", lambda value: _number(value) and value > 0),
    "length_penalty": ("a number", lambda value: _number(value)),
    "do_sample": ("True or False", lambda value: isinstance(value, bool)),
    "stop_strings": ("a text or a list of texts", lambda value: isinstance(value, str) or _texts(value)),
}


def _whole(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def _texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(text, str) and text for text in value)


def check(found: Mapping[str, Any]) -> None:
    """Errors: `PlanError` naming the option that is out of its range."""
    for name, (expected, holds) in _RANGES.items():
        if found[name] is not None and not holds(found[name]):
            raise plan_error(f"generate: {name}: expected {expected}, got {found[name]!r}")
    least, most = found["min_new_tokens"], found["max_new_tokens"]
    if least is not None and most is not None and least > most:
        raise plan_error(f"generate: min_new_tokens: expected at most max_new_tokens, {most}, got {least}")


def engine_options(found: Mapping[str, Any], longest: int, ends: list[int]) -> dict[str, Any]:
    """The engine's options, for prompts of which the longest has so many tokens.
    Errors: `PlanError` naming an option that is wrong, `UnsupportedError` for other tokens that end a text."""
    options: dict[str, Any] = {"max_new_tokens": _new_tokens(found, longest), "min_new_tokens": _least(found, longest)}
    options |= {name: found[name] for name in ("repetition_penalty", "num_beams", "length_penalty", "seed")}
    if found["do_sample"]:
        if found["temperature"] == 0:
            what = f"generate: temperature: expected a number above 0, got {found['temperature']!r}"
            raise plan_error(f"{what}; hint: do_sample=False takes the most probable token")
        options |= {name: found[name] for name in _SAMPLING}
        options["top_k"] = found["top_k"] or 0
        if found["num_beams"] != 1:
            raise unsupported("generate: `num_beams` with do_sample=True is not supported; hint: leave one of them out")
    else:
        options["temperature"] = 0.0
    stops = found["stop_strings"]
    if stops is not None:
        options["stop"] = [stops] if isinstance(stops, str) else stops
    said = found["eos_token_id"]
    said = None if said is None else sorted(said if isinstance(said, (list, tuple)) else [said])
    if said is not None and said != sorted(ends):
        raise unsupported(f"generate: `eos_token_id` is the model's own, {ends}, got {said}; hint: stop_strings ends a text at others")
    return options


def _new_tokens(found: Mapping[str, Any], longest: int) -> int:
    if found["max_new_tokens"] is not None:
        return int(found["max_new_tokens"])
    if found["max_length"] is None:
        return _NEW_TOKENS
    if found["max_length"] <= longest:
        what = f"generate: max_length: expected more than the {longest} tokens of the prompt, got {found['max_length']}"
        raise plan_error(f"{what}; hint: max_new_tokens counts new tokens alone")
    return int(found["max_length"]) - longest


def _least(found: Mapping[str, Any], longest: int) -> int:
    least = found["min_new_tokens"]
    return int(least) if least is not None else max(int(found["min_length"]) - longest, 0)


def returned(found: Mapping[str, Any]) -> int:
    """Continuations of each prompt. Errors: `UnsupportedError` for more than one where tokens are not drawn."""
    count = int(found["num_return_sequences"])
    if count > 1 and not found["do_sample"]:
        where = "beams" if found["num_beams"] > 1 else "the most probable token"
        raise unsupported(f"generate: `num_return_sequences` of {count} with {where} is not supported; hint: do_sample=True")
    return count
