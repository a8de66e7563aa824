"""What optimisers take: every option of PyTorch's that steps know, and errors for what means nothing."""

import math

import gradframe as gf
import numpy as np
import pytest
from gradframe import nn
from gradframe._gradframe import array_programs

START = np.array([3.0, -2.0, 0.5])
NAN, INF = float("nan"), float("inf")


def parameter(values=START):
    return gf.array(np.asarray(values, dtype="float64"), requires_grad=True)


def slope(x, step):
    """The gradient of a step, whose sign changes on the way."""
    return 2.0 * (x - 1.0) * (step % 3 - 0.5)


def ours(rule, options, steps=7):
    x = parameter()
    optimizer = rule([x], lr=0.05, **options)
    for step in range(steps):
        x.grad = gf.array(slope(x.numpy(), step))
        optimizer.step()
    return x.numpy()


def sgd(g, t, s, momentum=0.0, dampening=0.0):
    s["v"] = g if t == 1 else momentum * s["v"] + (1 - dampening) * g
    return s["v"]


def adam(g, t, s, amsgrad=False):
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0) + 0.001 * g * g
    s["top"] = np.maximum(s.get("top", 0), s["v"])
    size = s["top"] if amsgrad else s["v"]
    return s["m"] / (1 - 0.9**t) / (np.sqrt(size / (1 - 0.999**t)) + 1e-8)


def rmsprop(g, t, s, momentum=0.0):
    s["v"] = 0.99 * s.get("v", 0) + 0.01 * g * g
    s["a"] = 0.99 * s.get("a", 0) + 0.01 * g
    s["b"] = momentum * s.get("b", 0) + g / (np.sqrt(s["v"] - s["a"] ** 2) + 1e-8)
    return s["b"]


def adagrad(g, t, s, lr_decay=0.0, initial_accumulator_value=0.0):
    s["v"] = s.get("v", initial_accumulator_value) + g * g
    return g / (np.sqrt(s["v"]) + 1e-10) / (1 + (t - 1) * lr_decay)


@pytest.mark.parametrize(
    ("rule", "options", "direction", "of"),
    [
        (gf.optim.SGD, {"momentum": 0.9, "dampening": 0.5}, sgd, {"momentum": 0.9, "dampening": 0.5}),
        (gf.optim.Adam, {"amsgrad": True}, adam, {"amsgrad": True}),
        (gf.optim.AdamW, {"amsgrad": True}, adam, {"amsgrad": True}),
        (gf.optim.RMSprop, {"centered": True}, rmsprop, {}),
        (gf.optim.RMSprop, {"centered": True, "momentum": 0.5}, rmsprop, {"momentum": 0.5}),
        (gf.optim.Adagrad, {"lr_decay": 0.3}, adagrad, {"lr_decay": 0.3}),
        (gf.optim.Adagrad, {"initial_accumulator_value": 2.0}, adagrad, {"initial_accumulator_value": 2.0}),
    ],
)
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("maximize", [False, True])
def test_steps_follow_the_published_formulas(rule, options, direction, of, decay, maximize):
    x, state, is_apart = START.copy(), {}, rule is gf.optim.AdamW
    for step in range(7):
        g = slope(x, step) * (-1 if maximize else 1)
        g = g if is_apart else g + decay * x
        x = x * (1 - 0.05 * decay) if is_apart else x
        x = x - 0.05 * direction(g, step + 1, state, **of)
    np.testing.assert_allclose(ours(rule, {**options, "weight_decay": decay, "maximize": maximize}), x, rtol=1e-9)


@pytest.mark.parametrize("rule", [gf.optim.SGD, gf.optim.Adam, gf.optim.AdamW, gf.optim.RMSprop, gf.optim.Adagrad, gf.optim.Lion])
def test_maximize_goes_up_where_the_others_go_down(rule):
    x, y = parameter(), parameter()
    up, down = rule([x], maximize=True), rule([y])
    for _ in range(3):
        x.grad, y.grad = gf.array(-START), gf.array(START)
        up.step()
        down.step()
    np.testing.assert_array_equal(x.numpy(), y.numpy())


