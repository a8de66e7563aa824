"""Steps of a training as compiled functions: what they leave is what the same loop leaves without `jit`."""

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pytest
from gradframe import nn

F = nn.functional
RULES = {
    "sgd": lambda p: gf.optim.SGD(p, lr=0.1),
    "momentum": lambda p: gf.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": lambda p: gf.optim.Adam(p, lr=0.01),
    "adamw": lambda p: gf.optim.AdamW(p, lr=0.01, amsgrad=True),
    "nadam": lambda p: gf.optim.NAdam(p, lr=0.01),
    "adadelta": lambda p: gf.optim.Adadelta(p),
    "rmsprop": lambda p: gf.optim.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
    "lion": lambda p: gf.optim.Lion(p, lr=0.01),
}


def network(seed=0, more=()):
    key = iter(gf.random.split(gf.random.key(seed), 8))
    return nn.Sequential(nn.Linear(4, 8, key=next(key)), nn.Tanh(), *more, nn.Linear(8, 3, key=next(key)))


def batches(count, rows=5):
    random = np.random.default_rng(1)
    return [(gnp.asarray(random.normal(size=(rows, 4)).astype("float32")), gnp.asarray(random.integers(0, 3, rows))) for _ in range(count)]


def stepper(model, optimizer, compiled):
    def step(x, y):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return gf.jit(step, state=(model, optimizer)) if compiled else step


def left(model, optimizer=None):
    found = {name: np.asarray(array) for name, array in [*model.named_parameters(), *model.named_buffers()]}
    found |= {f"grad {name}": np.asarray(array.grad) for name, array in model.named_parameters() if array.grad is not None}
    if optimizer is not None:
        for i, group in enumerate(optimizer.state_dict()["groups"]):
            for j, kept in enumerate(group["state"]):
                found |= {f"{i} {j} {name}": np.asarray(slot) for name, slot in kept.items()}
    return found


def assert_same(ours, theirs, tolerance=2e-6):
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        np.testing.assert_allclose(values, theirs[name], atol=tolerance, rtol=tolerance, err_msg=name)


@pytest.mark.parametrize("rule", RULES)
def test_a_compiled_step_leaves_what_the_step_leaves(rule):
    found = []
    for compiled in (True, False):
        model = network()
        optimizer = RULES[rule](model.parameters())
        step = stepper(model, optimizer, compiled)
        losses = [float(step(x, y)) for x, y in batches(6)]
        found.append((losses, left(model, optimizer)))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-5)
    assert_same(found[0][1], found[1][1])


def test_it_is_called_once_with_stand_ins_and_again_for_other_shapes():
    model = network()
    optimizer = gf.optim.Adam(model.parameters())
    calls = []

    @gf.jit(state=(model, optimizer))
    def step(x, y):
        calls.append(x.shape)
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for x, y in [*batches(5), *batches(2, rows=3), *batches(2)]:
        step(x, y)
    # The second call has gradients of the call before it to forget.
    assert len(calls) <= 4 and set(calls) == {(5, 4), (3, 4)}


def test_rates_of_schedules_and_other_options_hold_at_the_next_call():
    found = []
    for compiled in (True, False):
        model = network()
        optimizer = gf.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
        schedule = gf.optim.StepLR(optimizer, step_size=2, gamma=0.1)
        step = stepper(model, optimizer, compiled)
        for i, (x, y) in enumerate(batches(6)):
            step(x, y)
            schedule.step()
            optimizer.param_groups[0]["momentum"] = 0.9 - 0.1 * i
        found.append(left(model, optimizer))
    assert_same(*found)


def test_groups_frozen_parts_and_parameters_without_a_gradient():
    found = []
    for compiled in (True, False):
        model, unused = network(), nn.Linear(2, 2, key=gf.random.key(5))
        model[0].weight.requires_grad_(False)
        groups = [{"params": [model[0].bias], "lr": 0.3}, {"params": [*model[2].parameters(), *unused.parameters()]}]
        optimizer = gf.optim.Adam(groups, lr=0.01)
        step = stepper(model, optimizer, compiled)
        for x, y in batches(4):
            step(x, y)
        found.append({**left(model, optimizer), **{f"unused {k}": v for k, v in left(unused).items()}})
    assert_same(*found)


def test_gradients_are_collected_over_calls_that_do_not_step():
    found = []
    for compiled in (True, False):
        model = network()

        def collect(x, y, model=model):
            (F.cross_entropy(model(x), y) / 2).backward()

        collect = gf.jit(collect, state=model) if compiled else collect
        for x, y in batches(4):
            collect(x, y)
        found.append(left(model))
    assert any(name.startswith("grad") for name in found[0])
    assert_same(*found)


