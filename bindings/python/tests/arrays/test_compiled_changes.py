"""What is changed within a compiled step, or between two calls of it, as the same loop without `jit` changes it; or it is an error."""

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pytest
from gradframe import nn
from test_compiled_steps import assert_same, batches, left, network

F = nn.functional


def trained(compiled, model=network, optimizer=lambda p: gf.optim.SGD(p, lr=0.1), between=None, within=None, state=None):
    """What six steps leave, with and without `jit`."""
    model = model()
    optimizer = optimizer(list(model.parameters()))

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        if within is not None:
            within(model)
        optimizer.step()
        return loss

    step = gf.jit(step, state=state(model, optimizer) if state else (model, optimizer)) if compiled else step
    losses = []
    for i, (x, y) in enumerate(batches(6)):
        losses.append(float(step(x, y)))
        if between is not None:
            between(i, model, optimizer)
    return {**left(model, optimizer), "losses": np.asarray(losses), "training": np.asarray(model.training)}


def assert_same_with_and_without(**how):
    assert_same(*(trained(compiled, **how) for compiled in (True, False)))


def test_what_is_named_twice_is_one():
    assert_same_with_and_without(optimizer=gf.optim.Adam, state=lambda model, optimizer: (model, optimizer, model, optimizer, model[0]))


def test_momentum_may_come_after_steps_without_it():
    def between(i, model, optimizer):
        optimizer.param_groups[0]["momentum"] = (0.0, 0.0, 0.9, 0.0, 0.5, 0.5)[i]

    assert_same_with_and_without(between=between)


def test_options_in_lists_that_are_changed_in_place_hold_at_the_next_call():
    def between(i, model, optimizer):
        optimizer.param_groups[0]["betas"][0] *= 0.7

    assert_same_with_and_without(optimizer=lambda p: gf.optim.Adam(p, betas=[0.9, 0.99]), between=between)


def test_other_parameters_in_a_group_are_stepped_from_the_next_call_on():
    found = []
    for compiled in (True, False):
        one, other = network(), network(seed=7)
        optimizer = gf.optim.SGD(one.parameters(), lr=0.1)

        def step(x, y, one=one, other=other, optimizer=optimizer):
            optimizer.zero_grad()
            F.cross_entropy(one(x) + other(x), y).backward()
            optimizer.step()

        step = gf.jit(step, state=(one, other, optimizer)) if compiled else step
        for i, (x, y) in enumerate(batches(4)):
            step(x, y)
            if i == 1:
                optimizer.param_groups[0]["params"][:] = other.parameters()
        found.append({**left(one), **{f"other {name}": values for name, values in left(other).items()}})
    assert_same(*found)


