"""Modules, losses, optimisers and random numbers, as a training uses them."""

import math

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pytest

nn = gf.nn


def data(rows=200):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 3)).astype("float32")
    y = np.tanh(x @ np.array([1.0, -2.0, 0.5], "float32")) + 0.3 * x[:, 0]
    return gnp.asarray(x), gnp.asarray(y.astype("float32").reshape(-1, 1))


def network(seed=0):
    a, b = gf.random.split(gf.random.key(seed))
    return nn.Sequential(nn.Linear(3, 16, key=a), nn.Tanh(), nn.Linear(16, 1, key=b))


OPTIMIZERS = [
    lambda p: gf.optim.SGD(p, lr=0.1, momentum=0.9),
    lambda p: gf.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4),
    lambda p: gf.optim.Adam(p, lr=0.02),
    lambda p: gf.optim.AdamW(p, lr=0.02, weight_decay=1e-3),
    lambda p: gf.optim.RMSprop(p, lr=0.01),
    lambda p: gf.optim.Adagrad(p, lr=0.1),
    lambda p: gf.optim.Lion(p, lr=0.01),
]


@pytest.mark.parametrize("make", OPTIMIZERS, ids=lambda m: type(m([gnp.array([1.0], requires_grad=True)])).__name__)
def test_networks_learn(make):
    x, y = data()
    model = network()
    optimizer = make(model.parameters())
    first = None
    for _ in range(150):
        loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        first = first or float(loss)
    assert float(loss) < 0.02 < first


def in_bfloat(values):
    return gnp.asarray(values).astype("bfloat16").astype("float32").numpy()


def test_autocast_rounds_what_is_multiplied_and_nothing_else():
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=shape).astype("float32") for shape in ((5, 8), (8, 3)))
    x, y = gnp.asarray(a), gnp.asarray(b)
    with gf.autocast():
        products = (x @ y, gnp.matmul(x, y), nn.functional.linear(x, y.mT), gnp.tensordot(x, y, axes=1))
        image, weight = x.reshape(1, 1, 5, 8), y.reshape(1, 1, 8, 3)[:, :, :3, :]
        convolved, summed = nn.functional.conv(image, weight, gnp.asarray([1.0009765625])), x + 1.0009765625
        with gf.autocast(enabled=False):
            whole = x @ y
    for product in products:
        assert product.dtype == gnp.float32
        np.testing.assert_allclose(product.numpy(), in_bfloat(a) @ in_bfloat(b), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(whole.numpy(), (x @ y).numpy())
    assert not np.array_equal(whole.numpy(), products[0].numpy())
    np.testing.assert_array_equal(summed.numpy(), a + np.float32(1.0009765625))
    bias = convolved - nn.functional.conv(gnp.asarray(in_bfloat(image.numpy())), gnp.asarray(in_bfloat(weight.numpy())))
    np.testing.assert_allclose(bias.numpy(), 1.0009765625, atol=1e-6)
    with gf.autocast():
        assert (x.astype("float64") @ y.astype("float64")).dtype == gnp.float64
    with pytest.raises(gf.errors.DTypeError, match="autocast: expected bfloat16 or float16, got float32"):
        gf.autocast("float32")


def test_a_compiled_function_is_another_under_autocast():
    x = gnp.asarray(np.random.default_rng(0).normal(size=(4, 4)).astype("float32"))
    compiled = gf.jit(lambda x: x @ x)
    before = compiled(x).numpy()
    with gf.autocast():
        inside = compiled(x).numpy()
    assert not np.array_equal(before, inside)
    np.testing.assert_array_equal(compiled(x).numpy(), before)


def curve(steps, short):
    x, y = data()
    model = network()
    optimizer = gf.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(steps):
        with gf.autocast(enabled=short):
            loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert {p.dtype for p in model.parameters()} == {gnp.float32}
    return np.array(losses)


def test_the_losses_of_mixed_precision_stay_near_those_of_float32():
    whole, short = curve(150, False), curve(150, True)
    assert not np.array_equal(whole, short)
    np.testing.assert_allclose(short, whole, rtol=0.1, atol=2e-3)
    assert short[-1] < 0.02 < short[0]


def adam_by_hand(value, gradient_of, steps, lr=0.1, b1=0.9, b2=0.999, eps=1e-8):
    m = v = np.zeros_like(value)
    for t in range(1, steps + 1):
        gradient = gradient_of(value)
        m, v = b1 * m + (1 - b1) * gradient, b2 * v + (1 - b2) * gradient**2
        value = value - lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)
    return value


def test_adam_is_the_published_formula():
    start = np.array([1.0, -2.0, 3.0])
    p = gnp.array(start, requires_grad=True)
    optimizer = gf.optim.Adam([p], lr=0.1)
    for _ in range(10):
        optimizer.zero_grad()
        (p**2).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(np.asarray(p), adam_by_hand(start, lambda x: 2 * x, 10), rtol=1e-10)


