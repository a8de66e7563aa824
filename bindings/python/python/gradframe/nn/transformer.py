"""Transformers: layers of attention, and stacks of them. Source: Vaswani et al. 2017."""

from __future__ import annotations

import copy
import math
from typing import Any

from gradframe._array.core import Array, as_array
from gradframe._array.creation import ones, tril
from gradframe._array.pairs import where
from gradframe.errors import DTypeError, PlanError, ShapeError
from gradframe.nn import functional as F
from gradframe.nn import init
from gradframe.nn._arguments import count, probability
from gradframe.nn.attention import MultiheadAttention
from gradframe.nn.containers import ModuleList
from gradframe.nn.layers import LayerNorm, Linear
from gradframe.nn.module import Module, _set
from gradframe.nn.noise import Dropout

__all__ = ["Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder", "TransformerEncoderLayer"]


class _Layer(Module):
    """What both kinds of layers have in common: attention and a network of two layers, each beside what it is given."""

    # The parts that draw numbers to start from, and the norms.
    draws = 3
    norms = 2

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
        bias: bool = True,
        *,
        key: Array | None = None,
    ) -> None:
        super().__init__()
        layer, known = type(self).__name__, {"relu": F.relu, "gelu": F.gelu}
        if isinstance(activation, str) and activation not in known:
            raise PlanError(f"{layer}: activation {activation!r}, expected relu, gelu or a function")
        d_model, nhead = count(layer, "d_model", d_model, 1), count(layer, "nhead", nhead, 1)
        dim_feedforward = count(layer, "dim_feedforward", dim_feedforward)
        dropout = probability(layer, "dropout", dropout)
        self.activation = known[activation] if isinstance(activation, str) else activation
        self.norm_first = norm_first
        keys = init.keys(key, self.draws)
        self._attention(d_model, nhead, bias, batch_first, keys)
        self.linear1 = Linear(d_model, dim_feedforward, bias, key=keys[1])
        self.linear2 = Linear(dim_feedforward, d_model, bias, key=keys[2])
        for number in range(1, self.norms + 1):
            setattr(self, f"norm{number}", LayerNorm(d_model, layer_norm_eps, bias=bias))
        self.dropout, self.dropout1, self.dropout2 = Dropout(dropout), Dropout(dropout), Dropout(dropout)

    def _attention(self, d_model: int, nhead: int, bias: bool, batch_first: bool, keys: list[Array]) -> None:
        """Its own attention."""
        self.self_attn = MultiheadAttention(d_model, nhead, bias=bias, batch_first=batch_first, key=keys[0])

    def _network(self, x: Array) -> Array:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))  # type: ignore[no-any-return]

    def _beside(self, x: Array, norm: Module, part: Any) -> Array:
        """x and what a part makes of it, normalised after, or with `norm_first` before."""
        return x + part(norm(x)) if self.norm_first else norm(x + part(x))  # type: ignore[no-any-return]


