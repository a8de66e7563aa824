"""Values and gradients where functions have corners, ends and ties: PyTorch's, JAX's where those are named here, or our own with a reason."""

import json

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pytest

from edge_gradients import CASES, PAGE, I, N, named, weights

F = gf.nn.functional

EXPECTED = json.loads(PAGE.read_text())
#: Where PyTorch and JAX differ and ours is JAX's, and what that is.
AS_JAX = {
    "hardswish": "NaN at a NaN",
    "sign": "NaN of a NaN, as the Array API says",
    "maximum": "nothing beside a NaN, which PyTorch's gives to both",
    "minimum": "nothing beside a NaN, which PyTorch's gives to both",
    "clip": "a half at each bound: it is the larger, then the smaller of two",
    "clip by arrays": "nothing at a NaN",
    "atan2": "NaN at the origin",
    "std of 2, 2": "NaN of what does not vary: it is a root at 0",
}
#: Ours, where it is neither's, and why.
OWN = {
    "abs": ({"value": [0.0, 0.0, N, I, I], "gradients": [[0.0, 0.0, N, 1.0, -1.0]]}, "the sign, which of a NaN is NaN"),
    "hardsigmoid": (
        {"value": [0.0, 1.0, N, 1.0, 0.0], "gradients": [[0.0, 0.0, 1 / 6, 0.0, 0.0]]},
        "at a NaN the slope between the corners, as PyTorch's relu6 has it",
    ),
    "logaddexp": (
        {"value": [-I, 0.0, I, I, N, 0.0], "gradients": [[0.5, 1.0, 0.5, 1.0, N, 0.0], [0.5, 0.0, 0.5, 0.0, N, 1.0]]},
        "a half of each of two equal infinities, where theirs is one minus the other",
    ),
    "max_pool, nan": (
        {"value": [N, N, N], "gradients": [[0.0, 1.0, 10.0, 0.0, 100.0, 0.0]]},
        "the first of several NaNs, as for argmax: PyTorch's is the last, JAX's passes one over",
    ),
    "max_pool, windows that overlap": (
        {"value": [-I, N, N], "gradients": [[0.0, 0.0, 0.0, 110.0, 0.0]]},
        "padding is -inf, and the first of a window that holds nothing above it; JAX's too, but it passes a NaN over",
    ),
}


def found(case):
    given = [gnp.array(np.array(values), requires_grad=True) for values in case.operands]
    value = eval(case.ours, {"gf": gf, "gnp": gnp, "F": gf.nn.functional, "N": N, "I": I, **named(given)})
    value.backward(weights(case, value.size).reshape(value.shape))
    return value.numpy(), [np.zeros(x.shape) if x.grad is None else x.grad.numpy() for x in given]


@pytest.mark.parametrize("name", CASES)
def test_edges(name):
    value, gradients = found(CASES[name])
    row = OWN[name][0] if name in OWN else EXPECTED[name]["jax" if name in AS_JAX else "torch"]
    np.testing.assert_allclose(value, row["value"], rtol=1e-12, atol=1e-15)
    for place, (gradient, expected) in enumerate(zip(gradients, row["gradients"], strict=True)):
        np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-15, err_msg=f"in operand {place}")


def test_tables_name_cases_that_there_are():
    assert set(EXPECTED) == set(CASES) and {*AS_JAX, *OWN} <= set(CASES)


SECOND_AT_0 = {
    "softplus": (lambda x: F.softplus(x), 0.5, 0.25), "log sigmoid": (lambda x: F.logsigmoid(x), 0.5, -0.25), "asinh": (gnp.asinh, 1.0, 0.0),
    "cross entropy": (lambda x: F.binary_cross_entropy_with_logits(x, gnp.zeros_like(x), reduction="sum"), 0.5, 0.25),
    "huber": (lambda x: F.huber_loss(x, gnp.zeros_like(x), reduction="sum"), 0.0, 1.0), "smooth l1": (lambda x: F.smooth_l1_loss(x, gnp.zeros_like(x), reduction="sum"), 0.0, 1.0),
    "log of a sum": (lambda x: gnp.logaddexp(x, gnp.zeros_like(x)), 0.5, 0.25), "of both": (lambda x: gnp.logaddexp(x, x), 1.0, 0.0),
}


@pytest.mark.parametrize("name", SECOND_AT_0)
def test_derivatives_at_0_are_right_to_second_order(name):
    function, first, second = SECOND_AT_0[name]
    gradient = gf.grad(function)
    at = gnp.asarray(0.0, dtype="float64")
    assert float(gradient(at)) == pytest.approx(first, abs=1e-12)
    assert float(gf.grad(gradient)(at)) == pytest.approx(second, abs=1e-12)


def test_the_sum_of_exponentials_of_infinities():
    inf = float("inf")
    x, y = gf.array([inf, -inf, inf, -inf, 1.0]), gf.array([inf, -inf, -inf, inf, inf])
    assert gnp.logaddexp(x, y).numpy().tolist() == [inf, -inf, inf, inf, inf]


def test_the_first_newton_step_of_a_logistic_regression():
    x = gnp.asarray([[1.0, 0.5], [1.0, -1.0], [1.0, 2.0]], dtype="float64")
    y = gnp.asarray([1.0, 0.0, 1.0], dtype="float64")
    found = gf.hessian(lambda w: F.binary_cross_entropy_with_logits(x @ w, y, reduction="sum"))(gnp.zeros(2, dtype="float64"))
    np.testing.assert_allclose(found.numpy(), (x.mT @ x).numpy() / 4, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_means_of_half_precision_do_not_overflow(dtype):
    values = np.random.default_rng(0).normal(1000, 40, size=(64, 512)).astype("float32")
    x = gnp.astype(gf.array(values), dtype)
    exact = gnp.astype(x, "float32")
    tolerance = 2e-3 if dtype == "float16" else 2e-2
    for fold in (lambda x: gnp.mean(x), lambda x: gnp.mean(x, axis=1), lambda x: gnp.std(x), lambda x: F.l1_loss(x, gnp.zeros_like(x)), lambda x: F.rms_norm(x, (512,)), lambda x: F.layer_norm(x, (512,))):
        found = fold(x)
        assert found.dtype == x.dtype
        np.testing.assert_allclose(gnp.astype(found, "float32").numpy(), fold(exact).numpy(), rtol=tolerance, atol=2 * tolerance)
