"""What PyTorch's layers, losses, optimisers and schedules give, in float64, and what `gf.nn` begins with. Run by hand where both are:

    python ml/nn/tests/references/make.py      # writes torch.json beside it

Numbers come from formulas that Rust has too (`numbers`); arrays are stored as their shape and two sums (`told`).
"""

import json
import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

STORED = pathlib.Path(__file__).with_name("torch.json")


def numbers(shape, phase):
    count = int(np.prod(shape, dtype=int))
    return np.sin(0.7 * np.arange(count) + 1.3 * phase + 0.1).reshape(shape)


def told(array):
    array = np.asarray(array, dtype="float64")
    line = array.reshape(-1)
    return [list(array.shape), [float(line.sum()), float((line * np.cos(0.3 * np.arange(line.size))).sum())]]


def x(*shape, phase=0):
    return torch.tensor(numbers(shape, phase), requires_grad=True)


def state(module):
    made = {}
    for place, (name, value) in enumerate(module.state_dict().items()):
        if name.endswith("num_batches_tracked"):
            continue
        values = 0.5 * numbers(tuple(value.shape), place + 1)
        made[name] = torch.tensor(abs(values) + 0.5 if name.endswith("running_var") else values)
    return made


AHEAD = torch.triu(torch.ones(5, 5, dtype=bool), 1)
BLIND = torch.tensor([[False, False, False, True, True], [False, False, True, False, False]])
ADDED = torch.tensor(numbers((5, 4), 3))
PLACES = torch.tensor([[0, 2, 5], [1, 2, 3]])
TIME, SOURCE = (2, 5, 8), (2, 4, 8)
FIRST = {"batch_first": True, "dropout": 0.0}