class TransformerEncoderLayer(_Layer):
    """Attention and a network of two layers, each beside what it is given, normalised after (or, with `norm_first`, before):
    (batch, time, d_model), or without the batch; without `batch_first` time comes first. Source: Vaswani et al. 2017."""

    def forward(self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Array:
        def attended(x: Array) -> Array:
            own = self.self_attn(x, x, x, key_padding_mask=src_key_padding_mask, attn_mask=src_mask, is_causal=is_causal)
            return self.dropout1(own[0])  # type: ignore[no-any-return]

        x = self._beside(as_array(src), self.norm1, attended)
        return self._beside(x, self.norm2, lambda x: self.dropout2(self._network(x)))


class TransformerDecoderLayer(_Layer):
    """Attention to what was given, to a memory, and a network of two layers, each beside what it is given, normalised after (or, with
    `norm_first`, before): (batch, time, d_model) and a memory (batch, source, d_model), or without the batch; without `batch_first` time comes
    first. Source: Vaswani et al. 2017."""

    draws = 4
    norms = 3

    def _attention(self, d_model: int, nhead: int, bias: bool, batch_first: bool, keys: list[Array]) -> None:
        super()._attention(d_model, nhead, bias, batch_first, keys)
        self.multihead_attn = MultiheadAttention(d_model, nhead, bias=bias, batch_first=batch_first, key=keys[3])

    def __init__(self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1, *args: Any, **options: Any) -> None:
        super().__init__(d_model, nhead, dim_feedforward, dropout, *args, **options)
        self.dropout3 = Dropout(dropout)

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Array:
        def attended(x: Array) -> Array:
            own = self.self_attn(x, x, x, key_padding_mask=tgt_key_padding_mask, attn_mask=tgt_mask, is_causal=tgt_is_causal)
            return self.dropout1(own[0])  # type: ignore[no-any-return]

        def remembered(x: Array) -> Array:
            masks = {"key_padding_mask": memory_key_padding_mask, "attn_mask": memory_mask}
            return self.dropout2(self.multihead_attn(x, memory, memory, **masks, is_causal=memory_is_causal)[0])  # type: ignore[no-any-return]

        x = self._beside(as_array(tgt), self.norm1, attended)
        x = self._beside(x, self.norm2, remembered)
        return self._beside(x, self.norm3, lambda x: self.dropout3(self._network(x)))


def _copies(name: str, layer: Any, num_layers: int) -> ModuleList:
    if not isinstance(layer, Module):
        raise DTypeError(f"{name}: expected a layer, got {type(layer).__qualname__}")
    return ModuleList([copy.deepcopy(layer) for _ in range(count(name, "num_layers", num_layers))])


class TransformerEncoder(Module):
    """Layers one after the other, copies of the one that is given, and a norm at the end if there is one."""

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers, self.num_layers, self.norm = _copies("TransformerEncoder", encoder_layer, num_layers), num_layers, norm

    def forward(self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool | None = None) -> Array:
        for layer in self.layers:
            src = layer(src, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=bool(is_causal))
        return src if self.norm is None else self.norm(src)  # type: ignore[no-any-return]


class TransformerDecoder(Module):
    """Layers one after the other, copies of the one that is given, all with the same memory, and a norm at the end if there is one."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers, self.num_layers, self.norm = _copies("TransformerDecoder", decoder_layer, num_layers), num_layers, norm

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Array:
        masks = (tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
        for layer in self.layers:
            tgt = layer(tgt, memory, *masks, bool(tgt_is_causal), memory_is_causal)
        return tgt if self.norm is None else self.norm(tgt)  # type: ignore[no-any-return]


class Transformer(Module):
    """An encoder, and a decoder that has what it gives as its memory: src (batch, source, d_model) and tgt (batch, time, d_model), or without the
    batch; without `batch_first` time comes first."""

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Any = "relu",
        custom_encoder: Any = None,
        custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        key: Array | None = None,
    ) -> None:
        super().__init__()
        self.d_model, self.nhead, self.batch_first = count("Transformer", "d_model", d_model, 1), count("Transformer", "nhead", nhead, 1), batch_first
        options = (dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)
        keys = init.keys(key, 3)

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, bias=bias)

        if custom_encoder is None:
            layer: Module = TransformerEncoderLayer(d_model, nhead, *options, key=keys[0])
            custom_encoder = TransformerEncoder(layer, num_encoder_layers, norm())
        if custom_decoder is None:
            layer = TransformerDecoderLayer(d_model, nhead, *options, key=keys[1])
            custom_decoder = TransformerDecoder(layer, num_decoder_layers, norm())
        self.encoder, self.decoder = custom_encoder, custom_decoder
        matrices = [array for array in self.parameters() if array.ndim > 1]
        for array, own in zip(matrices, init.keys(keys[2], max(len(matrices), 1)), strict=False):
            _set(array, init.xavier_uniform(own, array.shape).astype(array.dtype))

    def forward(
        self,
        src: Any,
        tgt: Any,
        src_mask: Any = None,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        src_key_padding_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Array:
        src, tgt = as_array(src), as_array(tgt)
        batch = 0 if self.batch_first else 1
        if src.ndim == 3 and tgt.ndim == 3 and src.shape[batch] != tgt.shape[batch]:
            raise ShapeError(f"Transformer: src of shape {src.shape} and tgt of shape {tgt.shape} are of different batches")
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        masks = (tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
        return self.decoder(tgt, memory, *masks, tgt_is_causal, memory_is_causal)  # type: ignore[no-any-return]

    @staticmethod
    def generate_square_subsequent_mask(sz: int) -> Array:
        """A mask (sz, sz) that is added: 0 up to the place itself, -infinity after it."""
        return where(tril(ones((sz, sz))) > 0, 0.0, -math.inf).astype("float32")
