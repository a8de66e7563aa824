"""Parts of a program without history."""

import threading

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pytest


def point():
    return gf.array([3.0, 4.0], requires_grad=True)


def test_what_is_computed_inside_has_no_history():
    x = point()
    with gf.no_grad():
        y = x * x
        with gf.enable_grad():
            z = x * x
        fresh = gf.array([1.0], requires_grad=True)
    assert x.requires_grad and fresh.requires_grad
    with pytest.raises(gf.errors.PlanError, match="requires_grad"):
        y.sum().backward()
    (z.sum() + (x * y).sum()).backward()
    np.testing.assert_array_equal(np.asarray(x.grad), [6 + 9, 8 + 16])


@pytest.mark.parametrize("decorated", [gf.no_grad(), gf.no_grad], ids=["called", "as it is"])
def test_it_decorates_functions(decorated):
    x = point()

    @decorated
    def doubled(x):
        """Twice."""
        return x * 2

    assert doubled.__name__ == "doubled" and not doubled(x)._array.is_tracked
    assert (x * 2)._array.is_tracked


def test_history_is_kept_again_after_an_error():
    x = point()
    with pytest.raises(ZeroDivisionError), gf.no_grad():
        1 / 0  # noqa: B018
    assert (x * 2)._array.is_tracked


def test_it_holds_for_its_own_thread():
    x, found = point(), []
    with gf.no_grad():
        thread = threading.Thread(target=lambda: found.append((x * 2)._array.is_tracked))
        thread.start()
        thread.join()
    assert found == [True]


def test_parameters_change_in_place_inside_alone():
    x = point()
    (x**2).sum().backward()
    with gf.no_grad():
        x -= 0.5 * x.grad
        x[0] = 7.0
    np.testing.assert_array_equal(np.asarray(x), [7.0, 0.0])
    assert x.requires_grad
    x.grad = None
    (x * 3).sum().backward()
    np.testing.assert_array_equal(np.asarray(x.grad), [3.0, 3.0])
    with pytest.raises(gf.errors.PlanError, match=r"gf\.no_grad\(\)"):
        x -= 1.0


def test_a_transformed_function_has_constants_inside():
    def half(x):
        with gf.no_grad():
            other = x * 1.0
        return (x * other).sum()

    at = gf.array([3.0, 4.0])
    np.testing.assert_array_equal(np.asarray(gf.grad(half)(at)), [3.0, 4.0])
    np.testing.assert_array_equal(np.asarray(gf.grad(gf.jit(half))(at)), [3.0, 4.0])
    with gf.no_grad():
        np.testing.assert_array_equal(np.asarray(gf.grad(lambda x: (x * x).sum())(at)), [6.0, 8.0])


def test_a_compiled_function_is_another_one_inside():
    x, doubled = point(), gf.jit(lambda x: (x * x).sum())
    with gf.no_grad():
        assert not doubled(x)._array.is_tracked
    doubled(x).backward()
    np.testing.assert_array_equal(np.asarray(x.grad), [6.0, 8.0])


def test_a_compiled_step_may_change_parameters_by_hand():
    found = []
    for compiled in (False, True):
        model = gf.nn.Linear(2, 1, key=gf.random.key(0))

        def step(x, model=model):
            model.zero_grad()
            (model(x) ** 2).sum().backward()
            with gf.no_grad():
                for parameter in model.parameters():
                    parameter -= 0.1 * parameter.grad  # noqa: PLW2901

        step = gf.jit(step, state=model) if compiled else step
        for _ in range(3):
            step(gnp.ones((4, 2)))
        assert all(p.requires_grad for p in model.parameters())
        found.append(np.asarray(model.weight))
    np.testing.assert_allclose(*found, rtol=1e-6)


def test_what_stops_in_between_is_not_decorated():
    def rows(x):
        yield x

    with pytest.raises(gf.errors.PlanError, match="rows stops in between"):
        gf.no_grad()(rows)
