"""What a user would pick instead, in the tasks of `tensors`: python tensors.py WHO TASK FOLDER, with MNIST's unpacked files.

WHO is one of `PEERS`. Prints `task | figure | unit`, the median of five runs after one that does not count. Sizes and
configurations as in `shared/bench/peers_ml.py`: PyTorch eager and compiled with fused optimisers, channels last where that is
faster; JAX jitted. Every peer has all cores.
"""

import pathlib
import statistics
import sys
import time

import numpy as np

RUNS = 5
RATE = 1e-3
BATCH = 128
ROWS, COLUMNS, CHAIN, SORTED = 8192, 1024, 16 << 20, 10_000_000
CUBE = (64, 128, 1024)
REDUCTIONS = (
    ("rows", (ROWS, COLUMNS), (1,)),
    ("columns", (ROWS, COLUMNS), (0,)),
    ("all", (ROWS, COLUMNS), (0, 1)),
    ("a first axis", CUBE, (0,)),
    ("a middle axis", CUBE, (1,)),
    ("a last axis", CUBE, (2,)),
)


def say(task, figure, unit):
    print(f"{task} | {figure:.4f} | {unit}", flush=True)


def median_seconds(work):
    work()
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def time_ms(task, work):
    say(task, 1e3 * median_seconds(work), "ms")


def resident_kb(field):
    status = pathlib.Path("/proc/self/status").read_text()
    return next(float(line.split()[1]) for line in status.splitlines() if line.startswith(field))


def say_memory(task, train):
    """The most that 20 steps take above what the process holds before the network is made."""
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    before = resident_kb("VmRSS")
    step = train()
    for _ in range(20):
        step()
    say(task, (resident_kb("VmHWM") - before) / 1024, "MB")


def floats(*shape):
    return np.random.default_rng(1).random(shape, np.float32) * 4 - 2


def mnist(folder):
    images = np.fromfile(folder / "train-images-idx3-ubyte", np.uint8)[16:].reshape(-1, 784)
    labels = np.fromfile(folder / "train-labels-idx1-ubyte", np.uint8)[8:]
    return images.astype(np.float32) / 255, labels.astype(np.int64)


class Numpy:
    def chain(self, _):
        x = floats(CHAIN)
        buffers = [np.empty_like(x), np.empty_like(x)]
        time_ms("copy of 16 M", lambda: np.copyto(buffers[0], x))

        def work():
            y = np.multiply(x, np.float32(0.9), out=buffers[0])
            for i in range(5):
                y = np.multiply(y, np.float32(0.9 + 0.01 * i), out=buffers[0]) if i else y
                y = np.add(y, np.float32(0.1), out=y) if i % 2 == 0 else np.subtract(y, x, out=y)

        time_ms("chain of ten", work)

    def reductions(self, _):
        for of, shape, axes in REDUCTIONS:
            x = floats(*shape)
            time_ms(f"sum of {of}", lambda x=x, axes=axes: x.sum(axes))
            time_ms(f"max of {of}", lambda x=x, axes=axes: x.max(axes))

    def sorts(self, _):
        x = floats(SORTED)
        time_ms("sort of 10 M", lambda: np.sort(x))
        time_ms("argsort of 10 M", lambda: np.argsort(x))


