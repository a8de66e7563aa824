"""Gradients of differentiable functions, as JAX finds them: `python jax_gradients.py`, where JAX is installed, writes
jax_gradients.json, which a test compares ours with. JAX itself is too heavy for the tests."""

import functools
import json
import types
from pathlib import Path

import numpy as np

PAGE = Path(__file__).with_suffix(".json")
SEEDS = (0, 1)
# Expressions of x (3, 4) and y (3, 4), random in float64, in the namespace xp; nn has activations, sp special functions.
UNARY = "abs asinh atan cos cosh exp expm1 negative sin sinh square tan tanh".split()
INSIDE = "acos asin atanh log1p".split()
POSITIVE = "acosh log log2 log10 sqrt".split()
BINARY = "add atan2 divide hypot logaddexp maximum minimum multiply subtract".split()
ROWS = {
    **{name: f"xp.{name}(x)" for name in UNARY},
    **{name: f"xp.{name}(xp.tanh(x) * 0.9)" for name in INSIDE},
    **{name: f"xp.{name}(abs(x) + 1.1)" for name in POSITIVE},
    **{name: f"xp.{name}(x, y + 4.0 * xp.sign(y))" for name in BINARY},
    "reciprocal": "xp.reciprocal(x + 3.0 * xp.sign(x))",
    "pow": "xp.pow(abs(x) + 0.5, y)",
    "integer power": "x**3 - x**-2",
    "remainder": "xp.remainder(x, abs(y) + 5.0)",
    "clip": "xp.clip(x, -0.4, 0.7)",
    "where": "xp.where(x > y, x**2, -x * y)",
    "erf": "sp.erf(x)",
    "erfc": "sp.erfc(x)",
    "erfinv": "sp.erfinv(xp.tanh(x) * 0.9)",
    "lgamma": "sp.lgamma(abs(x) + 0.3)",
    "digamma": "sp.digamma(abs(x) + 0.3)",
    "sum": "xp.sum(x**2, axis=0) * y",
    "prod": "xp.prod(x, axis=1)",
    "max": "xp.max(x, axis=0)",
    "min": "xp.min(x, axis=1)",
    "mean": "xp.mean(x**2)",
    "var": "xp.var(x, axis=1, correction=1)",
    "std": "xp.std(x, axis=0)",
    "logsumexp": "sp.logsumexp(x, axis=1)",
    "cumulative_sum": "xp.cumulative_sum(x, axis=0) ** 2",
    "cumulative_prod": "xp.cumulative_prod(x, axis=1)",
    "diff": "xp.diff(x) ** 2",
    "sort": "xp.sort(x, axis=1) * y",
    "index": "x[1] * x[..., 2:0:-1].sum() + x[:, ::2].sum()",
    "take": "xp.take(x, xp.asarray([2, 0, 0]), axis=0) ** 2",
    "reshape": "(x.reshape(2, 6) ** 2)[0]",
    "permute_dims": "xp.permute_dims(x, (1, 0))[0] ** 2",
    "concat": "xp.concat((x, x**2), axis=1)",
    "stack": "xp.stack((x, x * y))",
    "tile": "xp.tile(x, (2, 1)) ** 2",
    "repeat": "xp.repeat(x, 2, axis=0) ** 2",
    "roll": "xp.roll(x, 1, axis=0) * x",
    "flip": "xp.flip(x) * x",
    "tril": "xp.tril(x) ** 2",
    "broadcast_to": "xp.broadcast_to(x, (2, 3, 4)) ** 2",
    "matmul": "x @ y.T",
    "tensordot": "xp.tensordot(x, y, axes=((0,), (0,)))",
    "vecdot": "xp.vecdot(x, y)",
    "linalg.det": "xp.linalg.det(x @ x.T)",
    "linalg.slogdet": "xp.linalg.slogdet(x @ x.T)[1]",
    "linalg.inv": "xp.linalg.inv(x @ x.T + xp.eye(3))",
    "linalg.solve": "xp.linalg.solve(x @ x.T + xp.eye(3), y)",
    "linalg.cholesky": "xp.linalg.cholesky(x @ x.T + xp.eye(3))",
    "linalg.eigvalsh": "xp.linalg.eigvalsh(x @ x.T)",
    "linalg.svdvals": "xp.linalg.svdvals(x)",
    "linalg.pinv": "xp.linalg.pinv(x)",
    "linalg.matrix_norm": "xp.linalg.matrix_norm(x)",
    "linalg.vector_norm": "xp.linalg.vector_norm(x, axis=0, ord=3)",
    "linalg.cross": "xp.linalg.cross(x[:, :3], y[:, 1:])",
    "fft": "xp.abs(xp.fft.fft(x)) ** 2 * y",
    "rfft": "xp.real(xp.fft.rfft(x)) ** 3",
    "copysign": "xp.copysign(x, y)",
    "conj": "xp.abs(xp.conj(x + 1j * y)) * y",
    "imag": "xp.imag((x + 1j * y) ** 2)",
    "angle": "xp.angle(x + 1j * y)",
    "sinc": "xp.sinc(x)",
    "positive": "xp.positive(x) * y",
    "ceil, floor, round, trunc": "(xp.ceil(x) + xp.floor(x) + xp.round(x) + xp.trunc(x)) * x",
    "floor_divide": "xp.floor_divide(x, y) * x",
    "astype": "xp.astype(x, xp.float32) ** 2",
    "expand_dims": "xp.expand_dims(x, axis=1) * y",
    "squeeze": "xp.squeeze(x[:1] ** 2, axis=0)",
    "moveaxis": "xp.moveaxis(x, 0, 1) ** 2 * y.T",
    "matrix_transpose": "xp.matrix_transpose(x) ** 2 * y.T",
    "unstack": "xp.unstack(x)[1] * xp.unstack(x, axis=1)[2][0]",
    "triu": "xp.triu(x, k=1) ** 2",
    "meshgrid": "xp.meshgrid(x[0], x[1])[0] * xp.meshgrid(x[0], x[1])[1]",
    "broadcast_arrays": "xp.broadcast_arrays(x[0], y)[0] ** 2 * y",
    "take_along_axis": "xp.take_along_axis(x, xp.asarray([[2, 0, 0], [1, 1, 3], [0, 2, 2]]), axis=1) ** 2",
    "argsort": "xp.take_along_axis(x, xp.argsort(y, axis=1), axis=1) * x",
    "pad": "xp.pad(x, ((1, 0), (2, 1))) ** 2",
    "pad reflect": "xp.pad(x, ((1, 1), (2, 0)), mode='reflect') ** 2",
    "pad edge": "xp.pad(x, ((1, 1), (2, 0)), mode='edge') ** 2",
    "pad wrap": "xp.pad(x, ((1, 1), (2, 0)), mode='wrap') ** 2",
    "linalg.diagonal": "xp.linalg.diagonal(x, offset=1) ** 2",
    "linalg.matrix_power": "xp.linalg.matrix_power(x @ y.T, 3)",
    "linalg.outer": "xp.linalg.outer(x[0], x[1] * y[0])",
    "linalg.trace": "xp.linalg.trace(x @ x.T)",
    "linalg.eigh": "abs(xp.linalg.eigh(x @ x.T)[1])",
    "linalg.svd": "abs(xp.linalg.svd(x, full_matrices=False)[0]) @ abs(xp.linalg.svd(x, full_matrices=False)[2])",
    "linalg.qr": "abs(xp.linalg.qr(x.T)[1])",
    "linalg.matrix_norm nuclear": "xp.linalg.matrix_norm(x, ord='nuc')",
    "linalg.vector_norm of sizes": "xp.linalg.vector_norm(x, axis=1, ord=1)",
    "linalg.vector_norm of the largest": "xp.linalg.vector_norm(x, axis=1, ord=float('inf'))",
    "ifft": "xp.abs(xp.fft.ifft(x)) ** 2 * y",
    "irfft": "xp.fft.irfft(x + 1j * y) ** 2",
    "fftn": "xp.abs(xp.fft.fftn(x)) ** 2 * y",
    "ifftn": "xp.real(xp.fft.ifftn(x)) ** 3",
    "rfftn": "xp.real(xp.fft.rfftn(x)) ** 3",
    "irfftn": "xp.fft.irfftn(x + 1j * y) ** 2",
    "hfft": "xp.fft.hfft(x + 1j * y) ** 2",
    "ihfft": "xp.real(xp.fft.ihfft(x)) ** 3",
    "fftshift": "xp.fft.fftshift(x) * xp.fft.ifftshift(y) * x",
    "relu": "nn.relu(x)",
    "gelu": "nn.gelu(x)",
    "silu": "nn.silu(x)",
    "sigmoid": "nn.sigmoid(x)",
    "softplus": "nn.softplus(x)",
    "elu": "nn.elu(x)",
    "leaky_relu": "nn.leaky_relu(x)",
    "softmax": "nn.softmax(x, axis=1) ** 2",
    "log_softmax": "nn.log_softmax(x, axis=1) * y",
    "selu": "nn.selu(x)",
    "celu": "nn.celu(x, 0.7)",
    "mish": "nn.mish(x)",
    "relu6": "nn.relu6(4.0 * x)",
    "logsigmoid": "nn.logsigmoid(x)",
    "softsign": "nn.softsign(x)",
    "hardsigmoid": "nn.hardsigmoid(4.0 * x)",
    "hardswish": "nn.hardswish(4.0 * x)",
    "hardtanh": "nn.hardtanh(2.0 * x)",
    "tanh of a network": "nn.tanh(x)",
    "gelu by tanh": "nn.gelu_tanh(x)",
    "glu": "nn.glu(x) ** 2",
}


