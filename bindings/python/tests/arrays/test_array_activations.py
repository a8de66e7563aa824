"""Activations as modules, beside their formulas in NumPy."""

import numpy as np
import pytest

import gradframe as gf
from gradframe import nn

X = np.array([[-7.0, -3.0, -1.0, -0.5], [0.0, 0.5, 2.0, 7.0]], dtype="float32")


def softmax(x, axis):
    powers = np.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.ReLU6(), np.clip(X, 0, 6)),
        (nn.Hardtanh(-2.0, 0.5), np.clip(X, -2.0, 0.5)),
        (nn.LeakyReLU(0.2), np.where(X > 0, X, 0.2 * X)),
        (nn.ELU(0.5), np.where(X > 0, X, 0.5 * np.expm1(X))),
        (nn.Hardsigmoid(), np.clip(X / 6 + 0.5, 0, 1)),
        (nn.Hardswish(), X * np.clip(X / 6 + 0.5, 0, 1)),
        (nn.LogSigmoid(), -np.log1p(np.exp(-X))),
        (nn.Softmax(), softmax(X, 1)),
        (nn.Softmax(dim=0), softmax(X, 0)),
        (nn.LogSoftmax(dim=1), np.log(softmax(X, 1))),
        (nn.GELU("tanh"), 0.5 * X * (1 + np.tanh(np.sqrt(2 / np.pi) * (X + 0.044715 * X**3)))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_activation_is_its_formula(layer, expected):
    np.testing.assert_allclose(np.asarray(layer(gf.array(X))), expected, rtol=2e-6, atol=1e-6)


def test_what_an_activation_is_told_is_checked_and_shown():
    assert repr(nn.LeakyReLU(0.2)) == "LeakyReLU(negative_slope=0.2)" and repr(nn.Softmax(dim=1)) == "Softmax(dim=1)"
    assert repr(nn.Hardtanh()) == "Hardtanh(min_val=-1.0, max_val=1.0)"
    with pytest.raises(gf.errors.PlanError, match="`min_val` is 1.0, expected less than `max_val`, which is 1.0"):
        nn.Hardtanh(1.0, 1.0)
    with pytest.raises(gf.errors.PlanError, match="expected 'none' or 'tanh'"):
        nn.GELU("exact")


def test_pools_of_one_axis():
    x = gf.array(np.arange(12, dtype="float32").reshape(1, 2, 6))
    assert np.asarray(nn.MaxPool1d(2)(x)).tolist() == [[[1, 3, 5], [7, 9, 11]]]
    assert np.asarray(nn.AvgPool1d(3, stride=3)(x)).tolist() == [[[1, 4], [7, 10]]]
