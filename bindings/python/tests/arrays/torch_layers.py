"""Values and gradients of PyTorch for layers, losses and functions of networks. Run by hand where PyTorch is:

    python tests/arrays/torch_layers.py      # writes torch_layers.json beside it
"""

import json
import pathlib

import numpy as np

STORED = pathlib.Path(__file__).with_suffix(".json")

rng = np.random.default_rng(3)
X, Y = (rng.normal(size=(4, 6)).astype("float32") for _ in range(2))
X[0, 0] = 0.0
#: Probabilities of two kinds, of six, and logarithms of such.
P = rng.uniform(0.05, 0.95, size=(4, 6)).astype("float32")
Q = rng.dirichlet(np.ones(6), 4).astype("float32")
Q[0, 0] = 0.0
L = np.log(rng.dirichlet(np.ones(6), 4)).astype("float32")
CERTAIN = np.array([[0.0, 1.0, 0.5]], dtype="float32")

#: What is computed of `nn`, `nn.functional` and the function that makes an array.
VALUES = {
    "SELU": lambda nn, F, a: nn.SELU()(a(X)),
    "CELU": lambda nn, F, a: nn.CELU(0.7)(a(X)),
    "Softsign": lambda nn, F, a: nn.Softsign()(a(X)),
    "GLU": lambda nn, F, a: nn.GLU()(a(X)),
    "GLU of rows": lambda nn, F, a: nn.GLU(0)(a(X)),
    "Softmin": lambda nn, F, a: nn.Softmin(dim=1)(a(X)),
    "PReLU": lambda nn, F, a: nn.PReLU(init=0.3)(a(X)),
    "PReLU of channels": lambda nn, F, a: nn.PReLU(6)(a(X)),
    "PReLU of channels with an axis more": lambda nn, F, a: nn.PReLU(2)(a(X.reshape(4, 2, 3))),
    "KLDivLoss of rows": lambda nn, F, a: nn.KLDivLoss(reduction="batchmean")(a(L), a(Q)),
    "BCELoss where all is certain": lambda nn, F, a: F.binary_cross_entropy(a(CERTAIN), a(CERTAIN[:, ::-1].copy()), reduction="none"),
    "normalize": lambda nn, F, a: F.normalize(a(X)),
    "normalize by sums": lambda nn, F, a: F.normalize(a(X), p=1.0, dim=0),
    "normalize nothing": lambda nn, F, a: F.normalize(a(0 * X)),
    "CosineSimilarity": lambda nn, F, a: nn.CosineSimilarity()(a(X), a(Y)),
    "CosineSimilarity of columns": lambda nn, F, a: F.cosine_similarity(a(X), a(Y), dim=0),
    "CosineSimilarity to nothing": lambda nn, F, a: F.cosine_similarity(a(X), a(0 * Y)),
}
for reduction in ("mean", "sum", "none"):
    VALUES |= {
        f"SmoothL1Loss {reduction}": lambda nn, F, a, r=reduction: nn.SmoothL1Loss(reduction=r, beta=0.5)(a(X), a(Y)),
        f"SmoothL1Loss without a bend {reduction}": lambda nn, F, a, r=reduction: nn.SmoothL1Loss(reduction=r, beta=0)(a(X), a(Y)),
        f"BCELoss {reduction}": lambda nn, F, a, r=reduction: nn.BCELoss(reduction=r)(a(P), a(Q)),
        f"KLDivLoss {reduction}": lambda nn, F, a, r=reduction: nn.KLDivLoss(reduction=r)(a(L), a(Q)),
        f"KLDivLoss of logarithms {reduction}": lambda nn, F, a, r=reduction: nn.KLDivLoss(reduction=r, log_target=True)(a(L), a(np.log(P))),
    }
#: Sums of what is computed of an array, whose gradient is stored, and the array.
GRADIENTS = {
    "selu": (lambda F, x: F.selu(x).sum(), X),
    "celu": (lambda F, x: F.celu(x, 0.7).sum(), X),
    "softsign": (lambda F, x: F.softsign(x).sum(), X),
    "glu": (lambda F, x: F.glu(x).sum(), X),
    "normalize": (lambda F, x: (F.normalize(x) ** 3).sum(), X),
    "normalize nothing": (lambda F, x: F.normalize(x).sum(), 0 * X),
    "binary_cross_entropy": (lambda F, x: F.binary_cross_entropy(x, x * 0 + 0.3), P),
    "kl_div": (lambda F, x: F.kl_div(x, x * 0 + 0.2, reduction="batchmean"), L),
    "kl_div of the target": (lambda F, x: F.kl_div(x * 0 - 1.0, x, reduction="sum"), Q[1:]),
    "smooth_l1_loss": (lambda F, x: F.smooth_l1_loss(x, x * 0 + 0.1, beta=0.5), X),
}


def write():
    import torch

    def gradient(function, at):
        x = torch.tensor(at, requires_grad=True)
        function(torch.nn.functional, x).backward()
        return x.grad.numpy().tolist()

    values = {name: make(torch.nn, torch.nn.functional, torch.tensor).detach().numpy().tolist() for name, make in VALUES.items()}
    gradients = {name: gradient(function, at) for name, (function, at) in GRADIENTS.items()}
    STORED.write_text(json.dumps({"torch": torch.__version__, "values": values, "gradients": gradients}) + "\n")


if __name__ == "__main__":
    write()
