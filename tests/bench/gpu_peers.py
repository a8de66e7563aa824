"""What PyTorch, torch.compile and CuPy take on this GPU for the tasks of `gpu/examples/suite.rs`, as JSON.

    python3 tests/bench/gpu_peers.py peers.json [memory_bound products orders mlp cnn gpt]
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


def best(task, peer, steps):
    """The fastest of several ways to compile a step, as one peer."""
    times = {}
    for name, make in steps.items():
        torch._dynamo.reset()
        try:
            times[name] = seconds(make())
        except Exception as error:
            print(task, name, f"{type(error).__name__}: {error}"[:200], flush=True)
        torch.cuda.empty_cache()
    print(task, peer, {name: round(1e3 * time, 4) for name, time in times.items()}, flush=True)
    if times:
        RESULTS.setdefault(task, {})[peer] = min(times.values())


def cnn():
    def network(layout):
        layers = [torch.nn.Conv2d(1, 32, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
        layers += [torch.nn.Conv2d(32, 64, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten()]
        layers += [torch.nn.Linear(3136, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10)]
        return torch.nn.Sequential(*layers).to(DEVICE, memory_format=layout)

    def step(compiled, layout=torch.contiguous_format, **how):
        model = network(layout)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
        x = floats(512, 1, 28, 28).contiguous(memory_format=layout)
        y = torch.randint(0, 10, (512,), device=DEVICE)
        run = torch.compile(model, **how) if compiled else model

        def work():
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(run(x), y).backward()
            optimizer.step()

        return work

    for tf32 in (False, True):
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
        name = "CNN step tf32" if tf32 else "CNN step"
        ways = {"last": torch.channels_last, "first": torch.contiguous_format}
        best(name, "torch", {way: lambda layout=layout: step(False, layout) for way, layout in ways.items()})
        compiled = {way: lambda layout=layout: step(True, layout) for way, layout in ways.items()}
        compiled["graphs"] = lambda: step(True, torch.channels_last, mode="reduce-overhead")
        best(name, "torch.compile", compiled)
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = False, True


class Block(torch.nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)
        self.all, self.projection = torch.nn.Linear(width, 3 * width), torch.nn.Linear(width, width)
        self.up, self.down = torch.nn.Linear(width, 4 * width), torch.nn.Linear(4 * width, width)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = (y.view(b, t, self.heads, -1).transpose(1, 2) for y in self.all(self.norm_1(x)).split(c, 2))
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(b, t, c)
        x = x + self.projection(seen)
        return x + self.down(F.gelu(self.up(self.norm_2(x))))


class Gpt(torch.nn.Module):
    def __init__(self, vocabulary=50_304, context=1024, width=768, heads=12, layers=12):
        super().__init__()
        self.token, self.position = torch.nn.Embedding(vocabulary, width), torch.nn.Embedding(context, width)
        self.blocks = torch.nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = torch.nn.LayerNorm(width)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens, following):
        x = self.token(tokens) + self.position.weight
        for block in self.blocks:
            x = block(x)
        scores = F.linear(self.norm(x), self.token.weight)
        return F.cross_entropy(scores.flatten(0, 1), following.flatten())


def gpt():
    def step(compiled, **how):
        model = Gpt().to(DEVICE)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.999), weight_decay=0.1, fused=True)
        tokens, following = torch.randint(0, 50_304, (2, 8, 1024), device=DEVICE)
        run = torch.compile(model, **how) if compiled else model

        def work():
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(DEVICE, dtype=torch.bfloat16):
                loss = run(tokens, following)
            loss.backward()
            optimizer.step()

        return work

    torch.cuda.reset_peak_memory_stats()
    best("GPT step", "torch", {"eager": lambda: step(False)})
    print(f"GPT step torch: {torch.cuda.max_memory_allocated() * 1e-9:.1f} GB", flush=True)
    torch.cuda.reset_peak_memory_stats()
    best("GPT step", "torch.compile", {"default": lambda: step(True), "graphs": lambda: step(True, mode="reduce-overhead")})
    print(f"GPT step torch.compile: {torch.cuda.max_memory_allocated() * 1e-9:.1f} GB", flush=True)


def main():
    print(torch.cuda.get_device_name(), torch.__version__, flush=True)
    parts = (memory_bound, products, orders, mlp, cnn, gpt)
    for part in (part for part in parts if len(sys.argv) < 3 or part.__name__ in sys.argv[2:]):
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
