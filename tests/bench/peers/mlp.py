"""The peers of the task `mlp`, each in its best configuration: python mlp.py FOLDER, with MNIST's unpacked files.

Prints `task | who | seconds | s`, the median of five epochs after one that does not count. Batches are picked from one
array by a shuffled order, as ours are; PyTorch updates its parameters in place, JAX is handed its state back.
"""

import pathlib
import statistics
import sys
import time

import numpy as np

LAYERS = ((784, 256), (256, 128), (128, 10))
BATCH = 128
RATE = 1e-3
EPOCHS = 5


def mnist(folder):
    images = np.fromfile(folder / "train-images-idx3-ubyte", np.uint8)[16:].reshape(-1, 784)
    labels = np.fromfile(folder / "train-labels-idx1-ubyte", np.uint8)[8:]
    return images.astype(np.float32) / 255, labels.astype(np.int64)


def median_seconds(epoch):
    epoch()
    seconds = []
    for _ in range(EPOCHS):
        start = time.perf_counter()
        epoch()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def batches(order):
    return (order[at : at + BATCH] for at in range(0, len(order) - BATCH + 1, BATCH))


def say(who, seconds):
    print(f"mlp mnist epoch | {who} | {seconds:.4f} | s", flush=True)


def torch_epoch(images, labels, compiled):
    import torch

    torch.manual_seed(0)
    layers = [torch.nn.Linear(*LAYERS[0])]
    for shape in LAYERS[1:]:
        layers += [torch.nn.ReLU(), torch.nn.Linear(*shape)]
    net = torch.nn.Sequential(*layers)
    optimiser = torch.optim.Adam(net.parameters(), RATE, fused=True)
    run = torch.compile(net) if compiled else net
    x, y = torch.from_numpy(images), torch.from_numpy(labels)

    def epoch():
        for rows in batches(torch.randperm(len(x))):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(run(x[rows]), y[rows]).backward()
            optimiser.step()

    return epoch


def jax_epoch(images, labels):
    import jax
    import jax.numpy as jnp

    keys = jax.random.split(jax.random.key(0), len(LAYERS))
    weights = [jax.random.normal(k, shape) * np.sqrt(2 / shape[0]) for k, shape in zip(keys, LAYERS)]
    parameters = [(w, jnp.zeros(w.shape[1])) for w in weights]
    zeros = jax.tree.map(jnp.zeros_like, parameters)

    def loss(parameters, x, y):
        for w, b in parameters[:-1]:
            x = jax.nn.relu(x @ w + b)
        w, b = parameters[-1]
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x @ w + b), y[:, None], 1))

    @jax.jit
    def step(state, x, y):
        p, m, v, t = state
        g, t, over = jax.grad(loss)(p, x, y), t + 1, jax.tree.map
        m = over(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = over(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        root = over(lambda v: jnp.sqrt(v / (1 - 0.999**t)) + 1e-8, v)
        p = over(lambda p, m, r: p - RATE * (m / (1 - 0.9**t)) / r, p, m, root)
        return p, m, v, t

    held = [(parameters, zeros, zeros, 0.0)]

    def epoch():
        state = held[0]
        for rows in batches(np.random.permutation(len(images))):
            state = step(state, images[rows], labels[rows])
        held[0] = jax.block_until_ready(state)

    return epoch


def main(folder):
    images, labels = mnist(folder)
    peers = {
        "torch eager": lambda: torch_epoch(images, labels, compiled=False),
        "torch compile": lambda: torch_epoch(images, labels, compiled=True),
        "jax jit": lambda: jax_epoch(images, labels),
    }
    for who, make in peers.items():
        try:
            say(who, median_seconds(make()))
        except Exception as error:  # one peer that cannot run is said, and the rest go on
            print(f"mlp mnist epoch | {who} | not measured | s", flush=True)
            print(f"# {who}: {str(error).strip().splitlines()[0][:160]}", file=sys.stderr)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
