"""Attention, recurrent and transposed layers against their formulas in NumPy; L-BFGS and schedules."""

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pytest

nn = gf.nn
KEY = gf.random.key(3)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attention_by_hand(layer, x, allowed=None):
    weight, bias = layer.in_proj_weight.numpy(), layer.in_proj_bias.numpy()
    batch, time, width = x.shape
    heads, depth = layer.num_heads, width // layer.num_heads
    q, k, v = (
        (x @ weight[i * width : (i + 1) * width].T + bias[i * width : (i + 1) * width]).reshape(batch, time, heads, depth)
        for i in range(3)
    )
    scores = np.einsum("bthd,bshd->bhts", q, k) / np.sqrt(depth)
    if allowed is not None:
        scores = np.where(allowed, scores, -np.inf)
    mixed = np.einsum("bhts,bshd->bthd", softmax(scores), v).reshape(batch, time, width)
    return mixed @ layer.out_proj.weight.numpy().T + layer.out_proj.bias.numpy()


def test_attention_is_the_formula_with_masks_and_either_order():
    x = normal(2, 5, 8)
    layer = nn.MultiheadAttention(8, 2, batch_first=True, key=KEY)
    np.testing.assert_allclose(layer(x, x, x)[0].numpy(), attention_by_hand(layer, x), rtol=2e-4, atol=2e-5)
    causal = np.tril(np.ones((5, 5), bool))
    own = layer(x, x, x, is_causal=True)[0].numpy()
    np.testing.assert_allclose(own, attention_by_hand(layer, x, causal), rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(layer(x, x, x, attn_mask=~causal)[0].numpy(), own, rtol=1e-5, atol=1e-6)
    padding = np.array([[False] * 5, [False, False, False, True, True]])
    masked = attention_by_hand(layer, x, ~padding[:, None, None, :])
    np.testing.assert_allclose(layer(x, x, x, key_padding_mask=padding)[0].numpy(), masked, rtol=2e-4, atol=2e-5)
    turned = nn.MultiheadAttention(8, 2, key=KEY)
    first = turned(*[x.transpose(1, 0, 2)] * 3)[0].numpy().transpose(1, 0, 2)
    np.testing.assert_allclose(first, layer(x, x, x)[0].numpy(), rtol=1e-6)


def test_an_encoder_layer_learns_and_normalises_before_or_after():
    x = gnp.asarray(normal(4, 6, 8))
    for before in (False, True):
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True, norm_first=before, key=KEY)
        optimizer = gf.optim.Adam(layer.parameters(), lr=0.01)
        losses = []
        for _ in range(30):
            loss = nn.functional.mse_loss(layer(x), gnp.zeros_like(x))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss))
        assert losses[-1] < 0.5 * losses[0]


