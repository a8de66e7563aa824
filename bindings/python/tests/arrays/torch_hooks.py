"""What PyTorch's hooks on the way back see, and what the gradients become, in float64. Run by hand where PyTorch is:

    python tests/arrays/torch_hooks.py      # writes torch_hooks.json beside it
"""

import json
import pathlib

import numpy as np

STORED = pathlib.Path(__file__).with_suffix(".json")
POINT = np.random.default_rng(0).normal(size=(2, 3))


class Pair:
    """A part of a module that gives two arrays."""

    def __new__(cls, nn):
        class Two(nn.Module):
            def forward(self, x, y):
                return x * y, x - y

        return Two()


def fixed(module, a):
    """A module of float64 whose parameters are known numbers."""
    module = module.double()
    values = {name: np.random.default_rng(i).normal(size=tuple(own.shape)) for i, (name, own) in enumerate(sorted(module.state_dict().items()))}
    module.load_state_dict({name: a(value) for name, value in values.items()})
    return module


def read(nn, a, x):
    seen, y = [], x * 2
    y.register_hook(seen.append)
    (y**3).sum().backward()
    return [*seen, x.grad]


def replaced(nn, a, x):
    y = x * 2
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: g + 1)
    ((y**2).sum() + x.sum()).backward()
    return [x.grad]


def one_above_another(nn, a, x):
    seen, y = [], x * x
    z = y * 3
    z.register_hook(lambda g: seen.append(g) or g * 0.5)
    y.register_hook(lambda g: seen.append(g) or g + 2)
    (z * y).sum().backward()
    return [*seen, x.grad]


def made_before(nn, a, x):
    """A hook that comes after others have been made of the array."""
    y = x * x
    z = (y * 3).sum()
    y.register_hook(lambda g: g * 4)
    z.backward()
    return [x.grad]


def of_what_is_learned(nn, a, x):
    seen = []
    handle = x.register_hook(lambda g: seen.append(g) or g * 3)
    (x**2 + x).sum().backward()
    (x**2).sum().backward()
    handle.remove()
    x.sum().backward()
    return [*seen, x.grad]


def of_the_result(nn, a, x):
    loss = (x**2).sum()
    loss.register_hook(lambda g: g * 7)
    loss.backward()
    return [x.grad]


def with_a_gradient_given(nn, a, x):
    y = x.sum(1) * 2
    y.register_hook(lambda g: g * 3)
    y.backward(a(np.array([1.0, -1.0])))
    return [x.grad]


def of_a_module(nn, a, x):
    seen = []
    model = fixed(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), a)
    model[1].register_full_backward_hook(lambda module, entered, left: seen.extend([*entered, *left]))
    (model(x) ** 2).sum().backward()
    return [*seen, x.grad, *(p.grad for p in model.parameters())]


def of_a_module_replaced(nn, a, x):
    model = fixed(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), a)
    model[1].register_full_backward_pre_hook(lambda module, left: (left[0] * 2,))
    handle = model[2].register_full_backward_hook(lambda module, entered, left: (entered[0] + 1,))
    (model(x) ** 2).sum().backward()
    handle.remove()
    (model(x) ** 2).sum().backward()
    return [x.grad, *(p.grad for p in model.parameters())]


def of_a_module_without_gradient(nn, a, x):
    """Its input wants no gradient."""
    seen, model = [], fixed(nn.Linear(3, 2), a)
    model.register_full_backward_hook(lambda module, entered, left: seen.extend([len(entered), entered[0] is None, *left]))
    model(x.detach()).sum().backward()
    return [a(np.array([float(seen[0]), float(seen[1])])), *seen[2:], model.weight.grad]


def of_a_module_twice(nn, a, x):
    seen, model = [], fixed(nn.Linear(3, 3), a)
    model.register_full_backward_hook(lambda module, entered, left: seen.extend([*entered, *left]))
    (model(model(x) * 2) ** 2).sum().backward()
    return [*seen, x.grad, model.weight.grad]


def of_a_module_with_several(nn, a, x):
    seen, model, y = [], Pair(nn), x * 3
    model.register_full_backward_hook(lambda module, entered, left: seen.extend([*entered, *left]) or (entered[0] * 2, entered[1]))
    product, difference = model(x, y)
    (product * difference).sum().backward()
    return [*seen, x.grad]


HOOKS = {
    one.__name__: one
    for one in (
        read, replaced, one_above_another, made_before, of_what_is_learned, of_the_result, with_a_gradient_given, of_a_module,
        of_a_module_replaced, of_a_module_without_gradient, of_a_module_twice, of_a_module_with_several,
    )
}


def write():
    import torch

    def found(hooked):
        x = torch.tensor(POINT, requires_grad=True)
        return [one.detach().numpy().tolist() for one in hooked(torch.nn, torch.tensor, x)]

    STORED.write_text(json.dumps({"torch": torch.__version__, **{name: found(one) for name, one in HOOKS.items()}}) + "\n")


if __name__ == "__main__":
    write()