def test_running_statistics_and_modes():
    found = []
    for compiled in (True, False):
        model = network(more=[nn.BatchNorm1d(8)])
        optimizer = gf.optim.SGD(model.parameters(), lr=0.1)
        step = stepper(model, optimizer, compiled)
        forward = gf.jit(lambda x, model=model: model(x), state=model) if compiled else model
        for x, y in batches(4):
            step(x, y)
        trained = np.asarray(forward(x))
        model.eval()
        found.append({**left(model), "trained": trained, "evaluated": np.asarray(forward(x))})
    assert_same(*found)
    assert not np.allclose(found[0]["trained"], found[0]["evaluated"])


def test_dropout_draws_anew_at_each_call_and_repeats_with_the_seed():
    model = nn.Dropout(0.5)
    dropped = gf.jit(lambda x: model(x), state=model)
    x = gnp.ones((64,))
    runs = []
    for _ in range(2):
        gf.random.seed(3)
        runs.append([np.asarray(dropped(x)) for _ in range(3)])
    assert not np.array_equal(runs[0][0], runs[0][1])
    np.testing.assert_array_equal(runs[0], runs[1])


def test_several_steps_a_call_where_a_rule_does_not_count_them():
    found = []
    for compiled in (True, False):
        model = network()
        optimizer = gf.optim.SGD(model.parameters(), lr=0.1)
        single = stepper(model, optimizer, False)
        twice = lambda x, y, single=single: (single(x, y), single(x, y))[1]  # noqa: E731
        twice = gf.jit(twice, state=(model, optimizer)) if compiled else twice
        losses = [float(twice(x, y)) for x, y in batches(3)]
        found.append({**left(model, optimizer), "losses": np.asarray(losses)})
    assert_same(*found)


def test_tied_weights_are_one_array():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(3, 3, key=gf.random.key(0))
            self.outer = nn.Linear(3, 3, key=gf.random.key(1))
            self.outer.weight = self.inner.weight

        def forward(self, x):
            return self.outer(gnp.tanh(self.inner(x)))

    found = []
    for compiled in (True, False):
        model = Tied()
        optimizer = gf.optim.Adam(model.parameters(), lr=0.01)

        def step(x, model=model, optimizer=optimizer):
            optimizer.zero_grad()
            (model(x) ** 2).sum().backward()
            optimizer.step()

        step = gf.jit(step, state=[model, optimizer]) if compiled else step
        for x, _ in batches(3):
            step(x[:, :3])
        assert model.outer.weight is model.inner.weight
        found.append(left(model, optimizer))
    assert_same(*found)


def test_a_training_goes_on_from_a_state_dict():
    model = network()
    optimizer = gf.optim.Adam(model.parameters(), lr=0.05)
    step, data = stepper(model, optimizer, True), batches(6)
    for x, y in data[:3]:
        step(x, y)
    other = network(seed=9)
    again = gf.optim.Adam(other.parameters(), lr=0.05)
    other.load_state_dict(model.state_dict())
    again.load_state_dict(optimizer.state_dict())
    further = stepper(other, again, False)
    for x, y in data[3:]:
        np.testing.assert_allclose(float(step(x, y)), float(further(x, y)), rtol=1e-5)


def test_a_call_that_fails_changes_nothing():
    model = network()
    optimizer = gf.optim.Adam(model.parameters(), lr=0.05)
    (x, y), *_ = batches(1)
    step = stepper(model, optimizer, True)
    step(x, y)
    before = left(model, optimizer)

    @gf.jit(state=(model, optimizer))
    def fails(x, y):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        fails(x, y)
    with pytest.raises(gf.errors.ShapeError):
        step(x[:, :2], y)
    assert_same(left(model, optimizer), before, 0)
    step(x, y)


def test_what_cannot_be_compiled_says_so():
    model = network()
    optimizer = gf.optim.SGD(model.parameters(), lr=0.5)
    schedule = gf.optim.StepLR(optimizer, step_size=1)
    (x, y), *_ = batches(1)

    def whole(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    with pytest.raises(gf.errors.PlanError, match=r"state=\(model, optimizer\)"):
        gf.jit(whole)(x, y)
    with pytest.raises(gf.errors.PlanError, match="`lr` of SGD"):
        gf.jit(lambda x, y: (whole(x, y), schedule.step())[0], state=(model, optimizer))(x, y)
    assert optimizer.param_groups[0]["lr"] == 0.5
    adam = gf.optim.Adam(model.parameters())
    with pytest.raises(gf.errors.PlanError, match="one step"):
        gf.jit(lambda x, y: (whole(x, y), adam.step(), adam.step()), state=(model, optimizer, adam))(x, y)
    with pytest.raises(gf.errors.PlanError, match="expected modules and optimisers"):
        gf.jit(whole, state=[model, x])
    with pytest.raises(gf.errors.PlanError, match="not known while"):
        gf.jit(lambda x, y: whole(x, y).item(), state=(model, optimizer))(x, y)
    with pytest.raises(gf.errors.PlanError, match="within another one"):
        gf.vmap(gf.jit(lambda x: model(x), state=model))(x)
    whole(x, y)
