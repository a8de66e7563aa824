"""Single steps of recurrent layers."""

from __future__ import annotations

import math
from typing import Any

from gradframe._array.core import Array, as_array, call
from gradframe._array.creation import zeros
from gradframe.errors import PlanError, ShapeError
from gradframe.nn import functional as F
from gradframe.nn import init
from gradframe.nn._arguments import count
from gradframe.nn.module import Module, Parameter

__all__ = ["GRUCell", "LSTMCell", "RNNCell"]


class _Cell(Module):
    """A step: (batch, input_size) and the state (batch, hidden_size), zeros if none is given, give the next state; or without the batch."""

    gates = 1

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, *, key: Array | None = None) -> None:
        super().__init__()
        layer = type(self).__name__
        self.input_size, self.hidden_size = count(layer, "input_size", input_size), count(layer, "hidden_size", hidden_size, 1)
        limit, keys, rows = 1.0 / math.sqrt(hidden_size), init.keys(key, 4), self.gates * hidden_size
        self.weight_ih = Parameter(init.uniform(keys[0], (rows, input_size), -limit, limit))
        self.weight_hh = Parameter(init.uniform(keys[1], (rows, hidden_size), -limit, limit))
        self.bias_ih = Parameter(init.uniform(keys[2], (rows,), -limit, limit)) if bias else None
        self.bias_hh = Parameter(init.uniform(keys[3], (rows,), -limit, limit)) if bias else None

    def _given(self, x: Any) -> Array:
        x = as_array(x)
        if x.ndim not in (1, 2) or x.shape[-1] != self.input_size:
            raise ShapeError(f"{type(self).__name__}: expected (batch, {self.input_size}), or ({self.input_size},), got shape {x.shape}")
        return x

    def _state(self, x: Array, state: Any) -> Array:
        shape = (*x.shape[:-1], self.hidden_size)
        if state is None:
            return zeros(shape, dtype=x.dtype)
        state = as_array(state)
        if state.shape != shape:
            raise ShapeError(f"{type(self).__name__}: expected a state of shape {shape}, got {state.shape}")
        return state

    def _sums(self, x: Array, state: Array) -> tuple[Array, Array]:
        """What the input and the state have in each gate."""
        return F.linear(x, self.weight_ih, self.bias_ih), F.linear(state, self.weight_hh, self.bias_hh)

    def _gate(self, sums: Array, number: int) -> Array:
        return sums[..., number * self.hidden_size : (number + 1) * self.hidden_size]

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}"


class RNNCell(_Cell):
    """`h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`, or `relu` of it with `nonlinearity="relu"`: (batch, input_size), or without the batch."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", *, key: Array | None = None
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise PlanError(f"RNNCell: `nonlinearity` is {nonlinearity!r}, expected 'tanh' or 'relu'")
        super().__init__(input_size, hidden_size, bias, key=key)
        self.nonlinearity = nonlinearity

    def forward(self, x: Any, state: Any = None) -> Array:
        x = self._given(x)
        from_input, from_state = self._sums(x, self._state(x, state))
        return call(self.nonlinearity, (from_input + from_state,))


class GRUCell(_Cell):
    """A step of `GRU`: (batch, input_size), or without the batch."""

    gates = 3

    def forward(self, x: Any, state: Any = None) -> Array:
        x = self._given(x)
        state = self._state(x, state)
        from_input, from_state = self._sums(x, state)
        reset, update = (F.sigmoid(self._gate(from_input, i) + self._gate(from_state, i)) for i in (0, 1))
        new = F.tanh(self._gate(from_input, 2) + reset * self._gate(from_state, 2))
        return (1.0 - update) * new + update * state


class LSTMCell(_Cell):
    """A step of `LSTM`, (batch, input_size), or without the batch; the state is a pair of output and memory."""

    gates = 4

    def forward(self, x: Any, state: Any = None) -> tuple[Array, Array]:
        x = self._given(x)
        output, memory = (self._state(x, one) for one in ((None, None) if state is None else state))
        from_input, from_state = self._sums(x, output)
        sums = from_input + from_state
        taken, kept, shown = (F.sigmoid(self._gate(sums, i)) for i in (0, 1, 3))
        memory = kept * memory + taken * F.tanh(self._gate(sums, 2))
        return shown * F.tanh(memory), memory
