"""Modules given to compiled functions: what they are made of beside arrays decides which function it is."""

import dataclasses

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pytest
from gradframe import nn

F = nn.functional


class Holder(nn.Module):
    """A module with an attribute of any kind."""

    def __init__(self, held):
        super().__init__()
        self.held = held


@dataclasses.dataclass
class Config:
    factor: float


class Plain:
    def __init__(self, factor):
        self.factor = factor


def scaled(factor):
    made = nn.Linear(1, 1, bias=False)
    made.load_state_dict({"weight": [[factor]]})
    return made


#: Two attributes of a kind, and what a module with one computes of 3.
PAIRS = {
    "functions": (F.relu, gnp.exp, lambda held, x: held(x)),
    "lists": ([2.0], [5.0], lambda held, x: x * held[0]),
    "lists in lists": ([[2.0]], [[5.0]], lambda held, x: x * held[0][0]),
    "dictionaries": ({"a": 2.0}, {"a": 5.0}, lambda held, x: x * held["a"]),
    "sets": ({2.0}, {5.0}, lambda held, x: x * min(held)),
    "arrays": (gnp.asarray([2.0]), gnp.asarray([5.0]), lambda held, x: x * held),
    "arrays in lists": ([gnp.asarray([2.0])], [gnp.asarray([5.0])], lambda held, x: x * held[0]),
    "arrays of NumPy": (np.array([2.0], "float32"), np.array([5.0], "float32"), lambda held, x: x * held),
    "modules in lists": ([scaled(2.0)], [scaled(5.0)], lambda held, x: held[0](x)),
    "dataclasses": (Config(2.0), Config(5.0), lambda held, x: x * held.factor),
    "other objects": (Plain(2.0), Plain(5.0), lambda held, x: x * held.factor),
    "types of numbers": (2, 2.0, lambda held, x: x.astype("int32") * held),
    "zeros": (0.0, -0.0, lambda held, x: 1.0 / (x * 0.0 + held)),
    "classes": (nn.ReLU, nn.Tanh, lambda held, x: held()(x)),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_a_module_with_another_attribute_is_another_function(kind):
    one, other, computes = PAIRS[kind]
    compiled, x = gf.jit(lambda module, x: computes(module.held, x)), gnp.asarray([3.0])
    for held in (one, other, one):
        found, expected = compiled(Holder(held), x), computes(held, x)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found.numpy(), expected.numpy())


def test_what_changes_within_an_attribute_holds_at_the_next_call():
    module, x = Holder({"factors": [2.0, gnp.asarray([1.0])]}), gnp.asarray([3.0])
    compiled = gf.jit(lambda module, x: module.held["factors"][0] * x + module.held["factors"][1])
    assert compiled(module, x).tolist() == [7.0]
    module.held["factors"][0] = 5.0
    assert compiled(module, x).tolist() == [16.0]
    module.held["factors"][1][0] = 2.0
    assert compiled(module, x).tolist() == [17.0]


def test_equal_attributes_are_one_function():
    traced = []

    @gf.jit
    def compiled(module, x):
        traced.append(1)
        return module.held[0] * x

    for _ in range(5):
        compiled(Holder([2.0, {"a": (1, "b", float("nan"))}]), gnp.asarray([3.0]))
    assert len(traced) == 1


def test_modules_that_differ_in_what_is_no_array_are_mapped_together():
    one, other = nn.Sequential(nn.Linear(2, 2), lambda x: x), nn.Sequential(nn.Linear(2, 2), lambda x: x).eval()
    mean = gf.tree_map(lambda a, b: (a + b) / 2, one, other)
    np.testing.assert_allclose(mean[0].weight.numpy(), (one[0].weight.numpy() + other[0].weight.numpy()) / 2, rtol=1e-6)
    with pytest.raises(gf.errors.PlanError, match="not the same structure"):
        gf.tree_map(lambda a, b: a, one, nn.Sequential(nn.Linear(2, 2)))
