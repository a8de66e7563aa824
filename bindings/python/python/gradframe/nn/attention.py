"""Attention of several heads."""

from __future__ import annotations

from typing import Any

from gradframe._array.arranging import permute_dims
from gradframe._array.core import Array, as_array
from gradframe._array.creation import zeros
from gradframe.errors import PlanError, ShapeError
from gradframe.nn import functional as F
from gradframe.nn import init
from gradframe.nn._arguments import count, probability
from gradframe.nn._masks import combined, weights_of
from gradframe.nn.layers import Linear
from gradframe.nn.module import Module, Parameter

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """Attention of several heads: query (batch, time, embed_dim), key and value (batch, source, kdim and vdim, which are embed_dim if not
    given), or all without the batch; without `batch_first` time comes first. Weights have PyTorch's names and shapes.
    Source: Vaswani et al. 2017.

    A mask is true where a query may *not* look, as in PyTorch, or of floats that are added: `attn_mask` (time, source) or
    (batch * heads, time, source), `key_padding_mask` (batch, source). It gives a pair of the result and, with `need_weights`, the weights
    of attention (batch, time, source), their mean over the heads, or with `average_attn_weights=False` (batch, heads, time, source); else
    None. The weights are whole in memory only where they are asked for, where they are dropped out, and with floats other than 0 and
    -infinity.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        *,
        key: Array | None = None,
    ) -> None:
        super().__init__()
        name = "MultiheadAttention"
        if add_bias_kv or add_zero_attn:
            raise PlanError(f"{name}: there is no `{'add_bias_kv' if add_bias_kv else 'add_zero_attn'}`; hint: concat a row to key and value")
        embed_dim, num_heads = count(name, "embed_dim", embed_dim, 1), count(name, "num_heads", num_heads, 1)
        if embed_dim % num_heads:
            raise PlanError(f"{name}: {num_heads} heads do not divide {embed_dim} dimensions")
        self.embed_dim, self.num_heads, self.batch_first = embed_dim, num_heads, batch_first
        self.kdim = embed_dim if kdim is None else count(name, "kdim", kdim, 1)
        self.vdim = embed_dim if vdim is None else count(name, "vdim", vdim, 1)
        self.dropout = probability(name, "dropout", dropout)
        first, second = init.keys(key, 2)
        if self._is_of_one_size():
            self.in_proj_weight = Parameter(init.xavier_uniform(first, (3 * embed_dim, embed_dim)))
        else:
            sizes = {"q_proj_weight": embed_dim, "k_proj_weight": self.kdim, "v_proj_weight": self.vdim}
            for own, (part, size) in zip(init.keys(first, 3), sizes.items(), strict=True):
                setattr(self, part, Parameter(init.xavier_uniform(own, (embed_dim, size))))
        self.in_proj_bias = Parameter(zeros(3 * embed_dim)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, key=second)
        if bias:
            self.out_proj.bias = Parameter(zeros(embed_dim))

    def _is_of_one_size(self) -> bool:
        return self.kdim == self.vdim == self.embed_dim

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = False,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Array, Array | None]:
        given = self._given(query, key, value)
        if given[0].ndim == 2:
            padding = None if key_padding_mask is None else as_array(key_padding_mask)[None]
            batch = 0 if self.batch_first else 1
            items = [x[None] if self.batch_first else x[:, None] for x in given]
            result, weights = self(*items, padding, need_weights, attn_mask, average_attn_weights, is_causal)
            return (result[0] if batch == 0 else result[:, 0]), (None if weights is None else weights[0])
        if not self.batch_first:
            given = [permute_dims(x, (1, 0, 2)) for x in given]
        heads = [self._heads(x, number) for number, x in enumerate(given)]
        (batch, _, time, _), source = heads[0].shape, heads[1].shape[2]
        mask = combined("MultiheadAttention", attn_mask, key_padding_mask, (batch, self.num_heads, time, source))
        mixed, weights = self._attended(heads, mask, is_causal, need_weights)
        result = self.out_proj(permute_dims(mixed, (0, 2, 1, 3)).reshape(batch, time, self.embed_dim))
        if weights is not None and average_attn_weights:
            weights = weights.mean(1)
        return (result if self.batch_first else permute_dims(result, (1, 0, 2))), weights

    def _given(self, query: Any, key: Any, value: Any) -> list[Array]:
        given, sizes = [as_array(x) for x in (query, key, value)], (self.embed_dim, self.kdim, self.vdim)
        for x, size in zip(given, sizes, strict=True):
            if x.ndim not in (2, 3) or x.ndim != given[0].ndim or x.shape[-1] != size:
                raise ShapeError(f"MultiheadAttention: expected (.., .., {size}), or without the batch, got shape {x.shape}")
        query, key, value = (x.shape for x in given)
        batch = 0 if self.batch_first else 1
        if key[:-1] != value[:-1] or (len(query) == 3 and query[batch] != key[batch]):
            raise ShapeError(f"MultiheadAttention: query {query}, key {key} and value {value} have not the same batch, or key and value not one length")
        return given

    def _attended(self, heads: list[Array], mask: Array | None, is_causal: bool, need_weights: bool) -> tuple[Array, Array | None]:
        """What the heads see, and the weights if they are asked for."""
        silent = self.dropout if self.training else 0.0
        if not need_weights and not silent:
            return F.scaled_dot_product_attention(*heads, attn_mask=mask, is_causal=is_causal), None
        weights = F.dropout(weights_of(heads[0], heads[1], mask, is_causal, None), silent, self.training)
        return weights @ heads[2], (weights if need_weights else None)

    def _heads(self, x: Array, number: int) -> Array:
        """(batch, time, size) as (batch, heads, time, depth), by the projection of query, key or value."""
        rows = slice(number * self.embed_dim, (number + 1) * self.embed_dim)
        bias = None if self.in_proj_bias is None else self.in_proj_bias[rows]
        names = ("q_proj_weight", "k_proj_weight", "v_proj_weight")
        weight = self.in_proj_weight[rows] if self._is_of_one_size() else getattr(self, names[number])
        own = F.linear(x, weight, bias)
        batch, time, _ = own.shape
        return permute_dims(own.reshape(batch, time, self.num_heads, self.embed_dim // self.num_heads), (0, 2, 1, 3))

    def extra_repr(self) -> str:
        return f"{self.embed_dim}, num_heads={self.num_heads}"