WRONG = [
    (gf.optim.SGD, "lr", [NAN, INF, -1.0]),
    (gf.optim.SGD, "momentum", [NAN, -1.0]),
    (gf.optim.SGD, "dampening", [NAN, -0.1, 1.5]),
    (gf.optim.SGD, "weight_decay", [NAN, -1.0, INF]),
    (gf.optim.Adam, "eps", [NAN, -1.0]),
    (gf.optim.Adam, "betas", [(0.9, 1.0), (-0.1, 0.9), (NAN, 0.9)]),
    (gf.optim.AdamW, "weight_decay", [NAN, -1.0]),
    (gf.optim.Lion, "betas", [(1.0, 0.9)]),
    (gf.optim.RMSprop, "alpha", [2.0, -1.0, NAN]),
    (gf.optim.RMSprop, "momentum", [-1.0]),
    (gf.optim.RMSprop, "eps", [-1.0]),
    (gf.optim.Adagrad, "eps", [-1.0, NAN]),
    (gf.optim.Adagrad, "lr_decay", [-0.1, INF]),
    (gf.optim.Adagrad, "initial_accumulator_value", [-0.1]),
]
NO_NUMBERS = [
    (gf.optim.SGD, "lr", ["a", "0.1", None, True, [0.1], np.ones(2)]),
    (gf.optim.SGD, "nesterov", ["yes", 0.5]),
    (gf.optim.SGD, "maximize", [None, "a"]),
    (gf.optim.Adam, "betas", [(0.9,), 0.9, None, ("a", 0.9), (0.9, 0.9, 0.9)]),
    (gf.optim.Adam, "amsgrad", ["a", 2]),
    (gf.optim.RMSprop, "centered", ["a"]),
    (gf.optim.Adagrad, "eps", ["a"]),
]
CASES = [(rule, name, value, gf.errors.PlanError) for rule, name, values in WRONG for value in values]
CASES += [(rule, name, value, gf.errors.DTypeError) for rule, name, values in NO_NUMBERS for value in values]


@pytest.mark.parametrize(("rule", "name", "value", "error"), CASES, ids=str)
def test_what_means_nothing_is_an_error_when_it_is_given_and_when_it_is_changed(rule, name, value, error):
    with pytest.raises(error, match=f"{rule.__name__}: `{name}`"):
        rule([parameter()], **{name: value})
    x, y = parameter(), parameter()
    optimizer = rule([{"params": [y]}, {"params": [x]}])
    x.grad, y.grad = gf.array(START), gf.array(START)
    optimizer.param_groups[1][name] = value
    with pytest.raises(error, match=f"{rule.__name__}: `{name}`"):
        optimizer.step()
    np.testing.assert_array_equal([x.numpy(), y.numpy()], [START, START])


def test_groups_are_dictionaries_with_parameters():
    with pytest.raises(gf.errors.PlanError, match="`params`"):
        gf.optim.SGD([{"lr": 0.1}])
    with pytest.raises(gf.errors.PlanError, match="`params`"):
        gf.optim.SGD([parameter()]).add_param_group(parameter())


def test_nesterov_needs_momentum_and_no_dampening():
    for options in ({}, {"momentum": 0.9, "dampening": 0.1}):
        with pytest.raises(gf.errors.PlanError, match="Nesterov"):
            gf.optim.SGD([parameter()], nesterov=True, **options)


def test_amsgrad_goes_on_from_its_state():
    x, y = parameter(), parameter()
    first, second = gf.optim.Adam([x], lr=0.1, amsgrad=True), gf.optim.Adam([y], lr=0.1)
    for step in range(6):
        if step == 3:
            y = parameter(x.numpy())
            second = gf.optim.Adam([y], lr=0.1)
            second.load_state_dict(first.state_dict())
        x.grad, y.grad = gf.array(slope(x.numpy(), step)), gf.array(slope(y.numpy(), step))
        first.step()
        second.step()
    np.testing.assert_array_equal(x.numpy(), y.numpy())


@pytest.mark.parametrize("optimizer", [gf.optim.SGD, gf.optim.LBFGS])
def test_zero_grad_forgets_or_puts_zeros(optimizer):
    x, y = parameter(), parameter()
    made = optimizer([x, y])
    x.grad = gf.array(START)
    made.zero_grad(set_to_none=False)
    assert x.grad.tolist() == [0.0, 0.0, 0.0] and y.grad is None
    made.zero_grad()
    assert x.grad is None


