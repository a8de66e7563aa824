"""Arguments of transformers' and sentence-transformers' calls: those that change nothing here, and those that cannot be met."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

# Where and how weights are kept and attention is computed: results are the same.
LOADING = frozenset(
    "attn_implementation device_map force_download local_files_only low_cpu_mem_usage offload_folder proxies resume_download "
    "token trust_remote_code use_auth_token use_cache use_fast use_safetensors weights_only".split()
)
# What a model gives beside its results, and what it is given in the place of tokens.
FORWARD = (
    "cache_position inputs_embeds labels logits_to_keep output_attentions output_hidden_states past_key_values position_ids use_cache"
).split()
LOADING_UNSUPPORTED = (
    "adapter_kwargs cache_dir cache_folder gguf_file load_in_4bit load_in_8bit output_attentions output_hidden_states quantization_config"
).split()


def plan_error(what: str) -> Exception:
    """A wrong argument."""
    from gradframe.errors import PlanError

    return PlanError(what)


def unsupported(what: str) -> Exception:
    """An argument that is right, and cannot be met."""
    from gradframe.errors import UnsupportedError

    return UnsupportedError(what)


def type_error(what: str) -> Exception:
    """A value of a type that is not taken."""
    from gradframe.errors import DTypeError

    return DTypeError(what)


def is_neutral(value: Any) -> bool:
    """True of a value that asks for nothing."""
    return value is None or value is False or (isinstance(value, (list, dict, tuple)) and not value)


def refuse(call: str, given: Mapping[str, Any], known: Iterable[str], *, own: Iterable[str] = (), hint: str = "") -> None:
    """Errors: `UnsupportedError` for a known argument that asks for something, `PlanError` for one that nobody knows."""
    from gradframe._names import suggested

    known = list(known)
    for name, value in given.items():
        if name not in known:
            raise plan_error(f"{call}: unknown argument `{name}`{suggested(name, [*own, *known])}")
        if not is_neutral(value):
            raise unsupported(f"{call}: `{name}` is not supported, got {value!r}{hint}")


def check_loading(call: str, given: Mapping[str, Any]) -> None:
    """Of `from_pretrained`. Errors: as those of `refuse`."""
    rest = {name: value for name, value in given.items() if name not in LOADING}
    hint = "; hint: HF_HUB_CACHE names the cache" if "cache_dir" in rest or "cache_folder" in rest else ""
    refuse(call, rest, LOADING_UNSUPPORTED, own=["dtype", "device", "revision", *sorted(LOADING)], hint=hint)


def on_cpu(device: Any) -> None:
    """Errors: `NoDeviceError` for a device that is no CPU."""
    if device is None or str(device).split(":")[0] in ("cpu", "auto"):
        return
    from gradframe.errors import NoDeviceError

    raise NoDeviceError(f"models: pretrained models run on the CPU, expected `cpu`, got `{device}`")


def dtype_name(dtype: Any) -> str:
    """What a name or a type of PyTorch's means here: `torch.bfloat16` is "bf16"."""
    names = {"float32": "f32", "float": "f32", "float64": "f32", "bfloat16": "bf16"}
    name = str(dtype).removeprefix("torch.")
    return "auto" if dtype is None else names.get(name, name)


def texts_of(what: str, given: Any) -> list[str]:
    """A list of texts, of a list, an array or a column of them. Errors: `DTypeError` naming the first item that is none."""
    if isinstance(given, (bytes, Mapping)) or not hasattr(given, "__iter__"):
        raise type_error(f"{what}: expected a text or a list of texts, got {type(given).__name__}")
    texts = [given] if isinstance(given, str) else list(given)
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            hint = "; hint: leave nulls out, or use a frame's verb, where a null gives a null" if text is None else ""
            raise type_error(f"{what}: item {place} is {text!r}, expected a text{hint}")
    return texts


def warn(what: str) -> None:
    """A warning about the caller's line."""
    warnings.warn(what, UserWarning, stacklevel=3)
