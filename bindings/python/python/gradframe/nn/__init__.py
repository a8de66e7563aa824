"""Networks as modules, by PyTorch's names.

    model = gf.nn.Sequential(gf.nn.Linear(4, 16), gf.nn.ReLU(), gf.nn.Linear(16, 3))
    optimizer = gf.optim.AdamW(model.parameters(), lr=1e-3)
    for x, y in batches:
        loss = gf.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""

from gradframe.nn import (
    activations,
    attention,
    cells,
    containers,
    functional,
    init,
    layers,
    module,
    noise,
    parameters,
    recurrent,
    safetensors,
    transformer,
    utils,
)
from gradframe.nn.activations import *  # noqa: F403
from gradframe.nn.attention import *  # noqa: F403
from gradframe.nn.cells import *  # noqa: F403
from gradframe.nn.containers import *  # noqa: F403
from gradframe.nn.layers import *  # noqa: F403
from gradframe.nn.module import *  # noqa: F403
from gradframe.nn.noise import *  # noqa: F403
from gradframe.nn.parameters import *  # noqa: F403
from gradframe.nn.recurrent import *  # noqa: F403
from gradframe.nn.safetensors import *  # noqa: F403
from gradframe.nn.transformer import *  # noqa: F403

# What is public stands in the files, once.
__all__ = [
    *activations.__all__,
    *attention.__all__,
    *cells.__all__,
    *containers.__all__,
    *layers.__all__,
    *module.__all__,
    *noise.__all__,
    *parameters.__all__,
    *recurrent.__all__,
    *safetensors.__all__,
    *transformer.__all__,
    "functional",
    "init",
    "utils",
]
