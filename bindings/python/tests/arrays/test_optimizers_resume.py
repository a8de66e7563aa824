"""Optimisers whose parameters, options and positions change on the way."""

import copy
import math
import pickle

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pytest
from gradframe import nn

RULES = [
    (gf.optim.SGD, {"momentum": 0.9}),
    (gf.optim.Adam, {}),
    (gf.optim.AdamW, {}),
    (gf.optim.RMSprop, {"momentum": 0.5}),
    (gf.optim.Adagrad, {}),
    (gf.optim.Lion, {}),
]


def parameter(*values):
    return gnp.array(values, requires_grad=True)


def descend(optimizer, arrays, steps):
    """Steps down sum((x - 1)^2 * weights)."""
    for _ in range(steps):
        optimizer.zero_grad()
        for number, array in enumerate(arrays):
            ((array - 1.0) ** 2).sum().backward(gnp.asarray(1.0 + number))
        optimizer.step()


@pytest.mark.parametrize(("rule", "options"), RULES, ids=lambda v: getattr(v, "__name__", ""))
def test_a_parameter_that_comes_later_begins_at_its_own_first_step(rule, options):
    early, late, alone = parameter(3.0, -2.0), parameter(0.5), parameter(0.5)
    optimizer, fresh = rule([early], lr=0.1, **options), rule([alone], lr=0.1, **options)
    descend(optimizer, [early], 5)
    optimizer.add_param_group({"params": [late]})
    descend(optimizer, [late], 3)
    descend(fresh, [alone], 3)
    np.testing.assert_array_equal(late.numpy(), alone.numpy())


@pytest.mark.parametrize(("name", "value"), [("weight_decay", 0.3), ("momentum", 0.8), ("nesterov", True)])
def test_options_that_are_changed_on_the_way_hold_from_the_next_step_on(name, value):
    x, y = parameter(3.0, -2.0), parameter(3.0, -2.0)
    changed = gf.optim.SGD([x], lr=0.05, momentum=0.5)
    descend(changed, [x], 2)
    changed.param_groups[0][name] = value
    other = gf.optim.SGD([y], lr=0.05, momentum=0.5)
    descend(other, [y], 2)
    after = gf.optim.SGD([y], lr=0.05, **{"momentum": 0.5, name: value})
    state = other.state_dict()
    state["groups"][0]["options"] = after.state_dict()["groups"][0]["options"]
    after.load_state_dict(state)
    descend(changed, [x], 2)
    descend(after, [y], 2)
    np.testing.assert_array_equal(x.numpy(), y.numpy())
    assert changed.param_groups[0][name] == value


def test_an_option_that_makes_no_sense_is_an_error_at_the_next_step_and_changes_nothing():
    x = parameter(3.0)
    optimizer = gf.optim.Adam([x], lr=0.1)
    descend(optimizer, [x], 1)
    before = x.numpy().copy()
    optimizer.param_groups[0]["betas"] = (1.5, 0.9)
    x.sum().backward()
    with pytest.raises(gf.errors.PlanError, match="expected betas from 0 to below 1"):
        optimizer.step()
    np.testing.assert_array_equal(x.numpy(), before)


@pytest.mark.parametrize(("rule", "options"), RULES, ids=lambda v: getattr(v, "__name__", ""))
def test_a_loaded_state_goes_on_exactly(rule, options):
    x, y = parameter(3.0, -2.0), parameter(0.0)
    whole = rule([{"params": [x]}, {"params": [y], "lr": 0.01}], lr=0.1, **options)
    descend(whole, [x], 2)  # y has no gradient yet
    descend(whole, [x, y], 2)
    state = copy.deepcopy(whole.state_dict())
    other_x, other_y = (gnp.array(a.numpy(), requires_grad=True) for a in (x, y))
    other = rule([{"params": [other_x]}, {"params": [other_y]}], lr=0.5)
    other.load_state_dict(state)
    descend(whole, [x, y], 3)
    descend(other, [other_x, other_y], 3)
    np.testing.assert_array_equal(x.numpy(), other_x.numpy())
    np.testing.assert_array_equal(y.numpy(), other_y.numpy())
    assert [group["lr"] for group in other.param_groups] == [0.1, 0.01]


