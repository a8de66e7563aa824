"""Writes curves.json: the losses of PyTorch's first hundred steps on three small networks in float64, for `curves.rs` to
compare with.

    python -m venv /tmp/venv-curves && /tmp/venv-curves/bin/pip install torch numpy
    /tmp/venv-curves/bin/python curves.py > curves.json

Weights and batches come from `numbers`, a hash that `curves.rs` computes too, so that only losses are stored.
"""

import json

import numpy as np
import torch
from torch.nn import functional

STEPS = 100
# Different batches, which come again and again.
BATCHES = 8


def numbers(seed, count):
    """`count` numbers in 0 .. 1: the bits of `seed` and place, mixed as in Wellons' lowbias32."""
    x = (np.arange(count, dtype=np.uint64) + seed * 0x9E3779B9) & 0xFFFFFFFF
    x ^= x >> 16
    x = (x * 0x7FEB352D) & 0xFFFFFFFF
    x ^= x >> 15
    x = (x * 0x846CA68B) & 0xFFFFFFFF
    x ^= x >> 16
    return x.astype(np.float64) / 2**32


def between(seed, shape, low, high):
    return torch.tensor(low + (high - low) * numbers(seed, int(np.prod(shape))).reshape(shape))


def below(seed, shape, count):
    return torch.tensor(np.floor(numbers(seed, int(np.prod(shape))) * count).astype(np.int64).reshape(shape))


def parameters(parts):
    """First values: scales around 1, shifts and biases around 0, weights by the square root of their inputs."""
    values = {}
    for seed, (name, shape) in enumerate(parts.items()):
        if len(shape) == 1:
            middle, reach = (1.0, 0.1) if name.endswith("scale") else (0.0, 0.1)
        else:
            middle, reach = 0.0, (3 / (np.prod(shape[1:]) if name.startswith("conv") else shape[0])) ** 0.5
        values[name] = between(1000 + seed, shape, middle - reach, middle + reach).requires_grad_()
    return values


def curve(parts, loss, optimiser):
    values = parameters(parts)
    decayed = [value for name, value in values.items() if len(parts[name]) > 1]
    plain = [value for name, value in values.items() if len(parts[name]) == 1]
    rule = optimiser(decayed, plain)
    losses = []
    for step in range(STEPS):
        rule.zero_grad()
        value = loss(values, step)
        value.backward()
        rule.step()
        losses.append(value.item())
    return losses


def adam(decayed, plain):
    return torch.optim.Adam(decayed + plain, 1e-2)


def adamw(decayed, plain):
    return torch.optim.AdamW([{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}], 1e-2)


def linear(values, name, x):
    return x @ values[f"{name}.weight"] + values[f"{name}.bias"]


def perceptron():
    sizes = (20, 32, 16, 5)
    parts = {}
    for i, (inputs, outputs) in enumerate(zip(sizes, sizes[1:]), 1):
        parts |= {f"{i}.weight": (inputs, outputs), f"{i}.bias": (outputs,)}

    def loss(values, step):
        step %= BATCHES
        x, y = between(10 * step, (24, 20), -1, 1), below(10 * step + 1, (24,), 5)
        for i in (1, 2):
            x = torch.relu(linear(values, str(i), x))
        return functional.cross_entropy(linear(values, "3", x), y)

    return curve(parts, loss, adam)


def convolutional():
    parts = {"conv.1.weight": (4, 2, 3, 3), "conv.1.bias": (4,), "conv.2.weight": (6, 4, 3, 3), "conv.2.bias": (6,)}
    parts |= {"hidden.weight": (54, 16), "hidden.bias": (16,), "output.weight": (16, 5), "output.bias": (5,)}

    def loss(values, step):
        step %= BATCHES
        x, y = between(10 * step, (8, 2, 14, 13), -1, 1), below(10 * step + 1, (8,), 5)
        for i in (1, 2):
            x = functional.conv2d(x, values[f"conv.{i}.weight"], values[f"conv.{i}.bias"], padding=1)
            x = functional.max_pool2d(torch.relu(x), 2)
        hidden = torch.relu(linear(values, "hidden", x.flatten(1)))
        return functional.cross_entropy(linear(values, "output", hidden), y)

    return curve(parts, loss, adam)


def gpt(width=16, heads=2, context=12, layers=2, vocabulary=11):
    parts = {"token.table": (vocabulary, width), "position.table": (context, width)}
    for i in range(1, layers + 1):
        block = {"norm_1": None, "query_key_value": 3 * width, "projection": width, "norm_2": None, "up": 4 * width, "down": width}
        for name, outputs in block.items():
            name = f"block.{i}.{name}"
            if outputs is None:
                parts |= {f"{name}.scale": (width,), f"{name}.shift": (width,)}
            else:
                inputs = 4 * width if name.endswith("down") else width
                parts |= {f"{name}.weight": (inputs, outputs), f"{name}.bias": (outputs,)}
    parts |= {"norm.scale": (width,), "norm.shift": (width,), "head.weight": (width, vocabulary)}

    def norm(values, name, x):
        return functional.layer_norm(x, (width,), values[f"{name}.scale"], values[f"{name}.shift"], 1e-5)

    def loss(values, step):
        step %= BATCHES
        tokens = below(10 * step, (4, context + 1), vocabulary)
        x = values["token.table"][tokens[:, :-1]] + values["position.table"]
        for i in range(1, layers + 1):
            own = linear(values, f"block.{i}.query_key_value", norm(values, f"block.{i}.norm_1", x))
            q, k, v = (a.view(4, context, heads, width // heads).transpose(1, 2) for a in own.split(width, 2))
            seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(x.shape)
            x = x + linear(values, f"block.{i}.projection", seen)
            up = functional.gelu(linear(values, f"block.{i}.up", norm(values, f"block.{i}.norm_2", x)))
            x = x + linear(values, f"block.{i}.down", up)
        scores = norm(values, "norm", x) @ values["head.weight"]
        return functional.cross_entropy(scores.reshape(-1, vocabulary), tokens[:, 1:].reshape(-1))

    return curve(parts, loss, adamw)


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    curves = {"perceptron": perceptron(), "convolutional": convolutional(), "gpt": gpt()}
    print(json.dumps({"torch": torch.__version__, **curves}, indent=1))