# A name, the module, what it is given, whether it trains.
MODULES = [
    ("Linear", nn.Linear(4, 3), [x(5, 4)]),
    ("Linear without bias", nn.Linear(4, 3, bias=False), [x(2, 5, 4)]),
    ("Conv1d", nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2), [x(2, 4, 9)]),
    ("Conv1d of an item", nn.Conv1d(4, 3, 2), [x(4, 9)]),
    ("Conv2d", nn.Conv2d(4, 3, (3, 2), stride=(2, 1), padding=(0, 1), dilation=(1, 2)), [x(2, 4, 7, 6)]),
    ("Conv2d same", nn.Conv2d(4, 3, (2, 3), padding="same", dilation=(1, 2), bias=False), [x(2, 4, 7, 6)]),
    ("Conv2d circular", nn.Conv2d(4, 3, 3, padding=1, padding_mode="circular"), [x(2, 4, 7, 6)]),
    ("Conv2d reflect", nn.Conv2d(4, 3, 3, padding=(2, 1), padding_mode="reflect"), [x(2, 4, 7, 6)]),
    ("Conv2d same replicate", nn.Conv2d(4, 3, 2, padding="same", padding_mode="replicate"), [x(2, 4, 7, 6)]),
    ("ConvTranspose1d", nn.ConvTranspose1d(4, 3, 3, dilation=2), [x(2, 4, 5)]),
    ("ConvTranspose2d", nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2), [x(2, 4, 4, 3)]),
    ("LayerNorm", nn.LayerNorm((3, 6)), [x(2, 3, 6)]),
    ("LayerNorm without bias", nn.LayerNorm(6, bias=False), [x(2, 3, 6)]),
    ("LayerNorm without weights", nn.LayerNorm(6, elementwise_affine=False), [x(2, 3, 6)]),
    ("RMSNorm", nn.RMSNorm(6), [x(2, 3, 6)]),
    ("GroupNorm", nn.GroupNorm(2, 4), [x(2, 4, 5)]),
    ("BatchNorm1d", nn.BatchNorm1d(4), [x(3, 4, 5)], "train"),
    ("BatchNorm1d of rows", nn.BatchNorm1d(4, momentum=0.3), [x(6, 4)], "train"),
    ("BatchNorm2d of running numbers", nn.BatchNorm2d(4), [x(2, 4, 3, 2)]),
    ("BatchNorm2d without weights", nn.BatchNorm2d(4, affine=False), [x(2, 4, 3, 2)], "train"),
    ("BatchNorm2d without running numbers", nn.BatchNorm2d(4, track_running_stats=False), [x(2, 4, 3, 2)]),
    ("Embedding", nn.Embedding(6, 4), [PLACES]),
    ("Embedding with padding", nn.Embedding(6, 4, padding_idx=2), [PLACES]),
    ("MultiheadAttention", nn.MultiheadAttention(8, 2, batch_first=True), [x(*TIME), x(*SOURCE, phase=1), x(*SOURCE, phase=2), None, True, ADDED, False]),
    ("MultiheadAttention with masks", nn.MultiheadAttention(8, 2, batch_first=True), [x(*TIME), x(*TIME, phase=1), x(*TIME, phase=2), BLIND, True, AHEAD, False]),
    ("MultiheadAttention of three sizes", nn.MultiheadAttention(8, 2, kdim=6, vdim=3), [x(4, 2, 8), x(5, 2, 6, phase=1), x(5, 2, 3, phase=2), None, True, None, False]),
    ("TransformerEncoderLayer", nn.TransformerEncoderLayer(8, 2, 12, **FIRST, activation="gelu"), [x(*TIME), AHEAD, BLIND]),
    ("TransformerEncoderLayer norm first", nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, norm_first=True, bias=False), [x(5, 2, 8)]),
    ("TransformerEncoder", nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12, **FIRST), 2, nn.LayerNorm(8)), [x(*TIME), AHEAD]),
    ("RNN", nn.RNN(3, 4), [x(5, 2, 3)]),
    ("RNN relu", nn.RNN(3, 4, nonlinearity="relu", bias=False, batch_first=True), [x(2, 5, 3)]),
    ("GRU", nn.GRU(3, 4, 2, bidirectional=True), [x(5, 2, 3), x(4, 2, 4, phase=1)]),
    ("LSTM", nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True), [x(2, 5, 3)]),
    ("LSTM from a state", nn.LSTM(3, 4), [x(5, 2, 3), (x(1, 2, 4, phase=1), x(1, 2, 4, phase=2))]),
    ("MaxPool1d", nn.MaxPool1d(3, 2, 1, ceil_mode=True), [x(2, 4, 9)]),
    ("MaxPool2d", nn.MaxPool2d((3, 2), (2, 3), (1, 0), (2, 1)), [x(2, 4, 7, 6)]),
    ("MaxPool2d of an item", nn.MaxPool2d(3, 4, 1, ceil_mode=True), [x(4, 7, 6)]),
    ("AvgPool1d", nn.AvgPool1d(4, 3, 2, ceil_mode=True), [x(2, 4, 9)]),
    ("AvgPool1d without padding", nn.AvgPool1d(4, 3, 2, ceil_mode=True, count_include_pad=False), [x(2, 4, 9)]),
    ("AvgPool2d", nn.AvgPool2d(3, 2, 1, ceil_mode=True), [x(2, 4, 7, 6)]),
    ("AvgPool2d without padding", nn.AvgPool2d((3, 4), 3, 1, count_include_pad=False), [x(2, 4, 7, 6)]),
    ("AdaptiveAvgPool1d", nn.AdaptiveAvgPool1d(4), [x(2, 4, 9)]),
    ("AdaptiveAvgPool1d evenly", nn.AdaptiveAvgPool1d(3), [x(2, 4, 9)]),
    ("AdaptiveAvgPool2d", nn.AdaptiveAvgPool2d((3, 4)), [x(2, 4, 7, 6)]),
    ("AdaptiveAvgPool2d to more", nn.AdaptiveAvgPool2d((None, 11)), [x(2, 4, 7, 6)]),
    ("AdaptiveMaxPool2d", nn.AdaptiveMaxPool2d((3, None)), [x(2, 4, 7, 6)]),
    ("Flatten", nn.Flatten(), [x(2, 4, 3)]),
    ("PReLU", nn.PReLU(4), [x(2, 4, 3)]),
]

