"""What a function does beside computing, and would do once for all calls, is warned of at the user's own line."""

import warnings

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pytest
from gradframe import nn
from gradframe._array.effects import TracingWarning


class Counts(nn.Module):
    """Has a number of its own, and keeps what it saw."""

    def __init__(self):
        super().__init__()
        self.register_buffer("seen", gnp.zeros(()))

    def forward(self, x):
        self.seen = self.seen + x.sum()
        return x * 2


def test_running_statistics_that_stand_still_are_told_of_at_the_callers_line():
    norm, x = nn.BatchNorm1d(3), gnp.arange(12, dtype="float32").reshape(4, 3)
    step = gf.jit(lambda x: norm(x).sum())  # the line
    with pytest.warns(TracingWarning, match=r"batch_norm: running statistics .* state=\(model, optimizer\)") as told:
        step(x)
    assert told[0].filename == __file__
    np.testing.assert_array_equal(np.asarray(norm.running_mean), np.zeros(3))
    with pytest.warns(TracingWarning, match="instance_norm"):
        gf.jit(nn.InstanceNorm1d(3, track_running_stats=True))(gnp.ones((2, 3, 4)))


def test_a_module_that_is_changed_and_not_named_is_told_of():
    module = Counts()
    with pytest.warns(TracingWarning, match="Counts: a function that is traced sets `seen`"):
        gf.jit(lambda x: module(x))(gnp.ones(3))


@pytest.mark.parametrize("how", ["named", "predicts", "is an argument", "eager"])
def test_what_is_right_is_not_warned_of(how):
    norm, counts, x = nn.BatchNorm1d(3), Counts(), gnp.arange(12, dtype="float32").reshape(4, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if how == "named":
            gf.jit(lambda x: norm(counts(x)), state=(norm, counts))(x)
            assert float(counts.seen) == 66
        elif how == "predicts":
            norm.eval()
            gf.jit(lambda x: norm(x))(x)
        elif how == "is an argument":
            gf.jit(lambda norm, counts, x: norm(counts(x)))(norm, counts, x)
        else:
            norm(counts(x))


def test_numbers_that_are_drawn_once_for_all_calls_are_told_of():
    x = gnp.ones(6)
    with pytest.warns(TracingWarning, match="dropout: .* without a key: the same numbers at each call") as told:
        gf.jit(lambda x: nn.functional.dropout(x, 0.5))(x)
    assert told[0].filename == __file__
    dropout = nn.Dropout(0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gf.jit(lambda x, key: dropout(x, key=key))(x, gf.random.key(0))
        gf.jit(dropout, state=dropout)(x)
        gf.grad(lambda x: dropout(x).sum())(x)


def test_arrays_from_outside_that_are_changed_are_told_of_and_stay():
    x, kept = gnp.ones(2), gnp.zeros(2)

    def changes(x):
        kept[0] = x.sum()
        return x * 2

    def adds(x):
        nonlocal kept
        kept += x
        return kept.sum()

    for function in (changes, adds):
        for transform in (gf.jit, lambda f: gf.grad(lambda x: f(x).sum()) if f is adds else gf.vmap(f)):
            with pytest.warns(TracingWarning, match="changes `kept` in place, an array from outside") as told:
                transform(function)(x)
            assert told[0].filename == __file__
            assert kept.tolist() == [0, 0]


def test_arguments_that_are_changed_and_lists_that_grow_are_told_of():
    seen, counts = [], {}

    def first(x):
        x[0] = 9.0
        return x.sum()

    def logs(x):
        seen.append(1)
        counts["calls"] = 1
        return x * 2

    with pytest.warns(TracingWarning, match="changes an argument in place"):
        gf.jit(first)(gnp.ones(2))
    with pytest.warns(TracingWarning, match="changes `(seen|counts)`, from outside") as told:
        gf.jit(logs)(gnp.ones(2))
    assert len(told) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gf.vmap(lambda x: logs(x))(gnp.ones(2))  # it is called each time
        gf.jit(lambda x: sum([x, x]) + kept_constant)(gnp.ones(2))


kept_constant = gnp.ones(2)


def test_numbers_that_are_drawn_once_for_all_entries_are_told_of():
    for function in (lambda x: x + gf.random.normal(shape=()), nn.Dropout(0.5)):
        with pytest.warns(TracingWarning, match="under vmap, draws without a key"):
            gf.vmap(function)(gnp.ones((4, 2)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = gf.vmap(lambda x, key: x + gf.random.normal(key, shape=()))(gnp.ones(4), gf.random.split(gf.random.key(0), 4))
    assert len(set(drawn.tolist())) == 4