class Torch:
    def __init__(self, compiled):
        import torch

        torch.manual_seed(0)
        self.torch, self.compiled = torch, compiled

    def run(self, function):
        return self.torch.compile(function) if self.compiled else function

    def tensor(self, array):
        return self.torch.from_numpy(array)

    def train(self, net, run, optimiser, x, y):
        optimiser.zero_grad()
        scores = run(x)
        self.torch.nn.functional.cross_entropy(scores.reshape(-1, scores.shape[-1]), y.reshape(-1)).backward()
        optimiser.step()

    def warm_up(self):
        """A step of next to nothing with every kind of layer, so that what is loaded and made once is there."""
        nn = self.torch.nn
        layers = (nn.Conv2d(1, 1, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 8), nn.LayerNorm(8), nn.GELU())
        net, x = nn.Sequential(*layers), self.torch.rand(2, 1, 8, 8)
        for kind in (self.torch.optim.Adam, self.torch.optim.AdamW):
            self.train(net, net, kind(net.parameters(), RATE, fused=True), x, self.torch.zeros(2, dtype=self.torch.long))

    def perceptron(self):
        nn = self.torch.nn
        net = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
        return net, self.torch.optim.Adam(net.parameters(), RATE, fused=True), self.run(net)

    def mlp_memory(self, folder):
        self.warm_up()
        images, labels = map(self.tensor, mnist(folder))

        def train():
            net, optimiser, run = self.perceptron()

            def step():
                rows = self.torch.randint(0, len(images), (BATCH,))
                self.train(net, run, optimiser, images[rows], labels[rows])

            return step

        say_memory("mlp memory", train)

    def mlp(self, folder):
        images, labels = map(self.tensor, mnist(folder))
        net, optimiser, run = self.perceptron()

        def epoch():
            order = self.torch.randperm(len(images))
            for at in range(0, len(images) - BATCH + 1, BATCH):
                rows = order[at : at + BATCH]
                self.train(net, run, optimiser, images[rows], labels[rows])

        say("mlp epoch", median_seconds(epoch), "s")

    def convolutions(self):
        nn = self.torch.nn
        net = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(3136, 128),
            nn.ReLU(),
            nn.Linear(128, 10),
        )
        layout = self.torch.channels_last if self.compiled else self.torch.contiguous_format
        net = net.to(memory_format=layout)
        return layout, net, self.torch.optim.Adam(net.parameters(), RATE, fused=True), self.run(net)

    def images(self, folder, count):
        images, labels = mnist(folder)
        return self.tensor(images[:count].reshape(-1, 1, 28, 28).copy()), self.tensor(labels[:count])

    def cnn_memory(self, folder):
        self.warm_up()
        images, labels = self.images(folder, BATCH)

        def train():
            _, net, optimiser, run = self.convolutions()
            return lambda: self.train(net, run, optimiser, images, labels)

        say_memory("cnn memory", train)

    def cnn(self, folder):
        images, labels = self.images(folder, 12800)
        layout, net, optimiser, run = self.convolutions()

        def steps():
            for at in range(0, 12800, BATCH):
                x = images[at : at + BATCH].contiguous(memory_format=layout)
                self.train(net, run, optimiser, x, labels[at : at + BATCH])

        say("cnn 100 steps", median_seconds(steps), "s")

    def transformer(self):
        """A function that trains a GPT for a step."""
        torch = self.torch
        net = torch_gpt(torch)
        optimiser, run = torch.optim.AdamW(net.parameters(), RATE, fused=True), self.run(net)
        text = torch.randint(0, 65, (200_000,))

        def step():
            starts = torch.randint(0, len(text) - 65, (12,))
            x = torch.stack([text[at : at + 64] for at in starts])
            self.train(net, run, optimiser, x, torch.stack([text[at + 1 : at + 65] for at in starts]))

        return step

    def gpt_memory(self, _):
        self.warm_up()
        say_memory("gpt memory", self.transformer)

    def gpt(self, _):
        step = self.transformer()

        def steps():
            for _ in range(20):
                step()

        say("gpt training", 20 * 12 * 64 / median_seconds(steps), "tokens/s")

    def chain(self, _):
        x = self.tensor(floats(CHAIN))
        time_ms("chain of ten", lambda: chain_of_ten(x)) if not self.compiled else None
        if self.compiled:
            run = self.torch.compile(chain_of_ten)
            time_ms("chain of ten", lambda: run(x))

    def rows(self, _):
        functional = self.torch.nn.functional
        x, w = self.tensor(floats(ROWS, COLUMNS)), self.tensor(floats(ROWS, COLUMNS))
        leaf = x.clone().requires_grad_()
        cases = (
            ("softmax", lambda x: functional.softmax(x, 1)),
            ("layer norm", lambda x: functional.layer_norm(x, (COLUMNS,), eps=1e-5)),
        )
        for name, function in cases:
            run = self.run(function)
            with self.torch.no_grad():
                time_ms(name, lambda run=run: run(x))

            def gradient(run=run):
                leaf.grad = None
                run(leaf).backward(w)

            time_ms(f"{name} gradient", gradient)

    def reductions(self, _):
        for of, shape, axes in REDUCTIONS:
            x = self.tensor(floats(*shape))
            total, most = self.run(lambda x, axes=axes: x.sum(axes)), self.run(lambda x, axes=axes: x.amax(axes))
            time_ms(f"sum of {of}", lambda total=total, x=x: total(x))
            time_ms(f"max of {of}", lambda most=most, x=x: most(x))

    def sorts(self, _):
        x = self.tensor(floats(SORTED))
        time_ms("sort of 10 M", lambda: self.torch.sort(x).values)
        time_ms("argsort of 10 M", lambda: self.torch.argsort(x))


