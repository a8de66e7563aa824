"""Rows of tables by index, and what bags of them come to."""

from __future__ import annotations

from typing import Any

from gradframe._array.core import Array, as_array, wrap
from gradframe.errors import DTypeError, OutOfBoundsError, PlanError, ShapeError
from gradframe.nn import functional as F
from gradframe.nn import init
from gradframe.nn._arguments import count
from gradframe.nn._bags import MODES
from gradframe.nn.module import Module, Parameter

__all__ = ["Embedding", "EmbeddingBag"]


class _Table(Module):
    """A table that is learned. The row of `padding_idx` begins with zeros, and no gradient comes to it."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        *,
        key: Array | None = None,
    ) -> None:
        super().__init__()
        layer = type(self).__name__
        self.num_embeddings = count(layer, "num_embeddings", num_embeddings)
        self.embedding_dim = count(layer, "embedding_dim", embedding_dim)
        if max_norm is not None or scale_grad_by_freq:
            name = "max_norm" if max_norm is not None else "scale_grad_by_freq"
            raise PlanError(f"{layer}: there is no `{name}`; hint: scale what comes out, or the gradient by register_hook")
        self.padding_idx = None if padding_idx is None else _row(layer, padding_idx, self.num_embeddings)
        self.weight = Parameter(self._start(init.normal(init.keys(key, 1)[0], (self.num_embeddings, self.embedding_dim))))

    def _start(self, weight: Array) -> Array:
        return weight if self.padding_idx is None else weight.at[self.padding_idx].set(0.0)  # type: ignore[no-any-return]

    @classmethod
    def from_pretrained(cls, embeddings: Any, freeze: bool = True, padding_idx: int | None = None, **options: Any) -> Any:
        """A layer of this table (rows, size), which is not learned unless `freeze` is false. Raises ShapeError for another shape."""
        table = as_array(embeddings)
        if table.ndim != 2:
            raise ShapeError(f"{cls.__name__}: expected a table (rows, size), got shape {table.shape}")
        layer = cls(*table.shape, padding_idx=padding_idx, **options)
        layer.weight = Parameter(wrap(table._array.detached()))
        layer.weight.requires_grad_(not freeze)
        return layer

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"


def _row(layer: str, padding_idx: Any, rows: int) -> int:
    if isinstance(padding_idx, bool) or not hasattr(padding_idx, "__index__"):
        raise DTypeError(f"{layer}: `padding_idx` is {padding_idx!r}, expected the number of a row")
    if not -rows <= padding_idx < rows:
        raise OutOfBoundsError(f"{layer}: `padding_idx` is {padding_idx}, the table has {rows} rows")
    return int(padding_idx) % rows


class Embedding(_Table):
    """Rows of a table by index: (..) gives (.., embedding_dim). The row of `padding_idx` begins with zeros, and no gradient comes to it.
    Raises OutOfBoundsError, an IndexError, for an index outside of 0 to num_embeddings - 1; so do `frame.fit` and `predict` of a module (see
    `nn.functional.embedding`). In other compiled functions, where indices are not known, such an index gives zeros. `sparse` says nothing here."""

    def forward(self, indices: Any) -> Array:
        return F.embedding(indices, self.weight, self.padding_idx)


class EmbeddingBag(_Table):
    """The sum, the mean or the largest of bags of rows: (bags, n) gives (bags, embedding_dim); or (n,) with the place where each bag begins,
    `offsets` (bags,), with `include_last_offset` one more, the end of the last. Indices that are `padding_idx` do not count. With mode "sum"
    each row may have a weight. An empty bag gives zeros."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        *,
        key: Array | None = None,
    ) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, key=key)
        if mode not in MODES:
            raise PlanError(f"EmbeddingBag: `mode` is {mode!r}, expected 'sum', 'mean' or 'max'")
        self.mode, self.include_last_offset = mode, bool(include_last_offset)

    def forward(self, input: Any, offsets: Any = None, per_sample_weights: Any = None) -> Array:
        options = {"include_last_offset": self.include_last_offset, "padding_idx": self.padding_idx}
        return F.embedding_bag(input, self.weight, offsets, mode=self.mode, per_sample_weights=per_sample_weights, **options)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, mode={self.mode}"