def test_a_state_that_does_not_fit_changes_nothing():
    x = parameter(3.0, -2.0)
    optimizer = gf.optim.Adam([x], lr=0.1)
    for wrong in (None, 3, {}, {"groups": [{}]}, {"state": {}, "param_groups": []}):
        with pytest.raises(TypeError, match="load_state_dict: expected what an optimiser's state_dict"):
            optimizer.load_state_dict(wrong)
    descend(optimizer, [x], 1)
    before = optimizer.state_dict()
    other = gf.optim.Adam([parameter(1.0)], lr=0.7)
    descend(other, other.param_groups[0]["params"], 1)
    with pytest.raises(ValueError, match="`mean` has shape \\(1,\\), its parameter \\(2,\\)"):
        optimizer.load_state_dict(other.state_dict())
    with pytest.raises(gf.errors.PlanError, match="unknown options .*'momentum'"):
        optimizer.load_state_dict(gf.optim.SGD([x], lr=0.1).state_dict())
    assert optimizer.param_groups[0]["lr"] == 0.1
    assert optimizer.state_dict()["groups"][0]["state"][0]["steps"] == before["groups"][0]["state"][0]["steps"] == 1


def test_a_parameter_is_given_once():
    x = parameter(3.0)
    for groups in ([x, x], [{"params": [x]}, {"params": [x]}]):
        with pytest.raises(gf.errors.PlanError, match="given twice"):
            gf.optim.SGD(groups, lr=0.1)


def test_schedules_of_groups_begin_and_end_at_rates_of_their_own():
    def groups():
        return gf.optim.SGD([{"params": [parameter(1.0)], "lr": 0.1}, {"params": [parameter(1.0)], "lr": 0.01}], lr=1.0)

    schedule = gf.optim.CosineAnnealingLR(groups(), 4, eta_min=0.005)
    half = [0.005 + (rate - 0.005) * (1 + math.cos(math.pi / 4)) / 2 for rate in (0.1, 0.01)]
    schedule.step()
    np.testing.assert_allclose(schedule.get_last_lr(), half, rtol=1e-12)
    schedule.step()
    schedule.step()
    third = schedule.get_last_lr()
    schedule.step()
    np.testing.assert_allclose(schedule.get_last_lr(), [0.005, 0.005], rtol=1e-12)
    schedule.step()
    np.testing.assert_allclose(schedule.get_last_lr(), third, rtol=1e-12)  # up again, as it came down
    assert gf.optim.LambdaLR(groups(), [lambda _: 2.0, lambda _: 3.0]).get_last_lr() == [0.2, 0.03]
    assert gf.optim.OneCycleLR(groups(), [1.0, 0.5], 10, pct_start=0.1).get_last_lr() == [1.0, 0.5]
    with pytest.raises(gf.errors.PlanError, match="1 functions for 2 groups"):
        gf.optim.LambdaLR(groups(), [abs])


SCHEDULES = [
    lambda o: gf.optim.StepLR(o, 2, 0.5),
    lambda o: gf.optim.CosineAnnealingLR(o, 5, 0.01),
    lambda o: gf.optim.OneCycleLR(o, 1.0, 9),
    lambda o: gf.optim.LinearWarmup(o, 4),
    lambda o: gf.optim.ReduceLROnPlateau(o, patience=1),
]


@pytest.mark.parametrize("make", SCHEDULES)
def test_schedules_go_on_where_they_stopped(make):
    def step(schedule, times):
        for _ in range(times):
            schedule.step(*((1.0,) if isinstance(schedule, gf.optim.ReduceLROnPlateau) else ()))

    first, second = (gf.optim.SGD([parameter(1.0)], lr=0.3) for _ in range(2))
    whole, other = make(first), make(second)
    step(whole, 3)
    second.load_state_dict(first.state_dict())
    other.load_state_dict(whole.state_dict())
    for _ in range(4):
        assert other.get_last_lr() == whole.get_last_lr()
        step(whole, 1)
        step(other, 1)
    with pytest.raises(TypeError, match="expected what a schedule's state_dict"):
        other.load_state_dict(None)


def test_schedules_refuse_spans_of_nothing():
    optimizer = gf.optim.SGD([parameter(1.0)], lr=0.3)
    for make in (gf.optim.StepLR, gf.optim.CosineAnnealingLR, gf.optim.LinearWarmup):
        for steps in (0, -1, 2.5, True):
            with pytest.raises(gf.errors.PlanError, match="expected an integer of 1 or more"):
                make(optimizer, steps)


