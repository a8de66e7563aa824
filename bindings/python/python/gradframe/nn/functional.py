"""Functions of networks, without parameters of their own.

Activations and dropout take PyTorch's `inplace`, which means the same: they give a new array, as the values of one that others hold never change.
"""

from __future__ import annotations

from typing import Any

from gradframe._array import dtypes
from gradframe._array.core import Array, as_array, call
from gradframe._array.linear import vector_norm
from gradframe._array.pairs import maximum, where
from gradframe.errors import PlanError, ShapeError
from gradframe.nn._arguments import count, of_shape, probability
from gradframe.nn._alignments import ctc_loss  # noqa: F401
from gradframe.nn._bags import embedding, embedding_bag  # noqa: F401
from gradframe.nn._losses import (  # noqa: F401
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from gradframe.nn._margins import (  # noqa: F401
    cosine_embedding_loss,
    gaussian_nll_loss,
    hinge_embedding_loss,
    margin_ranking_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    pairwise_distance,
    poisson_nll_loss,
    soft_margin_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from gradframe.nn._masks import attended
from gradframe.nn._noise import (  # noqa: F401
    alpha_dropout,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
    gumbel_softmax,
    rrelu,
)
from gradframe.nn._norms import batch_norm, group_norm, instance_norm, layer_norm, local_response_norm, rms_norm  # noqa: F401
from gradframe.nn._pools import (  # noqa: F401
    adaptive_avg_pool,
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    avg_pool,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_pool,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    max_unpool,
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
)
from gradframe.nn._resizing import (  # noqa: F401
    channel_shuffle,
    fold,
    interpolate,
    pad,
    pixel_shuffle,
    pixel_unshuffle,
    unfold,
)
from gradframe.nn._thresholds import bilinear, hardshrink, softmin, softshrink, tanhshrink, threshold  # noqa: F401
from gradframe.nn._windows import (  # noqa: F401
    conv,
    conv1d,
    conv2d,
    conv3d,
    conv_transpose,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    each,
)


def relu(x: Any, inplace: bool = False) -> Array:
    """x where it is positive, else 0."""
    return call("relu", (x,))


def relu6(x: Any, inplace: bool = False) -> Array:
    """x where it is positive, else 0; 6 at most. At both corners the derivative is 0."""
    x = as_array(x)
    return where(x >= 6.0, 6.0, relu(x))


def hardtanh(x: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Array:
    """x, but `min_val` at least and `max_val` at most. At both corners the derivative is 0."""
    if not min_val < max_val:
        raise PlanError(f"hardtanh: `min_val` is {min_val}, expected less than `max_val`, which is {max_val}")
    x = as_array(x)
    return where(x <= min_val, float(min_val), where(x >= max_val, float(max_val), x))


def leaky_relu(x: Any, negative_slope: float = 0.01, inplace: bool = False) -> Array:
    """x where it is positive, else `negative_slope * x`."""
    return call("leaky_relu", (x,), float(negative_slope))


def elu(x: Any, alpha: float = 1.0, inplace: bool = False) -> Array:
    """x where it is positive, else `alpha * (exp(x) - 1)`."""
    return call("elu", (x,), float(alpha))


def gelu(x: Any, approximate: str = "none") -> Array:
    """`x * P(X <= x)` for X normal; with "tanh" an approximation."""
    return call("gelu_tanh" if _approximation(approximate) == "tanh" else "gelu", (x,))


def _approximation(approximate: str) -> str:
    if approximate not in ("none", "tanh"):
        raise PlanError(f"gelu: `approximate` is {approximate!r}, expected 'none' or 'tanh'")
    return approximate


def silu(x: Any, inplace: bool = False) -> Array:
    """`x * sigmoid(x)`."""
    return call("silu", (x,))


def mish(x: Any, inplace: bool = False) -> Array:
    """`x * tanh(softplus(x))`."""
    return call("mish", (x,))


def sigmoid(x: Any) -> Array:
    """`1 / (1 + exp(-x))`."""
    return call("sigmoid", (x,))


def logsigmoid(x: Any) -> Array:
    """`log(sigmoid(x))`, without overflow."""
    return call("log_sigmoid", (x,))


def hardsigmoid(x: Any, inplace: bool = False) -> Array:
    """`x / 6 + 1 / 2` between 0 and 1."""
    return relu6(as_array(x) + 3.0) / 6.0


def hardswish(x: Any, inplace: bool = False) -> Array:
    """`x * hardsigmoid(x)`. Source: Howard et al. 2019."""
    x = as_array(x)
    return x * hardsigmoid(x)


def softplus(x: Any, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """`log(1 + exp(beta x)) / beta`, without overflow; x itself where `beta x` is above `threshold`. Raises PlanError for a `beta` of 0."""
    if beta == 1.0 and threshold == 20.0:
        return call("softplus", (x,))  # which is x there
    if not beta:
        raise PlanError("softplus: `beta` is 0, expected another number")
    x = as_array(x)
    return where(x * beta > threshold, x, call("softplus", (x * beta,)) / beta)


def tanh(x: Any) -> Array:
    """The hyperbolic tangent."""
    return call("tanh", (x,))


def softmax(x: Any, axis: int = -1, *, dim: int | None = None) -> Array:
    """Exponentials over their sum along an axis, which may be named as in PyTorch."""
    return call("softmax", (x,), axis if dim is None else dim)


def log_softmax(x: Any, axis: int = -1, *, dim: int | None = None) -> Array:
    """The logarithm of `softmax`, without overflow."""
    return call("log_softmax", (x,), axis if dim is None else dim)


def one_hot(indices: Any, num_classes: int, dtype: Any = "float32") -> Array:
    """1 at each index along a new last axis, else 0. Raises OutOfBoundsError, an IndexError, for an index outside of 0 to
    num_classes - 1; so do `frame.fit` and `predict` of a module (see `embedding`). In other compiled functions, where indices are not
    known, such an index gives zeros."""
    return call("one_hot", (indices,), count("one_hot", "num_classes", num_classes), dtypes.name(dtype))


def linear(x: Any, weight: Any, bias: Any = None) -> Array:
    """`x @ weight.T + bias`: x (.., inputs), weight (outputs, inputs), or (inputs,) for a single output without an axis."""
    x, weight = as_array(x), as_array(weight)
    if not x.ndim or weight.ndim not in (1, 2) or x.shape[-1:] != weight.shape[-1:]:
        raise ShapeError(f"linear: an input of shape {x.shape} does not fit a weight (outputs, inputs) of shape {weight.shape}")
    y = x @ (weight.mT if weight.ndim == 2 else weight)
    return y if bias is None else y + of_shape("linear", "bias", bias, weight.shape[:-1])


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Array:
    """`softmax(query @ key.mT * scale + mask) @ value`: (batch, heads, time, depth) each, or without heads, or without both. A mask of truth
    values is true where a query may look; one of floats is added, and its weights are whole in memory unless all of it is known to be 0 or
    -infinity. With `is_causal` a query sees the places up to its own, counted from the first. Fewer heads of keys than of queries are shared,
    with or without `enable_gqa`.

    A query that may look at nothing gives zeros, and takes part in no gradient. Raises ShapeError for shapes that do not go together, and for a
    mask that does not spread over (batch, heads, time, source).
    """
    silent = probability("scaled_dot_product_attention", "dropout_p", dropout_p)
    return attended(query, key, value, attn_mask, silent, is_causal, None if scale is None else float(scale))


def selu(x: Any, inplace: bool = False) -> Array:
    """An `elu` that keeps mean 0 and variance 1 of what is such. Source: Klambauer et al. 2017."""
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def celu(x: Any, alpha: float = 1.0, inplace: bool = False) -> Array:
    """x where it is positive, else `alpha * (exp(x / alpha) - 1)`. Source: Barron 2017."""
    if not alpha > 0:
        raise PlanError(f"celu: `alpha` is {alpha}, expected a number above 0")
    return alpha * elu(as_array(x) / alpha)


def softsign(x: Any) -> Array:
    """`x / (1 + |x|)`."""
    x = as_array(x)
    return x / (1.0 + abs(x))


def prelu(x: Any, weight: Any) -> Array:
    """x where it is positive, else x times a weight: one for all, or one for each channel, which is the second axis. Source: He et al. 2015."""
    x, weight = as_array(x), as_array(weight)
    if weight.shape != (1,) and weight.shape != x.shape[1:2]:
        raise ShapeError(f"prelu: weights of shape {weight.shape} for an input of shape {x.shape}, expected one, or one for each channel")
    return where(x > 0.0, x, weight.reshape((-1, *(1,) * max(x.ndim - 2, 0))) * x)


def glu(x: Any, dim: int = -1) -> Array:
    """The first half along an axis, times the sigmoid of the second. Source: Dauphin et al. 2017."""
    x = as_array(x)
    if not -x.ndim <= dim < x.ndim or x.shape[dim] % 2:
        raise ShapeError(f"glu: axis {dim} of shape {x.shape} has no two halves")
    axis, half = dim % x.ndim, x.shape[dim] // 2
    before = (slice(None),) * axis
    return x[(*before, slice(None, half))] * sigmoid(x[(*before, slice(half, None))])


def normalize(x: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Array:
    """Divided by its norm along an axis, or by `eps` where that is less."""
    x = as_array(x)
    return x / maximum(vector_norm(x, axis=dim, keepdims=True, ord=p), eps)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Array:
    """The cosine of the angle between vectors along an axis; norms are `eps` at least."""
    x1, x2 = as_array(x1), as_array(x2)
    norms = [maximum(vector_norm(x, axis=dim), eps) for x in (x1, x2)]
    return (x1 * x2).sum(dim) / (norms[0] * norms[1])
