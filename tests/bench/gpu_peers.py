"""What PyTorch, torch.compile and CuPy take on this GPU for the tasks of `gpu/examples/suite.rs`, as JSON.

    python3 tests/bench/gpu_peers.py peers.json
"""

import json
import sys

import torch
import torch.nn.functional as F

torch.manual_seed(0)
DEVICE = "cuda"
RESULTS = {}


def seconds(work, least_s=0.15):
    """The median time of one call by events, after warming up."""
    for _ in range(3):
        work()
    torch.cuda.synchronize()
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    work()
    end.record()
    torch.cuda.synchronize()
    count = max(5, min(200, int(least_s / max(start.elapsed_time(end) / 1e3, 1e-6))))
    times = []
    for _ in range(count):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        work()
        end.record()
        times.append((start, end))
    torch.cuda.synchronize()
    return sorted(a.elapsed_time(b) / 1e3 for a, b in times)[count // 2]


def record(task, peer, work):
    try:
        RESULTS.setdefault(task, {})[peer] = seconds(work)
    except Exception as error:  # a peer that cannot do it is no peer
        RESULTS.setdefault(task, {})[peer] = f"{type(error).__name__}: {error}"[:200]


def both(task, function, *arguments):
    record(task, "torch", lambda: function(*arguments))
    torch._dynamo.reset()
    compiled = torch.compile(function)
    record(task, "torch.compile", lambda: compiled(*arguments))


def gradients(function, inputs, seed):
    """Forward and backward for these inputs."""

    def run(*inputs):
        inputs = [x.detach().requires_grad_() for x in inputs]
        return torch.autograd.grad(function(*inputs), inputs, seed)

    return lambda: run(*inputs)


def floats(*shape, dtype=torch.float32):
    return torch.randn(*shape, device=DEVICE, dtype=dtype)


def memory_bound():
    n = 1 << 28
    x, y = floats(n), floats(n)
    record("copy", "torch", lambda: y.copy_(x))
    both("pointwise", lambda x, y: torch.exp(-x * x) * y + 0.5, x, y)
    both("sum", lambda x: x.sum(), x)
    both("sum of columns", lambda x: x.sum(0), x.view(-1, 4096))
    record("scan", "torch", lambda: torch.cumsum(x, 0))
    rows = floats(1 << 16, 4096)
    bias, gain = floats(4096), floats(4096)
    both("bias and gelu", lambda x, b: F.gelu(x + b), rows, bias)
    both("softmax", lambda x: torch.softmax(x, 1), rows)
    both("layer norm", lambda x, g, b: F.layer_norm(x, (4096,), g, b), rows, gain, bias)
    out, seed = torch.softmax(rows, 1), floats(1 << 16, 4096)
    both("softmax backward", lambda s, y: (s - (s * y).sum(1, keepdim=True)) * y, seed, out)
    for task, function, inputs in [
        ("layer norm backward", lambda x, g, b: F.layer_norm(x, (4096,), g, b), (rows, gain, bias)),
    ]:
        leaves = [x.detach().requires_grad_() for x in inputs]
        y = function(*leaves)
        record(task, "torch", lambda: torch.autograd.grad(y, leaves, seed, retain_graph=True))


def products():
    for dtype, name in [(torch.float32, "f32"), (torch.bfloat16, "bf16"), (torch.float16, "f16")]:
        a, b = floats(8192, 8192, dtype=dtype), floats(8192, 8192, dtype=dtype)
        record(f"product {name}", "torch", lambda: a @ b)
    torch.backends.cuda.matmul.allow_tf32 = True
    a, b = floats(8192, 8192), floats(8192, 8192)
    record("product tf32", "torch", lambda: a @ b)
    torch.backends.cuda.matmul.allow_tf32 = False
    a, b = floats(64, 1024, 512), floats(64, 512, 1024)
    record("products f32 64 of 1024", "torch", lambda: a @ b)


def orders():
    import cupy

    n = 1 << 28
    keys = cupy.random.randint(0, 1 << 31, n, dtype=cupy.int32)
    record("sort i32", "cupy", lambda: cupy.sort(keys))
    record("argsort i32", "cupy", lambda: cupy.argsort(keys))
    values = floats(n)
    for groups in (1000, 1_000_000):
        ids = torch.randint(0, groups, (n,), device=DEVICE)
        into = torch.zeros(groups, device=DEVICE)
        record(f"sum of {groups} groups", "torch", lambda: into.index_add_(0, ids, values))


def mlp():
    layers = [torch.nn.Linear(784, 512), torch.nn.ReLU(), torch.nn.Linear(512, 512), torch.nn.ReLU(), torch.nn.Linear(512, 10)]
    model = torch.nn.Sequential(*layers).to(DEVICE)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    x, y = floats(8192, 784), torch.randint(0, 10, (8192,), device=DEVICE)

    def step():
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    for tf32 in (False, True):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        name = "MLP step tf32" if tf32 else "MLP step"
        record(name, "torch", step)
        torch._dynamo.reset()
        compiled = torch.compile(step, mode="default")
        record(name, "torch.compile", compiled)
    torch.backends.cuda.matmul.allow_tf32 = False


def main():
    print(torch.cuda.get_device_name(), torch.__version__, flush=True)
    for part in (memory_bound, products, orders, mlp):
        try:
            part()
        except Exception as error:
            print(part.__name__, type(error).__name__, error)
        torch.cuda.empty_cache()
    for task, times in RESULTS.items():
        print(task, {k: (round(v * 1e3, 4) if isinstance(v, float) else v) for k, v in times.items()}, flush=True)
    if len(sys.argv) > 1:
        with open(sys.argv[1], "w") as file:
            json.dump({"device": torch.cuda.get_device_name(), "times_s": RESULTS}, file, indent=1)


main()
