"""Layers, losses and functions of networks beside PyTorch's values and gradients, which are stored, and dictionaries of modules."""

import json

import numpy as np
import pytest
from torch_layers import GRADIENTS, STORED, VALUES

import gradframe as gf
import gradframe.numpy as gnp
from gradframe import nn

F = nn.functional
stored = json.loads(STORED.read_text())


@pytest.mark.parametrize("name", VALUES)
def test_values_are_pytorchs(name):
    found = np.asarray(VALUES[name](nn, F, gf.array))
    assert found.shape == np.shape(stored["values"][name])
    np.testing.assert_allclose(found, stored["values"][name], rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_are_pytorchs(name):
    function, at = GRADIENTS[name]
    x = gf.array(at, requires_grad=True)
    function(F, x).backward()
    np.testing.assert_allclose(np.asarray(x.grad), stored["gradients"][name], rtol=1e-4, atol=1e-6)


def test_a_prelu_learns_its_weight_and_has_pytorchs_name():
    layer = nn.PReLU(2)
    assert {name: value.shape for name, value in layer.state_dict().items()} == {"weight": (2,)}
    layer(gf.array([[-1.0, -2.0], [3.0, -4.0]])).sum().backward()
    assert np.asarray(layer.weight.grad).tolist() == [-1.0, -6.0]


WRONG = {
    "halves": (lambda: F.glu(gf.numpy.zeros((2, 3))), gf.errors.ShapeError, r"axis -1 of shape \(2, 3\) has no two halves"),
    "an axis": (lambda: F.glu(gf.numpy.zeros((2, 4)), 2), gf.errors.ShapeError, "axis 2"),
    "weights": (lambda: F.prelu(gf.numpy.zeros((2, 3)), gf.numpy.zeros((2,))), gf.errors.ShapeError, r"weights of shape \(2,\) for an input of shape \(2, 3\)"),
    "an alpha": (lambda: nn.CELU(0.0), gf.errors.PlanError, "`alpha` is 0"),
    "a bend": (lambda: F.smooth_l1_loss(gf.numpy.zeros((2,)), gf.numpy.zeros((2,)), beta=-1.0), gf.errors.PlanError, "`beta` is -1.0"),
    "a reduction": (lambda: nn.BCELoss("batchmean"), gf.errors.PlanError, "expected reduction 'mean', 'sum' or 'none', got 'batchmean'"),
    "another reduction": (lambda: nn.KLDivLoss("rows"), gf.errors.PlanError, "or 'batchmean', got 'rows'"),
    "another shape": (lambda: F.kl_div(gf.numpy.zeros((2,)), gf.numpy.zeros((1,))), gf.errors.ShapeError, "they would broadcast"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_none_is_an_error(name):
    make, error, says = WRONG[name]
    with pytest.raises(error, match=says):
        make()


def test_a_dictionary_of_modules():
    made = nn.ModuleDict({"first": nn.Linear(2, 3), "second": nn.ReLU()})
    made["third"] = nn.Linear(3, 1)
    made.update([("second", nn.Tanh())])
    assert list(made) == list(made.keys()) == ["first", "second", "third"] and len(made) == 3 and "first" in made and "z" not in made
    assert [type(module).__name__ for module in made.values()] == ["Linear", "Tanh", "Linear"]
    assert list(made.state_dict()) == ["first.weight", "first.bias", "third.weight", "third.bias"]
    taken = made.pop("second")
    assert isinstance(taken, nn.Tanh) and [name for name, _ in made.items()] == ["first", "third"]
    del made["third"]
    made.clear()
    assert len(made) == 0 and list(made.parameters()) == []
    for name in ("z", "keys"):
        with pytest.raises(KeyError, match=f"ModuleDict: there is no '{name}'"):
            made[name]
    for name in ("keys", "a.b", ""):
        with pytest.raises(gf.errors.PlanError, match="no module is called"):
            made[name] = nn.ReLU()
    for value in (None, 3):
        with pytest.raises(gf.errors.DTypeError, match="expected a module"):
            made["a"] = value


@pytest.mark.parametrize("loss", ["cross_entropy", "nll_loss"])
def test_classes_along_the_second_axis_are_those_of_pytorch(loss):
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(2, 3, 4, 5)).astype("float32"), rng.integers(0, 3, size=(2, 4, 5))
    function = getattr(nn.functional, loss)
    last = function(gnp.asarray(np.moveaxis(scores, 1, -1).reshape(-1, 3)), gnp.asarray(labels.reshape(-1)))
    assert float(function(gnp.asarray(scores), gnp.asarray(labels))) == pytest.approx(float(last), rel=1e-6)
    losses = function(gnp.asarray(scores), gnp.asarray(labels), reduction="none")
    assert losses.shape == labels.shape
    with pytest.raises(gf.errors.ShapeError, match="classes may lie along axis 1"):
        function(gnp.zeros((2, 3, 3)), gnp.zeros((2, 3), dtype="int64"))
