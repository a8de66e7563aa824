"""Values and gradients of differentiable functions beside JAX's, on random inputs in float64."""

import json
import types

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pytest

from jax_gradients import PAGE, ROWS, SEEDS, inputs, weighed

EXPECTED = json.loads(PAGE.read_text())["values"]
F = gf.nn.functional
SPECIAL = types.SimpleNamespace(
    erf=gnp.erf, erfc=gnp.erfc, erfinv=gnp.erfinv, lgamma=gnp.lgamma, digamma=gnp.digamma, logsumexp=gnp.logsumexp
)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ROWS)
def test_gradients_are_those_of_jax(name, seed):
    x, y, weights = map(gnp.asarray, inputs(seed))
    code = compile(ROWS[name], name, "eval")
    value, gradient = gf.value_and_grad(
        lambda x: weighed(eval(code, {"xp": gnp, "sp": SPECIAL, "nn": F, "x": x, "y": y}), weights, gnp)
    )(x)
    expected_value, expected = EXPECTED[f"{name}/{seed}"]
    np.testing.assert_allclose(float(value), expected_value, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(np.asarray(gradient).reshape(-1), expected, rtol=1e-7, atol=1e-9)
