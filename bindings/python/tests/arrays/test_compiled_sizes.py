"""Compiled functions that ask how many rows they are given: what they give is what they give without `jit`, at each size in any order."""

import math

import numpy as np
import pytest

import gradframe as gf
import gradframe.numpy as gnp

SIZES = (8, 20, 12, 3, 4, 5, 6, 7, 2, 1, 17, 14, 100, 6000, 3, 1)

FUNCTIONS = {
    "more": lambda x: x * (2.0 if x.shape[0] > 5000 else 1.0),
    "less": lambda x: x * (2.0 if x.shape[0] < 5 else 1.0),
    "odd": lambda x: x * (x.shape[0] % 2),
    "by seven": lambda x: x * (3.0 if x.shape[0] % 7 == 0 else 1.0),
    "one size": lambda x: x * (3.0 if x.shape[0] == 17 else 1.0),
    "half": lambda x: x[: x.shape[0] // 2],
    "first ten": lambda x: x[:10],
    "of the first ten": lambda x: gnp.sum(x[:10]),
    "from the fifth": lambda x: x[5:10],
    "by steps": lambda x: x[:10:2],
    "last three": lambda x: x[-3:],
    "without three": lambda x: x[:-3],
    "neighbours": lambda x: x[:-1] + x[1:],
    "four at most": lambda x: x[: min(x.shape[0], 4)],
    "at least": lambda x: x * max(x.shape[0], 10000),
    "padded": lambda x: gnp.pad(x, ((0, max(0, 8 - x.shape[0])),)),
    "logarithm": lambda x: x * math.floor(math.log2(x.shape[0])),
    "mean": lambda x: gnp.sum(x) / x.shape[0],
    "squares": lambda x: x * x.shape[0] * x.shape[0],
    "spread of more than one": lambda x: gnp.std(x, correction=1) if x.shape[0] > 1 else gnp.zeros(()),
    "one alone": lambda x: gnp.squeeze(x, axis=0) if x.shape[0] == 1 else gnp.sum(x),
    "in two": lambda x: gnp.reshape(x, (2, -1)) if x.shape[0] % 2 == 0 else x,
    "looked up": lambda x: x * {3: 1.0, 4: 2.0}.get(x.shape[0], 5.0),
    "pieces": lambda x: gnp.concat([x[i : i + 64] * 2 for i in range(0, x.shape[0], 64)]),
    "sorted": lambda x: gnp.sort(x)[:2],
    "so far": gnp.cumulative_sum,
    "as many": lambda x: x * gnp.linspace(0, 1, x.shape[0]),
    "in a tuple": lambda x: (x, x) if x.shape[0] > 10 else (x,),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_compiled_function_gives_at_each_size_what_it_gives_without(name):
    function = FUNCTIONS[name]
    compiled = gf.jit(function)
    for size in SIZES:
        x = gf.array(np.random.default_rng(size).normal(size=size).astype("float32"))
        expected, found = function(x), compiled(x)
        pairs = zip(expected, found, strict=True) if isinstance(expected, tuple) else [(expected, found)]
        for own, theirs in pairs:
            assert own.shape == theirs.shape, size
            np.testing.assert_allclose(theirs.numpy(), own.numpy(), rtol=1e-5, atol=1e-6, err_msg=str(size))


@pytest.mark.parametrize("name", ["less", "of the first ten", "spread of more than one", "four at most", "padded"])
def test_so_does_its_gradient(name):
    gradient = gf.grad(lambda x: gnp.sum(FUNCTIONS[name](x) ** 2))
    compiled = gf.jit(gradient)
    for size in SIZES:
        x = gf.array(np.random.default_rng(size).normal(size=size).astype("float32"))
        np.testing.assert_allclose(compiled(x).numpy(), gradient(x).numpy(), rtol=1e-4, atol=1e-5, err_msg=str(size))


def test_a_place_that_few_rows_do_not_have_is_an_error_for_them_alone():
    compiled = gf.jit(lambda x: x[9])
    for size in (20, 12, 30):
        assert float(compiled(gnp.arange(size))) == 9
    with pytest.raises(IndexError):
        compiled(gnp.arange(5))
    assert float(compiled(gnp.arange(11))) == 9


def test_one_program_serves_sizes_that_change_nothing():
    calls = []

    @gf.jit
    def mean(x):
        calls.append(x.shape[0])
        return gnp.mean(x * 2)

    for size in (8, 6, 5, 4, 6, 5, 8):
        assert float(mean(gnp.ones(size))) == 2.0
    assert calls.count(5) == calls.count(4) == calls.count(8) == 1, "each size is looked at once"
