"""Hooks on the way back: they see and change gradients as PyTorch's do, which are stored, and keep nothing."""

import gc
import json
import weakref

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pytest
from gradframe import nn
from gradframe._array import hooks
from torch_hooks import HOOKS, POINT, STORED

stored = json.loads(STORED.read_text())


@pytest.mark.parametrize("name", HOOKS)
def test_hooks_see_and_change_what_they_do_in_pytorch(name):
    found = HOOKS[name](nn, gf.array, gf.array(POINT, requires_grad=True))
    assert len(found) == len(stored[name])
    for one, expected in zip(found, stored[name], strict=True):
        np.testing.assert_allclose(np.asarray(one), expected, rtol=1e-12)


def test_hooks_on_the_way_are_forgotten_with_what_they_are_on():
    x, hook = gf.array(POINT, requires_grad=True), lambda gradient: None
    kept = weakref.ref(hook)
    for _ in range(300):
        y = x * 2
        y.register_hook(hook)
        y.sum().backward()
    assert len(hooks._on_the_way) < 200
    del y, hook
    for _ in range(300):
        (x * 2).register_hook(print)
    gc.collect()
    assert kept() is None


def test_a_hook_changes_gradients_in_a_compiled_step():
    ends = []
    for compiled in (False, True):
        model = nn.Sequential(nn.Linear(3, 4, key=gf.random.key(0)), nn.Tanh(), nn.Linear(4, 1, key=gf.random.key(1)))
        optimizer = gf.optim.SGD(model.parameters(), lr=0.1)
        model[1].register_full_backward_hook(lambda module, entered, left: (gnp.clip(entered[0], -0.01, 0.01),))

        def step(x, model=model, optimizer=optimizer):
            optimizer.zero_grad()
            (model(x) ** 2).sum().backward()
            optimizer.step()

        step = gf.jit(step, state=(model, optimizer)) if compiled else step
        for _ in range(3):
            step(gf.array(POINT.astype("float32")))
        ends.append([np.asarray(p) for p in model.parameters()])
    for eager, own in zip(*ends, strict=True):
        np.testing.assert_allclose(own, eager, rtol=1e-5, atol=1e-7)


WRONG = {
    "nothing flows": (lambda x: gnp.ones(3).register_hook(print), gf.errors.PlanError, r"register_hook: .*requires_grad_\(\)"),
    "another shape": (lambda x: hooked(x, lambda g: g[0]), gf.errors.ShapeError, r"register_hook: .*\(3,\) .* \(2, 3\)"),
    "another number": (lambda x: in_a_module(x, lambda *_: (None, None)), gf.errors.PlanError, "Tanh gives 2 gradients, expected 1"),
}


def hooked(x, hook):
    y = x * 2
    y.register_hook(hook)
    y.sum().backward()


def in_a_module(x, hook):
    module = nn.Tanh()
    module.register_full_backward_hook(hook)
    module(x).sum().backward()


@pytest.mark.parametrize("name", WRONG)
def test_what_means_nothing_is_an_error(name):
    wrong, error, told = WRONG[name]
    with pytest.raises(error, match=told):
        wrong(gf.array(POINT, requires_grad=True))
