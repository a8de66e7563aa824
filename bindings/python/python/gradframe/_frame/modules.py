"""A module that a frame is to train: traced over the frame's columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradframe.errors import PlanError


def of_module(
    frame: Any, estimator: Any, target: str, others: tuple[str | None, ...], transform: Any, taken: dict[str, Any]
) -> Any:
    """The estimator of a module, or any other as it is. `others` are columns that are no features."""
    from gradframe.nn.module import Module

    if not isinstance(estimator, Module):
        given = [name for name, value in taken.items() if value is not None]
        if given:
            kind = getattr(estimator, "__name__", type(estimator).__name__)
            raise PlanError(f"fit: `{given[0]}` is for modules, got {kind}; hint: estimators take their options themselves")
        return estimator
    from gradframe.nn import tracing

    schema = frame.collect_schema()
    types = {name: _kind(dtype) for name, dtype in schema.items()}
    if transform is not None:
        types = {name: types.get(name, "float") for name in _names(transform)}
    if target not in types:
        raise PlanError(f"fit: there is no column `{target}` to be the target; hint: {', '.join(types)}")
    columns = [
        tracing.Column(name, kind, _shape(schema.get(name)) if transform is None else ())
        for name, kind in types.items()
        if name != target and name not in others
    ]
    label = {"int64": "integer", "uint64": "integer", "float": "number"}.get(types[target], "class")
    own = {name: taken.pop(name) for name in ("loss", "optimizer", "inputs", "task", "precision")}
    chosen = _chosen(columns, own["inputs"])
    return tracing.trace(estimator, chosen, own["inputs"], own["loss"], own["optimizer"], own["task"], label, own["precision"], taken)


def _chosen(columns: list[Any], inputs: Any) -> list[Any]:
    """What the module may be given. Text is no number, unless it is not asked for."""
    text = [column.name for column in columns if column.dtype == "text"]
    if inputs is None and text:
        raise PlanError(
            f"fit: column `{text[0]}` is text, a module takes numbers; hint: name the columns, inputs=[..], or make numbers of it "
            "with transform=[gf.ml.label_encoder(..), ..]"
        )
    return columns


def _names(transform: Any) -> list[str]:
    """The names of what a transform makes."""
    if isinstance(transform, Mapping):
        return list(transform)
    return [item if isinstance(item, str) else item.meta.output_name() for item in transform]


def _shape(dtype: Any) -> tuple[int, ...]:
    """The sizes of a column's tensors; none if it holds numbers."""
    return (dtype.size,) if type(dtype).__name__ == "Array" else ()


def _kind(dtype: Any) -> str:
    """The element type of a column's array: "float" is that of the module."""
    if _shape(dtype):
        return _kind(dtype.inner)
    name = dtype.__name__ if isinstance(dtype, type) else type(dtype).__name__
    if name == "UInt64":
        return "uint64"
    if name.startswith(("Int", "UInt")):
        return "int64"
    if name in ("String", "Categorical", "Enum"):
        return "text"
    return "bool" if name == "Boolean" else "float"
