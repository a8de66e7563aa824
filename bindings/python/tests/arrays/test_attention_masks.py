"""Masks of attention as PyTorch has them: truth values or floats, for all heads or for each."""

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pytest
from gradframe import nn

BATCH, HEADS, TIME, SOURCE, DIM = 3, 2, 4, 5, 6
F = nn.functional
rng = np.random.default_rng(5)
QUERY = rng.normal(size=(BATCH, TIME, DIM)).astype("float32")
KEY = rng.normal(size=(BATCH, SOURCE, DIM)).astype("float32")
HIDDEN = rng.random((TIME, SOURCE)) < 0.3
HIDDEN[:, 0] = False
OF_HEADS = rng.random((BATCH * HEADS, TIME, SOURCE)) < 0.3
OF_HEADS[..., 0] = False
PADDING = np.zeros((BATCH, SOURCE), bool)
PADDING[1, 3:] = True


def added(hidden):
    return np.where(hidden, -np.inf, 0.0).astype("float32")


def by_hand(layer, attn_mask, key_padding_mask):
    """Attention written out in NumPy; masks as floats."""
    weights = {name: array.numpy().astype("float64") for name, array in layer.state_dict().items()}
    projected = []
    for number, x in enumerate((QUERY, KEY, KEY)):
        rows = slice(number * DIM, (number + 1) * DIM)
        own = x @ weights["in_proj_weight"][rows].T + weights["in_proj_bias"][rows]
        projected.append(own.reshape(BATCH, -1, HEADS, DIM // HEADS).transpose(0, 2, 1, 3))
    q, k, v = projected
    scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(DIM // HEADS)
    if attn_mask is not None:
        scores = scores + (attn_mask.reshape(BATCH, HEADS, TIME, SOURCE) if attn_mask.ndim == 3 else attn_mask)
    if key_padding_mask is not None:
        scores = scores + key_padding_mask[:, None, None, :]
    share = np.exp(scores - scores.max(-1, keepdims=True))
    mixed = (share / share.sum(-1, keepdims=True)) @ v
    return mixed.transpose(0, 2, 1, 3).reshape(BATCH, TIME, DIM) @ weights["out_proj.weight"].T + weights["out_proj.bias"]


BIAS = rng.normal(size=(TIME, SOURCE)).astype("float32")
BIASES = rng.normal(size=(BATCH * HEADS, TIME, SOURCE)).astype("float32")


@pytest.mark.parametrize("padding", [None, PADDING, added(PADDING)], ids=["no padding", "truth", "floats"])
@pytest.mark.parametrize(
    "mask", [None, HIDDEN, added(HIDDEN), BIAS, OF_HEADS, added(OF_HEADS), BIASES],
    ids=["none", "truth", "infinities", "floats", "truth of heads", "infinities of heads", "floats of heads"],
)
def test_every_mask_of_pytorch_is_taken(mask, padding):
    layer = nn.MultiheadAttention(DIM, HEADS, batch_first=True, key=gf.random.key(1))
    found, _ = layer(QUERY, KEY, KEY, attn_mask=mask, key_padding_mask=padding)
    floats = [one if one is None or one.dtype != bool else added(one) for one in (mask, padding)]
    np.testing.assert_allclose(found.detach().numpy(), by_hand(layer, *floats), atol=1e-5)


def test_floats_are_added_while_a_function_is_traced():
    q, k = gf.array(QUERY[:, None]), gf.array(KEY[:, None])
    eager = F.scaled_dot_product_attention(q, k, k, attn_mask=added(HIDDEN))
    traced = gf.jit(lambda q, m: F.scaled_dot_product_attention(q, k, k, attn_mask=m))(q, gf.array(added(HIDDEN)))
    truth = F.scaled_dot_product_attention(q, k, k, attn_mask=~HIDDEN)
    np.testing.assert_allclose(eager.numpy(), truth.numpy(), atol=1e-6)
    np.testing.assert_allclose(traced.numpy(), truth.numpy(), atol=1e-6)
    causal = F.scaled_dot_product_attention(q, k, k, attn_mask=gnp.zeros((TIME, SOURCE)) + 0.5, is_causal=True)
    np.testing.assert_allclose(causal.numpy(), F.scaled_dot_product_attention(q, k, k, is_causal=True).numpy(), atol=1e-6)


def test_a_mask_may_be_learned():
    mask = gf.array(BIAS, requires_grad=True)
    q, k = gf.array(QUERY[:, None]), gf.array(KEY[:, None])
    loss = lambda m: (F.scaled_dot_product_attention(q, k, k, attn_mask=m) ** 2).sum()  # noqa: E731
    loss(mask).backward()
    step = np.zeros_like(BIAS)
    step[1, 2] = 1e-2
    slope = (loss(BIAS + step).item() - loss(BIAS - step).item()) / 2e-2
    np.testing.assert_allclose(mask.grad.numpy()[1, 2], slope, rtol=1e-2)


def test_masks_that_do_not_fit_are_errors_whose_hint_does_not_turn_them_round():
    layer = nn.MultiheadAttention(DIM, HEADS, batch_first=True, key=gf.random.key(1))
    with pytest.raises(gf.errors.DTypeError, match=r"`attn_mask` is of int64.*hint: attn_mask != 0"):
        layer(QUERY, KEY, KEY, attn_mask=HIDDEN.astype("int64"))
    with pytest.raises(gf.errors.ShapeError, match=r"`attn_mask` of shape \(time, source\) or \(6, time, source\).*\(5, 4, 5\)"):
        layer(QUERY, KEY, KEY, attn_mask=OF_HEADS[:5])
    with pytest.raises(gf.errors.ShapeError, match="`key_padding_mask` of shape"):
        layer(QUERY, KEY, KEY, key_padding_mask=PADDING[0])


@pytest.mark.parametrize("mask", [BIAS, added(HIDDEN) + 1.0], ids=["floats", "infinities and floats"])
def test_nan_in_scores_is_nan_in_the_result(mask):
    query = QUERY[:, None].copy()
    query[0, 0, 1, 2] = np.nan
    found = F.scaled_dot_product_attention(query, KEY[:, None], KEY[:, None], attn_mask=mask).numpy()
    assert np.isnan(found[0, 0, 1]).all() and np.isnan(found).sum() == DIM


def test_a_query_that_may_look_at_nothing_gives_zeros_beside_floats():
    mask = BIAS.copy()
    mask[1] = -np.inf
    found = F.scaled_dot_product_attention(QUERY[:, None], KEY[:, None], KEY[:, None], attn_mask=mask).numpy()
    assert (found[:, :, 1] == 0).all() and np.isfinite(found).all()


@pytest.mark.parametrize("is_causal", [False, True])
def test_without_keys_the_result_is_zeros_traced_or_not(is_causal):
    q, none, mask = gf.array(QUERY[:, None]), gf.array(KEY[:, None, :0]), gf.array(np.zeros((TIME, 0), "float32"))
    attend = lambda q, m: F.scaled_dot_product_attention(q, none, none, attn_mask=m, is_causal=is_causal)  # noqa: E731
    for found in (attend(q, mask), gf.jit(attend)(q, mask)):
        np.testing.assert_array_equal(found.numpy(), np.zeros_like(QUERY[:, None]))


@pytest.mark.parametrize("shape", [(TIME, 1), (1, SOURCE), (1, 1), (SOURCE, TIME), (BATCH * HEADS, 1, SOURCE), (1, TIME, SOURCE)])
@pytest.mark.parametrize("kind", ["bool", "float32"])
def test_attention_masks_are_as_long_as_time_and_source(shape, kind):
    layer = nn.MultiheadAttention(DIM, HEADS, batch_first=True, key=gf.random.key(1))
    with pytest.raises(gf.errors.ShapeError, match="`attn_mask` of shape .* time 4 and source 5, got"):
        layer(QUERY, KEY, KEY, attn_mask=np.zeros(shape, kind))


@pytest.mark.parametrize("shape", [(BATCH, 1), (1, SOURCE), (BATCH + 1, SOURCE), (BATCH, TIME)])
@pytest.mark.parametrize("kind", ["bool", "float32"])
def test_padding_masks_are_as_long_as_batch_and_source(shape, kind):
    layer = nn.MultiheadAttention(DIM, HEADS, batch_first=True, key=gf.random.key(1))
    with pytest.raises(gf.errors.ShapeError, match=r"`key_padding_mask` of shape \(batch, source\), which is \(3, 5\), got"):
        layer(QUERY, KEY, KEY, key_padding_mask=np.zeros(shape, kind))


def test_a_mask_of_floats_does_not_make_the_batch_larger():
    query, key = QUERY[:1, None], KEY[:1, None]
    with pytest.raises(gf.errors.ShapeError, match=r"a mask of shape \(4, 1, 1, 5\) does not spread over scores of shape \(1, 1, 4, 5\)"):
        F.scaled_dot_product_attention(query, key, key, attn_mask=np.ones((4, 1, 1, SOURCE), "float32"))


def test_causal_attention_counts_places_from_the_first_as_pytorch_does():
    query, key = gnp.asarray(np.random.default_rng(0).normal(size=(1, 1, 3, 4))), gnp.asarray(np.random.default_rng(1).normal(size=(1, 1, 5, 4)))
    seen = np.tril(np.ones((3, 5), bool))
    for mask in (None, np.array([True, True, False, True, True]), np.zeros((3, 5))):
        both = seen if mask is None else seen & mask if mask.dtype == bool else np.where(seen, mask, -np.inf)
        found = F.scaled_dot_product_attention(query, key, key, attn_mask=mask, is_causal=True)
        np.testing.assert_allclose(found.numpy(), F.scaled_dot_product_attention(query, key, key, attn_mask=both).numpy(), rtol=1e-12)


def test_heads_and_batches_may_be_left_away():
    query, key = (gnp.asarray(np.random.default_rng(seed).normal(size=(2, size, 4))) for seed, size in ((0, 3), (1, 5)))
    mask = np.random.default_rng(2).random((2, 3, 5)) > 0.4
    whole = F.scaled_dot_product_attention(query[:, None], key[:, None], key[:, None], attn_mask=mask[:, None]).numpy()[:, 0]
    np.testing.assert_allclose(F.scaled_dot_product_attention(query, key, key, attn_mask=mask).numpy(), whole, rtol=1e-12)
    np.testing.assert_allclose(F.scaled_dot_product_attention(query[0], key[0], key[0], attn_mask=mask[0]).numpy(), whole[0], rtol=1e-12)


def test_weights_that_are_dropped_are_others_at_each_call():
    query = gnp.asarray(np.random.default_rng(0).normal(size=(1, 1, 30, 4)))
    gf.random.seed(0)
    first, second = (F.scaled_dot_product_attention(query, query, query, dropout_p=0.5).numpy() for _ in range(2))
    assert not np.array_equal(first, second)
    with pytest.raises(gf.errors.PlanError, match="`dropout_p` is 2"):
        F.scaled_dot_product_attention(query, query, query, dropout_p=2.0)
