"""Rates and momenta of schedules over their steps. The values are PyTorch 2.15's, at lr=0.1 and momentum=0.9."""

import gradframe as gf
import numpy as np
import pytest

optim = gf.optim


def optimizer(rule=optim.SGD, **options):
    return rule([gf.array([1.0, 2.0], requires_grad=True)], **{"lr": 0.1, **options})


def followed(make, steps, name="lr"):
    made = optimizer(momentum=0.9)
    schedule, found = make(made), []
    for _ in range(steps):
        found.append(made.param_groups[0][name])
        schedule.step()
    return found


RATES = {
    "multi-step": (lambda o: optim.MultiStepLR(o, [4, 2, 4], 0.5), [0.1, 0.1, 0.05, 0.05, 0.0125, 0.0125, 0.0125]),
    "exponential": (lambda o: optim.ExponentialLR(o, 0.5), [0.1, 0.05, 0.025, 0.0125]),
    "constant": (lambda o: optim.ConstantLR(o, 0.5, total_iters=2), [0.05, 0.05, 0.1, 0.1]),
    "linear": (lambda o: optim.LinearLR(o, 0.5, total_iters=4), [0.05, 0.0625, 0.075, 0.0875, 0.1, 0.1, 0.1]),
    "polynomial": (lambda o: optim.PolynomialLR(o, total_iters=4, power=2.0), [0.1, 0.05625, 0.025, 0.00625, 0.0, 0.0]),
    "longer restarts": (
        lambda o: optim.CosineAnnealingWarmRestarts(o, 2, 2, 0.01),
        [0.1, 0.055, 0.1, 0.08681981, 0.055, 0.02318019, 0.1, 0.09657458, 0.08681981],
    ),
    "restarts": (lambda o: optim.CosineAnnealingWarmRestarts(o, 3), [0.1, 0.075, 0.025, 0.1, 0.075, 0.025, 0.1]),
    "two at once": (
        lambda o: optim.ChainedScheduler([optim.ConstantLR(o, 0.1, total_iters=2), optim.ExponentialLR(o, 0.9)]),
        [0.01, 0.009, 0.081, 0.0729, 0.06561],
    ),
    "four at once": (
        lambda o: optim.ChainedScheduler(
            [optim.LinearLR(o, 0.5, total_iters=4), optim.StepLR(o, 2, 0.5), optim.MultiStepLR(o, [3], 0.1), optim.PolynomialLR(o, 8)], o
        ),
        [0.05, 0.0546875, 0.028125, 0.00273438, 0.00125, 0.0009375, 0.0003125],
    ),
    "one cycle in three phases": (
        lambda o: optim.OneCycleLR(o, 0.5, total_steps=10, three_phase=True),
        [0.02, 0.26, 0.5, 0.26, 0.02, 0.01809036, 0.01309086, 0.00691114, 0.00191164, 2e-06],
    ),
    "one cycle along lines": (
        lambda o: optim.OneCycleLR(o, 0.5, epochs=2, steps_per_epoch=4, anneal_strategy="linear", div_factor=10, final_div_factor=100),
        [0.05, 0.37142857, 0.44648214, 0.35728571, 0.26808929, 0.17889286, 0.08969643, 0.0005],
    ),
    "both": (
        lambda o: optim.OneCycleLR(o, 0.5, total_steps=12, pct_start=0.4, three_phase=True, anneal_strategy="linear"),
        [0.02, 0.14631579, 0.27263158, 0.39894737, 0.47473684, 0.34842105, 0.22210526, 0.09578947, 0.01764729, 0.01176553, 0.00588376, 2e-06],
    ),
}
MOMENTA = {
    "one cycle in three phases": [0.95, 0.9, 0.85, 0.9, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95],
    "one cycle along lines": [0.95, 0.87857143, 0.86071429, 0.87857143, 0.89642857, 0.91428571, 0.93214286, 0.95],
    "both": [0.95, 0.92368421, 0.89736842, 0.87105263, 0.85526316, 0.88157895, 0.90789474, 0.93421053, 0.95, 0.95, 0.95, 0.95],
}


@pytest.mark.parametrize("name", RATES)
def test_rates_are_pytorchs(name):
    make, expected = RATES[name]
    np.testing.assert_allclose(followed(make, len(expected)), expected, atol=1e-8)
    done = len(expected) // 2
    made = optimizer(momentum=0.9)
    make(made).load_state_dict({"done": done})
    np.testing.assert_allclose(made.param_groups[0]["lr"], expected[done], atol=1e-8, err_msg="goes on from its state")


@pytest.mark.parametrize("name", MOMENTA)
def test_momenta_are_pytorchs(name):
    np.testing.assert_allclose(followed(RATES[name][0], len(MOMENTA[name]), "momentum"), MOMENTA[name], atol=1e-8)


WRONG = {
    "no schedule": (lambda o: optim.ChainedScheduler([]), "there are no schedules"),
    "one that sets the rate anew": (lambda o: optim.ChainedScheduler([optim.StepLR(o, 2), optim.LambdaLR(o, abs)]), "LambdaLR sets the rate by itself"),
    "another's": (lambda o: optim.ChainedScheduler([optim.StepLR(o, 2), optim.StepLR(optimizer(), 2)]), "another optimizer"),
    "no number of steps": (lambda o: optim.OneCycleLR(o, 0.5, epochs=3), "expected `total_steps`, or `epochs` and `steps_per_epoch`"),
    "no curve": (lambda o: optim.OneCycleLR(o, 0.5, 10, anneal_strategy="cosine"), "`anneal_strategy` is 'cosine', expected 'cos' or 'linear'"),
    "from nothing": (lambda o: optim.LinearLR(o, 0.0), "`start_factor` is 0"),
    "more than all": (lambda o: optim.ConstantLR(o, 2.0), "`factor` is 2"),
    "no length": (lambda o: optim.CosineAnnealingWarmRestarts(o, 0), "T_0 is 0, expected an integer of 1 or more"),
    "a step before the first": (lambda o: optim.MultiStepLR(o, [-1]), "a milestone is -1, expected an integer of 0 or more"),
}


@pytest.mark.parametrize("name", WRONG)
def test_schedules_of_nothing_are_an_error(name):
    make, says = WRONG[name]
    with pytest.raises(gf.errors.PlanError, match=says):
        make(optimizer(momentum=0.9))
