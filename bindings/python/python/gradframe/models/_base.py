"""What all classes of pretrained models have: the model itself, its configuration, and how results become what is asked for."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from gradframe.models._arguments import check_loading, dtype_name, on_cpu, plan_error, type_error
from gradframe.models._engine import Engine, located

if TYPE_CHECKING:
    import numpy as np

    from gradframe._gradframe import PyPretrained


class Outputs(dict[str, Any]):
    """Results by name: `out["logits"]`, `out.logits`, and by place, `out[0]`, as transformers gives them."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"there is no `{name}`, expected one of {', '.join(self)}") from None

    def __getitem__(self, key: Any) -> Any:
        return tuple(self.values())[key] if isinstance(key, (int, slice)) else super().__getitem__(key)

    def to(self, device: Any = None, *_: Any, **__: Any) -> Self:
        """Itself: results are where the model is, in memory. A device that is no CPU is an error."""
        on_cpu(device)
        return self

    def to_tuple(self) -> tuple[Any, ...]:
        """The results alone."""
        return tuple(self.values())


class Configuration(Outputs):
    """Settings by name, which can be set as attributes too."""

    __slots__ = ()

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __reduce__(self) -> tuple[Any, ...]:
        return Configuration, (dict(self),)

    def to_dict(self) -> dict[str, Any]:
        """A copy as a plain dictionary."""
        return dict(self)


class Device(str):
    """Where a model is: equal to the text "cpu"."""

    __slots__ = ()

    @property
    def type(self) -> str:
        """Itself."""
        return str(self)


class Pretrained:
    """What was opened of a directory."""

    __slots__ = ("_configuration", "_engine")

    _engine: Engine
    _configuration: Configuration

    @classmethod
    def from_pretrained(
        cls,
        path: Any,
        *,
        dtype: Any = "auto",
        torch_dtype: Any = None,
        device: Any = None,
        device_map: Any = None,
        revision: str | None = None,
        subfolder: str = "",
        **options: Any,
    ) -> Self:
        """The model of a directory, or of `org/name` on the hub, which is downloaded once (not at all with `local_files_only` or
        `HF_HUB_OFFLINE`). `dtype`: "auto", "bf16" of a checkpoint in bf16 (products with weights; sums in f32), "f32" of others;
        PyTorch's types are taken too. Models are on the CPU and no code of a model is run, whatever the other arguments of
        transformers say; a `device` that is no CPU is an error."""
        check_loading(f"{cls.__name__}.from_pretrained", options)
        on_cpu(device)
        on_cpu(None if isinstance(device_map, dict) else device_map)
        directory = pathlib.Path(located(str(path), revision, options), subfolder)
        made = object.__new__(cls)
        made._engine = Engine(str(directory), dtype_name(dtype if torch_dtype is None else torch_dtype))
        return made

    @property
    def _model(self) -> PyPretrained:
        """As frames take it."""
        return self._engine.real

    def __reduce__(self) -> tuple[Any, ...]:
        """Opened again where it is unpickled, of the same directory."""
        slots = [name for kind in type(self).__mro__ for name in getattr(kind, "__slots__", ()) if name != "_engine"]
        kept = {name: getattr(self, name) for name in slots if hasattr(self, name)} | getattr(self, "__dict__", {})
        return _again, (type(self), self._engine.root, self.dtype, kept)

    @property
    def config(self) -> Configuration:
        """Its `config.json`, whose fields are attributes too."""
        if not hasattr(self, "_configuration"):
            labels = self._engine.labels
            named = {"id2label": dict(enumerate(labels)), "label2id": {label: place for place, label in enumerate(labels)}}
            self._configuration = Configuration({"num_labels": len(labels)} | self._json("config.json") | named)
        return self._configuration

    @property
    def dtype(self) -> str:
        """What its products are computed in: "f32" or "bf16"."""
        return self._engine.dtype

    @property
    def device(self) -> Device:
        """Where it is: "cpu"."""
        return Device("cpu")

    @property
    def path(self) -> str:
        """Its directory."""
        return self._engine.path

    @property
    def name_or_path(self) -> str:
        """Its directory."""
        return self._engine.path

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._engine.kind}, {self._engine.dtype}, {self._engine.path})"

    def eval(self) -> Self:
        """Itself: models here do not train."""
        return self

    def to(self, device: Any = None, *_: Any, **__: Any) -> Self:
        """Itself. A device that is no CPU is an error."""
        if not str(device).startswith("torch.") and device not in ("f32", "bf16"):
            on_cpu(device)
        return self

    def cpu(self) -> Self:
        """Itself."""
        return self

    def save_pretrained(self, path: Any) -> Any:
        """Writes it to a directory that transformers reads too, in the `dtype` that was asked for, else in the checkpoint's own."""
        self._engine.save(str(path), False)

    def _json(self, name: str, *, root: bool = False) -> dict[str, Any]:
        """A file of its directory; empty if it is not there."""
        return self._engine.json(name, root=root)


