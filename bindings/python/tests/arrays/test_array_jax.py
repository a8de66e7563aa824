"""Values and gradients of differentiable functions beside JAX's, on random inputs in float64: two that JAX was asked about once,
and, where it is installed, any.
"""

import json
import types

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from jax_gradients import PAGE, ROWS, SEEDS, asked, inputs, weighed

EXPECTED = json.loads(PAGE.read_text())["values"]
F = types.SimpleNamespace(**vars(gf.nn.functional), gelu_tanh=lambda x: gf.nn.functional.gelu(x, "tanh"))
SPECIAL = types.SimpleNamespace(
    erf=gnp.erf, erfc=gnp.erfc, erfinv=gnp.erfinv, lgamma=gnp.lgamma, digamma=gnp.digamma, logsumexp=gnp.logsumexp
)


def agrees(name, seed, expected_value, expected):
    x, y, weights = map(gnp.asarray, inputs(seed))
    code = compile(ROWS[name], name, "eval")
    value, gradient = gf.value_and_grad(
        lambda x: weighed(eval(code, {"xp": gnp, "sp": SPECIAL, "nn": F, "x": x, "y": y}), weights, gnp)
    )(x)
    np.testing.assert_allclose(float(value), expected_value, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(np.asarray(gradient).reshape(-1), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ROWS)
def test_gradients_are_those_of_jax(name, seed):
    agrees(name, seed, *EXPECTED[f"{name}/{seed}"])


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(SEEDS[-1] + 1, 2**32))
@pytest.mark.parametrize("name", ROWS)
def test_gradients_are_those_of_jax_for_any_inputs(name, seed):
    pytest.importorskip("jax", reason="JAX is too heavy for the tests' environment; `pip install jax` runs this")
    agrees(name, seed, *asked(name, seed))