ACTIVATIONS = [
    nn.ReLU(), nn.ReLU6(), nn.SELU(), nn.GELU(), nn.SiLU(), nn.Mish(), nn.Sigmoid(), nn.LogSigmoid(), nn.Hardsigmoid(), nn.Hardswish(),
    nn.Softplus(), nn.Softsign(), nn.Tanh(), nn.LeakyReLU(), nn.ELU(), nn.Softmax(-1), nn.LogSoftmax(-1), nn.Hardtanh(),
]

LABELS, SOME = torch.tensor([0, 3, 5, 1, 3]), torch.tensor([0, -100, 5, 1, -100])
CLASSES = torch.tensor([1.0, 0.5, 2.0, 0.1, 3.0, 1.5], dtype=torch.float64)


def chances(phase):
    return torch.tensor(0.5 + 0.4 * numbers((5, 6), phase))


MORE = torch.tensor(numbers((5, 6), 1))
LOSSES = [
    ("mse", lambda x: F.mse_loss(x, MORE)),
    ("mse of each", lambda x: F.mse_loss(x, MORE, reduction="none")),
    ("l1 summed", lambda x: F.l1_loss(x, MORE, reduction="sum")),
    ("huber", lambda x: F.huber_loss(x, MORE, delta=0.3)),
    ("smooth_l1", lambda x: F.smooth_l1_loss(x, MORE, beta=0.3)),
    ("bce_with_logits", lambda x: F.binary_cross_entropy_with_logits(5 * x, chances(1))),
    ("bce", lambda x: F.binary_cross_entropy(0.5 + 0.4 * x, chances(1))),
    ("kl_div", lambda x: F.kl_div(F.log_softmax(x, -1), F.softmax(MORE, -1), reduction="sum")),
    ("cross_entropy", lambda x: F.cross_entropy(x, LABELS)),
    ("cross_entropy of some", lambda x: F.cross_entropy(x, SOME)),
    ("cross_entropy of each", lambda x: F.cross_entropy(x, SOME, reduction="none")),
    ("cross_entropy by weights, smoothed", lambda x: F.cross_entropy(x, SOME, weight=CLASSES, label_smoothing=0.2)),
    ("cross_entropy of chances", lambda x: F.cross_entropy(x, chances(1), weight=CLASSES, label_smoothing=0.2)),
    ("nll", lambda x: F.nll_loss(F.log_softmax(x, -1), SOME)),
    ("nll by weights, one left out", lambda x: F.nll_loss(F.log_softmax(x, -1), LABELS, weight=CLASSES, ignore_index=3)),
]

O = torch.optim
OPTIMIZERS = [
    ("SGD", lambda p: O.SGD(p, lr=0.1)),
    ("SGD with momentum", lambda p: O.SGD(p, lr=0.1, momentum=0.9, dampening=0.2, weight_decay=0.1)),
    ("SGD by Nesterov", lambda p: O.SGD(p, lr=0.1, momentum=0.9, nesterov=True, maximize=True)),
    ("Adam", lambda p: O.Adam(p, lr=0.1, weight_decay=0.05, amsgrad=True)),
    ("AdamW", lambda p: O.AdamW(p, lr=0.1, betas=(0.8, 0.95), weight_decay=0.1)),
    ("RMSprop", lambda p: O.RMSprop(p, lr=0.01, alpha=0.9, momentum=0.5, centered=True)),
    ("Adagrad", lambda p: O.Adagrad(p, lr=0.1, lr_decay=0.1, initial_accumulator_value=0.2)),
]

S = O.lr_scheduler
SCHEDULES = [
    ("StepLR", lambda o: S.StepLR(o, 4, 0.5)),
    ("MultiStepLR", lambda o: S.MultiStepLR(o, [3, 7, 7], 0.1)),
    ("ExponentialLR", lambda o: S.ExponentialLR(o, 0.9)),
    ("ConstantLR", lambda o: S.ConstantLR(o, 0.25, 6)),
    ("LinearLR", lambda o: S.LinearLR(o, 0.25, 1.0, 8)),
    ("PolynomialLR", lambda o: S.PolynomialLR(o, 9, 2.0)),
    ("CosineAnnealingLR", lambda o: S.CosineAnnealingLR(o, 10, 0.05)),
    ("OneCycleLR", lambda o: S.OneCycleLR(o, 0.8, 14, cycle_momentum=False)),
    ("OneCycleLR along lines", lambda o: S.OneCycleLR(o, 0.8, 14, pct_start=0.5, anneal_strategy="linear", div_factor=5, final_div_factor=100, cycle_momentum=False)),
]
WATCHED = [1.0, 0.9, 0.95, 0.93, 0.91, 0.9, 0.8999, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]


