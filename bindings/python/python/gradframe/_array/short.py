"""Mixed precision: products whose operands are rounded to a short float, everything else as it is."""

from __future__ import annotations

from contextlib import ContextDecorator
from contextvars import ContextVar
from typing import Any

from gradframe._array import dtypes
from gradframe._gradframe import PyArray, array_call
from gradframe.errors import DTypeError

#: The type to which operands of products are rounded; None for none.
active: ContextVar[str | None] = ContextVar("gradframe.autocast", default=None)

#: Operations made of products, and how many of their first operands are multiplied: biases and masks come after.
PRODUCTS = {"matmul": 2, "tensordot": 2, "vecdot": 2, "conv": 2, "conv_transpose": 2, "attention": 3}


def rounded(name: str, operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """The operands of a product as they are multiplied: those in float32 hold no more than the short type does. Of float64 and of
    integers none is rounded."""
    short = active.get()
    if short is None:
        return operands
    count = PRODUCTS[name]
    return (*(_rounded(operand, short) for operand in operands[:count]), *operands[count:])


def _rounded(operand: Any, short: str) -> Any:
    if operand.__class__ is not PyArray or operand.dtype != "float32":
        return operand
    return array_call("astype", (array_call("astype", (operand,), (short,)),), ("float32",))


class autocast(ContextDecorator):  # noqa: N801
    """Inside it, matrix products, convolutions and attention multiply numbers of 16 bits: their operands in float32 are rounded to
    `dtype`, "bfloat16" or "float16". Products are summed in float32 and results are float32, as is all else: norms, losses, the
    parameters and what an optimiser keeps. Gradients pass the rounding, and are rounded there themselves.

        with gf.autocast():
            loss = F.cross_entropy(network(x), y)
        loss.backward()

    As in PyTorch, the backward pass stands outside; also a decorator of functions. With `enabled=False` nothing is rounded inside.
    float16 holds nothing beyond 65504: gradients may vanish or overflow, bfloat16 has the range of float32.
    """

    def __init__(self, dtype: Any = "bfloat16", enabled: bool = True) -> None:
        name = dtypes.dtype(dtype).name
        if name not in ("bfloat16", "float16"):
            raise DTypeError(f"autocast: expected bfloat16 or float16, got {name}")
        self.dtype, self.enabled = name, enabled
        self._before: list[Any] = []

    def __enter__(self) -> autocast:
        self._before.append(active.set(self.dtype if self.enabled else None))
        return self

    def __exit__(self, *_: object) -> None:
        active.reset(self._before.pop())