class Averaging(nn.Module):
    """Keeps a mean of what it gives in a buffer, that each call sets anew, and counts its calls."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(4, 3, key=gf.random.key(0))
        self.register_buffer("mean", gnp.zeros((3,)))
        self.doubles, self.calls = False, 0

    def forward(self, x):
        self.doubles, self.calls = not self.doubles, self.calls + 1
        found = self.inner(x) * (2.0 if self.doubles else 1.0)
        self.mean = 0.9 * self.mean + 0.1 * found.mean(0).detach()
        return found


def test_buffers_and_attributes_that_a_step_sets_are_set_at_each_call():
    assert_same_with_and_without(model=Averaging)


class Toggling(Averaging):
    def forward(self, x):
        self.calls = -1
        return super().forward(x)


def test_an_attribute_of_two_values_changes_at_calls_that_are_not_traced_too():
    assert_same_with_and_without(model=Toggling)


def test_modes_set_within_a_step_stay():
    assert_same_with_and_without(within=lambda model: model.train(), between=lambda i, model, optimizer: i < 5 and model.eval())


@pytest.mark.parametrize("again", [True, False])
def test_parts_frozen_within_a_step(again):
    def within(model):
        model[0].requires_grad_(False)
        model[0].requires_grad_(again)

    def between(i, model, optimizer):
        assert model[0].weight.requires_grad is again and model[2].weight.requires_grad

    assert_same_with_and_without(within=within, between=between)


def test_gradients_are_held_within_bounds():
    assert_same_with_and_without(within=lambda model: gf.optim.clip_grad_norm_(model.parameters(), 0.1))


def test_types_changed_within_a_call_hold_at_the_next():
    found = []
    for compiled in (True, False):
        model = network()
        widened = lambda x, model=model: (model(x).sum(), model.double())[0]  # noqa: E731
        widened = gf.jit(widened, state=model) if compiled else widened
        found.append({"sums": np.asarray([float(widened(x)) for x, _ in batches(3)]), **left(model)})
        assert model[0].weight.dtype == gf.array([1.0], "float64").dtype
    assert_same(*found)


class Keeping(nn.Module):
    def __init__(self, into):
        super().__init__()
        self.inner, self.into, self.found, self.last = nn.Linear(4, 3, key=gf.random.key(0)), into, [], None

    def forward(self, x):
        found = self.inner(x)
        if self.into == "found":
            self.found.append(found)
        elif self.into == "last":
            self.last = found
        else:
            self.other = nn.Linear(3, 3)
        return found


@pytest.mark.parametrize("into", ["found", "last", "other"])
def test_what_cannot_be_set_at_each_call_is_an_error_and_leaves_nothing(into):
    model = Keeping(into)
    with pytest.raises(gf.errors.PlanError, match=f"sets `{into}` of Keeping"):
        gf.jit(lambda x: model(x), state=model)(gnp.ones((2, 4)))
    assert model.found == [] and model.last is None and not hasattr(model, "other")
    assert [name for name, _ in model.named_children()] == ["inner"]
    assert np.isfinite(np.asarray(model(gnp.ones((2, 4))))).all()


def test_a_group_added_within_a_step_is_an_error_and_leaves_nothing():
    model, other = network(), network(seed=3)
    optimizer = gf.optim.Adam(model.parameters())
    before = left(model, optimizer)
    with pytest.raises(gf.errors.PlanError, match="adds a group to Adam"):
        gf.jit(lambda x: optimizer.add_param_group({"params": list(other.parameters())}) or model(x), state=(model, optimizer))(batches(1)[0][0])
    assert_same(left(model, optimizer), before, 0)
    assert len(optimizer.param_groups) == 1


def test_a_model_that_is_not_named_gets_no_gradients_without_values():
    model, judge = network(), nn.Linear(3, 1, key=gf.random.key(2))
    step = gf.jit(lambda x: judge(model(x)).sum().backward(), state=model)
    with pytest.raises(gf.errors.PlanError, match="with all models, or freeze it"):
        step(batches(1)[0][0])
    assert judge.weight.grad is None
    judge.requires_grad_(False)
    step(batches(1)[0][0])
    assert np.isfinite(np.asarray(model[0].weight.grad)).all()


def test_one_within_another_says_so_without_arguments_too():
    model = network()
    x = batches(1)[0][0]
    inner = gf.jit(lambda: model(x).sum(), state=model)
    with pytest.raises(gf.errors.PlanError, match="within another one"):
        gf.jit(lambda: inner(), state=model)()
    assert np.isfinite(float(inner()))


class Scaled(nn.Module):
    """Two layers, scaled by what its attributes say."""

    def __init__(self):
        super().__init__()
        self.inner, self.scale = nn.Linear(4, 3, key=gf.random.key(0)), 1.0

    def forward(self, x):
        return self.inner(x) * (self.scale if isinstance(self.scale, (int, float)) else self.scale[0])


@pytest.mark.parametrize("scales", [(1.0, 2.0, 2, 0.5, 1.0, 1.0), ([1.0], [2.0], (2.0,), [1.0], np.ones(1), gnp.ones((1,)))])
def test_attributes_of_other_values_between_calls_are_those_of_the_next(scales):
    def between(i, model, optimizer):
        model.scale = scales[i]

    assert_same_with_and_without(model=Scaled, between=between)


def test_attributes_changed_in_place_between_calls_are_those_of_the_next():
    def between(i, model, optimizer):
        if i == 0:
            model.scale = [1.0]
        model.scale[0] += 0.5

    assert_same_with_and_without(model=Scaled, between=between)


def test_parts_put_in_and_out_between_calls():
    def between(i, model, optimizer):
        if i == 1:
            setattr(model, "1", nn.ReLU())
        if i == 3:
            setattr(model, "0", nn.Linear(4, 8, key=gf.random.key(9)))
        if i == 4:
            model[2].bias = None

    assert_same_with_and_without(between=between)


def test_a_call_that_is_interrupted_leaves_a_whole_step(monkeypatch):
    found = []
    for interrupted in (True, False):
        model = network()
        optimizer = gf.optim.Adam(model.parameters(), lr=0.05)

        @gf.jit(state=(model, optimizer))
        def step(x, y, model=model, optimizer=optimizer):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()

        (x, y), *_ = batches(1)
        step(x, y)
        if interrupted:
            _interrupt_once(monkeypatch)
            with pytest.raises(KeyboardInterrupt):
                step(x, y)
        else:
            step(x, y)
        step(x, y)
        found.append(left(model, optimizer))
    assert_same(*found, 0)


def _interrupt_once(monkeypatch):
    """The numbers of the steps are not put in place, once: the parameters are."""
    from gradframe.optim.stepping import Steps

    put, calls = Steps.put, []

    def interrupted(self, done):
        calls.append(done)
        if len(calls) == 1:
            raise KeyboardInterrupt
        put(self, done)

    monkeypatch.setattr(Steps, "put", interrupted)


def test_whoever_holds_a_value_keeps_it_and_others_see_the_next():
    """New values take the place of the old ones only where nobody else holds those."""
    import copy

    def kept(of):
        weight = of[0].weight
        return {
            "memory": weight.numpy(), "detached": weight.detach(), "copied": copy.copy(weight), "recorded": weight * 1.0,
            "view": np.from_dlpack(weight), "dict": of.state_dict()["0.weight"], "row": weight[0] * 1.0,
        }

    held = []

    def between(i, model, optimizer):
        now = np.array(np.asarray(model[0].weight))
        if i in (1, 2, 4):
            held.append((now, kept(model), optimizer.state_dict(), [np.array(g) for g in slots(optimizer)]))
        for before, values, state, own in held:
            for name, value in values.items():
                np.testing.assert_array_equal(np.asarray(value), before[0] if name == "row" else before, err_msg=name)
            for one, expected in zip(slots_of(state), own, strict=True):
                np.testing.assert_array_equal(np.asarray(one), expected)

    assert_same_with_and_without(between=between, optimizer=lambda p: gf.optim.Adam(p, lr=0.05))


def slots_of(state):
    return [one[name] for group in state["groups"] for one in group["state"] for name in sorted(one) if name != "steps"]


def slots(optimizer):
    return slots_of(optimizer.state_dict())


def test_two_compiled_functions_take_turns_with_one_optimiser():
    ends = []
    for compiled in (True, False):
        model = network()
        optimizer = gf.optim.Adam(model.parameters(), lr=0.05)

        def stepper(scale, model=model, optimizer=optimizer):
            def step(x, y):
                optimizer.zero_grad()
                (F.cross_entropy(model(x), y) * scale).backward()
                optimizer.step()

            return step

        steps = [stepper(1.0), stepper(0.5), stepper(2.0)]
        if compiled:
            steps[:2] = [gf.jit(step, state=(model, optimizer)) for step in steps[:2]]
        for i, (x, y) in enumerate(batches(9)):
            steps[(0, 0, 1, 0, 2, 1, 1, 2, 0)[i]](x, y)
        ends.append({**left(model, optimizer), "steps": np.asarray([one["steps"] for one in optimizer.state_dict()["groups"][0]["state"]])})
    assert_same(*ends)


def test_many_calls_leave_no_memory_behind():
    import resource

    model = nn.Linear(100, 100)
    optimizer = gf.optim.Adam(model.parameters(), lr=1e-3)

    @gf.jit(state=(model, optimizer))
    def step(x):
        optimizer.zero_grad()
        (model(x) ** 2).mean().backward()
        optimizer.step()

    x = gnp.ones((4, 100))
    for i in range(3000):
        step(x)
        if i == 500:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000, "kilobytes"
