"""The networks of `tensors` written with `gf.nn`, each beside the same in Rust; `cargo xtask bench networks` runs it. A step of the
training is compiled, as it is in Rust; what the same loop takes without `gf.jit` is printed beside.

    python networks.py --program target/release/examples/tensors --data DIR [--runs 3] [--only mlp,cnn,gpt] [--smoke]

Prints `task | who | figure | unit | bar`: an epoch of a perceptron, 100 steps of a convolutional network, tokens a second of a
GPT. Both sides take turns, so that a noisy machine troubles both. DIR holds MNIST, unpacked.
"""

import argparse
import pathlib
import statistics
import subprocess
import time

import numpy as np

import gradframe as gf
import gradframe.numpy as gnp

F, nn = gf.nn.functional, gf.nn
BATCH = 128
RATIO_MAX = 1.05
VOCABULARY, WIDTH, HEADS, CONTEXT, LAYERS, ROWS = 65, 128, 4, 64, 4, 12
GPT_STEPS = 20


def mnist(folder):
    """Images (60000, 784) between 0 and 1, and their labels."""

    def read(name, offset):
        return np.frombuffer((folder / name).read_bytes(), np.uint8, offset=offset)

    images = read("train-images-idx3-ubyte", 16).reshape(-1, 784).astype("float32") / 255
    return images, read("train-labels-idx1-ubyte", 8).astype("int64")


def stepper(network, optimizer, compiled, batch=lambda inputs, labels: (inputs, labels)):
    """One step: the loss of a batch, its gradients, the next parameters. `batch` makes inputs and labels of what is given."""

    def step(*given):
        inputs, labels = batch(*given)
        loss = F.cross_entropy(network(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return gf.jit(step, state=(network, optimizer)) if compiled else step


def keys():
    return iter(gf.random.split(gf.random.key(0), 64))


def perceptron(data, scale, compiled):
    """Work: one epoch; its unit is seconds."""
    images, labels = (gnp.asarray(part) for part in data)
    key = keys()
    network = nn.Sequential(
        nn.Linear(784, 256, key=next(key)), nn.ReLU(), nn.Linear(256, 128, key=next(key)), nn.ReLU(), nn.Linear(128, 10, key=next(key))
    )
    optimizer = gf.optim.Adam(network.parameters(), lr=1e-3)
    step = stepper(network, optimizer, compiled, lambda picked: (gnp.take(images, picked, axis=0), gnp.take(labels, picked, axis=0)))
    random = np.random.default_rng(0)
    count = len(data[0]) // scale

    def epoch():
        order = random.permutation(count)
        for first in range(0, count - BATCH + 1, BATCH):
            step(gnp.asarray(order[first : first + BATCH]))

    return epoch, lambda seconds: seconds


def convolutions(data, scale, compiled):
    """Work: 100 steps; its unit is seconds."""
    steps = 100 // scale
    images = gnp.asarray(data[0][: steps * BATCH].reshape(-1, 1, 28, 28))
    labels = gnp.asarray(data[1][: steps * BATCH])
    key = keys()
    network = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1, key=next(key)),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1, key=next(key)),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(3136, 128, key=next(key)),
        nn.ReLU(),
        nn.Linear(128, 10, key=next(key)),
    )
    step = stepper(network, gf.optim.Adam(network.parameters(), lr=1e-3), compiled)

    def work():
        for first in range(0, steps * BATCH, BATCH):
            step(images[first : first + BATCH], labels[first : first + BATCH])

    return work, lambda seconds: seconds


class Block(nn.Module):
    """Attention and a perceptron, each given what is normalised and added to what it was given."""

    def __init__(self, key):
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH, key=next(key)), nn.Linear(WIDTH, WIDTH, key=next(key))
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH, key=next(key)), nn.Linear(4 * WIDTH, WIDTH, key=next(key))

    def forward(self, x):
        rows, length, width = x.shape
        qkv = self.qkv(self.norm_1(x))
        parts = (qkv[..., at : at + width].reshape(rows, length, HEADS, -1) for at in (0, width, 2 * width))
        q, k, v = (gnp.permute_dims(part, (0, 2, 1, 3)) for part in parts)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(gnp.permute_dims(seen, (0, 2, 1, 3)).reshape(rows, length, width))
        return x + self.down(F.gelu(self.up(self.norm_2(x))))


class Gpt(nn.Module):
    """Tokens to the scores of those that follow."""

    def __init__(self, key):
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, WIDTH, key=next(key))
        self.places = nn.Embedding(CONTEXT, WIDTH, key=next(key))
        self.blocks = nn.ModuleList([Block(key) for _ in range(LAYERS)])
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, VOCABULARY, bias=False, key=next(key))

    def forward(self, tokens):
        x = self.tokens(tokens) + self.places(gnp.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def transformer(_, scale, compiled):
    """Work: 20 steps; its unit is tokens a second."""
    network = Gpt(keys())
    step = stepper(network, gf.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.01), compiled)
    random = np.random.default_rng(0)
    text = random.integers(0, VOCABULARY, 200_000)
    steps = GPT_STEPS // scale

    def work():
        for _ in range(steps):
            at = random.integers(0, len(text) - CONTEXT - 1, ROWS)
            seen, following = (np.stack([text[a + k : a + k + CONTEXT] for a in at]) for k in (0, 1))
            step(gnp.asarray(seen), gnp.asarray(following))

    return work, lambda seconds: steps * ROWS * CONTEXT / seconds


#: The task of `tensors`, and what makes its work here.
NETWORKS = {"mlp": perceptron, "cnn": convolutions, "gpt": transformer}


def in_rust(program, task, data):
    """The figure that our program prints, and its unit."""
    run = subprocess.run([program, "--data", data, task], stdout=subprocess.PIPE, text=True, check=True)
    figure, unit = next(line.split("|")[1:3] for line in run.stdout.splitlines() if "|" in line)
    return float(figure), unit.strip()


def line(task, who, figure, unit, bar=""):
    print(f"{task} | {who} | {figure:.4g} | {unit} | {bar}", flush=True)


def measure(task, options):
    data, scale = mnist(options.data), 10 if options.smoke else 1
    (work, figure), (plain, _) = (NETWORKS[task](data, scale, compiled) for compiled in (True, False))
    ours, eager, rust, unit = [], [], [], ""
    for measured in range(-1, options.runs):
        for one, into in ((work, ours), (plain, eager)):
            start = time.perf_counter()
            one()
            if measured >= 0:
                into.append(figure(time.perf_counter() - start))
        if options.program and measured >= 0:
            value, unit = in_rust(options.program, task, options.data)
            rust.append(value)
    median = statistics.median(ours)
    if not rust:
        line(task, "Python", median, "tokens/s" if task == "gpt" else "s")
        return
    theirs = statistics.median(rust)
    ratio = theirs / median if unit == "tokens/s" else median / theirs
    line(task, "Python", median, unit, f"<= {RATIO_MAX} x Rust: {ratio:.3f}")
    line(task, "Python without jit", statistics.median(eager), unit)
    line(task, "Rust", theirs, unit)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default=",".join(NETWORKS))
    parser.add_argument("--peers", action="store_true", help="changes nothing: Rust is the peer")
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    for task in options.only.split(","):
        measure(task, options)


if __name__ == "__main__":
    main()
