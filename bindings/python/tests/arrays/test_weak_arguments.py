"""Floats of Python's among the arguments of transforms: they take the type of the arrays they meet, as they do where nothing is traced."""

import numpy as np
import pytest

import gradframe as gf
import gradframe.numpy as gnp


def body(x, h):
    k = h / 2 + h * h
    return x * h + k - gnp.where(x > h, h, k) + gnp.sqrt(k)


WAYS = {
    "jit": lambda f: gf.jit(f),
    "checkpoint": lambda f: gf.checkpoint(f),
    "vmap": lambda f: gf.vmap(f, in_axes=(0, None)),
    "jvp": lambda f: lambda x, h: gf.jvp(f, (x, h), (gnp.zeros_like(x), 0.0))[0],
    "vjp": lambda f: lambda x, h: gf.vjp(f, x, h)[0],
    "value_and_grad": lambda f: lambda x, h: gf.value_and_grad(lambda x, h: (gnp.sum(f(x, h)), f(x, h)), has_aux=True)(x, h)[0][1],
    "jit of grad": lambda f: gf.jit(lambda x, h: gf.grad(lambda x, h: (gnp.sum(f(x, h)), f(x, h)), has_aux=True)(x, h)[1]),
    "jit of jit": lambda f: gf.jit(lambda x, h: gf.jit(f)(x, h)),
    "jit in a tree": lambda f: lambda x, h: gf.jit(lambda given: f(given["x"], given["h"]))({"x": x, "h": h}),
    "jit with state": lambda f: gf.jit(f, state=gf.nn.Linear(1, 1)),
}


DTYPES = ["float64", "float32", "float16", "bfloat16", "int64"]
# Integers have no derivatives.
OF_FLOATS = ("value_and_grad", "jit of grad", "vjp", "jvp")


@pytest.mark.parametrize(("way", "dtype"), [(way, dtype) for way in WAYS for dtype in DTYPES if dtype != "int64" or way not in OF_FLOATS])
def test_a_float_is_as_exact_as_the_arrays_it_meets(way, dtype):
    x = gnp.asarray([1.0, 2.0, 0.0], dtype=dtype)
    expected = body(x, gnp.asarray(0.1, dtype=x.dtype if dtype != "int64" else "float32"))
    found = WAYS[way](body)(x, 0.1)
    assert found.dtype == expected.dtype
    tolerance = {"float64": 1e-15, "float16": 2e-3, "bfloat16": 2e-2}.get(dtype, 1e-6)
    np.testing.assert_allclose(gnp.astype(found, "float64").numpy(), gnp.astype(expected, "float64").numpy(), rtol=tolerance)


def test_a_step_size_of_an_ode_is_exact():
    def step(y, h):
        k = -2.0 * y
        return y + h * k + 0.5 * h * h * (-2.0 * k)

    y = gnp.asarray([1.0, 0.5], dtype="float64")
    np.testing.assert_array_equal(gf.jit(step)(y, 0.05).numpy(), step(y, 0.05).numpy())


def test_alone_it_is_what_a_float_is_alone():
    assert gf.jit(lambda h: h * 2)(0.25).dtype == gf.array(0.25).dtype == gnp.float32
    gradient = gf.grad(lambda h, x: gnp.sum(x * h**2))(0.5, gnp.asarray([1.0, 2.0], dtype="float64"))
    assert gradient.dtype == gnp.float32 and float(gradient) == 3.0
    value, pull = gf.vjp(lambda h: h * h, 0.5)
    assert float(value) == 0.25 and pull(1.0)[0].dtype == gnp.float32
    assert gf.hessian(lambda h: h**3)(2.0).dtype == gnp.float32


def test_another_number_is_no_other_program():
    calls = []

    @gf.jit
    def scaled(x, h):
        calls.append(h)
        return x * h

    x = gnp.asarray([1.0], dtype="float64")
    assert [float(scaled(x, h)[0]) for h in (0.1, 0.2, 0.3)] == [0.1, 0.2, 0.3]
    assert len(calls) == 1