def test_a_loop_compiles_its_step_once():
    from gradframe._gradframe import array_programs

    x, y = data(64)
    model = network()
    optimizer = gf.optim.Adam(model.parameters(), lr=0.01)

    def step():
        loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss)

    step()
    step()
    before = array_programs()[0]
    for _ in range(20):
        step()
    assert array_programs()[0] == before


def test_training_by_transforms_is_training_by_backward():
    x, y = data(50)
    model, other = network(1), network(1)

    def loss(model, x, y):
        return nn.functional.mse_loss(model(x), y)

    gradients = gf.grad(loss)(model, x, y)
    loss(other, x, y).backward()
    for a, b in zip(gradients.state_dict().values(), other.parameters(), strict=False):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b.grad), rtol=1e-5, atol=1e-7)
    compiled = gf.jit(loss)
    np.testing.assert_allclose(float(compiled(model, x, y)), float(loss(model, x, y)), rtol=1e-6)


def test_groups_schedules_and_clipping():
    a, b = gnp.array([1.0], requires_grad=True), gnp.array([1.0], requires_grad=True)
    optimizer = gf.optim.SGD([{"params": [a], "lr": 0.5}, {"params": [b]}], lr=0.1)
    (3 * a + 4 * b).sum().backward()
    norm = gf.optim.clip_grad_norm_([a, b], 1.0)
    assert math.isclose(float(norm), 5, rel_tol=1e-6)
    optimizer.step()
    np.testing.assert_allclose([a.item(), b.item()], [1 - 0.5 * 0.6, 1 - 0.1 * 0.8], rtol=1e-5)
    rates = []
    for schedule in (gf.optim.StepLR(optimizer, 2, 0.1), gf.optim.CosineAnnealingLR(optimizer, 4)):
        for _ in range(4):
            schedule.step()
            rates.append(round(optimizer.param_groups[0]["lr"], 6))
    assert rates == [0.5, 0.05, 0.05, 0.005, round(0.5 * (1 + math.cos(math.pi / 4)) / 2, 6), 0.25, rates[6], 0.0]


LAYERS = [
    (lambda: nn.Linear(3, 5), (2, 3), (2, 5)),
    (lambda: nn.Conv1d(3, 4, 3, padding=1), (2, 3, 7), (2, 4, 7)),
    (lambda: nn.Conv2d(3, 4, 3, stride=2), (2, 3, 7, 9), (2, 4, 3, 4)),
    (lambda: nn.Conv2d(4, 4, 3, groups=2, bias=False), (2, 4, 5, 5), (2, 4, 3, 3)),
    (lambda: nn.LayerNorm(3), (2, 4, 3), (2, 4, 3)),
    (lambda: nn.RMSNorm(3), (2, 3), (2, 3)),
    (lambda: nn.GroupNorm(2, 4), (2, 4, 5), (2, 4, 5)),
    (lambda: nn.BatchNorm2d(3), (4, 3, 2, 2), (4, 3, 2, 2)),
    (lambda: nn.MaxPool2d(2), (1, 2, 4, 6), (1, 2, 2, 3)),
    (lambda: nn.AvgPool2d(3, stride=1, padding=1), (1, 2, 4, 4), (1, 2, 4, 4)),
    (lambda: nn.Flatten(), (2, 3, 4), (2, 12)),
    (lambda: nn.Sequential(nn.Linear(3, 3), nn.GELU(), nn.Dropout(0.3)), (2, 3), (2, 3)),
]


@pytest.mark.parametrize(("make", "given", "expected"), LAYERS, ids=lambda v: str(v) if isinstance(v, tuple) else "")
def test_layers_have_shapes_and_gradients(make, given, expected):
    layer = make()
    x = gf.random.normal(gf.random.key(0), given)
    y = layer(x)
    assert y.shape == expected
    if list(layer.parameters()):
        (y**2).sum().backward()
        assert all(p.grad is not None and p.grad.shape == p.shape for p in layer.parameters())


def test_convolution_is_a_sum_over_windows():
    x, w, b = (np.random.default_rng(i).normal(size=s) for i, s in enumerate([(2, 3, 5, 5), (4, 3, 3, 3), (4,)]))
    ours = nn.functional.conv(gnp.asarray(x), gnp.asarray(w), gnp.asarray(b))
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
    np.testing.assert_allclose(np.asarray(ours), np.einsum("bcijkl,ockl->boij", windows, w) + b[:, None, None], rtol=1e-9)


