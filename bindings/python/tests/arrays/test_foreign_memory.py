"""Memory of other libraries, written after it was an operand or an input: only `asarray` and `from_dlpack` share it."""

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pytest
from gradframe import nn


class Foreign:
    """Another library's array."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def read_only(array):
    view = array.view()
    view.flags.writeable = False
    return view


def transposed(array):
    return np.asfortranarray(array).T.T


X = gf.array(np.arange(6, dtype="float32").reshape(2, 3))
LAYER = nn.Linear(3, 2, key=gf.random.key(0))

TAKERS = {
    "operator": lambda x: X + x,
    "reflected operator": lambda x: x * X,
    "comparison": lambda x: X < x,
    "product": lambda x: X @ x.T if isinstance(x, np.ndarray) else gnp.matmul(X, gnp.matrix_transpose(x)),
    "function": lambda x: gnp.exp(x),
    "join": lambda x: gnp.concat([X, x]),
    "stack in a list": lambda x: gf.array([X, x]),
    "reshape": lambda x: gnp.reshape(x, (3, 2)),
    "another type": lambda x: gnp.astype(x, "float64") + 1.0,
    "constructor": lambda x: type(X)(x),
    "array": lambda x: gf.array(x),
    "module": lambda x: LAYER(x),
    "function of nn": lambda x: nn.functional.mse_loss(X, x),
    "jit": lambda x: gf.jit(lambda a: a * 2.0)(x),
    "closed over by jit": lambda x: gf.jit(lambda a: a * x)(X),
    "vmap": lambda x: gf.vmap(lambda a: a * 2.0)(x),
    "assignment": lambda x: X.at[:].set(x),
    "cotangent": lambda x: gf.vjp(lambda a: a * 2.0, X)[1](x),
    "choice": lambda x: gf.random.normal(gf.random.key(0), (2, 3), loc=x),
}


@pytest.mark.parametrize("given", [np.asarray, read_only, transposed, Foreign], ids=lambda f: f.__name__)
@pytest.mark.parametrize("taker", TAKERS)
def test_what_is_taken_unasked_is_as_it_was_then(taker, given):
    values = np.linspace(-1.0, 2.0, 6, dtype="float32").reshape(2, 3)
    if given is Foreign and taker in ("reflected operator",):
        pytest.skip("the other library's operator is asked first")
    expected = plain(TAKERS[taker](values.copy()))
    memory = values.copy()
    result = TAKERS[taker](given(memory))
    memory[:] = 99.0
    np.testing.assert_array_equal(plain(result), expected)


def plain(result):
    return np.asarray(result[0] if isinstance(result, tuple) else result)


def test_a_buffer_that_is_filled_anew_in_a_loop_adds_up_as_in_numpy():
    buffer, total = np.zeros(3, "float32"), gf.array([0.0, 0.0, 0.0])
    for step in range(4):
        buffer[:] = step
        total = total + buffer
    assert total.tolist() == [6.0, 6.0, 6.0]


def test_places_are_as_they_were_when_an_array_was_asked_for_them():
    places = np.array([0, 1])
    picked = X[places]
    places[:] = 0
    np.testing.assert_array_equal(picked.numpy(), X.numpy())


def test_asarray_and_from_dlpack_share():
    memory = np.zeros(3, "float32")
    for made in (gnp.asarray(memory), gnp.from_dlpack(memory)):
        assert made.numpy().__array_interface__["data"][0] == memory.__array_interface__["data"][0]


def test_what_nobody_can_write_is_not_copied():
    def address(array):
        return array.__array_interface__["data"][0]

    own = (X + 1.0).numpy()
    fixed = np.frombuffer(bytes(24), "float32").reshape(2, 3)
    for values in (own, own[1:], fixed):
        assert address(type(X)(values).numpy()) == address(values)
