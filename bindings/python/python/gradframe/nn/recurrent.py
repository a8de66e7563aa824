"""Recurrent layers: one compiled loop over the steps of a sequence."""

from __future__ import annotations

import math
from typing import Any

from gradframe._array.arranging import concat, flip, stack
from gradframe._array.core import Array, as_array, call
from gradframe._array.creation import zeros
from gradframe.errors import PlanError, ShapeError
from gradframe.nn import functional as F
from gradframe.nn import init
from gradframe.nn._arguments import count, probability
from gradframe.nn.module import Module, Parameter

__all__ = ["GRU", "LSTM", "RNN"]


class _Recurrent(Module):
    """Layers of cells: (time, batch, inputs), or with `batch_first` (batch, time, inputs), gives (.., hidden_size) and the
    last states (layers, batch, hidden_size). A single sequence is (time, inputs), its states (layers, hidden_size). Weights have
    PyTorch's names, shapes and order of gates."""

    operation = ""
    gates = 1
    states = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        key: Array | None = None,
    ) -> None:
        super().__init__()
        layer = type(self).__name__
        self.input_size, self.hidden_size = count(layer, "input_size", input_size, 1), count(layer, "hidden_size", hidden_size, 1)
        self.num_layers, self.dropout = count(layer, "num_layers", num_layers, 1), probability(layer, "dropout", dropout)
        self.bias, self.batch_first, self.bidirectional = bias, batch_first, bidirectional
        limit = 1.0 / math.sqrt(hidden_size)
        names = [(layer, suffix) for layer in range(num_layers) for suffix in self._directions]
        keys = init.keys(key, 4 * len(names))
        for number, (layer, suffix) in enumerate(names):
            inputs = input_size if layer == 0 else hidden_size * len(self._directions)
            shapes = {"weight_ih": (inputs,), "weight_hh": (hidden_size,), **({"bias_ih": (), "bias_hh": ()} if bias else {})}
            for place, (name, rest) in enumerate(shapes.items()):
                values = init.uniform(keys[4 * number + place], (self.gates * hidden_size, *rest), -limit, limit)
                setattr(self, f"{name}_l{layer}{suffix}", Parameter(values))

    @property
    def _directions(self) -> tuple[str, ...]:
        return ("", "_reverse") if self.bidirectional else ("",)

    def forward(self, x: Any, state: Any = None) -> tuple[Array, Any]:
        x = as_array(x)
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size:
            order, size = "batch, time" if self.batch_first else "time, batch", self.input_size
            raise ShapeError(f"{type(self).__name__}: expected ({order}, {size}), or (time, {size}), got shape {x.shape}")
        if x.ndim == 3:
            output, states = self._over(_swapped(x) if self.batch_first else x, self._first(x, state))
            return (_swapped(output) if self.batch_first else output), self._given_back(states)
        output, states = self._over(x[:, None], [one[:, None] for one in self._first(x, state)])
        return output[:, 0], self._given_back([one[:, 0] for one in states])

    def _given_back(self, states: list[Array]) -> Any:
        return tuple(states) if self.states > 1 else states[0]

    def _over(self, x: Array, first: list[Array]) -> tuple[Array, list[Array]]:
        """The outputs and the last states of sequences (time, batch, inputs)."""
        ends: list[list[Array]] = [[] for _ in range(self.states)]
        for layer in range(self.num_layers):
            if layer:
                x = F.dropout(x, self.dropout, self.training)
            outputs = []
            for number, suffix in enumerate(self._directions):
                place = layer * len(self._directions) + number
                given = flip(x, axis=0) if suffix else x
                output, *last = self._run(given, [s[place] for s in first], f"_l{layer}{suffix}")
                outputs.append(flip(output, axis=0) if suffix else output)
                for end, value in zip(ends, last, strict=True):
                    end.append(value)
            x = concat(outputs, axis=2) if len(outputs) > 1 else outputs[0]
        return x, [stack(end, axis=0) for end in ends]

    def _first(self, x: Array, state: Any) -> list[Array]:
        batch = () if x.ndim == 2 else (x.shape[0 if self.batch_first else 1],)
        shape = (self.num_layers * len(self._directions), *batch, self.hidden_size)
        if state is None:
            return [zeros(shape, dtype=x.dtype)] * self.states
        given = list(state) if self.states > 1 else [state]
        for values in map(as_array, given):
            if values.shape != shape:
                raise ShapeError(f"{type(self).__name__}: expected a state of shape {shape}, got {values.shape}")
        return [as_array(values) for values in given]

    def _run(self, x: Array, state: list[Array], suffix: str) -> tuple[Array, ...]:
        names = ["weight_ih", "weight_hh", *(["bias_ih", "bias_hh"] if self.bias else [])]
        return call(self.operation, (x, *state, *(getattr(self, name + suffix) for name in names)))

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}, num_layers={self.num_layers}"


def _swapped(x: Array) -> Array:
    from gradframe._array.arranging import permute_dims

    return permute_dims(x, (1, 0, 2))


class RNN(_Recurrent):
    """`h' = tanh(W_ih x + b_ih + W_hh h + b_hh)` over a sequence, or `relu` of it with `nonlinearity="relu"`. Source: Elman 1990.

    The arguments are PyTorch's, in its order: `nonlinearity` stands after `num_layers`."""

    operation = "rnn"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        key: Array | None = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise PlanError(f"RNN: `nonlinearity` is {nonlinearity!r}, expected 'tanh' or 'relu'")
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, key=key)
        self.nonlinearity = nonlinearity
        if nonlinearity == "relu":
            self.operation = "rnn_relu"

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, nonlinearity={self.nonlinearity!r}"


class GRU(_Recurrent):
    """Gated recurrent units over a sequence. Source: Cho et al. 2014, the reset after the product, as in PyTorch."""

    operation, gates = "gru", 3


class LSTM(_Recurrent):
    """Long short-term memory over a sequence; the state is a pair of output and memory. Source: Hochreiter and Schmidhuber
    1997, with a forget gate."""

    operation, gates, states = "lstm", 4, 2
