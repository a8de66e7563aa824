"""Schedules: momenta that are cycled, one after the other, and by a metric. Values in tables are PyTorch's."""

import gradframe as gf
import numpy as np
import pytest

optim = gf.optim


def optimizer(rule=optim.SGD, **options):
    return rule([gf.array([1.0, 2.0], requires_grad=True)], **{"lr": 0.1, **options})


def cosine(first, last, part):
    return last + (first - last) * (1 + np.cos(np.pi * part)) / 2


@pytest.mark.parametrize(
    ("rule", "options"), [(optim.SGD, {}), (optim.RMSprop, {}), (optim.Adam, {}), (optim.AdamW, {}), (optim.Lion, {"betas": (0.5, 0.99)})]
)
def test_one_cycle_takes_the_momentum_down_and_up(rule, options):
    made = optimizer(rule, **options)
    schedule = optim.OneCycleLR(made, max_lr=0.5, total_steps=10, pct_start=0.4)
    group, found = made.param_groups[0], []
    for _ in range(10):
        found.append(group["betas"][0] if "betas" in group else group["momentum"])
        schedule.step()
    expected = [cosine(0.95, 0.85, i / 3) if i <= 3 else cosine(0.85, 0.95, (i - 3) / 6) for i in range(10)]
    np.testing.assert_allclose(found, expected)
    if "betas" in group:
        assert group["betas"][1] == optimizer(rule, **options).param_groups[0]["betas"][1]


def test_one_cycle_leaves_the_momentum_alone_where_it_is_told_to():
    made = optimizer(optim.Adam)
    optim.OneCycleLR(made, max_lr=0.5, total_steps=10, cycle_momentum=False).step()
    assert made.param_groups[0]["betas"] == (0.9, 0.999)


def test_one_cycle_says_where_there_is_no_momentum():
    with pytest.raises(gf.errors.PlanError, match="Adagrad has neither momentum nor betas.*cycle_momentum=False"):
        optim.OneCycleLR(optimizer(optim.Adagrad), max_lr=0.5, total_steps=10)
    with pytest.raises(gf.errors.PlanError, match="`max_momentum` is 1"):
        optim.OneCycleLR(optimizer(), max_lr=0.5, total_steps=10, max_momentum=1.0)


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        (optim.SGD, {"momentum": 0.9}), (optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
        (optim.Adam, {"weight_decay": 0.1}), (optim.AdamW, {}), (optim.Lion, {"weight_decay": 0.1}),
        (optim.RMSprop, {"momentum": 0.5, "weight_decay": 0.1}),
    ],
)
def test_steps_with_a_cycled_momentum_are_those_of_the_engine_with_that_momentum(rule, options):
    arrays = [gf.array(np.array([3.0, -2.0]), requires_grad=True) for _ in range(2)]
    cycled, plain = (rule([array], lr=0.1, **options) for array in arrays)
    schedule = optim.OneCycleLR(cycled, max_lr=0.5, total_steps=8)
    for step in range(8):
        for name in ("lr", "betas", "momentum"):
            if name in cycled.param_groups[0]:
                plain.param_groups[0][name] = cycled.param_groups[0][name]
        for array, made in zip(arrays, (cycled, plain), strict=True):
            array.grad = (array.detach() - 1.0) * (step - 2.5)
            made.step()
        schedule.step()
        np.testing.assert_allclose(arrays[0].numpy(), arrays[1].numpy(), rtol=1e-9)


def test_one_schedule_follows_another():
    made = optimizer()
    parts = [optim.LambdaLR(made, lambda i: (i + 1) / 4), optim.StepLR(made, 2), optim.LambdaLR(made, lambda i: 0.5)]
    schedule = optim.SequentialLR(made, parts, milestones=[3, 7])
    rates = []
    for _ in range(9):
        rates += schedule.get_last_lr()
        schedule.step()
    np.testing.assert_allclose(rates, [0.025, 0.05, 0.075, 0.1, 0.1, 0.01, 0.01, 0.05, 0.05])
    resumed = optim.SequentialLR(made, parts, milestones=[3, 7])
    resumed.load_state_dict({"done": 5})
    np.testing.assert_allclose(resumed.get_last_lr(), [0.01])


def test_sequences_that_do_not_fit_are_an_error():
    made, other = optimizer(), optimizer()
    own, strange = optim.StepLR(made, 2), optim.StepLR(other, 2)
    for schedulers, milestones, error, match in [
        ([own, own], [], gf.errors.PlanError, "0 milestones for 2 schedules"),
        ([own, own, own], [3, 3], gf.errors.PlanError, "do not rise"),
        ([own, own], [0], gf.errors.PlanError, "integer of 1 or more"),
        ([own, strange], [2], gf.errors.PlanError, "another optimizer"),
        ([own, optim.ReduceLROnPlateau(made)], [2], gf.errors.DTypeError, "ReduceLROnPlateau"),
    ]:
        with pytest.raises(error, match=match):
            optim.SequentialLR(made, schedulers, milestones)


@pytest.mark.parametrize("second", [lambda o: optim.StepLR(o, 2), optim.ReduceLROnPlateau])
def test_two_schedules_that_take_turns_are_an_error_that_names_the_way(second):
    made = optimizer()
    warm_up, decay = optim.LinearWarmup(made, 4), second(made)
    metric = (1.0,) if isinstance(decay, optim.ReduceLROnPlateau) else ()
    warm_up.step()
    decay.step(*metric)
    with pytest.raises(gf.errors.PlanError, match="LinearWarmup: another schedule steps the same optimizer.*SequentialLR"):
        warm_up.step()
    decay.step(*metric)  # one after the other is well
    assert warm_up.done == 1