def test_batch_statistics_are_kept_for_prediction():
    layer, x = nn.BatchNorm1d(2), gnp.asarray(np.random.default_rng(0).normal(3, 2, size=(500, 2)).astype("float32"))
    for _ in range(60):
        y = layer(x)
    assert abs(float(y.mean())) < 1e-4
    np.testing.assert_allclose(np.asarray(layer.running_mean), np.asarray(x).mean(0), rtol=1e-2)
    assert layer.eval()(x[:1]).shape == (1, 2)


def test_state_goes_through_files(tmp_path):
    model, other = network(1), network(2)
    nn.save_safetensors(model.state_dict(), tmp_path / "m.safetensors", {"made": "here"})
    other.load_state_dict(nn.load_safetensors(tmp_path / "m.safetensors"))
    x, _ = data(4)
    np.testing.assert_array_equal(np.asarray(model(x)), np.asarray(other(x)))
    assert all(p.requires_grad for p in other.parameters())
    (tmp_path / "cut").write_bytes((tmp_path / "m.safetensors").read_bytes()[:50])
    with pytest.raises(OSError, match="is broken"):
        nn.load_safetensors(tmp_path / "cut")


def test_a_state_that_does_not_fit_names_everything():
    model = network()
    state = model.state_dict()
    state["0.weight"] = gnp.zeros((2, 2))
    state["extra"] = state.pop("2.bias")
    before = np.asarray(model.state_dict()["0.bias"])
    with pytest.raises(ValueError, match="`0.weight` has shape \\(2, 2\\), expected \\(16, 3\\); `2.bias` is missing; `extra` is not"):
        model.load_state_dict(state)
    np.testing.assert_array_equal(before, np.asarray(model.state_dict()["0.bias"]))


def test_modules_show_what_is_in_them():
    assert repr(nn.Sequential(nn.Linear(2, 3), nn.ReLU())) == (
        "Sequential(\n  (0): Linear(in_features=2, out_features=3, bias=True)\n  (1): ReLU()\n)"
    )
    assert [n for n, _ in network().named_parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    with pytest.raises(ValueError, match=r"call super\(\).__init__"):
        type("Bad", (nn.Module,), {"__init__": lambda self: setattr(self, "x", 1)})()


@pytest.mark.parametrize(
    ("loss", "x", "y", "expected"),
    [
        ("mse_loss", [1.0, 3.0], [0.0, 1.0], 2.5),
        ("l1_loss", [1.0, 3.0], [0.0, 1.0], 1.5),
        ("huber_loss", [0.5, 3.0], [0.0, 0.0], (0.125 + 2.5) / 2),
        ("cross_entropy", [[0.0, 0.0]], [1], math.log(2)),
        ("cross_entropy", [[0.0, 0.0]], [[0.5, 0.5]], math.log(2)),
        ("nll_loss", [[-1.0, -2.0]], [1], 2.0),
        ("binary_cross_entropy_with_logits", [0.0], [1.0], math.log(2)),
    ],
)
def test_losses(loss, x, y, expected):
    assert math.isclose(float(getattr(nn.functional, loss)(gnp.asarray(x), gnp.asarray(y))), expected, rel_tol=1e-6)


def test_shapes_that_would_broadcast_are_refused_by_losses():
    with pytest.raises(ValueError, match="the input has shape \\(4, 1\\), the target \\(4,\\)"):
        nn.functional.mse_loss(gnp.zeros((4, 1)), gnp.zeros(4))


def test_random_numbers_are_functions_of_their_key():
    a, b = gf.random.split(gf.random.key(1))
    draws = [np.asarray(gf.random.normal(k, (1000,))) for k in (a, a, b)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])
    assert abs(draws[0].mean()) < 0.1 and abs(draws[0].std() - 1) < 0.1
    u = np.asarray(gf.random.uniform(b, (1000,), "float64", -2, 5))
    assert -2 <= u.min() and u.max() < 5 and u.dtype == np.float64
    n = np.asarray(gf.random.integers(a, (1000,), 3, 7))
    assert set(n) == {3, 4, 5, 6}
    assert sorted(np.asarray(gf.random.permutation(a, 9))) == list(range(9))
    assert abs(np.asarray(gf.random.bernoulli(a, 0.25, (4000,))).mean() - 0.25) < 0.03
    gf.random.seed(5)
    one = gf.random.normal(shape=(3,)).tolist()
    gf.random.seed(5)
    assert one == gf.random.normal(shape=(3,)).tolist() != gf.random.normal(shape=(3,)).tolist()
    with pytest.raises(ValueError, match=r"random.key\(0\) makes one"):
        gf.random.normal(0, (3,))


def test_dropout_silences_in_training_alone():
    layer, x = nn.Dropout(0.25), gnp.ones(10_000)
    dropped = np.asarray(layer(x))
    assert set(np.unique(dropped)) == {0.0, np.float32(1 / 0.75)} and abs((dropped == 0).mean() - 0.25) < 0.03
    np.testing.assert_array_equal(np.asarray(layer.eval()(x)), 1)