def test_modules_forget_or_put_zeros_too():
    layer = nn.Linear(2, 1, key=gf.random.key(0))
    layer(gf.array([[1.0, 2.0]])).sum().backward(retain_graph=True)
    layer.zero_grad(set_to_none=False)
    assert layer.weight.grad.tolist() == [[0.0, 0.0]]
    layer.zero_grad()
    assert layer.weight.grad is None


def test_a_closure_computes_the_loss_that_the_step_gives():
    x = parameter()
    optimizer = gf.optim.SGD([x], lr=0.5)

    def closure():
        optimizer.zero_grad()
        loss = (x**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == (START**2).sum()
    assert x.tolist() == [0.0, 0.0, 0.0]
    assert optimizer.step() is None


@pytest.mark.parametrize("power", [0.5, 1, 2.0, 3, INF, "inf"])
@pytest.mark.parametrize("most", [0.0, 0.1, 100.0])
def test_gradients_are_scaled_to_a_norm_of_any_power(power, most):
    x, y, without = parameter(), parameter([1.0]), parameter()
    gradients = [np.array([3.0, -4.0, 0.0]), np.array([12.0])]
    x.grad, y.grad = map(gf.array, gradients)
    sizes = np.abs(np.concatenate(gradients))
    norm = sizes.max() if math.isinf(float(power)) else (sizes**power).sum() ** (1 / power)
    np.testing.assert_allclose(gf.optim.clip_grad_norm_([x, y, without], most, norm_type=power).item(), norm)
    for array, gradient in zip([x, y], gradients, strict=True):
        np.testing.assert_allclose(array.grad.numpy(), gradient * min(1.0, most / (norm + 1e-6)))


@pytest.mark.parametrize("wrong", [{"max_norm": -1.0}, {"max_norm": NAN}, {"norm_type": 0}, {"norm_type": -2.0}, {"norm_type": NAN}])
def test_norms_that_are_none_are_an_error(wrong):
    with pytest.raises(gf.errors.PlanError, match=f"clip_grad_norm_: `{next(iter(wrong))}`"):
        gf.optim.clip_grad_norm_([parameter()], **{"max_norm": 1.0, **wrong})


def test_a_norm_that_is_not_finite_is_an_error_where_that_is_asked_for():
    x = parameter()
    x.grad = gf.array(np.array([1.0, NAN, 0.0]))
    with pytest.raises(gf.errors.ExecutionError, match="nan"):
        gf.optim.clip_grad_norm_(x, 1.0, error_if_nonfinite=True)
    assert x.grad.tolist()[0] == 1.0
    with pytest.raises(gf.errors.PlanError, match="clip_value"):
        gf.optim.clip_grad_value_(x, -1.0)
    with pytest.raises(gf.errors.DTypeError, match="model.parameters"):
        gf.optim.clip_grad_norm_(nn.Linear(1, 1), 1.0)


def test_a_plan_names_the_option_that_it_does_not_have():
    model = nn.Linear(1, 1, key=gf.random.key(0))
    frame = gf.DataFrame({"x": [1.0, 2.0], "y": [1.0, 2.0]})
    for optimizer, name in [
        (gf.optim.SGD(model.parameters(), maximize=True), "maximize"),
        (gf.optim.Adagrad(model.parameters(), initial_accumulator_value=0.1), "initial_accumulator_value"),
    ]:
        with pytest.raises(gf.errors.PlanError, match=f"`{name}`.*hint"):
            frame.fit(model, "y", optimizer=optimizer, epochs=1)


MOVED = [
    (gf.optim.SGD, {"momentum": 0.9, "dampening": 0.1, "weight_decay": 0.1}),
    (gf.optim.Adam, {"eps": 1e-8, "weight_decay": 0.1, "amsgrad": True}),
    (gf.optim.AdamW, {"eps": 1e-8, "weight_decay": 0.1}),
    (gf.optim.Lion, {"weight_decay": 0.1}),
    (gf.optim.RMSprop, {"alpha": 0.9, "momentum": 0.5, "eps": 1e-8, "weight_decay": 0.1, "centered": True}),
    (gf.optim.Adagrad, {"lr_decay": 0.1, "weight_decay": 0.1, "eps": 1e-10}),
]


@pytest.mark.parametrize(("rule", "options"), MOVED, ids=lambda v: getattr(v, "__name__", ""))
def test_options_that_are_others_at_each_step_compile_nothing(rule, options):
    x = parameter()
    optimizer = rule([x], **options)
    group = optimizer.param_groups[0]
    for step in range(5):
        x.grad = gf.array(slope(x.numpy(), step))
        optimizer.step()
        programs = array_programs()[0] if step < 2 else programs
        for name, value in group.items():
            if isinstance(value, float):
                group[name] = value * 0.9
        if "betas" in group:
            group["betas"] = tuple(beta * 0.9 for beta in group["betas"])
    assert array_programs()[0] == programs


def test_a_momentum_that_is_left_out_for_some_steps_goes_on():
    x = parameter([0.0])
    optimizer = gf.optim.SGD([x], lr=1.0)
    for momentum, expected in [(0.5, -1.0), (0.0, -2.0), (0.5, -3.5)]:  # as in PyTorch, which keeps the momentum of the first step
        optimizer.param_groups[0]["momentum"] = momentum
        x.grad = gf.array(np.ones(1))
        optimizer.step()
        np.testing.assert_allclose(x.numpy(), [expected])


@pytest.mark.parametrize("amsgrad", [False, True])
def test_a_gradient_of_another_shape_is_an_error_and_changes_nothing(amsgrad):
    x, y = parameter(), parameter([1.0, 2.0])
    optimizer = gf.optim.Adam([x, y], amsgrad=amsgrad)
    x.grad, y.grad = gf.array(START), gf.array(np.ones((3, 2)))
    with pytest.raises(gf.errors.ShapeError, match=r"Adam: a gradient has shape \(3, 2\), its parameter \(2,\)"):
        optimizer.step()
    np.testing.assert_array_equal(x.numpy(), START)
    assert y.tolist() == [1.0, 2.0] and optimizer.state_dict()["groups"][0]["state"][0] == {"steps": 0}


def test_a_momentum_that_is_asked_for_later_begins_with_the_whole_gradient():
    x = parameter([0.0])
    optimizer = gf.optim.SGD([x], lr=1.0, dampening=0.5)
    for momentum, expected in [(0.0, -1.0), (0.9, -2.0), (0.9, -3.4)]:  # as in PyTorch
        optimizer.param_groups[0]["momentum"] = momentum
        x.grad = gf.array(np.ones(1))
        optimizer.step()
        np.testing.assert_allclose(x.numpy(), [expected])


def test_a_bound_of_infinity_measures_and_leaves_the_gradients():
    x = parameter()
    for gradient in (np.array([3.0, -4.0, 0.0]), np.array([INF, 1.0, 0.0])):
        x.grad = gf.array(gradient)
        assert gf.optim.clip_grad_norm_(x, INF).item() == np.sqrt((gradient**2).sum())
        gf.optim.clip_grad_value_(x, INF)
        np.testing.assert_array_equal(x.grad.numpy(), gradient)
    with pytest.raises(gf.errors.PlanError, match="`clip_value` is nan"):
        gf.optim.clip_grad_value_(x, NAN)


@pytest.mark.parametrize("raises_at", [1, 2, 4])
@pytest.mark.parametrize("forgets", [False, True])
def test_lbfgs_keeps_the_best_values_when_its_closure_fails(raises_at, forgets):
    x, tried = parameter(), []
    optimizer = gf.optim.LBFGS([x])

    def closure():
        optimizer.zero_grad()
        loss = ((x - 1.0) ** 4).sum()
        if len(tried) + 1 == raises_at:
            if forgets:
                return loss
            raise KeyError("of the user's")
        tried.append((loss.item(), x.numpy().copy()))
        loss.backward()
        return loss

    with pytest.raises(gf.errors.PlanError if forgets else KeyError):
        optimizer.step(closure)
    best = min(tried, key=lambda one: one[0])[1] if tried else START
    np.testing.assert_array_equal(x.numpy(), best)
    assert x.requires_grad
