"""What an operation on arrays costs, with the bars that it is held to; `cargo xtask bench arrays` runs it.

    python arrays.py --data DIR [--peers] [--runs 30] [--smoke]

Prints `task | who | figure | unit | bar`. With --peers NumPy does the same, and JAX and PyTorch where they are installed.
--smoke takes few elements: it shows that all of it runs, and measures nothing. DIR is not used.
"""

import argparse
import importlib.util
import statistics
import time

import numpy as np

import gradframe as gf
import gradframe.numpy as gnp

SMALL, LARGE, CHAIN = 100, 1_000_000, 200


def median_us(run, runs):
    """The median of the runs in microseconds, after two that do not count."""
    times = []
    for _ in range(runs + 2):
        start = time.perf_counter()
        run()
        times.append(1e6 * (time.perf_counter() - start))
    return statistics.median(times[2:])


def line(task, who, figure, unit, bar=""):
    print(f"arrays {task} | {who} | {'not measured' if figure is None else f'{figure:.4g}'} | {unit} | {bar}", flush=True)


def small(runs, _):
    """A chain of operations on 100 floats, looked at once: what one costs. And one that is looked at by itself."""
    x, y = gnp.asarray(np.random.default_rng(0).random(SMALL, "float32")), gnp.ones(SMALL)

    def chain():
        z = x
        for _ in range(CHAIN // 2):
            z = (z + y) * 0.5
        return z.numpy()

    line("small, one of a chain", "gradframe", median_us(chain, runs) / CHAIN, "us", "<= 5")
    line("small, looked at", "gradframe", median_us(lambda: (x + y).numpy(), 10 * runs), "us", "<= 5")


def numpy_small(runs):
    """The same in NumPy."""
    x, y = np.random.default_rng(0).random(SMALL, "float32"), np.ones(SMALL, "float32")
    line("small, looked at", "numpy", median_us(lambda: x + y, 10 * runs), "us")


POINTWISE = {
    "x + y": lambda xp, x, y: x + y,
    "x * 2 + 1": lambda xp, x, y: x * 2 + 1,
    "exp": lambda xp, x, y: xp.exp(x),
    "sqrt": lambda xp, x, y: xp.sqrt(x),
    "sum": lambda xp, x, y: xp.sum(x),
    "max": lambda xp, x, y: xp.max(x),
    "mean of squares": lambda xp, x, y: xp.mean(x * x),
}


def large(runs, size):
    """Single expressions over a million floats, beside NumPy in turn."""
    a, b = (np.random.default_rng(i).random(size, "float32") for i in (0, 1))
    x, y = gnp.asarray(a), gnp.asarray(b)
    for name, call in POINTWISE.items():
        theirs = median_us(lambda call=call: call(np, a, b), runs)
        ours = median_us(lambda call=call: call(gnp, x, y).numpy(), runs)
        line(f"large, {name}", "gradframe", ours, "us", f"<= 1.5 x NumPy: {ours / theirs:.2f}")
        line(f"large, {name}", "numpy", theirs, "us")


def twenty(xp, x, y):
    """Twenty operations."""
    for _ in range(4):
        x = xp.tanh(x * y + 0.5) - x * 0.25
    return xp.sum(x)


def compiled(runs, size):
    """A function of twenty operations on a million floats, compiled."""
    a, b = (np.random.default_rng(i).random(size, "float32") for i in (0, 1))
    x, y = gnp.asarray(a), gnp.asarray(b)
    function = gf.jit(lambda x, y: twenty(gnp, x, y))
    line("jit of twenty operations", "gradframe", median_us(lambda: float(function(x, y)), runs), "us", "<= 1.0 x JAX")


def jax_compiled(runs, size):
    """The same in JAX."""
    import jax
    import jax.numpy as jnp

    a, b = (jnp.asarray(np.random.default_rng(i).random(size, "float32")) for i in (0, 1))
    function = jax.jit(lambda x, y: twenty(jnp, x, y))
    line("jit of twenty operations", "jax", median_us(lambda: float(function(a, b)), runs), "us")


def exchange(runs, size):
    """A million floats to and from NumPy by DLPack."""
    x, a = gnp.ones(size), np.ones(size, "float32")
    x.numpy()
    line("dlpack out", "gradframe", median_us(lambda: np.from_dlpack(x), 10 * runs), "us", "<= 20")
    line("dlpack in", "gradframe", median_us(lambda: gnp.from_dlpack(a), 10 * runs), "us", "<= 20")


def main():
    """Reads the arguments and runs all of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--runs", type=int, default=30)
    given = parser.parse_args()
    size = SMALL if given.smoke else LARGE
    for task in (small, large, compiled, exchange):
        task(given.runs, size)
    if given.peers:
        numpy_small(given.runs)
        if importlib.util.find_spec("jax"):
            jax_compiled(given.runs, size)
        else:
            line("jit of twenty operations", "jax", None, "us")


if __name__ == "__main__":
    main()