def flat(values):
    for value in values:
        if isinstance(value, tuple):
            yield from flat(value)
        elif value is not None:
            yield value


def module(made, given, mode="eval"):
    made = made.double().train(mode == "train")
    own = state(made)
    made.load_state_dict(own, strict=False)
    outputs = made(*given)
    outputs = list(flat(outputs if isinstance(outputs, tuple) else (outputs,)))
    sum(float(i + 1) * (one**2).sum() for i, one in enumerate(outputs)).backward()
    wanted = [one for one in flat(given) if isinstance(one, torch.Tensor) and one.requires_grad]
    return {
        "names": list(own),
        "outputs": [told(one.detach()) for one in outputs],
        "inputs": [told(one.grad) for one in wanted],
        "parameters": {name: told(one.grad) for name, one in made.named_parameters()},
        "buffers": {name: told(one) for name, one in made.named_buffers() if not name.endswith("num_batches_tracked")},
    }


def function(of):
    at = x(5, 6)
    output = of(at)
    output.sum().backward()
    return {"output": told(output.detach()), "gradient": told(at.grad)}


def path(make):
    first, second = torch.nn.Parameter(torch.tensor(numbers((4,), 0))), torch.nn.Parameter(torch.tensor(numbers((2, 3), 1)))
    optimizer = make([first, second])
    for _ in range(6):
        optimizer.zero_grad()
        ((first**2).sum() + torch.sin(2 * second).sum()).backward()
        optimizer.step()
    return [told(one.detach()) for one in (first, second)]


def rates(make):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.4)
    schedule, found = make(optimizer), []
    for _ in range(14):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def plateau():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.4)
    schedule, found = S.ReduceLROnPlateau(optimizer, factor=0.5, patience=2, cooldown=1, min_lr=0.06), []
    for value in WATCHED:
        schedule.step(value)
        found.append(optimizer.param_groups[0]["lr"])
    return found


def beginnings():
    """What modules of `gf.nn` begin with, of a key or of a seed."""
    import gradframe as gf

    def key():
        return gf.random.key(7)

    made = {
        "Linear": gf.nn.Linear(4, 3, key=key()),
        "Conv2d": gf.nn.Conv2d(4, 6, 3, groups=2, key=key()),
        "ConvTranspose2d": gf.nn.ConvTranspose2d(4, 6, 3, key=key()),
        "Embedding": gf.nn.Embedding(6, 4, padding_idx=2, key=key()),
        "MultiheadAttention": gf.nn.MultiheadAttention(8, 2, kdim=6, key=key()),
        "TransformerEncoderLayer": gf.nn.TransformerEncoderLayer(8, 2, 12, key=key()),
        "LSTM": gf.nn.LSTM(3, 4, 2, bidirectional=True, key=key()),
    }
    gf.random.seed(3)
    made["Sequential of a seed"] = gf.nn.Sequential(gf.nn.Linear(4, 3), gf.nn.Linear(3, 2))
    return {name: {key: told(value.numpy()) for key, value in one.state_dict().items()} for name, one in made.items()}


def write():
    torch.manual_seed(0)
    stored = {
        "torch": torch.__version__,
        "modules": {name: module(*case) for name, *case in MODULES},
        "activations": {type(one).__name__: function(lambda at, one=one: one(4 * at)) for one in ACTIVATIONS},
        "losses": {name: function(of) for name, of in LOSSES},
        "optimizers": {name: path(make) for name, make in OPTIMIZERS},
        "schedules": {name: rates(make) for name, make in SCHEDULES},
        "plateau": {"watched": WATCHED, "rates": plateau()},
        "beginnings": beginnings(),
    }
    STORED.write_text(json.dumps(stored) + "\n")


if __name__ == "__main__":
    write()
