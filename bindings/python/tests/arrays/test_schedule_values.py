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
    "by a function": (
        lambda o: optim.MultiplicativeLR(o, lambda t: 0.5 + 0.1 * t),
        [0.1, 0.06, 0.042, 0.0336, 0.03024, 0.03024],
    ),
    "a cosine and a step": (
        lambda o: optim.ChainedScheduler([optim.CosineAnnealingLR(o, 3, 0.01), optim.StepLR(o, 2, 0.5)]),
        [0.1, 0.0775, 0.01625, 0.01, 0.01625, 0.02875, 0.0175, 0.015625, 0.0059375],
    ),
    "one that sets the rate anew": (
        lambda o: optim.ChainedScheduler([optim.StepLR(o, 2), optim.LambdaLR(o, lambda t: 1 / (1 + t)), optim.ExponentialLR(o, 0.9)]),
        [0.1, 0.045, 0.03, 0.0225, 0.018, 0.015],
    ),
    "one after the other, and all at once": (
        lambda o: optim.ChainedScheduler(
            [
                optim.SequentialLR(o, [optim.LinearLR(o, 0.5, total_iters=2), optim.MultiplicativeLR(o, lambda t: 0.9 - 0.1 * t)], [3]),
                optim.ExponentialLR(o, 0.5),
            ]
        ),
        [0.05, 0.0375, 0.025, 0.01125, 0.0045, 0.001575, 0.0004725],
    ),
    "then by a function": (
        lambda o: optim.SequentialLR(
            o, [optim.ConstantLR(o, 0.5, total_iters=9), optim.MultiplicativeLR(o, lambda t: 0.8), optim.StepLR(o, 1, 0.5)], [2, 4]
        ),
        [0.05, 0.05, 0.04, 0.032, 0.1, 0.05, 0.025],
    ),
    "triangles": (
        lambda o: optim.CyclicLR(o, 0.1, 0.5, 3, 2),
        [0.1, 0.23333333, 0.36666667, 0.5, 0.3, 0.1, 0.23333333, 0.36666667, 0.5, 0.3, 0.1],
    ),
    "lower triangles": (
        lambda o: optim.CyclicLR(o, 0.1, 0.5, 2, mode="triangular2", base_momentum=0.7),
        [0.1, 0.3, 0.5, 0.3, 0.1, 0.2, 0.3, 0.2, 0.1, 0.15],
    ),
    "falling triangles": (
        lambda o: optim.CyclicLR(o, 0.1, 0.5, 2, mode="exp_range", gamma=0.9),
        [0.1, 0.28, 0.424, 0.2458, 0.1, 0.218098, 0.3125764, 0.19565938],
    ),
    "triangles by a function": (
        lambda o: optim.CyclicLR(o, 0.1, 0.5, 2, scale_fn=lambda x: 1 / x),
        [0.1, 0.3, 0.5, 0.3, 0.1, 0.2, 0.3, 0.2],
    ),
}
MOMENTA = {
    "one cycle in three phases": [0.95, 0.9, 0.85, 0.9, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95],
    "one cycle along lines": [0.95, 0.87857143, 0.86071429, 0.87857143, 0.89642857, 0.91428571, 0.93214286, 0.95],
    "both": [0.95, 0.92368421, 0.89736842, 0.87105263, 0.85526316, 0.88157895, 0.90789474, 0.93421053, 0.95, 0.95, 0.95, 0.95],
    "triangles": [0.9, 0.86666667, 0.83333333, 0.8, 0.85, 0.9, 0.86666667, 0.83333333, 0.8, 0.85, 0.9],
    "lower triangles": [0.9, 0.8, 0.7, 0.8, 0.9, 0.85, 0.8, 0.85, 0.9, 0.875],
    "falling triangles": [0.9, 0.855, 0.819, 0.86355, 0.9, 0.8704755, 0.8468559, 0.87608516],
    "triangles by a function": [0.9, 0.85, 0.8, 0.85, 0.9, 0.875, 0.85, 0.875],
}


@pytest.mark.parametrize("name", RATES)
def test_rates_are_pytorchs(name):
    make, expected = RATES[name]
    np.testing.assert_allclose(followed(make, len(expected)), expected, atol=1e-8)
    done = len(expected) // 2
    made = optimizer(momentum=0.9)
    make(made).load_state_dict({"done": done})
    np.testing.assert_allclose(made.param_groups[0]["lr"], expected[done], atol=1e-8, err_msg="goes on from its state")


def test_a_schedule_of_all_at_once_has_the_other_options_too_and_groups_of_their_own():
    parameters = [gf.array([1.0], requires_grad=True) for _ in range(2)]
    made = optim.Adam([{"params": parameters[:1]}, {"params": parameters[1:], "lr": 0.01}], lr=0.1)
    doubled = optim.MultiplicativeLR(made, [lambda t: 0.5, lambda t: 2.0])
    schedule = optim.ChainedScheduler([optim.CyclicLR(made, 0.1, 0.5, 2), doubled])
    for _ in range(3):
        schedule.step()
    # Set anew to 0.3, then multiplied once more.
    assert [round(group["lr"], 9) for group in made.param_groups] == [0.15, 0.6]
    assert [round(group["betas"][0], 9) for group in made.param_groups] == [0.85, 0.85]
    schedule.load_state_dict({"done": 1})
    assert [round(group["lr"], 9) for group in made.param_groups] == [0.15, 0.6]


@pytest.mark.parametrize("name", MOMENTA)
def test_momenta_are_pytorchs(name):
    np.testing.assert_allclose(followed(RATES[name][0], len(MOMENTA[name]), "momentum"), MOMENTA[name], atol=1e-8)


WRONG = {
    "no schedule": (lambda o: optim.ChainedScheduler([]), "there are no schedules"),
    "no shape": (lambda o: optim.CyclicLR(o, 0.1, 0.5, mode="square"), "`mode` is 'square', expected one of 'triangular'"),
    "more rates than groups": (lambda o: optim.CyclicLR(o, [0.1, 0.2], 0.5), "2 rates as `base_lr` for 1 groups"),
    "more functions than groups": (lambda o: optim.MultiplicativeLR(o, [abs, abs]), "2 functions for 1 groups"),
    "nothing to cycle": (lambda o: optim.CyclicLR(optimizer(optim.Adagrad), 0.1, 0.5), "CyclicLR: Adagrad has neither momentum nor betas"),
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
