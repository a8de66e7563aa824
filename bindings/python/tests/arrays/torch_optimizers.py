"""Where PyTorch's optimisers lead from one start, by every option that they have. Run by hand where PyTorch is:

    python tests/arrays/torch_optimizers.py      # writes torch_optimizers.json beside it
"""

import json
import pathlib

import numpy as np

STORED = pathlib.Path(__file__).with_suffix(".json")
START = np.array([3.0, -2.0, 0.5, 1.0])
STEPS = 12

#: The optimiser and its options, by a name of ours.
CASES = {
    "SGD": ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.2, "weight_decay": 0.1}),
    "SGD Nesterov": ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    "Adam": ("Adam", {"lr": 0.05, "weight_decay": 0.1}),
    "Adam amsgrad": ("Adam", {"lr": 0.05, "betas": (0.5, 0.7), "amsgrad": True}),
    "AdamW": ("AdamW", {"lr": 0.05, "weight_decay": 0.1}),
    "RMSprop": ("RMSprop", {"lr": 0.05, "weight_decay": 0.1}),
    "RMSprop centered": ("RMSprop", {"lr": 0.05, "alpha": 0.8, "centered": True, "momentum": 0.5}),
    "Adagrad": ("Adagrad", {"lr": 0.5, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.2}),
    "Adadelta": ("Adadelta", {}),
    "Adadelta decayed": ("Adadelta", {"lr": 2.0, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.1}),
    "Adamax": ("Adamax", {}),
    "Adamax decayed": ("Adamax", {"lr": 0.1, "betas": (0.5, 0.7), "eps": 1e-3, "weight_decay": 0.1}),
    "NAdam": ("NAdam", {}),
    "NAdam decayed": ("NAdam", {"lr": 0.1, "betas": (0.5, 0.7), "weight_decay": 0.1, "momentum_decay": 0.3}),
    "NAdam decoupled": ("NAdam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    "RAdam": ("RAdam", {}),
    "RAdam decayed": ("RAdam", {"lr": 0.1, "betas": (0.5, 0.7), "weight_decay": 0.1}),
    "RAdam decoupled": ("RAdam", {"lr": 0.1, "betas": (0.9, 0.8), "weight_decay": 0.1, "decoupled_weight_decay": True}),
    "Rprop": ("Rprop", {}),
    "Rprop within bounds": ("Rprop", {"lr": 0.1, "etas": (0.3, 1.7), "step_sizes": (0.02, 0.15)}),
    "ASGD": ("ASGD", {}),
    "ASGD averaged": ("ASGD", {"lr": 0.1, "lambd": 0.3, "alpha": 0.6, "t0": 3.0, "weight_decay": 0.1}),
}


def slope(x, step):
    """The gradient of a step: its signs change on the way, and one element's is 0 for some steps."""
    g = 2.0 * (x - np.array([1.0, 1.0, 1.0, 1.0])) * (step % 4 - 0.7) + 0.1 * step
    return np.where((np.arange(4) == 3) & (step % 3 == 0), 0.0, g)


def write():
    import torch

    values, averages = {}, {}
    for name, (rule, options) in CASES.items():
        for maximize in (False, True):
            x = torch.tensor(START, requires_grad=True)
            optimizer, path = getattr(torch.optim, rule)([x], **options, maximize=maximize), []
            for step in range(STEPS):
                x.grad = torch.tensor(slope(x.detach().numpy(), step))
                optimizer.step()
                path.append(x.detach().numpy().tolist())
            values[f"{name}/{maximize}"] = path
            if rule == "ASGD":
                averages[f"{name}/{maximize}"] = optimizer.state[x]["ax"].numpy().tolist()
    STORED.write_text(json.dumps({"torch": torch.__version__, "values": values, "averages": averages}) + "\n")


if __name__ == "__main__":
    write()
