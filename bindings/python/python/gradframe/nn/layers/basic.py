"""Layers over the last axis, tables of rows, and shapes."""

from __future__ import annotations

import math
from typing import Any

from gradframe._array.core import Array, as_array
from gradframe.errors import OutOfBoundsError
from gradframe.nn import functional as F
from gradframe.nn import init
from gradframe.nn._arguments import count
from gradframe.nn.module import Module, Parameter


class Identity(Module):
    """What it is given."""

    def forward(self, x: Any) -> Any:
        return x


class Linear(Module):
    """`x @ weight.T + bias`: (.., in_features) gives (.., out_features). Weights start as PyTorch's do."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True, *, key: Array | None = None) -> None:
        super().__init__()
        in_features, out_features = count("Linear", "in_features", in_features), count("Linear", "out_features", out_features)
        self.in_features, self.out_features = in_features, out_features
        limit = 1.0 / math.sqrt(in_features) if in_features else 0.0
        keys = init.keys(key, 2)
        self.weight = Parameter(init.uniform(keys[0], (out_features, in_features), -limit, limit))
        self.bias = Parameter(init.uniform(keys[1], (out_features,), -limit, limit)) if bias else None

    def forward(self, x: Any) -> Array:
        return F.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Embedding(Module):
    """Rows of a table by index: (..) gives (.., embedding_dim). Raises OutOfBoundsError, an IndexError, for an index outside of 0 to
    num_embeddings - 1; so do `frame.fit` and `predict` of a module (see `nn.functional.embedding`). In other compiled functions, where indices are
    not known, such an index gives zeros."""

    def __init__(self, num_embeddings: int, embedding_dim: int, *, key: Array | None = None) -> None:
        super().__init__()
        num_embeddings = count("Embedding", "num_embeddings", num_embeddings)
        embedding_dim = count("Embedding", "embedding_dim", embedding_dim)
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.weight = Parameter(init.normal(init.keys(key, 1)[0], (num_embeddings, embedding_dim)))

    def forward(self, indices: Any) -> Array:
        return F.embedding(indices, self.weight)

    def extra_repr(self) -> str:
        return f"{self.num_embeddings}, {self.embedding_dim}"


class Flatten(Module):
    """Axes from `start_dim` on made one."""

    def __init__(self, start_dim: int = 1) -> None:
        super().__init__()
        self.start_dim = start_dim

    def forward(self, x: Any) -> Array:
        x = as_array(x)
        if not -x.ndim <= self.start_dim < max(x.ndim, 1):
            raise OutOfBoundsError(f"Flatten: `start_dim` is {self.start_dim}, the input of shape {x.shape} has {x.ndim} axes")
        return x.reshape((*x.shape[: self.start_dim], -1))
