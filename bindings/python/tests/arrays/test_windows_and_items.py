"""Convolutions whose edges are padded by what is in them, and layers that are given a single item. The values are PyTorch 2.15's."""

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pytest
from gradframe import nn

KEY = gf.random.key(0)
CASES = {"two": (2, 3, 1, 1), "same, an even window": ("same", 4, 1, 1), "in strides": (1, 2, 2, 1), "same, spread": ("same", 3, 1, 2)}
# Of 0 .. 4 by the weight 1, 10, 100, 1000: the output, and the gradient of its sum.
PADDED = {
    ("zeros", "two"): ([0, 100, 210, 321, 432, 43, 4], [111, 111, 111, 111, 111]),
    ("zeros", "same, an even window"): ([2100, 3210, 4321, 432, 43], [11, 111, 1111, 1111, 1110]),
    ("zeros", "in strides"): ([0, 21, 43], [10, 1, 10, 1, 10]),
    ("zeros", "same, spread"): ([200, 310, 420, 31, 42], [11, 11, 111, 110, 110]),
    ("reflect", "two"): ([12, 101, 210, 321, 432, 343, 234], [111, 122, 212, 221, 111]),
    ("reflect", "same, an even window"): ([2101, 3210, 4321, 3432, 2343], [11, 112, 2111, 2211, 1110]),
    ("reflect", "in strides"): ([1, 21, 43], [10, 2, 10, 1, 10]),
    ("reflect", "same, spread"): ([202, 311, 420, 331, 242], [11, 12, 212, 210, 110]),
    ("replicate", "two"): ([0, 100, 210, 321, 432, 443, 444], [123, 111, 111, 111, 321]),
    ("replicate", "same, an even window"): ([2100, 3210, 4321, 4432, 4443], [12, 111, 1111, 1111, 3210]),
    ("replicate", "in strides"): ([0, 21, 43], [11, 1, 10, 1, 10]),
    ("replicate", "same, spread"): ([200, 310, 420, 431, 442], [13, 11, 111, 110, 310]),
    ("circular", "two"): ([43, 104, 210, 321, 432, 43, 104], [221, 211, 111, 112, 122]),
    ("circular", "same, an even window"): ([2104, 3210, 4321, 432, 1043], [1111, 1111, 1111, 1111, 1111]),
    ("circular", "in strides"): ([4, 21, 43], [10, 1, 10, 1, 11]),
    ("circular", "same, spread"): ([203, 314, 420, 31, 142], [111, 111, 111, 111, 111]),
}


@pytest.mark.parametrize(("mode", "case"), PADDED)
def test_what_stands_beyond_the_ends_is_pytorchs(mode, case):
    padding, size, stride, dilation = CASES[case]
    output, gradient = PADDED[mode, case]
    layer = nn.Conv1d(1, 1, size, stride, padding, dilation, padding_mode=mode, bias=False, key=KEY)
    layer.load_state_dict({"weight": np.array([[[1.0, 10.0, 100.0, 1000.0][:size]]], "float32")})
    x = gnp.array(np.arange(5.0, dtype="float32").reshape(1, 1, 5), requires_grad=True)
    found = layer(x)
    assert found.tolist() == [[output]]
    found.sum().backward()
    assert x.grad.tolist() == [[gradient]]


@pytest.mark.parametrize(("mode", "by_numpy"), [("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")])
def test_two_axes_are_padded_one_after_the_other(mode, by_numpy):
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")
    layer = nn.Conv2d(3, 2, 3, padding=(1, 2), padding_mode=mode, key=KEY)
    plain = nn.Conv2d(3, 2, 3, key=KEY)
    expected = plain(np.pad(x, [(0, 0), (0, 0), (1, 1), (2, 2)], by_numpy))
    np.testing.assert_array_equal(layer(x).detach().numpy(), expected.detach().numpy())


@pytest.mark.parametrize("mode", ["reflect", "edge", "wrap"])
@pytest.mark.parametrize("widths", [[(0, 0), (2, 1)], [(1, 1), (0, 3)], 1, 0])
@pytest.mark.parametrize("dtype", ["float32", "int8", "bool", "complex64"])
def test_pad_is_numpys(mode, widths, dtype):
    x = np.arange(8).reshape(2, 4).astype(dtype)
    found = gnp.pad(x, widths, mode)
    np.testing.assert_array_equal(found.numpy(), np.pad(x, widths, mode))
    assert found.numpy().dtype == dtype