def _again(cls: type[Pretrained], path: str, dtype: str, kept: dict[str, Any]) -> Pretrained:
    made = cls.from_pretrained(path, dtype=dtype)
    for name, value in kept.items():
        setattr(made, name, value)
    return made


def as_asked(values: Any, return_tensors: Any) -> Any:
    """Lists as they are, as NumPy arrays of i64 ("np"), or as PyTorch's tensors ("pt"). Errors: `PlanError` for rows of several
    lengths."""
    if return_tensors is None:
        return values
    import numpy as np

    if isinstance(values, list) and values and isinstance(values[0], list) and len({len(row) for row in values}) > 1:
        what = "tokenizer: rows of several lengths are no array"
        raise plan_error(f"{what}; hint: padding=True makes them one, with truncation=True where texts are too long")
    array = np.asarray(values, dtype="i8")
    kind = getattr(return_tensors, "value", return_tensors)
    if kind == "np":
        return array
    if kind == "pt":
        return tensor(array)
    raise plan_error(f'tokenizer: return_tensors: expected "np", "pt" or None, got {return_tensors!r}')


def tensor(array: np.ndarray) -> Any:
    """The same numbers as PyTorch's, of memory of their own where these cannot be written to."""
    import numpy as np

    try:
        import torch
    except ImportError as error:
        from gradframe.errors import ExternalError

        raise ExternalError("models: PyTorch's tensors were asked for, and PyTorch is not installed; hint: NumPy's need none") from error
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))


def is_torch(value: Any) -> bool:
    """True of a tensor of PyTorch's."""
    return type(value).__module__.split(".")[0] == "torch"


def array_of(values: Any) -> np.ndarray:
    """Numbers of PyTorch's, of NumPy's, or of lists of either, as an array."""
    import numpy as np

    if isinstance(values, (list, tuple)) and values and is_torch(values[0]):
        return np.stack([value.detach().cpu().numpy() for value in values])
    return np.asarray(values.detach().cpu().numpy() if is_torch(values) else values)


def rows_of(what: str, ids: Any, mask: Any, vocabulary: int) -> tuple[list[list[int]], list[list[int]], tuple[int, int]]:
    """Rows of tokens without what the mask leaves out, the places of those that stay, and the sizes of it all.
    Errors: `PlanError` for a row of no tokens, for a token that the model does not have, or for a mask of another shape."""
    rows = [_whole(what, number, row) for number, row in enumerate(as_rows(what, ids))]
    if not rows:
        raise plan_error(f"{what}: expected a row of input_ids or more, got none")
    masks = [[1] * len(row) for row in rows] if mask is None else [[int(one) for one in row] for row in as_rows(what, mask)]
    if [len(row) for row in rows] != [len(row) for row in masks]:
        raise plan_error(f"{what}: expected an attention_mask of the shape of input_ids")
    places = [[at for at, one in enumerate(row) if one] for row in masks]
    kept = [[row[at] for at in own] for row, own in zip(rows, places, strict=True)]
    for number, row in enumerate(kept):
        if not row:
            raise plan_error(f"{what}: row {number} of input_ids has no tokens, expected one or more")
        wrong = next((at for at, token in enumerate(row) if not 0 <= token < vocabulary), None)
        if wrong is not None:
            at = places[number][wrong]
            raise plan_error(f"{what}: input_ids[{number}][{at}] is {row[wrong]}, expected a token from 0 to {vocabulary - 1}")
    return kept, places, (len(rows), max((len(row) for row in rows), default=0))


def _whole(what: str, number: int, row: Any) -> list[int]:
    for at, token in enumerate(row):
        if isinstance(token, (float, str)) or token is None:
            raise type_error(f"{what}: input_ids[{number}][{at}] is {token!r}, expected a whole number; hint: a tokenizer gives them")
    return [int(token) for token in row]


def as_rows(what: str, values: Any) -> Sequence[Any]:
    """Rows of a list of lists or of an array; a single row is one of them."""
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise type_error(f"{what}: expected rows of tokens, got {values!r}; hint: the tokenizer makes them of texts")
    plain = values.tolist() if hasattr(values, "tolist") else list(values)
    return [plain] if plain and not hasattr(plain[0], "__iter__") else plain