@pytest.mark.parametrize(
    ("options", "metrics", "rates"),
    [
        ({}, [-1.0, -0.96, -0.9, -0.9], [1.0, 1.0, 1.0, 0.5]),
        ({"mode": "max"}, [-1.0, -1.04, -1.1, -1.1], [1.0, 1.0, 1.0, 0.5]),
        ({}, [1.0, 0.98, 0.94, 0.93, 0.93], [1.0, 1.0, 1.0, 1.0, 0.5]),
        ({"threshold_mode": "abs"}, [-1.0, -1.02, -1.0, -1.1], [1.0, 1.0, 0.5, 0.5]),
        ({"cooldown": 2}, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25]),
        ({"min_lr": [0.7]}, [1.0, 1.0, 1.0], [1.0, 1.0, 0.7]),
        ({}, [1.0, float("nan"), float("nan")], [1.0, 1.0, 0.5]),
    ],
)
def test_a_plateau_is_what_pytorch_takes_for_one(options, metrics, rates):
    made = optimizer(lr=1.0)
    schedule, found = optim.ReduceLROnPlateau(made, patience=1, factor=0.5, threshold=0.05, **options), []
    for metric in metrics:
        schedule.step(metric)
        found += schedule.get_last_lr()
    assert found == rates


@pytest.mark.parametrize(
    "options", [{"mode": "up"}, {"factor": 1.0}, {"factor": 0.0}, {"threshold": -1.0}, {"min_lr": [0.1, 0.1]}, {"patience": -1}]
)
def test_plateaus_of_nothing_are_an_error(options):
    with pytest.raises(gf.errors.PlanError, match="ReduceLROnPlateau"):
        optim.ReduceLROnPlateau(optimizer(), **options)
    with pytest.raises(gf.errors.DTypeError, match="the metric is 'a'"):
        optim.ReduceLROnPlateau(optimizer()).step("a")


def test_a_schedule_begins_at_the_rate_that_there_is_when_the_first_is_made():
    made = optimizer(lr=0.1)
    made.param_groups[0]["lr"] = 0.01
    schedule = optim.StepLR(made, 1)
    assert schedule.get_last_lr() == [0.01]
    schedule.step()
    np.testing.assert_allclose(schedule.get_last_lr(), [0.001])
    np.testing.assert_allclose(optim.StepLR(made, 1).get_last_lr(), [0.01])  # a second one begins where the first did
    made.add_param_group({"params": [gf.array([1.0], requires_grad=True)], "lr": 0.5})
    schedule.step()
    np.testing.assert_allclose(schedule.get_last_lr(), [0.0001, 0.005])


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda o, v: optim.StepLR(o, 2, gamma=v), "gamma"),
        (lambda o, v: optim.CosineAnnealingLR(o, 2, eta_min=v), "eta_min"),
        (lambda o, v: optim.OneCycleLR(o, 1.0, 10, div_factor=v), "div_factor"),
        (lambda o, v: optim.OneCycleLR(o, 1.0, 10, final_div_factor=v), "final_div_factor"),
    ],
)
def test_numbers_of_schedules_that_mean_nothing_are_an_error(make, name):
    for wrong, error in [("a", gf.errors.DTypeError), (None, gf.errors.DTypeError), (-1.0, gf.errors.PlanError), (float("nan"), gf.errors.PlanError)]:
        with pytest.raises(error, match=f"`{name}` is"):
            make(optimizer(), wrong)
    if "div" in name:
        with pytest.raises(gf.errors.PlanError, match=f"`{name}` is 0, expected a number above it"):
            make(optimizer(), 0)


@pytest.mark.parametrize("wrong", [3, None, [abs, 3], "ab"])
def test_factors_that_are_no_functions_are_an_error(wrong):
    groups = [{"params": [gf.array([1.0], requires_grad=True)]} for _ in range(2)]
    with pytest.raises(gf.errors.DTypeError, match="LambdaLR: `lr_lambda` is"):
        optim.LambdaLR(optim.SGD(groups, lr=0.1), wrong)


@pytest.mark.parametrize("done", ["a", -1, 2.5, None, True])
def test_a_state_of_schedules_holds_counts(done):
    schedule, plateau = optim.StepLR(optimizer(), 2), optim.ReduceLROnPlateau(optimizer())
    with pytest.raises(gf.errors.DTypeError, match="load_state_dict: `done` is"):
        schedule.load_state_dict({"done": done})
    for name in ("bad", "resting"):
        with pytest.raises(gf.errors.DTypeError, match=f"load_state_dict: `{name}` is"):
            plateau.load_state_dict({**plateau.state_dict(), name: done})
    with pytest.raises(gf.errors.DTypeError, match="load_state_dict: `best` is"):
        plateau.load_state_dict({**plateau.state_dict(), "best": "a"})
    assert schedule.done == 0 and plateau.state_dict() == {"best": float("inf"), "bad": 0, "resting": 0}
    plateau.load_state_dict(plateau.state_dict())


@pytest.mark.parametrize(
    "make",
    [
        lambda o: optim.StepLR(o, 2), lambda o: optim.LambdaLR(o, abs), lambda o: optim.OneCycleLR(o, 1.0, 10), optim.ReduceLROnPlateau,
        lambda o: optim.LinearWarmup(o, 2), lambda o: optim.CosineAnnealingLR(o, 2),
    ],
)
@pytest.mark.parametrize("wrong", [lambda: optim.LBFGS([gf.array([1.0], requires_grad=True)]), lambda: None], ids=["LBFGS", "None"])
def test_schedules_are_for_optimizers_with_a_rate(make, wrong):
    with pytest.raises(gf.errors.DTypeError, match="expected an optimizer with a learning rate, got (LBFGS|NoneType)"):
        make(wrong())
