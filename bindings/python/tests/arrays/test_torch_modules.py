"""Layers, losses and functions beside PyTorch's, with its weights: names, values and gradients, which are stored."""

import json

import gradframe as gf
import numpy as np
import pytest
from gradframe import nn
from torch_modules import FUNCTIONS, MODULES, STORED, Target, state, told

F = nn.functional
stored = json.loads(STORED.read_text())
CLOSE = {"float64": 1e-9, "float32": 2e-5}


def agrees(array, expected, dtype, what):
    shape, sums = told(np.asarray(array))
    assert shape == expected[0], what
    size = 1.0 + float(np.abs(np.asarray(array, dtype="float64")).sum())
    np.testing.assert_allclose(sums, expected[1], rtol=0, atol=CLOSE[dtype] * size, err_msg=what)


def given(value, dtype, wanted):
    """What is given to a module as arrays, those of floats with gradients."""
    if isinstance(value, tuple):
        return tuple(given(one, dtype, wanted) for one in value)
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype != np.float64:
        return gf.array(value)
    array = gf.array(np.asarray(value, dtype=dtype), requires_grad=not isinstance(value, Target))
    if array.requires_grad:
        wanted.append(array)
    return array


def loaded(name, dtype):
    make, arguments, *mode = MODULES[name]
    module = make(nn).to(dtype).train(mode == ["train"])
    module.load_state_dict(state({own: values.shape for own, values in module.state_dict().items()}))
    return module, arguments


def parts(output):
    return [one for one in (output if isinstance(output, tuple) else (output,)) if one is not None]


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("name", MODULES)
def test_modules_are_pytorchs(name, dtype):
    expected, (module, arguments), wanted = stored["modules"][name], loaded(name, dtype), []
    assert [name for name in module.state_dict() if not name.endswith("num_batches_tracked")] == expected["names"]
    outputs = parts(module(*given(arguments, dtype, wanted)))
    assert len(outputs) == len(expected["outputs"])
    for output, one in zip(outputs, expected["outputs"], strict=True):
        assert output.dtype.name == dtype
        agrees(output, one, dtype, "output")
    sum(float(i + 1) * (one**2).sum() for i, one in enumerate(outputs)).backward()
    for place, (array, one) in enumerate(zip(wanted, expected["inputs"], strict=True)):
        if one is not None:
            agrees(array.grad, one, dtype, f"gradient of input {place}")
    for own, array in module.named_parameters():
        agrees(array.grad, expected["parameters"][own], dtype, f"gradient of {own}")
    for own, array in module.named_buffers():
        agrees(array, expected["buffers"][own], dtype, own)


@pytest.mark.parametrize("name", MODULES)
def test_a_compiled_module_gives_the_same(name):
    module, arguments = loaded(name, "float64")
    all_given = given(arguments, "float64", [])
    is_static = [isinstance(one, (bool, type(None))) or (isinstance(one, tuple) and isinstance(one[0], int)) for one in arguments]
    arrays = {place: one for place, one in enumerate(all_given) if not is_static[place]}
    compiled = gf.jit(lambda module, arrays: module(*(arrays.get(place, one) for place, one in enumerate(all_given))))
    outputs = parts(compiled(module, arrays))
    for output, one in zip(outputs, stored["modules"][name]["outputs"], strict=True):
        agrees(output, one, "float64", "output")


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_pytorchs(name, dtype):
    function, at = FUNCTIONS[name]
    x = gf.array(at.astype(dtype), requires_grad=True)
    output = function(F, lambda values: gf.array(values.astype(dtype) if values.dtype == np.float64 else values), x)
    agrees(output, stored["functions"][name]["output"], dtype, "output")
    output.sum().backward()
    agrees(x.grad, stored["functions"][name]["gradient"], dtype, "gradient")