def inputs(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y, and what the result is weighed by before it is summed."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng.normal(size=64)


def weighed(result, weights, xp):
    """One number of a result: its elements, each with a weight of its own."""
    flat = result.reshape(-1)
    return xp.sum(flat * weights[: flat.shape[0]])


@functools.cache
def names() -> dict:
    """What expressions may say, in JAX."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    special = jax.scipy.special
    sp = types.SimpleNamespace(
        erf=special.erf, erfc=special.erfc, erfinv=special.erfinv, lgamma=special.gammaln, digamma=special.digamma,
        logsumexp=special.logsumexp,
    )
    nn = types.SimpleNamespace(**{n: getattr(jax.nn, n) for n in dir(jax.nn)})
    nn.gelu, nn.gelu_tanh = (functools.partial(jax.nn.gelu, approximate=way) for way in (False, True))
    nn.logsigmoid, nn.softsign, nn.hardsigmoid = nn.log_sigmoid, nn.soft_sign, nn.hard_sigmoid
    nn.hardswish, nn.hardtanh = nn.hard_swish, nn.hard_tanh
    return {"xp": jnp, "sp": sp, "nn": nn}


def asked(name: str, seed: int) -> list:
    """The value and the gradient that JAX finds."""
    import jax

    known, code = names(), compile(ROWS[name], name, "eval")
    x, y, weights = map(known["xp"].asarray, inputs(seed))
    value, gradient = jax.value_and_grad(lambda x: weighed(eval(code, {**known, "x": x, "y": y}), weights, known["xp"]))(x)
    return [float(value), np.asarray(gradient).reshape(-1).tolist()]


def main() -> None:
    import jax

    found = {f"{name}/{seed}": asked(name, seed) for name in ROWS for seed in SEEDS}
    PAGE.write_text(json.dumps({"jax": jax.__version__, "values": found}) + "\n")


if __name__ == "__main__":
    main()