def chain_of_ten(x):
    y = x
    for i in range(5):
        y = y * (0.9 + 0.01 * i)
        y = y + 0.1 if i % 2 == 0 else y - x
    return y


def torch_gpt(torch, width=128, heads=4, context=64, layers=4, vocabulary=65):
    nn, functional = torch.nn, torch.nn.functional

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.all, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x):
            b, t, c = x.shape
            parts = self.all(self.norm_1(x)).split(c, 2)
            q, k, v = (part.view(b, t, heads, c // heads).transpose(1, 2) for part in parts)
            seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.projection(seen.transpose(1, 2).reshape(b, t, c))
            return x + self.down(functional.gelu(self.up(self.norm_2(x))))

    class Gpt(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
            self.blocks = nn.ModuleList([Block() for _ in range(layers)])
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

        def forward(self, ids):
            x = self.tokens(ids) + self.positions(torch.arange(ids.shape[1]))
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x))

    return Gpt()


class Jax:
    def __init__(self):
        import jax

        self.jax, self.jnp = jax, jax.numpy

    def array(self, numpy_array):
        return self.jnp.asarray(numpy_array)

    def time(self, task, function, *arguments):
        run = self.jax.jit(function)
        time_ms(task, lambda: self.jax.block_until_ready(run(*arguments)))

    def adam(self, loss):
        jax, jnp = self.jax, self.jnp

        @jax.jit
        def step(state, x, y):
            p, m, v, t = state
            g, t, over = jax.grad(loss)(p, x, y), t + 1, jax.tree.map
            m = over(lambda m, g: 0.9 * m + 0.1 * g, m, g)
            v = over(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
            root = over(lambda v: jnp.sqrt(v / (1 - 0.999**t)) + 1e-8, v)
            p = over(lambda p, m, r: p - RATE * (m / (1 - 0.9**t)) / r, p, m, root)
            return p, m, v, t

        return step

    def train(self, loss, parameters, batches):
        """Median seconds of all batches; the state goes on from run to run."""
        zeros = self.jax.tree.map(self.jnp.zeros_like, parameters)
        step, held = self.adam(loss), [(parameters, zeros, zeros, 0.0)]

        def run():
            state = held[0]
            for x, y in batches():
                state = step(state, x, y)
            held[0] = self.jax.block_until_ready(state)

        return median_seconds(run)

    def cross_entropy(self, scores, labels):
        logs = self.jax.nn.log_softmax(scores)
        return -self.jnp.mean(self.jnp.take_along_axis(logs, labels[..., None], -1))

    def normal(self, seed, shape, deviation):
        return self.jax.random.normal(self.jax.random.key(seed), shape) * deviation

    def mlp(self, folder):
        images, labels = mnist(folder)
        shapes = ((784, 256), (256, 128), (128, 10))
        parameters = [(self.normal(i, s, np.sqrt(2 / s[0])), self.jnp.zeros(s[1])) for i, s in enumerate(shapes)]

        def loss(parameters, x, y):
            for w, b in parameters[:-1]:
                x = self.jax.nn.relu(x @ w + b)
            w, b = parameters[-1]
            return self.cross_entropy(x @ w + b, y)

        def batches():
            order = np.random.permutation(len(images))
            for at in range(0, len(images) - BATCH + 1, BATCH):
                yield images[order[at : at + BATCH]], labels[order[at : at + BATCH]]

        say("mlp epoch", self.train(loss, parameters, batches), "s")

    def cnn(self, folder):
        jax, jnp = self.jax, self.jnp
        images, labels = mnist(folder)
        images, labels = images[:12800].reshape(-1, 28, 28, 1), labels[:12800]
        shapes = ((3, 3, 1, 32), (3, 3, 32, 64), (3136, 128), (128, 10))
        fans = (9, 288, 3136, 128)
        weights = [self.normal(i, s, np.sqrt(2 / f)) for i, (s, f) in enumerate(zip(shapes, fans))]
        parameters = [part for w in weights for part in (w, jnp.zeros(w.shape[-1]))]

        def conv(x, w, b):
            x = jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
            x = jax.nn.relu(x + b)
            return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

        def loss(p, x, y):
            x = conv(conv(x, p[0], p[1]), p[2], p[3]).reshape(len(x), -1)
            return self.cross_entropy(jax.nn.relu(x @ p[4] + p[5]) @ p[6] + p[7], y)

        def batches():
            for at in range(0, 12800, BATCH):
                yield images[at : at + BATCH], labels[at : at + BATCH]

        say("cnn 100 steps", self.train(loss, parameters, batches), "s")

    def gpt(self, _):
        jax, jnp, width, heads, context = self.jax, self.jnp, 128, 4, 64
        seeds = iter(range(1000))

        def w(*shape):
            return self.normal(next(seeds), shape, 0.02)

        def norm_parts():
            return jnp.ones(width), jnp.zeros(width)

        def block():
            dense = {"all": (width, 3 * width), "o": (width, width), "up": (width, 4 * width), "down": (4 * width, width)}
            return {name: (w(*s), jnp.zeros(s[1])) for name, s in dense.items()} | {"n1": norm_parts(), "n2": norm_parts()}

        parameters = {"t": w(65, width), "p": w(context, width), "n": norm_parts(), "h": w(width, 65)}
        parameters["blocks"] = [block() for _ in range(4)]
        mask = jnp.tril(jnp.ones((context, context), bool))

        def norm(x, p):
            mean = x.mean(-1, keepdims=True)
            variance = ((x - mean) ** 2).mean(-1, keepdims=True)
            return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * p[0] + p[1]

        def loss(p, ids, after):
            b, t = ids.shape
            x = p["t"][ids] + p["p"]
            for part in p["blocks"]:
                all_ = norm(x, part["n1"]) @ part["all"][0] + part["all"][1]
                split = (a.reshape(b, t, heads, width // heads).transpose(0, 2, 1, 3) for a in jnp.split(all_, 3, -1))
                q, k, v = split
                scores = jnp.where(mask, q @ k.transpose(0, 1, 3, 2) / np.sqrt(width // heads), -1e30)
                seen = (jax.nn.softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(b, t, width)
                x = x + seen @ part["o"][0] + part["o"][1]
                up = norm(x, part["n2"]) @ part["up"][0] + part["up"][1]
                x = x + jax.nn.gelu(up, approximate=False) @ part["down"][0] + part["down"][1]
            return self.cross_entropy(norm(x, p["n"]) @ p["h"], after)

        text = np.random.randint(0, 65, 200_000)

        def batches():
            for _ in range(20):
                starts = np.random.randint(0, len(text) - context - 1, 12)
                yield (
                    np.stack([text[at : at + context] for at in starts]),
                    np.stack([text[at + 1 : at + context + 1] for at in starts]),
                )

        say("gpt training", 20 * 12 * context / self.train(loss, parameters, batches), "tokens/s")

    def chain(self, _):
        self.time("chain of ten", chain_of_ten, self.array(floats(CHAIN)))

    def rows(self, _):
        jax, jnp = self.jax, self.jnp
        x, w = self.array(floats(ROWS, COLUMNS)), self.array(floats(ROWS, COLUMNS))

        def layer_norm(x):
            mean = x.mean(-1, keepdims=True)
            return (x - mean) * jax.lax.rsqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-5)

        for name, function in (("softmax", jax.nn.softmax), ("layer norm", layer_norm)):
            self.time(name, function, x)
            self.time(f"{name} gradient", jax.grad(lambda x, w, f=function: jnp.sum(f(x) * w)), x, w)

    def reductions(self, _):
        for of, shape, axes in REDUCTIONS:
            x = self.array(floats(*shape))
            self.time(f"sum of {of}", lambda x, axes=axes: x.sum(axes), x)
            self.time(f"max of {of}", lambda x, axes=axes: x.max(axes), x)

    def sorts(self, _):
        x = self.array(floats(SORTED))
        self.time("sort of 10 M", self.jnp.sort, x)
        self.time("argsort of 10 M", self.jnp.argsort, x)


PEERS = {
    "numpy": Numpy,
    "torch eager": lambda: Torch(compiled=False),
    "torch compile": lambda: Torch(compiled=True),
    "jax jit": Jax,
}


if __name__ == "__main__":
    who, task, folder = sys.argv[1:]
    getattr(PEERS[who](), task)(pathlib.Path(folder))