def cell(kind, x, h, c, wi, wh, bi, bh):
    a, b = x @ wi.T + bi, h @ wh.T + bh
    if kind == "RNN":
        return np.tanh(a + b), c
    n = h.shape[1]
    a, b = [a[:, i * n : (i + 1) * n] for i in range(len(wi) // n)], [b[:, i * n : (i + 1) * n] for i in range(len(wi) // n)]
    if kind == "GRU":
        r, z = sigmoid(a[0] + b[0]), sigmoid(a[1] + b[1])
        new = np.tanh(a[2] + r * b[2])
        return (1 - z) * new + z * h, c
    i, f, g, o = sigmoid(a[0] + b[0]), sigmoid(a[1] + b[1]), np.tanh(a[2] + b[2]), sigmoid(a[3] + b[3])
    c = f * c + i * g
    return o * np.tanh(c), c


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_recurrent_layers_are_their_cells_in_a_row(kind):
    x = normal(7, 3, 4)
    layer = getattr(nn, kind)(4, 5, key=KEY)
    weights = [getattr(layer, f"{name}_l0").numpy() for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    h = c = np.zeros((3, 5), "float32")
    outputs = []
    for step in x:
        h, c = cell(kind, step, h, c, *weights)
        outputs.append(h)
    output, last = layer(x)
    np.testing.assert_allclose(output.numpy(), np.stack(outputs), rtol=1e-4, atol=1e-5)
    end = last[0] if kind == "LSTM" else last
    np.testing.assert_allclose(end.numpy()[0], h, rtol=1e-4, atol=1e-5)
    first = getattr(nn, kind)(4, 5, batch_first=True, key=KEY)
    np.testing.assert_allclose(first(x.transpose(1, 0, 2))[0].numpy(), output.numpy().transpose(1, 0, 2), rtol=1e-6)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_recurrent_layers_stack_go_both_ways_and_learn(kind):
    layer = getattr(nn, kind)(2, 8, num_layers=2, bidirectional=True, batch_first=True, key=KEY)
    out = nn.Linear(16, 1, key=KEY)
    x = normal(16, 6, 2)
    y = gnp.asarray(x[:, :, 0].sum(1, keepdims=True))
    output, last = layer(x)
    assert output.shape == (16, 6, 16)
    assert (last[0] if kind == "LSTM" else last).shape == (4, 16, 8)
    optimizer = gf.optim.Adam([*layer.parameters(), *out.parameters()], lr=0.02)
    losses = []
    for _ in range(60):
        loss = nn.functional.mse_loss(out(layer(x)[0][:, -1]), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < 0.2 * losses[0]


@pytest.mark.parametrize(("stride", "padding", "extra", "groups"), [(1, 0, 0, 1), (2, 1, 1, 1), (3, 0, 2, 2)])
def test_a_transposed_convolution_is_the_transpose(stride, padding, extra, groups):
    layer = nn.ConvTranspose2d(4, 6, 3, stride, padding, extra, groups, bias=False, key=KEY)
    x = gnp.asarray(normal(2, 4, 5, 5))
    y = layer(x)
    assert y.shape[2] == (5 - 1) * stride - 2 * padding + 2 + extra + 1
    other = gnp.asarray(normal(*y.shape, seed=1))
    back = nn.functional.conv(other, layer.weight, None, stride, padding, 1, groups)
    np.testing.assert_allclose(float((y * other).sum()), float((back * x).sum()), rtol=1e-3)


def test_misused_layers_say_so():
    with pytest.raises(gf.errors.PlanError, match="3 heads do not divide 8"):
        nn.MultiheadAttention(8, 3)
    with pytest.raises(gf.errors.ShapeError, match="expected \\(time, batch, 4\\), got shape \\(7, 3, 5\\)"):
        nn.LSTM(4, 5)(normal(7, 3, 5))
    with pytest.raises(gf.errors.ShapeError, match="expected a state of shape \\(1, 3, 5\\)"):
        nn.GRU(4, 5)(normal(7, 3, 4), gnp.zeros((1, 2, 5)))


def test_lbfgs_finds_the_valley_of_rosenbrock():
    x = gnp.asarray([-1.2, 1.0], dtype="float64").requires_grad_()
    optimizer = gf.optim.LBFGS([x], max_iter=200)

    def closure():
        optimizer.zero_grad()
        loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
        loss.backward()
        return loss

    assert optimizer.step(closure) < 1e-12
    np.testing.assert_allclose(x.numpy(), [1, 1], atol=1e-6)
    with pytest.raises(gf.errors.PlanError, match="the closure gave no gradient"):
        optimizer.zero_grad()
        optimizer.step(lambda: x.detach().sum())


def test_schedules_follow_their_curves():
    def rates(make, steps, metric=None):
        optimizer = gf.optim.SGD([gnp.ones(1).requires_grad_()], lr=1.0)
        schedule = make(optimizer)
        found = [optimizer.param_groups[0]["lr"]]
        for step in range(steps):
            schedule.step(*(() if metric is None else (metric(step),)))
            found.append(optimizer.param_groups[0]["lr"])
        return np.array(found)

    cycle = rates(lambda o: gf.optim.OneCycleLR(o, max_lr=0.5, total_steps=10, pct_start=0.4), 9)
    assert cycle.argmax() == 3 and abs(cycle.max() - 0.5) < 1e-12
    assert abs(cycle[0] - 0.02) < 1e-12 and abs(cycle[-1] - 0.02 / 1e4) < 1e-12
    plateau = rates(lambda o: gf.optim.ReduceLROnPlateau(o, patience=2, factor=0.5), 8, metric=lambda step: 1.0)
    assert plateau.tolist() == [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25]
