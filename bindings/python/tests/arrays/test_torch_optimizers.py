"""Optimisers beside PyTorch's, whose ways are stored."""

import json

import gradframe as gf
import numpy as np
import pytest
from torch_optimizers import CASES, START, STEPS, STORED, slope

stored = json.loads(STORED.read_text())
#: PyTorch keeps a rate and a product of momenta in float32, whatever the parameters are.
ROUNDED = {"ASGD": 2e-7, "NAdam": 2e-8}


def parameter():
    return gf.array(START.copy(), requires_grad=True)


def steps(optimizer, x, first, last):
    path = []
    for step in range(first, last):
        x.grad = gf.array(slope(x.numpy(), step))
        optimizer.step()
        path.append(x.numpy().copy())
    return path


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_every_step_is_pytorchs(name, maximize):
    rule, options = CASES[name]
    x = parameter()
    optimizer = getattr(gf.optim, rule)([x], **options, maximize=maximize)
    close = {"rtol": ROUNDED.get(rule, 1e-9), "atol": ROUNDED.get(rule, 1e-12)}
    np.testing.assert_allclose(steps(optimizer, x, 0, STEPS), stored["values"][f"{name}/{maximize}"], **close)
    if rule == "ASGD":
        np.testing.assert_allclose(optimizer.averages()[0].numpy(), stored["averages"][f"{name}/{maximize}"], **close)


@pytest.mark.parametrize("name", CASES)
def test_a_loaded_state_goes_on_with_the_same_bits(name):
    rule, options = CASES[name]
    x, y = parameter(), parameter()
    whole, first = getattr(gf.optim, rule)([x], **options), getattr(gf.optim, rule)([y], **options)
    steps(whole, x, 0, 5)
    steps(first, y, 0, 5)
    z = gf.array(y.numpy().copy(), requires_grad=True)
    second = getattr(gf.optim, rule)([z])
    second.load_state_dict(first.state_dict())
    np.testing.assert_array_equal(steps(second, z, 5, STEPS), steps(whole, x, 5, STEPS))


WRONG = [
    (lambda p: gf.optim.Rprop(p, etas=(1.5, 1.2)), gf.errors.PlanError, "`etas` is .*between 0 and 1, and one above 1"),
    (lambda p: gf.optim.Rprop(p, etas=0.5), gf.errors.DTypeError, "`etas` is 0.5, expected two numbers"),
    (lambda p: gf.optim.Rprop(p, step_sizes=(1.0, 0.5)), gf.errors.PlanError, "`step_sizes`"),
    (lambda p: gf.optim.ASGD(p, t0=-1.0), gf.errors.PlanError, "ASGD: `t0`"),
    (lambda p: gf.optim.Adadelta(p, rho=1.5), gf.errors.PlanError, "Adadelta: `rho`"),
    (lambda p: gf.optim.NAdam(p, momentum_decay=-0.1), gf.errors.PlanError, "NAdam: `momentum_decay`"),
    (lambda p: gf.optim.RAdam(p, decoupled_weight_decay="yes"), gf.errors.DTypeError, "RAdam: `decoupled_weight_decay`"),
    (lambda p: gf.optim.Adamax(p, betas=(1.0, 0.9)), gf.errors.PlanError, "Adamax: `betas`"),
]


@pytest.mark.parametrize(("make", "error", "says"), WRONG, ids=[row[2] for row in WRONG])
def test_an_option_that_means_nothing_is_an_error(make, error, says):
    with pytest.raises(error, match=says):
        make([parameter()])


def test_asgd_has_no_mean_before_its_first_step():
    assert gf.optim.ASGD([parameter()]).averages() == [None]
