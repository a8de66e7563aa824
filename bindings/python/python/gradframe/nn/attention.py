"""Attention, and the layer of transformers."""

from __future__ import annotations

from typing import Any

from gradframe._array.core import Array, as_array
from gradframe._array.creation import zeros
from gradframe.errors import PlanError, ShapeError
from gradframe.nn import functional as F
from gradframe.nn import init
from gradframe.nn._arguments import count, probability
from gradframe.nn._masks import combined
from gradframe.nn.activations import Dropout
from gradframe.nn.layers import LayerNorm, Linear
from gradframe.nn.module import Module, Parameter


class MultiheadAttention(Module):
    """Attention of several heads: query (batch, time, embed_dim), key and value (batch, source, embed_dim); without
    `batch_first` time comes first. Weights have PyTorch's names and shapes. Source: Vaswani et al. 2017.

    A mask is true where a query may *not* look, as in PyTorch, or of floats that are added: `attn_mask` (time, source) or
    (batch * heads, time, source), `key_padding_mask` (batch, source). It gives a pair of the result and None: the weights of attention are
    never whole in memory, but with floats other than 0 and -infinity.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        batch_first: bool = False,
        *,
        key: Array | None = None,
    ) -> None:
        super().__init__()
        embed_dim = count("MultiheadAttention", "embed_dim", embed_dim, 1)
        num_heads = count("MultiheadAttention", "num_heads", num_heads, 1)
        if embed_dim % num_heads:
            raise PlanError(f"MultiheadAttention: {num_heads} heads do not divide {embed_dim} dimensions")
        if dropout:
            raise PlanError("MultiheadAttention: there is no dropout of attention's weights; hint: put Dropout after it")
        self.embed_dim, self.num_heads, self.batch_first = embed_dim, num_heads, batch_first
        first, second = init.keys(key, 2)
        self.in_proj_weight = Parameter(init.xavier_uniform(first, (3 * embed_dim, embed_dim)))
        self.in_proj_bias = Parameter(zeros(3 * embed_dim)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, key=second)
        if bias:
            self.out_proj.bias = Parameter(zeros(embed_dim))

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = False,
        attn_mask: Any = None,
        is_causal: bool = False,
    ) -> tuple[Array, None]:
        if need_weights:
            raise PlanError("MultiheadAttention: the weights of attention are never whole in memory; hint: need_weights=False")
        given = [as_array(x) for x in (query, key, value)]
        for x in given:
            if x.ndim != 3 or x.shape[2] != self.embed_dim:
                raise ShapeError(f"MultiheadAttention: expected (.., .., {self.embed_dim}), got shape {x.shape}")
        if not self.batch_first:
            given = [_turned(x, 1, 0, 2) for x in given]
        heads = [self._heads(x, number) for number, x in enumerate(given)]
        (batch, _, time, _), source = heads[0].shape, heads[1].shape[2]
        mask = combined("MultiheadAttention", attn_mask, key_padding_mask, (batch, self.num_heads, time, source))
        mixed = F.scaled_dot_product_attention(*heads, attn_mask=mask, is_causal=is_causal)
        result = self.out_proj(_turned(mixed, 0, 2, 1, 3).reshape(batch, time, self.embed_dim))
        return (result if self.batch_first else _turned(result, 1, 0, 2)), None

    def _heads(self, x: Array, number: int) -> Array:
        """(batch, time, embed_dim) as (batch, heads, time, depth), by the projection of query, key or value."""
        rows = slice(number * self.embed_dim, (number + 1) * self.embed_dim)
        bias = None if self.in_proj_bias is None else self.in_proj_bias[rows]
        own = F.linear(x, self.in_proj_weight[rows], bias)
        batch, time, _ = own.shape
        return _turned(own.reshape(batch, time, self.num_heads, self.embed_dim // self.num_heads), 0, 2, 1, 3)

    def extra_repr(self) -> str:
        return f"{self.embed_dim}, num_heads={self.num_heads}"


def _turned(x: Array, *axes: int) -> Array:
    from gradframe._array.arranging import permute_dims

    return permute_dims(x, axes)


class TransformerEncoderLayer(Module):
    """Attention and a network of two layers, each beside what it is given, normalised after (or, with `norm_first`, before):
    (batch, time, d_model); without `batch_first` time comes first. Source: Vaswani et al. 2017."""

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Any = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        *,
        key: Array | None = None,
    ) -> None:
        super().__init__()
        known = {"relu": F.relu, "gelu": F.gelu}
        if isinstance(activation, str) and activation not in known:
            raise PlanError(f"TransformerEncoderLayer: activation {activation!r}, expected relu, gelu or a function")
        d_model, nhead = count("TransformerEncoderLayer", "d_model", d_model, 1), count("TransformerEncoderLayer", "nhead", nhead, 1)
        dim_feedforward = count("TransformerEncoderLayer", "dim_feedforward", dim_feedforward)
        dropout = probability("TransformerEncoderLayer", "dropout", dropout)
        self.activation = known[activation] if isinstance(activation, str) else activation
        self.norm_first = norm_first
        keys = init.keys(key, 3)
        self.self_attn = MultiheadAttention(d_model, nhead, batch_first=batch_first, key=keys[0])
        self.linear1 = Linear(d_model, dim_feedforward, key=keys[1])
        self.linear2 = Linear(dim_feedforward, d_model, key=keys[2])
        self.norm1, self.norm2 = LayerNorm(d_model, layer_norm_eps), LayerNorm(d_model, layer_norm_eps)
        self.dropout, self.dropout1, self.dropout2 = Dropout(dropout), Dropout(dropout), Dropout(dropout)

    def forward(self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Array:
        x = as_array(src)

        def attended(x: Array) -> Array:
            return self.dropout1(
                self.self_attn(x, x, x, key_padding_mask=src_key_padding_mask, attn_mask=src_mask, is_causal=is_causal)[0]
            )

        def fed(x: Array) -> Array:
            return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))

        if self.norm_first:
            x = x + attended(self.norm1(x))
            return x + fed(self.norm2(x))
        x = self.norm1(x + attended(x))
        return self.norm2(x + fed(x))
