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
    if kind.startswith("RNN"):
        return np.maximum(a + b, 0) if kind == "RNN of relu" else np.tanh(a + b), c
    n = h.shape[1]
    a, b = [a[:, i * n : (i + 1) * n] for i in range(len(wi) // n)], [b[:, i * n : (i + 1) * n] for i in range(len(wi) // n)]
    if kind == "GRU":
        r, z = sigmoid(a[0] + b[0]), sigmoid(a[1] + b[1])
        new = np.tanh(a[2] + r * b[2])
        return (1 - z) * new + z * h, c
    i, f, g, o = sigmoid(a[0] + b[0]), sigmoid(a[1] + b[1]), np.tanh(a[2] + b[2]), sigmoid(a[3] + b[3])
    c = f * c + i * g
    return o * np.tanh(c), c


def recurrent(kind, *sizes, **options):
    if kind == "RNN of relu":
        return nn.RNN(*sizes, nonlinearity="relu", **options)
    return getattr(nn, kind)(*sizes, **options)


def test_an_rnn_has_pytorchs_arguments_in_its_order():
    assert "nonlinearity='relu'" in repr(nn.RNN(2, 3, 1, "relu", False, True, key=KEY))
    assert nn.RNN(2, 3, 1, "tanh", False, key=KEY).bias is False
    with pytest.raises(gf.errors.PlanError, match="`nonlinearity` is 'sigmoid', expected 'tanh' or 'relu'"):
        nn.RNN(2, 3, nonlinearity="sigmoid")


@pytest.mark.parametrize("kind", ["RNN", "RNN of relu", "GRU", "LSTM"])
def test_recurrent_layers_are_their_cells_in_a_row(kind):
    x = normal(7, 3, 4)
    layer = recurrent(kind, 4, 5, key=KEY)
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
    first = recurrent(kind, 4, 5, batch_first=True, key=KEY)
    np.testing.assert_allclose(first(x.transpose(1, 0, 2))[0].numpy(), output.numpy().transpose(1, 0, 2), rtol=1e-6)


@pytest.mark.parametrize("kind", ["RNN", "RNN of relu", "GRU", "LSTM"])
def test_recurrent_layers_stack_go_both_ways_and_learn(kind):
    layer = recurrent(kind, 2, 8, num_layers=2, bidirectional=True, batch_first=True, key=KEY)
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
    with pytest.raises(gf.errors.ShapeError, match="expected \\(time, batch, 4\\), or \\(time, 4\\), got shape \\(7, 3, 5\\)"):
        nn.LSTM(4, 5)(normal(7, 3, 5))
    with pytest.raises(gf.errors.ShapeError, match="expected a state of shape \\(1, 3, 5\\)"):
        nn.GRU(4, 5)(normal(7, 3, 4), gnp.zeros((1, 2, 5)))


MISMADE = [
    (lambda: nn.Linear(-1, 2), ValueError, "Linear: `in_features` is -1, expected a whole number from 0"),
    (lambda: nn.Linear(2.5, 2), TypeError, "Linear: `in_features` is 2.5, expected a whole number from 0"),
    (lambda: nn.Conv1d(1, 1, 3, stride=0), ValueError, "Conv1d: `stride` is 0, expected a whole number from 1"),
    (lambda: nn.Conv1d(1, 1, 0), ValueError, "Conv1d: `kernel_size` is 0, expected a whole number from 1"),
    (lambda: nn.Conv1d(1, 1, 3, padding=-1), ValueError, "Conv1d: `padding` is -1, expected a whole number from 0"),
    (lambda: nn.Conv1d(1, 1, 3, dilation=0), ValueError, "Conv1d: `dilation` is 0, expected a whole number from 1"),
    (lambda: nn.Conv1d(-1, 1, 3), ValueError, "Conv1d: `in_channels` is -1"),
    (lambda: nn.Conv2d(1, 1, (3,)), ValueError, "Conv2d: `kernel_size` is (3,), expected a whole number from 1, or 2 of them"),
    (lambda: nn.Conv2d(1, 1, 3, padding="full"), ValueError, "Conv2d: `padding` is 'full', expected 'same', 'valid' or a whole number from 0"),
    (lambda: nn.Conv2d(4, 6, 3, groups=4), ValueError, "Conv2d: `groups` 4 does not divide `in_channels` 4 and `out_channels` 6"),
    (lambda: nn.Conv2d(4, 6, 3, groups=0), ValueError, "Conv2d: `groups` is 0, expected a whole number from 1"),
    (lambda: nn.ConvTranspose2d(1, 1, 3, output_padding=1), ValueError, "`output_padding` is 1, expected less than `stride` 1 or `dilation` 1"),
    (lambda: nn.MaxPool2d(0), ValueError, "MaxPool2d: `kernel_size` is 0, expected a whole number from 1"),
    (lambda: nn.MaxPool2d(2, stride=0), ValueError, "MaxPool2d: `stride` is 0"),
    (lambda: nn.AvgPool2d(2, padding=2), ValueError, "AvgPool2d: `padding` is 2, expected at most half of `kernel_size`, which is 2"),
    (lambda: nn.GroupNorm(2, 3), ValueError, "GroupNorm: `num_groups` 2 does not divide `num_channels` 3"),
    (lambda: nn.GroupNorm(0, 3), ValueError, "GroupNorm: `num_groups` is 0, expected a whole number from 1"),
    (lambda: nn.LayerNorm(-1), ValueError, "LayerNorm: `normalized_shape` is -1"),
    (lambda: nn.LayerNorm(()), ValueError, "LayerNorm: `normalized_shape` is (), expected the size of one axis or more"),
    (lambda: nn.BatchNorm1d(-1), ValueError, "BatchNorm1d: `num_features` is -1"),
    (lambda: nn.Embedding(-1, 2), ValueError, "Embedding: `num_embeddings` is -1"),
    (lambda: nn.LSTM(0, 2), ValueError, "LSTM: `input_size` is 0, expected a whole number from 1"),
    (lambda: nn.LSTM(2, 0), ValueError, "LSTM: `hidden_size` is 0, expected a whole number from 1"),
    (lambda: nn.GRU(2, 2, dropout=2.0), ValueError, "GRU: `dropout` is 2.0, expected a probability from 0 to 1"),
    (lambda: nn.MultiheadAttention(-4, 2), ValueError, "MultiheadAttention: `embed_dim` is -4"),
    (lambda: nn.TransformerEncoderLayer(4, 2, -1), ValueError, "TransformerEncoderLayer: `dim_feedforward` is -1"),
    (lambda: nn.Dropout("half"), TypeError, "Dropout: `p` is 'half', expected a probability from 0 to 1"),
    (lambda: nn.CrossEntropyLoss("max"), ValueError, "expected reduction 'mean', 'sum' or 'none', got 'max'"),
    (lambda: nn.CrossEntropyLoss(label_smoothing=2), ValueError, "`label_smoothing` is 2, expected a number from 0 to 1"),
]


@pytest.mark.parametrize(("make", "kind", "says"), MISMADE)
def test_layers_that_make_no_sense_are_refused_when_they_are_made(make, kind, says):
    """PyTorch refuses each of them, when the layer is made or when it is called."""
    with pytest.raises(gf.errors.GradframeError) as error:
        make()
    assert isinstance(error.value, kind) and says in str(error.value), error.value


def test_windows_that_do_not_fit_name_the_kernel_and_the_input():
    image = gnp.ones((1, 3, 2, 2))
    says = r"kernel_size 3 is larger than axis 2 of the input \[1, 3, 2, 2\], of size 2"
    for layer in (nn.Conv2d(3, 1, 3), nn.MaxPool2d(3), nn.AvgPool2d(3)):
        with pytest.raises(gf.errors.ShapeError, match=says):
            layer(image)
    with pytest.raises(gf.errors.ShapeError, match="kernel_size 3 with dilation 2 is larger than axis 2 .*, of size 2 with padding 1 on both sides"):
        nn.Conv2d(3, 1, 3, padding=1, dilation=2)(image)
    with pytest.raises(gf.errors.ShapeError, match="max_pool: `stride` is 0"):
        nn.functional.max_pool(image, 2, stride=0)
    with pytest.raises(IndexError, match="Flatten: `start_dim` is 5, the input of shape"):
        nn.Flatten(5)(image)
    assert nn.Conv2d(3, 2, np.int64(2), stride=(1, 2))(image).shape == (1, 2, 1, 1)


def test_an_embedding_has_the_rows_of_its_table_alone():
    layer = nn.Embedding(4, 2, key=KEY)
    np.testing.assert_array_equal(layer(gnp.asarray([[3, 0]])).numpy(), layer.weight.numpy()[[[3, 0]]])
    for index in (4, -1):  # as in PyTorch, a negative one is no row
        with pytest.raises(IndexError, match=f"embedding: {index} of `indices` is outside of the 4 rows of the table, 0 to 3"):
            layer(gnp.asarray([0, index]))
    with pytest.raises(TypeError, match="embedding: expected indices of an integer type, got float32"):
        layer(gnp.asarray([0.0]))
    np.testing.assert_array_equal(gf.jit(lambda i: layer(i))(gnp.asarray([0, 4, -1])).numpy()[1:], np.zeros((2, 2)))
    total = layer(gnp.asarray([1, 1, 3])).sum()
    total.backward()
    np.testing.assert_array_equal(layer.weight.grad.numpy(), [[0, 0], [2, 2], [0, 0], [1, 1]])


SCORES = np.arange(6, dtype="float32").reshape(2, 3)
# What PyTorch 2 gives for SCORES: a loss, the labels, the value.
OF_PYTORCH = [
    (lambda: nn.CrossEntropyLoss(), [0, 2], 1.4076059),
    (lambda: nn.CrossEntropyLoss(), [0, -100], 2.4076059),
    (lambda: nn.CrossEntropyLoss(), [-100, -100], np.nan),
    (lambda: nn.CrossEntropyLoss("none"), [0, -100], [2.4076059, 0.0]),
    (lambda: nn.CrossEntropyLoss("sum"), [-100, 0], 2.4076059),
    (lambda: nn.CrossEntropyLoss(ignore_index=1), [0, 1], 2.4076059),
    (lambda: nn.CrossEntropyLoss(ignore_index=1, label_smoothing=0.1), [0, 1], 2.3076059),
    (lambda: nn.CrossEntropyLoss(label_smoothing=0.1), np.eye(3, dtype="float32")[:2], 1.8576059),
    (lambda: nn.NLLLoss(), [0, 2], -2.5),
    (lambda: nn.NLLLoss(), [2, -100], -2.0),
    (lambda: nn.NLLLoss(ignore_index=1), [1, 2], -5.0),
]


@pytest.mark.parametrize("known", [True, False], ids=["eager", "traced"])
@pytest.mark.parametrize(("make", "labels", "value"), OF_PYTORCH)
def test_labels_that_are_ignored_are_pytorchs(make, labels, value, known):
    own = make()
    loss = own if known else gf.jit(lambda x, y: own(x, y))
    np.testing.assert_allclose(loss(gnp.asarray(SCORES), gnp.asarray(labels)).numpy(), value, rtol=1e-6)


@pytest.mark.parametrize("label", [3, -1, 100])
@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8"])
def test_labels_that_are_no_class_are_index_errors(label, dtype):
    if label < 0 and dtype == "uint8":
        return
    labels = gnp.asarray(np.array([0, label], dtype))
    for name, loss in (("cross_entropy", nn.CrossEntropyLoss()), ("nll_loss", nn.NLLLoss())):
        with pytest.raises(IndexError, match=f"{name}: {label} of `target` is outside of the 3 classes, 0 to 2; hint: ignore_index"):
            loss(gnp.asarray(SCORES), labels)
    with pytest.raises(IndexError, match=f"one_hot: {label} of `indices` is outside of the 3 classes"):
        nn.functional.one_hot(labels, 3)


def test_no_gradient_comes_from_a_label_that_is_ignored():
    x = gnp.asarray(SCORES).requires_grad_()
    nn.CrossEntropyLoss()(x, gnp.asarray([0, -100])).backward()
    softmax = np.exp(SCORES[0]) / np.exp(SCORES[0]).sum()
    np.testing.assert_allclose(x.grad.numpy(), [softmax - [1, 0, 0], [0, 0, 0]], rtol=1e-5)


def test_labels_must_be_one_a_row():
    for loss in (nn.CrossEntropyLoss(), nn.NLLLoss()):
        with pytest.raises(gf.errors.ShapeError, match="expected labels for each row of \\[2, 3\\], got \\[1\\]"):
            loss(gnp.asarray(SCORES), gnp.asarray([0]))


def test_a_state_that_does_not_fit_names_its_tensors():
    net = nn.Sequential(nn.Linear(2, 1, key=KEY))
    before = net.state_dict()
    with pytest.raises(TypeError, match="load_state_dict: expected arrays by name, got NoneType"):
        net.load_state_dict(None)
    wrong = {"0.weight": np.ones((2, 2)), "0.bias": "x", "1.bias": None}
    with pytest.raises(gf.errors.ShapeError) as error:
        net.load_state_dict(wrong)
    for part in ("`0.weight` has shape (2, 2), expected (1, 2)", "`0.bias` is no array (asarray: expected numbers", "`1.bias` is not expected"):
        assert part in str(error.value), error.value
    assert all(np.array_equal(net.state_dict()[name].numpy(), values.numpy()) for name, values in before.items())
    net.load_state_dict({"0.bias": [3.0], "other": None}, strict=False)
    assert net[0].bias.tolist() == [3.0]


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
