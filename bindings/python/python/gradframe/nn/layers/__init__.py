"""Layers, by kind. What a file names in its `__all__` is public here and in `gradframe.nn`."""

from gradframe.nn.layers import basic, convolution, embedding, loss, margin, normalisation, pooling, resizing
from gradframe.nn.layers.basic import *  # noqa: F403
from gradframe.nn.layers.convolution import *  # noqa: F403
from gradframe.nn.layers.embedding import *  # noqa: F403
from gradframe.nn.layers.loss import *  # noqa: F403
from gradframe.nn.layers.margin import *  # noqa: F403
from gradframe.nn.layers.normalisation import *  # noqa: F403
from gradframe.nn.layers.pooling import *  # noqa: F403
from gradframe.nn.layers.resizing import *  # noqa: F403

__all__ = [
    *basic.__all__,
    *convolution.__all__,
    *embedding.__all__,
    *loss.__all__,
    *margin.__all__,
    *normalisation.__all__,
    *pooling.__all__,
    *resizing.__all__,
]