def test_padding_that_there_is_not_is_an_error():
    for make in (lambda: nn.Conv1d(1, 1, 3, padding_mode="mirror"), lambda: nn.ConvTranspose1d(1, 1, 3, padding_mode="reflect")):
        with pytest.raises(gf.errors.PlanError, match="`padding_mode` is '(mirror|reflect)', expected"):
            make()
    with pytest.raises(gf.errors.PlanError, match="pad: `mode` is 'mean'"):
        gnp.pad(gnp.zeros(3), 1, "mean")
    with pytest.raises(gf.errors.ShapeError, match="5 before and 5 after axis 2"):
        nn.Conv1d(1, 1, 3, padding=5, padding_mode="reflect", key=KEY)(gnp.zeros((1, 1, 5)))
    with pytest.raises(gf.errors.ShapeError, match="pairs of widths"):
        gnp.pad(gnp.zeros((3, 3)), [(1, 1)], "edge")
    assert nn.Conv1d(1, 1, 3, padding=1, padding_mode="reflect", key=KEY)(gnp.zeros((0, 1, 5))).shape == (0, 1, 5)


SINGLE = {
    "conv1d": (lambda: nn.Conv1d(3, 4, 3, padding="same", padding_mode="circular", key=KEY), (3, 7)),
    "conv2d": (lambda: nn.Conv2d(3, 4, 3, stride=2, padding=1, key=KEY), (3, 7, 6)),
    "conv transpose 1d": (lambda: nn.ConvTranspose1d(3, 4, 3, stride=2, output_padding=1, key=KEY), (3, 7)),
    "conv transpose 2d": (lambda: nn.ConvTranspose2d(3, 4, 3, stride=2, key=KEY), (3, 4, 5)),
    "max pool 1d": (lambda: nn.MaxPool1d(2), (3, 7)),
    "max pool 2d": (lambda: nn.MaxPool2d(3, 2, 1), (3, 7, 6)),
    "avg pool 1d": (lambda: nn.AvgPool1d(2), (3, 7)),
    "avg pool 2d": (lambda: nn.AvgPool2d(2), (3, 7, 6)),
}


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_item_is_a_batch_of_one(name):
    make, shape = SINGLE[name]
    layer, x = make(), np.random.default_rng(0).normal(size=shape).astype("float32")
    one, batch = layer(x), layer(x[None])
    assert one.shape == batch.shape[1:]
    np.testing.assert_array_equal(one.numpy(), batch.numpy()[0])


@pytest.mark.parametrize("layer", [nn.RNN, nn.GRU, nn.LSTM])
@pytest.mark.parametrize("options", [{}, {"batch_first": True}, {"num_layers": 2, "bidirectional": True}], ids=str)
@pytest.mark.parametrize("with_state", [False, True])
def test_a_single_sequence_is_a_batch_of_one(layer, options, with_state):
    made, rng = layer(3, 4, key=KEY, **options), np.random.default_rng(0)
    x = rng.normal(size=(5, 3)).astype("float32")
    place = 0 if made.batch_first else 1
    states = [rng.normal(size=(4 if "num_layers" in options else 1, 4)).astype("float32") for _ in range(made.states)]
    of = (lambda make: tuple(map(make, states)) if len(states) > 1 else make(states[0])) if with_state else lambda make: None
    output, last = made(x, of(lambda s: s))
    whole, ends = made(np.expand_dims(x, place), of(lambda s: s[:, None]))
    np.testing.assert_array_equal(output.numpy(), whole.numpy().squeeze(place))
    for one, end in zip(last, ends, strict=True) if made.states > 1 else [(last, ends)]:
        np.testing.assert_array_equal(one.numpy(), end.numpy()[:, 0])


def test_a_state_has_as_many_axes_as_its_sequence():
    layer = nn.GRU(3, 4, key=KEY)
    with pytest.raises(gf.errors.ShapeError, match=r"GRU: expected a state of shape \(1, 4\), got \(1, 1, 4\)"):
        layer(gnp.zeros((5, 3)), gnp.zeros((1, 1, 4)))
    with pytest.raises(gf.errors.ShapeError, match=r"expected \(time, batch, 3\), or \(time, 3\), got shape \(5, 4\)"):
        layer(gnp.zeros((5, 4)))
    with pytest.raises(gf.errors.ShapeError, match=r"Conv1d: expected \(batch, 3, n\), or \(3, n\), got shape \(2, 5\)"):
        nn.Conv1d(3, 4, 3, key=KEY)(gnp.zeros((2, 5)))
