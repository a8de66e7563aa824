"""Values and gradients where functions have corners, ends and ties, as PyTorch and JAX find them: `python edge_gradients.py`, where both are
installed, writes edge_gradients.json, which a test compares ours with. They are too heavy for the tests."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

PAGE = Path(__file__).with_suffix(".json")
N, I = float("nan"), float("inf")


class Case(NamedTuple):
    """Expressions of x, y and z, float64, in PyTorch, JAX and ours."""

    torch: str
    jax: str
    ours: str
    operands: list[list[float]]
    #: Whether the results are weighed 1, 10, 100 .., so that the gradient says which it is of; else each weighs 1.
    weighs: bool = False


# fmt: off
CASES = {
    "relu": Case("F.relu(x)", "jax.nn.relu(x)", "F.relu(x)", [[0.0, -0.0, N, I, -I]]),
    "leaky_relu": Case("F.leaky_relu(x)", "jax.nn.leaky_relu(x)", "F.leaky_relu(x)", [[0.0, -0.0, N, I, -I]]),
    "elu": Case("F.elu(x)", "jax.nn.elu(x)", "F.elu(x)", [[0.0, -0.0, N, I, -I]]),
    "relu6": Case("F.relu6(x)", "jax.nn.relu6(x)", "F.relu6(x)", [[0.0, 6.0, N, I, -I]]),
    "hardsigmoid": Case("F.hardsigmoid(x)", "jax.nn.hard_sigmoid(x)", "F.hardsigmoid(x)", [[-3.0, 3.0, N, I, -I]]),
    "hardswish": Case("F.hardswish(x)", "jax.nn.hard_swish(x)", "F.hardswish(x)", [[-3.0, 3.0, 0.0, N, I]]),
    "hardtanh": Case("F.hardtanh(x)", "jax.nn.hard_tanh(x)", "F.hardtanh(x)", [[-1.0, 1.0, N, I, -I]]),
    "gelu": Case("F.gelu(x)", "jax.nn.gelu(x, approximate=False)", "F.gelu(x)", [[0.0, N]]),
    "silu": Case("F.silu(x)", "jax.nn.silu(x)", "F.silu(x)", [[0.0, N]]),
    "mish": Case("F.mish(x)", "jax.nn.mish(x)", "F.mish(x)", [[0.0, N]]),
    "softplus": Case("F.softplus(x)", "jax.nn.softplus(x)", "F.softplus(x)", [[0.0, N, I, -I]]),
    "logsigmoid": Case("F.logsigmoid(x)", "jax.nn.log_sigmoid(x)", "F.logsigmoid(x)", [[0.0, N, I, -I]]),
    "sigmoid": Case("torch.sigmoid(x)", "jax.nn.sigmoid(x)", "F.sigmoid(x)", [[0.0, N, I, -I]]),
    "tanh": Case("torch.tanh(x)", "jnp.tanh(x)", "gnp.tanh(x)", [[0.0, N, I, -I]]),
    "abs": Case("torch.abs(x)", "jnp.abs(x)", "gnp.abs(x)", [[0.0, -0.0, N, I, -I]]),
    "sqrt": Case("torch.sqrt(x)", "jnp.sqrt(x)", "gnp.sqrt(x)", [[0.0, -1.0, N, I]]),
    "exp": Case("torch.exp(x)", "jnp.exp(x)", "gnp.exp(x)", [[0.0, N, I, -I]]),
    "expm1": Case("torch.expm1(x)", "jnp.expm1(x)", "gnp.expm1(x)", [[0.0, N, I, -I]]),
    "floor": Case("torch.floor(x)", "jnp.floor(x)", "gnp.floor(x)", [[0.0, 1.0, N, I]]),
    "sign": Case("torch.sign(x)", "jnp.sign(x)", "gnp.sign(x)", [[0.0, -0.0, N, I]]),
    "log": Case("torch.log(x)", "jnp.log(x)", "gnp.log(x)", [[0.0, -1.0, N, I]]),
    "log1p": Case("torch.log1p(x)", "jnp.log1p(x)", "gnp.log1p(x)", [[-1.0, -2.0, N, I]]),
    "asin": Case("torch.asin(x)", "jnp.asin(x)", "gnp.asin(x)", [[1.0, -1.0, 2.0]]),
    "acos": Case("torch.acos(x)", "jnp.acos(x)", "gnp.acos(x)", [[1.0, -1.0, 2.0]]),
    "acosh": Case("torch.acosh(x)", "jnp.acosh(x)", "gnp.acosh(x)", [[1.0, 0.5, I]]),
    "atanh": Case("torch.atanh(x)", "jnp.atanh(x)", "gnp.atanh(x)", [[1.0, -1.0, 2.0]]),
    "atan": Case("torch.atan(x)", "jnp.atan(x)", "gnp.atan(x)", [[0.0, I, -I]]),
    "x**0.5": Case("x**0.5", "x**0.5", "x**0.5", [[0.0, -1.0, N, I]]),
    "x**2": Case("x**2", "x**2", "x**2", [[0.0, -1.0, N, I, -I]]),
    "x**2.0": Case("x**2.0", "x**2.0", "x**2.0", [[0.0, -1.0, N, I, -I]]),
    "x**1": Case("x**1", "x**1", "x**1", [[0.0, -1.0, N, I, -I]]),
    "x**0": Case("x**0", "x**0", "x**0", [[0.0, -1.0, N, I, -I]]),
    "x**-1": Case("x**-1", "x**-1", "x**-1", [[0.0, -1.0, N, I, -I]]),
    "x**1.5": Case("x**1.5", "x**1.5", "x**1.5", [[0.0, -1.0, N, I]]),
    "1 / x": Case("1 / x", "1 / x", "1 / x", [[0.0, -0.0, N, I]]),
    "maximum": Case("torch.maximum(x, y)", "jnp.maximum(x, y)", "gnp.maximum(x, y)", [[1.0, 0.0, N, 1.0, I, -I, 2.0], [1.0, -0.0, 1.0, N, I, -I, 1.0]]),
    "minimum": Case("torch.minimum(x, y)", "jnp.minimum(x, y)", "gnp.minimum(x, y)", [[1.0, 0.0, N, 1.0, I, -I, 2.0], [1.0, -0.0, 1.0, N, I, -I, 1.0]]),
    "clip": Case("torch.clip(x, 0.0, 1.0)", "jnp.clip(x, 0.0, 1.0)", "gnp.clip(x, 0.0, 1.0)", [[0.0, 1.0, -1.0, 2.0, 0.5, N, I, -I]]),
    "clip by arrays": Case("torch.clip(x, y, z)", "jnp.clip(x, y, z)", "gnp.clip(x, y, z)", [[0.0, 1.0, -1.0, 2.0, 0.5, N, 0.5], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, N]]),
    "clip, low above high": Case("torch.clip(x, y, z)", "jnp.clip(x, y, z)", "gnp.clip(x, y, z)", [[0.0, 1.5, 5.0], [2.0, 2.0, 2.0], [1.0, 1.0, 1.0]]),
    "pow": Case("torch.pow(x, y)", "jnp.power(x, y)", "gnp.pow(x, y)", [[0.0, 0.0, 0.0, 0.0, -1.0, -1.0, 0.0, 2.0, N, 1.0, I], [0.0, 1.0, 2.0, 0.5, 2.0, 0.5, -1.0, 0.0, 0.0, N, 0.0]]),
    "atan2": Case("torch.atan2(x, y)", "jnp.arctan2(x, y)", "gnp.atan2(x, y)", [[0.0, 0.0, 1.0, I], [0.0, -1.0, 0.0, I]]),
    "hypot": Case("torch.hypot(x, y)", "jnp.hypot(x, y)", "gnp.hypot(x, y)", [[0.0, 3.0, I, N], [0.0, 4.0, N, 1.0]]),
    "logaddexp": Case("torch.logaddexp(x, y)", "jnp.logaddexp(x, y)", "gnp.logaddexp(x, y)", [[-I, 0.0, I, I, N, -I], [-I, -I, I, 0.0, 0.0, 0.0]]),
    "divide": Case("x / y", "x / y", "x / y", [[1.0, 0.0, 0.0, I], [0.0, 0.0, 1.0, I]]),
    "remainder": Case("torch.remainder(x, y)", "jnp.remainder(x, y)", "gnp.remainder(x, y)", [[5.0, -5.0, 4.0, 1.0], [3.0, 3.0, 2.0, 0.0]]),
    "copysign": Case("torch.copysign(x, y)", "jnp.copysign(x, y)", "gnp.copysign(x, y)", [[1.0, 0.0, -0.0, 1.0], [-1.0, -1.0, 1.0, 0.0]]),
    "where": Case("torch.where(y > 0, x, z)", "jnp.where(y > 0, x, z)", "gnp.where(y > 0, x, z)", [[1.0, N, N, 1.0], [1.0, -1.0, 1.0, -1.0], [N, 1.0, 1.0, N]]),
    "where over what is not defined": Case("torch.where(x > 0, torch.sqrt(x), torch.zeros_like(x))", "jnp.where(x > 0, jnp.sqrt(x), 0.0)", "gnp.where(x > 0, gnp.sqrt(x), 0.0)", [[-1.0, 4.0, 0.0]]),
    "max of 1, 3, 3": Case("torch.amax(x)", "jnp.max(x)", "gnp.max(x)", [[1.0, 3.0, 3.0]]),
    "max of 1, nan, 3": Case("torch.amax(x)", "jnp.max(x)", "gnp.max(x)", [[1.0, N, 3.0]]),
    "max of nan, nan, 1": Case("torch.amax(x)", "jnp.max(x)", "gnp.max(x)", [[N, N, 1.0]]),
    "max of inf, inf": Case("torch.amax(x)", "jnp.max(x)", "gnp.max(x)", [[I, I]]),
    "max of -inf, -inf": Case("torch.amax(x)", "jnp.max(x)", "gnp.max(x)", [[-I, -I]]),
    "min of 1, 1, 3": Case("torch.amin(x)", "jnp.min(x)", "gnp.min(x)", [[1.0, 1.0, 3.0]]),
    "min of 1, nan, 3": Case("torch.amin(x)", "jnp.min(x)", "gnp.min(x)", [[1.0, N, 3.0]]),
    "prod of 0, 2, 3": Case("torch.prod(x)", "jnp.prod(x)", "gnp.prod(x)", [[0.0, 2.0, 3.0]]),
    "prod of 0, 0, 3": Case("torch.prod(x)", "jnp.prod(x)", "gnp.prod(x)", [[0.0, 0.0, 3.0]]),
    "prod of nan, 0, 2": Case("torch.prod(x)", "jnp.prod(x)", "gnp.prod(x)", [[N, 0.0, 2.0]]),
    "prod of inf, 0, 2": Case("torch.prod(x)", "jnp.prod(x)", "gnp.prod(x)", [[I, 0.0, 2.0]]),
    "norm 2 of 0, 0": Case("torch.linalg.vector_norm(x, 2)", "jnp.linalg.norm(x, 2)", "gnp.linalg.vector_norm(x, ord=2)", [[0.0, 0.0]]),
    "norm 2 of 0, -4": Case("torch.linalg.vector_norm(x, 2)", "jnp.linalg.norm(x, 2)", "gnp.linalg.vector_norm(x, ord=2)", [[0.0, -4.0]]),
    "norm 2 of inf, 0": Case("torch.linalg.vector_norm(x, 2)", "jnp.linalg.norm(x, 2)", "gnp.linalg.vector_norm(x, ord=2)", [[I, 0.0]]),
    "norm 2 of nan, 0": Case("torch.linalg.vector_norm(x, 2)", "jnp.linalg.norm(x, 2)", "gnp.linalg.vector_norm(x, ord=2)", [[N, 0.0]]),
    "norm 1 of 0, 0": Case("torch.linalg.vector_norm(x, 1)", "jnp.linalg.norm(x, 1)", "gnp.linalg.vector_norm(x, ord=1)", [[0.0, 0.0]]),
    "norm 1 of 0, -4": Case("torch.linalg.vector_norm(x, 1)", "jnp.linalg.norm(x, 1)", "gnp.linalg.vector_norm(x, ord=1)", [[0.0, -4.0]]),
    "norm I of 0, 0": Case("torch.linalg.vector_norm(x, I)", "jnp.linalg.norm(x, I)", "gnp.linalg.vector_norm(x, ord=I)", [[0.0, 0.0]]),
    "norm I of 0, -4": Case("torch.linalg.vector_norm(x, I)", "jnp.linalg.norm(x, I)", "gnp.linalg.vector_norm(x, ord=I)", [[0.0, -4.0]]),
    "norm I of 2, -2": Case("torch.linalg.vector_norm(x, I)", "jnp.linalg.norm(x, I)", "gnp.linalg.vector_norm(x, ord=I)", [[2.0, -2.0]]),
    "norm -I of 0, 0": Case("torch.linalg.vector_norm(x, -I)", "jnp.linalg.norm(x, -I)", "gnp.linalg.vector_norm(x, ord=-I)", [[0.0, 0.0]]),
    "norm -I of 0, -4": Case("torch.linalg.vector_norm(x, -I)", "jnp.linalg.norm(x, -I)", "gnp.linalg.vector_norm(x, ord=-I)", [[0.0, -4.0]]),
    "norm -I of 2, -2": Case("torch.linalg.vector_norm(x, -I)", "jnp.linalg.norm(x, -I)", "gnp.linalg.vector_norm(x, ord=-I)", [[2.0, -2.0]]),
    "norm 3 of 0, 0": Case("torch.linalg.vector_norm(x, 3)", "jnp.linalg.norm(x, 3)", "gnp.linalg.vector_norm(x, ord=3)", [[0.0, 0.0]]),
    "norm 3 of 0, -4": Case("torch.linalg.vector_norm(x, 3)", "jnp.linalg.norm(x, 3)", "gnp.linalg.vector_norm(x, ord=3)", [[0.0, -4.0]]),
    "norm 0.5 of 0, 0": Case("torch.linalg.vector_norm(x, 0.5)", "jnp.linalg.norm(x, 0.5)", "gnp.linalg.vector_norm(x, ord=0.5)", [[0.0, 0.0]]),
    "norm 0.5 of 0, -4": Case("torch.linalg.vector_norm(x, 0.5)", "jnp.linalg.norm(x, 0.5)", "gnp.linalg.vector_norm(x, ord=0.5)", [[0.0, -4.0]]),
    "norm of a matrix": Case("torch.linalg.matrix_norm(x.reshape(2, 2))", "jnp.linalg.norm(x.reshape(2, 2))", "gnp.linalg.matrix_norm(x.reshape(2, 2))", [[0.0, 0.0, 0.0, 0.0]]),
    "std of 2, 2": Case("torch.std(x, correction=0)", "jnp.std(x)", "gnp.std(x)", [[2.0, 2.0]]),
    "std of 1, 3": Case("torch.std(x, correction=0)", "jnp.std(x)", "gnp.std(x)", [[1.0, 3.0]]),
    "var of 2, 2": Case("torch.var(x, correction=0)", "jnp.var(x)", "gnp.var(x)", [[2.0, 2.0]]),
    "logsumexp of -inf, -inf": Case("torch.logsumexp(x, 0)", "jax.nn.logsumexp(x)", "gnp.logsumexp(x)", [[-I, -I]]),
    "logsumexp of -inf, 0": Case("torch.logsumexp(x, 0)", "jax.nn.logsumexp(x)", "gnp.logsumexp(x)", [[-I, 0.0]]),
    "logsumexp of inf, 0": Case("torch.logsumexp(x, 0)", "jax.nn.logsumexp(x)", "gnp.logsumexp(x)", [[I, 0.0]]),
    "logsumexp of inf, inf": Case("torch.logsumexp(x, 0)", "jax.nn.logsumexp(x)", "gnp.logsumexp(x)", [[I, I]]),
    "logsumexp of nan, 0": Case("torch.logsumexp(x, 0)", "jax.nn.logsumexp(x)", "gnp.logsumexp(x)", [[N, 0.0]]),
    "softmax": Case("torch.softmax(x, 0)", "jax.nn.softmax(x)", "F.softmax(x, 0)", [[-I, 0.0, 0.0]], weighs=True),
    "softmax of nothing": Case("torch.softmax(x, 0)", "jax.nn.softmax(x)", "F.softmax(x, 0)", [[-I, -I]], weighs=True),
    "log_softmax": Case("torch.log_softmax(x, 0)", "jax.nn.log_softmax(x)", "F.log_softmax(x, 0)", [[-I, 0.0, 0.0]], weighs=True),
    "sort": Case("torch.sort(x, stable=True).values", "jnp.sort(x)", "gnp.sort(x)", [[2.0, N, 1.0, 1.0]], weighs=True),
    "sort, descending": Case("torch.sort(x, descending=True, stable=True).values", "jnp.sort(x, descending=True)", "gnp.sort(x, descending=True)", [[2.0, N, 1.0, 1.0]], weighs=True),
    "cumulative_prod": Case("torch.cumprod(x, 0)", "jnp.cumprod(x)", "gnp.cumulative_prod(x)", [[2.0, 0.0, 3.0, 0.0]], weighs=True),
    "cumulative_sum": Case("torch.cumsum(x, 0)", "jnp.cumsum(x)", "gnp.cumulative_sum(x)", [[2.0, N, 3.0, 0.0]], weighs=True),
    "max_pool, ties": Case("F.max_pool1d(x.reshape(1, 1, -1), 2).reshape(-1)", "jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (2,), (2,), 'VALID')", "F.max_pool(x.reshape(1, 1, -1), 2).reshape(-1)", [[1.0, 1.0, 2.0, 3.0]], weighs=True),
    "max_pool, nan": Case("F.max_pool1d(x.reshape(1, 1, -1), 2).reshape(-1)", "jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (2,), (2,), 'VALID')", "F.max_pool(x.reshape(1, 1, -1), 2).reshape(-1)", [[1.0, N, N, 3.0, N, N]], weighs=True),
    "max_pool, nothing above -inf": Case("F.max_pool1d(x.reshape(1, 1, -1), 2).reshape(-1)", "jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (2,), (2,), 'VALID')", "F.max_pool(x.reshape(1, 1, -1), 2).reshape(-1)", [[-I, -I, -I, 3.0]], weighs=True),
    "max_pool, windows that overlap": Case("F.max_pool1d(x.reshape(1, 1, -1), 3, 2, 1).reshape(-1)", "jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (3,), (2,), ((1, 1),))", "F.max_pool(x.reshape(1, 1, -1), 3, 2, 1).reshape(-1)", [[-I, -I, -1.0, N, 5.0]], weighs=True),
    "l1_loss": Case("F.l1_loss(x, torch.zeros_like(x), reduction='none')", "abs(x)", "F.l1_loss(x, gnp.zeros_like(x), reduction='none')", [[0.0, 1.0]]),
    "huber_loss": Case("F.huber_loss(x, torch.zeros_like(x), reduction='none')", "jnp.where(abs(x) < 1, x * x / 2, abs(x) - 0.5)", "F.huber_loss(x, gnp.zeros_like(x), reduction='none')", [[1.0, -1.0, 0.0, 2.0]]),
    "cross_entropy": Case("F.cross_entropy(x.reshape(1, -1), torch.tensor([1]))", "-jax.nn.log_softmax(x)[1]", "F.cross_entropy(x.reshape(1, -1), gnp.asarray([1]))", [[-I, 0.0, 0.0]]),
    "cross_entropy of what cannot be": Case("F.cross_entropy(x.reshape(1, -1), torch.tensor([0]))", "-jax.nn.log_softmax(x)[0]", "F.cross_entropy(x.reshape(1, -1), gnp.asarray([0]))", [[-I, 0.0, 0.0]]),
    "binary cross entropy": Case("F.binary_cross_entropy_with_logits(x, y, reduction='none')", "jax.nn.softplus(x) - x * y", "F.binary_cross_entropy_with_logits(x, y, reduction='none')", [[0.0, 0.0, 100.0, -100.0], [0.0, 1.0, 0.5, 1.0]]),
    "layer_norm of a constant": Case("F.layer_norm(x, (3,))", "(x - jnp.mean(x)) / jnp.sqrt(jnp.var(x) + 1e-5)", "F.layer_norm(x, 3)", [[1.0, 1.0, 1.0]], weighs=True),
}
# fmt: on


def weights(case: Case, count: int) -> np.ndarray:
    return 10.0 ** np.arange(count) if case.weighs else np.ones(count)


def named(arrays: list) -> dict:
    return dict(zip("xyz", arrays, strict=False))


def of_torch(case: Case) -> dict:
    import torch

    given = [torch.tensor(values, dtype=torch.float64, requires_grad=True) for values in case.operands]
    names = {"torch": torch, "F": torch.nn.functional, "N": N, "I": I}
    value = eval(case.torch, {**names, **named(given)})
    value.backward(torch.tensor(weights(case, value.numel())).reshape(value.shape))
    gradients = [np.zeros(len(x)) if x.grad is None else x.grad.numpy() for x in given]
    return {"value": value.detach().numpy().tolist(), "gradients": [g.tolist() for g in gradients]}


def of_jax(case: Case) -> dict:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    names = {"jax": jax, "jnp": jnp, "N": N, "I": I}
    value, back = jax.vjp(lambda *given: eval(case.jax, {**names, **named(given)}), *map(jnp.array, case.operands))
    gradients = back(jnp.array(weights(case, value.size)).reshape(value.shape))
    return {"value": np.asarray(value).tolist(), "gradients": [np.asarray(g).tolist() for g in gradients]}


def main() -> None:
    found = {name: {"torch": of_torch(case), "jax": of_jax(case)} for name, case in CASES.items()}
    PAGE.write_text("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in found.items()) + "\n}\n")


if __name__ == "__main__":
    main()
