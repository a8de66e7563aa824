"""Modules in order and by name, and convolutions whose padding has a name."""

import gradframe as gf
import numpy as np
import pytest
from collections import OrderedDict
from gradframe import nn


def linears(count):
    return [nn.Linear(1, 1, key=gf.random.key(i)) for i in range(count)]


def test_a_dictionary_names_the_modules_of_a_sequence():
    first, second = linears(2)
    model = nn.Sequential(OrderedDict(hidden=first, act=nn.ReLU(), out=second))
    assert list(model.state_dict()) == ["hidden.weight", "hidden.bias", "out.weight", "out.bias"]
    assert model.hidden is first and [name for name, _ in model.named_children()] == ["hidden", "act", "out"]
    x = gf.array([[2.0]])
    np.testing.assert_array_equal(model(x).detach().numpy(), second(nn.functional.relu(first(x))).detach().numpy())


@pytest.mark.parametrize("wrong", [3, None, "relu", gf.array([1.0]), {"a": 3}])
def test_what_is_no_module_is_an_error(wrong):
    with pytest.raises(gf.errors.DTypeError, match="Sequential: expected modules and functions"):
        nn.Sequential(wrong)
    with pytest.raises(gf.errors.DTypeError, match="ModuleList: expected a module"):
        nn.ModuleList([wrong])


@pytest.mark.parametrize("name", ["", "a.b", "forward", "training", 3])
def test_names_that_are_none_are_an_error(name):
    with pytest.raises(gf.errors.PlanError, match="no module is called"):
        nn.Sequential({name: nn.ReLU()})
    with pytest.raises(gf.errors.DTypeError, match="expected a module"):
        nn.Sequential().add_module("a", 3)


@pytest.mark.parametrize("kind", [nn.Sequential, lambda *parts: nn.ModuleList(parts)], ids=["Sequential", "ModuleList"])
def test_lists_of_modules_change_as_lists_do(kind):
    parts, plain = linears(6), []
    held = kind()

    def same(held):
        assert [id(part) for part in held] == [id(part) for part in plain] and len(held) == len(plain)
        assert [name for name, _ in held.named_children()] == [str(i) for i in range(len(plain))]
        assert len(list(held.parameters())) == 2 * len(plain)

    for change in [
        lambda those: those.append(parts[0]),
        lambda those: those.extend(parts[1:4]),
        lambda those: those.insert(1, parts[4]),
        lambda those: those.insert(-1, parts[5]),
        lambda those: those.__setitem__(-1, parts[3]),
        lambda those: those.__delitem__(0),
        lambda those: those.pop(),
        lambda those: those.__delitem__(slice(0, 2)),
    ]:
        change(held)
        change(plain)
        same(held)
    with pytest.raises(IndexError, match="there is no place 7"):
        held[7]
    with pytest.raises(TypeError, match="expected a place or a slice"):
        held["a"]


def test_slices_hold_the_same_modules():
    parts = linears(4)
    model = nn.Sequential(*parts)
    tail = model[2:]
    assert type(tail) is nn.Sequential and [id(p) for p in tail] == [id(p) for p in parts[2:]]
    assert list(tail.state_dict()) == ["2.weight", "2.bias", "3.weight", "3.bias"]
    tail.append(nn.ReLU())
    assert len(tail) == 3 and len(model) == 4
    assert [id(p) for p in nn.ModuleList(parts)[::-1]] == [id(p) for p in parts[::-1]]


def test_buffers_come_as_parameters_do():
    model = nn.Sequential(nn.BatchNorm1d(2))
    assert [id(b) for b in model.buffers()] == [id(b) for _, b in model.named_buffers()]
    assert len(list(model.buffers())) == 2


def padded_by_hand(x, kernel, dilation):
    total = dilation * (kernel - 1)
    return np.pad(x, [(0, 0), (0, 0), *[(total // 2, total - total // 2)] * (x.ndim - 2)])


@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize(("layer", "shape"), [(nn.Conv1d, (2, 3, 9)), (nn.Conv2d, (2, 3, 7, 8))])
def test_padding_by_name(layer, shape, kernel, dilation):
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    same = layer(3, 4, kernel, padding="same", dilation=dilation, key=gf.random.key(0))
    plain = layer(3, 4, kernel, dilation=dilation, key=gf.random.key(0))
    valid = layer(3, 4, kernel, padding="valid", dilation=dilation, key=gf.random.key(0))
    assert same(x).shape == (2, 4, *shape[2:])
    expected = plain(padded_by_hand(x, kernel, dilation)).detach().numpy()
    np.testing.assert_allclose(same(x).detach().numpy(), expected, atol=1e-6)
    found = nn.functional.conv(x, same.weight, same.bias, padding="same", dilation=dilation)
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-6)
    np.testing.assert_array_equal(valid(x).detach().numpy(), plain(x).detach().numpy())


def test_padding_by_another_name_or_with_strides_is_an_error():
    with pytest.raises(gf.errors.PlanError, match="`padding` is 'full'"):
        nn.Conv1d(1, 1, 3, padding="full")
    with pytest.raises(gf.errors.PlanError, match="'same', which wants a `stride` of 1, got"):
        nn.Conv2d(1, 1, 3, padding="same", stride=(1, 2))


class Net(nn.Sequential):
    """Makes modules of its own."""

    def __init__(self):
        super().__init__(nn.Linear(1, 1, key=gf.random.key(0)), nn.ReLU(), nn.Linear(1, 1, key=gf.random.key(1)))


class Blocks(nn.ModuleList):
    def __init__(self, width):
        super().__init__(nn.Linear(width, width) for _ in range(3))


@pytest.mark.parametrize(("made", "plain"), [(Net, nn.Sequential), (lambda: Blocks(2), nn.ModuleList)], ids=["Sequential", "ModuleList"])
def test_slices_of_a_subclass_are_plain_and_hold_the_same_modules(made, plain):
    whole = made()
    part = whole[:2]
    assert type(part) is plain and [id(p) for p in part] == [id(p) for p in list(whole)[:2]]


@pytest.mark.parametrize("name", ["stride", "dilation"])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_padding_by_name_says_for_how_many_axes_an_argument_is(name, padding):
    x, weight = gf.array(np.ones((1, 1, 5, 5), "float32")), gf.array(np.ones((1, 1, 3, 3), "float32"))
    with pytest.raises(gf.errors.PlanError, match=rf"conv: `{name}` is \(1, 1, 1\), expected a whole number, or 2 of them"):
        nn.functional.conv(x, weight, padding=padding, **{name: (1, 1, 1)})
    assert nn.functional.conv(x, weight, padding="same", **{name: (1,)}).shape == (1, 1, 5, 5)