def test_a_loaded_module_has_memory_of_its_own():
    layer, weight = nn.Linear(2, 1, bias=False), np.ones((1, 2), "float32")
    layer.load_state_dict({"weight": weight})
    made = nn.Parameter(weight)
    weight[:] = 7
    assert layer.weight.tolist() == [[1.0, 1.0]] and made.tolist() == [[1.0, 1.0]]


class Tied(nn.Module):
    """An output layer that shares the embedding's weights."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(5, 3)
        self.out = nn.Linear(3, 5, bias=False)
        self.out.weight = self.embedding.weight


def test_tied_weights_have_both_names_and_load_by_either():
    module, other = Tied(), Tied()
    state = module.state_dict()
    assert list(state) == ["embedding.weight", "out.weight"] and len(list(module.parameters())) == 1
    for given in (state, {"embedding.weight": state["out.weight"]}, {"out.weight": state["out.weight"]}):
        other.load_state_dict(given)
        np.testing.assert_array_equal(other.out.weight.numpy(), module.embedding.weight.numpy())
        assert other.out.weight is other.embedding.weight
    with pytest.raises(ValueError, match="`embedding.weight` is missing; `out.weight` is missing"):
        other.load_state_dict({})


def test_the_number_of_batches_in_pytorchs_state_of_a_batch_norm_is_passed_over():
    layer = nn.Sequential(nn.BatchNorm1d(2))
    state = {name: array.numpy() for name, array in layer.state_dict().items()}
    layer.load_state_dict({**state, "0.num_batches_tracked": np.int64(3)})
    with pytest.raises(ValueError, match="`num_batches_tracked` is not expected"):
        layer.load_state_dict({**state, "num_batches_tracked": np.int64(3)})


def test_modules_are_pickled_with_what_they_learn():
    module = pickle.loads(pickle.dumps(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))))
    assert all(p.requires_grad for p in module.parameters()) and not module[1].running_mean.requires_grad
    module(gnp.ones((4, 2))).sum().backward()
    assert module[0].weight.grad is not None
    half = pickle.loads(pickle.dumps(gnp.asarray([1.5, 2.0], dtype="bfloat16")))
    assert half.dtype == gnp.bfloat16 and half.tolist() == [1.5, 2.0]


def saved(rule=gf.optim.Adam, steps=1):
    x = parameter(3.0, -2.0)
    optimizer = rule([x], lr=0.1)
    descend(optimizer, [x], steps)
    return optimizer.state_dict()


def put(whole, /, **changes):
    """A state with other contents of its one parameter, or of its one group."""
    group = dict(whole["groups"][0])
    for name, value in changes.items():
        if name in ("options", "state"):
            group[name] = value
        else:
            group["state"] = [{**group["state"][0], name: value}]
    return {**whole, "groups": [group]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": [{}]}, {"steps": "a"}, {"state": [None]}, {"state": None}, {"options": 3}, {"steps": -1}, {"steps": 2.7}, {"steps": True},
        {"steps": None}, {"velocity": np.ones(2)}, {"state": {}},
    ],
    ids=str,
)
def test_a_state_that_no_optimizer_made_is_an_error(wrong):
    optimizer = gf.optim.Adam([parameter(3.0, -2.0)], lr=0.3)
    with pytest.raises(gf.errors.DTypeError, match="load_state_dict: "):
        optimizer.load_state_dict(put(saved(), **wrong))
    with pytest.raises(gf.errors.DTypeError, match="expected what an optimiser's state_dict"):
        optimizer.load_state_dict({"groups": saved()["groups"]})
    assert optimizer.param_groups[0]["lr"] == 0.3 and optimizer.state_dict()["groups"][0]["state"] == [{"steps": 0}]


def test_options_that_are_loaded_leave_the_parameters():
    optimizer, state = gf.optim.Adam([parameter(3.0, -2.0)], lr=0.3), saved()
    with pytest.raises(gf.errors.PlanError, match=r"unknown options \['params'\]"):
        optimizer.load_state_dict(put(state, options={**state["groups"][0]["options"], "params": []}))
    assert len(optimizer.param_groups[0]["params"]) == 1


@pytest.mark.parametrize(("made", "loads"), [(gf.optim.Lion, gf.optim.Adam), (gf.optim.Adam, gf.optim.AdamW)])
def test_the_state_of_another_rule_is_an_error(made, loads):
    with pytest.raises(gf.errors.PlanError, match=f"of the rule '{made.__name__.lower()}', {loads.__name__} has"):
        loads([parameter(3.0, -2.0)]).load_state_dict(saved(made))
