"""Hooks, names of parts, buffers that are not saved, lists and dictionaries of parameters, initialisers, helpers of `nn.utils`."""

import copy
import math
import pickle

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pytest
from gradframe import nn

F = nn.functional
KEY = gf.random.key(7)


def net():
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU())


def test_hooks_see_and_replace_what_goes_in_and_comes_out_until_they_are_taken_away():
    layer, x, seen = nn.Linear(2, 2), gnp.ones((1, 2)), []
    bare = layer(x)
    before = layer.register_forward_pre_hook(lambda module, args: seen.append(module) or (args[0] * 2,))
    after = layer.register_forward_hook(lambda module, args, output: output + args[0].sum())
    np.testing.assert_allclose(layer(x).numpy(), ((x * 2) @ layer.weight.mT + layer.bias + 4.0).numpy(), rtol=1e-6)
    assert seen == [layer]
    after.remove()
    after.remove()
    with before:
        pass
    np.testing.assert_array_equal(layer(x).numpy(), bare.numpy())


def test_hooks_come_in_their_order_with_named_arguments_and_are_part_of_what_is_compiled():
    module, x = nn.Identity(), gnp.ones((2,))
    compiled = gf.jit(lambda module, x: module(x))
    assert compiled(module, x).tolist() == [1.0, 1.0]
    module.register_forward_hook(lambda module, args, kwargs, output: output * 3, with_kwargs=True)
    module.register_forward_hook(lambda module, args, output: output + 1, prepend=True)
    module.register_forward_pre_hook(lambda module, args, kwargs: (args, {"x": kwargs["x"] + 1} if kwargs else {}), with_kwargs=True)
    assert compiled(module, x).tolist() == [6.0, 6.0] and module(x=x).tolist() == [9.0, 9.0]


def test_parts_are_found_by_name():
    model = nn.ModuleDict({"body": net()})
    assert model.get_submodule("body.0") is model["body"][0] and model.get_submodule("") is model
    assert model.get_parameter("body.0.weight") is model["body"][0].weight
    assert model.get_buffer("body.1.running_mean") is model["body"][1].running_mean
    for ask, says in [
        (lambda: model.get_submodule("body.7"), "no module 'body.7'; hint: Sequential has 0, 1, 2"),
        (lambda: model.get_parameter("body.0.wait"), "no parameter 'body.0.wait'; hint: Linear has weight, bias"),
        (lambda: model.get_buffer("body.0.weight"), "no buffer 'body.0.weight'; hint: Linear has none"),
    ]:
        with pytest.raises(gf.errors.PlanError, match=says):
            ask()


def test_a_registered_parameter_is_learned():
    module = nn.Module()
    module.register_parameter("gain", nn.Parameter([1.0]))
    module.register_parameter("shift", None)
    assert [name for name, _ in module.named_parameters()] == ["gain"] and module.shift is None
    module.register_parameter("shift", gnp.asarray([2.0]))
    assert [name for name, _ in module.named_parameters()] == ["gain", "shift"]
    for name in ("forward", "a.b", ""):
        with pytest.raises(gf.errors.PlanError, match="no parameter is called"):
            module.register_parameter(name, nn.Parameter([1.0]))
        with pytest.raises(gf.errors.PlanError, match="no buffer is called"):
            module.register_buffer(name, [1.0])
    with pytest.raises(gf.errors.DTypeError, match="hint: gf.nn.Parameter"):
        module.register_parameter("other", 3.0)


def test_buffers_that_are_not_persistent_are_kept_and_not_saved():
    module = nn.Module()
    module.register_buffer("mask", [1.0, 0.0], persistent=False)
    module.register_buffer("mean", [1.0])
    assert list(module.state_dict()) == ["mean"] and [name for name, _ in module.named_buffers()] == ["mask", "mean"]
    module.load_state_dict({"mean": [2.0]})
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert other.mask.tolist() == [1.0, 0.0] and list(other.state_dict()) == ["mean"]
    module.register_buffer("mask", [0.0, 0.0])
    assert list(module.state_dict(prefix="m.")) == ["m.mask", "m.mean"]


def test_loading_tells_what_did_not_match():
    model = net()
    state = {**model.state_dict(), "more": [1.0]}
    del state["0.bias"]
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert (missing, unexpected) == (["0.bias"], ["more"])
    assert model.load_state_dict(model.state_dict()) == ([], [])


def test_modules_change_their_floats_and_live_on_the_cpu():
    model = net()
    assert model.double()[0].weight.dtype == gnp.float64 and model.float()[1].running_mean.dtype == gnp.float32
    assert model.bfloat16().half().to("cpu").to(device="cpu")[0].bias.dtype.name == "float16"
    for ask in (lambda: model.to("cuda"), lambda: model.to(device="cuda:0")):
        with pytest.raises(gf.errors.NoDeviceError, match="no device `cuda"):
            ask()


def test_a_list_of_parameters():
    made = nn.ParameterList([gnp.ones((2,)), nn.Parameter([3.0])])
    first = made[0]
    made.append([4.0])
    assert len(made) == 3 and [array.tolist() for array in made] == [[1.0, 1.0], [3.0], [4.0]] and made[-1].requires_grad
    assert made[:2][0] is first and list(made.state_dict()) == ["0", "1", "2"]
    made[1] = [5.0]
    assert made[1].tolist() == [5.0] and len(list(made.parameters())) == 3
    with pytest.raises(IndexError, match="there is no place 3, it holds 3 parameters"):
        made[3]
    with pytest.raises(gf.errors.DTypeError, match="expected arrays, got str"):
        made.append("a")


def test_a_dictionary_of_parameters():
    made = nn.ParameterDict({"left": nn.Parameter([1.0]), "right": [2.0]})
    made["left"] = [3.0]
    assert list(made) == list(made.keys()) == ["left", "right"] and len(made) == 2 and "left" in made
    assert {name: array.tolist() for name, array in made.items()} == {"left": [3.0], "right": [2.0]}
    del made["left"]
    assert [array.tolist() for array in made.values()] == [[2.0]] and list(made.state_dict()) == ["right"]
    with pytest.raises(KeyError, match="there is no 'left'; hint: it holds right"):
        made["left"]


def weights(*shape):
    return nn.Parameter(np.full(shape, np.nan, "float32"))


#: Initialisers, the shape, and the mean and the deviation that they have.
DRAWN = {
    "uniform_": (lambda x: nn.init.uniform_(x, -1.0, 3.0, key=KEY), (300, 200), 1.0, 4.0 / math.sqrt(12.0)),
    "normal_": (lambda x: nn.init.normal_(x, 2.0, 0.5, key=KEY), (300, 200), 2.0, 0.5),
    "trunc_normal_": (lambda x: nn.init.trunc_normal_(x, key=KEY), (300, 200), 0.0, 0.8796),
    "xavier_uniform_": (lambda x: nn.init.xavier_uniform_(x, 2.0, key=KEY), (300, 200), 0.0, 2.0 * math.sqrt(2.0 / 500)),
    "xavier_normal_": (lambda x: nn.init.xavier_normal_(x, key=KEY), (30, 20, 10, 10), 0.0, math.sqrt(2.0 / 5000)),
    "kaiming_uniform_": (lambda x: nn.init.kaiming_uniform_(x, math.sqrt(5.0), key=KEY), (300, 200), 0.0, math.sqrt(1.0 / 600)),
    "kaiming_normal_": (lambda x: nn.init.kaiming_normal_(x, mode="fan_out", nonlinearity="relu", key=KEY), (300, 200), 0.0, math.sqrt(2.0 / 300)),
}


@pytest.mark.parametrize("name", DRAWN)
def test_initialisers_draw_as_pytorchs_do(name):
    fill, shape, mean, deviation = DRAWN[name]
    array = weights(*shape)
    assert fill(array) is array and array.requires_grad and array.dtype == gnp.float32
    values = array.numpy()
    assert abs(values.mean() - mean) < 0.02 * deviation and abs(values.std() / deviation - 1.0) < 0.02
    before = values.copy()
    np.testing.assert_array_equal(fill(weights(*shape)).numpy(), before)  # of the same key


def test_initialisers_without_chance():
    assert nn.init.ones_(weights(2)).tolist() == [1.0, 1.0] and nn.init.zeros_(weights(1)).tolist() == [0.0]
    assert nn.init.constant_(weights(2), 0.3).numpy().tolist() == [np.float32(0.3)] * 2
    assert nn.init.eye_(weights(2, 3)).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    x = gnp.asarray(np.random.default_rng(0).normal(size=(1, 4, 5)).astype("float32"))
    layer = nn.Conv1d(4, 4, 3, padding=1, bias=False, groups=2)
    nn.init.dirac_(layer.weight, groups=2)
    np.testing.assert_array_equal(layer(x).numpy(), x.numpy())


def test_orthogonal_and_sparse_weights():
    for shape in ((5, 3), (3, 5), (4, 2, 3)):
        found = nn.init.orthogonal_(weights(*shape), gain=2.0, key=KEY).numpy().reshape(shape[0], -1)
        small = found @ found.T if found.shape[0] <= found.shape[1] else found.T @ found
        np.testing.assert_allclose(small, 4.0 * np.eye(len(small)), atol=1e-5)
    sparse = nn.init.sparse_(weights(10, 6), 0.25, std=1.0, key=KEY).numpy()
    assert ((sparse == 0).sum(axis=0) == 3).all()


def test_gains_are_pytorchs():
    expected = {"linear": 1.0, "conv2d": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2.0), "selu": 0.75}
    assert {name: nn.init.calculate_gain(name) for name in expected} == expected
    assert nn.init.calculate_gain("leaky_relu", 0.2) == math.sqrt(2.0 / 1.04)


def test_parameters_as_one_vector_and_back():
    model = nn.Linear(2, 3)
    vector = nn.utils.parameters_to_vector(model.parameters())
    assert vector.shape == (9,)
    nn.utils.vector_to_parameters(vector * 0.0 + gnp.arange(9.0), model.parameters())
    assert model.weight.tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]] and model.bias.tolist() == [6.0, 7.0, 8.0]
    (nn.utils.parameters_to_vector(model.parameters()) ** 2).sum().backward()
    np.testing.assert_allclose(nn.utils.get_total_norm([p.grad for p in model.parameters()]).item(), 2 * math.sqrt(204.0), rtol=1e-6)
    nn.utils.clip_grad_value_(model.parameters(), 3.0)
    assert model.bias.grad.tolist() == [3.0] * 3


def test_sequences_of_several_lengths_are_filled_up():
    filled = nn.utils.pad_sequence([gnp.ones((2, 3)), gnp.ones((4, 3))], batch_first=True, padding_value=-1.0)
    assert filled.shape == (2, 4, 3) and filled[0, :, 0].tolist() == [1.0, 1.0, -1.0, -1.0]
    assert nn.utils.pad_sequence([[1.0], [2.0, 3.0]]).tolist() == [[1.0, 2.0], [0.0, 3.0]]


def test_what_is_silent_in_training_is_whole_channels_or_keeps_the_moments():
    x = gnp.ones((50, 40, 3, 2))
    for layer in (nn.Dropout2d(0.4), nn.Dropout3d(0.4)):
        given = x if isinstance(layer, nn.Dropout2d) else x[..., None]
        found = layer(given, key=KEY).numpy().reshape(50 * 40, -1)
        assert set(np.unique(found)) == {np.float32(0.0), np.float32(1 / 0.6)} and (found == found[:, :1]).all()
        assert abs((found[:, 0] == 0).mean() - 0.4) < 0.05
    normal = gf.random.normal(KEY, (200, 300))
    kept = nn.AlphaDropout(0.3)(normal, key=KEY)
    assert abs(float(kept.mean())) < 0.02 and abs(float(kept.std()) - 1.0) < 0.02
    assert nn.AlphaDropout(0.3).eval()(normal) is normal
    slopes = nn.RReLU(0.1, 0.3)(-gnp.ones((1000,)), key=KEY).numpy()
    assert -0.3 <= slopes.min() < -0.28 and -0.12 < slopes.max() <= -0.1
    drawn = nn.functional.gumbel_softmax(gnp.asarray([[0.0, math.log(3.0)]] * 4000), hard=True, key=KEY)
    assert set(np.unique(drawn.numpy().round(6))) == {0.0, 1.0} and abs(float(drawn[:, 1].mean()) - 0.75) < 0.03


def test_running_statistics_of_all_batches_weigh_alike():
    layer, batches = nn.BatchNorm1d(2, momentum=None), [np.random.default_rng(i).normal(i, 2, (50, 2)).astype("float32") for i in range(3)]
    for batch in batches:
        layer(batch)
    np.testing.assert_allclose(layer.running_mean.numpy(), np.mean([b.mean(0) for b in batches], 0), rtol=1e-5)
    np.testing.assert_allclose(layer.running_var.numpy(), np.mean([b.var(0, ddof=1) for b in batches], 0), rtol=1e-5)
    assert layer.num_batches_tracked.item() == 3


def test_losses_take_class_weights_where_pytorch_has_them_and_keep_reductions_in_their_place():
    loss = nn.CrossEntropyLoss(gnp.asarray([1.0, 3.0]), label_smoothing=0.1)
    assert list(loss.state_dict()) == ["weight"] and loss.reduction == "mean"
    assert nn.CrossEntropyLoss("sum").reduction == nn.NLLLoss("sum").reduction == "sum" and nn.BCEWithLogitsLoss().weight is None


def aligned(targets, input_lengths, target_lengths):
    return F.ctc_loss(gnp.zeros((5, 1, 4)), gnp.asarray(targets), gnp.asarray(input_lengths), gnp.asarray(target_lengths))


WRONG = {
    "a weight of a line": (lambda: F.linear(gnp.ones((2, 3)), gnp.ones((4, 2))), gf.errors.ShapeError, r"linear: .*\(2, 3\) .*\(4, 2\)"),
    "a bias of a line": (lambda: F.linear(gnp.ones((2, 3)), gnp.ones((4, 3)), gnp.ones(3)), gf.errors.ShapeError, r"linear: .*`bias` .*\(4,\), got \(3,\)"),
    "a norm's weight": (lambda: F.layer_norm(gnp.ones((2, 3)), 3, gnp.ones(2)), gf.errors.ShapeError, r"layer_norm: .*`weight` .*\(3,\), got \(2,\)"),
    "a group's weight": (lambda: F.group_norm(gnp.ones((2, 4)), 2, gnp.ones(3)), gf.errors.ShapeError, r"group_norm: .*`weight`"),
    "a batch's mean": (
        lambda: F.batch_norm(gnp.ones((2, 3)), gnp.ones(2), gnp.ones(3)), gf.errors.ShapeError, r"batch_norm: expected `running_mean` of shape \(3,\)",
    ),
    "a convolution's bias": (
        lambda: F.conv1d(gnp.ones((1, 2, 5)), gnp.ones((2, 2, 3)), gnp.ones(3)), gf.errors.ShapeError, r"conv: expected a bias of shape \(2,\)",
    ),
    "depths of attention": (
        lambda: F.scaled_dot_product_attention(gnp.ones((1, 3, 4)), gnp.ones((1, 5, 3)), gnp.ones((1, 5, 3))), gf.errors.ShapeError,
        r"scaled_dot_product_attention: .*\(1, 3, 4\), \(1, 5, 3\)",
    ),
    "batches of attention": (
        lambda: nn.MultiheadAttention(6, 2)(gnp.ones((3, 2, 6)), gnp.ones((3, 1, 6)), gnp.ones((3, 1, 6))), gf.errors.ShapeError, "the same batch",
    ),
    "classes' weights": (
        lambda: F.multilabel_soft_margin_loss(gnp.ones((2, 4)), gnp.ones((2, 4)), gnp.ones(3)), gf.errors.ShapeError, "multilabel_soft_margin_loss",
    ),
    "a line beyond nothing": (lambda: F.huber_loss(gnp.ones(2), gnp.ones(2), delta=0.0), gf.errors.PlanError, "`delta` is 0"),
    "a padding row": (lambda: nn.Embedding(3, 2, padding_idx=3), gf.errors.OutOfBoundsError, "`padding_idx` is 3, the table has 3 rows"),
    "a table's norm": (lambda: nn.Embedding(3, 2, max_norm=1.0), gf.errors.PlanError, "`max_norm`"),
    "a bag's way": (lambda: nn.EmbeddingBag(3, 2, mode="most"), gf.errors.PlanError, "`mode` is 'most'"),
    "where bags begin": (
        lambda: nn.EmbeddingBag(3, 2)(gnp.zeros(4, dtype="int64"), gnp.asarray([0, 9])), gf.errors.PlanError, r"`offsets` are \[0, 9\]",
    ),
    "weights of means": (
        lambda: nn.EmbeddingBag(3, 2)(gnp.zeros((2, 2), dtype="int64"), None, gnp.ones((2, 2))), gf.errors.PlanError, "the mode 'sum', got 'mean'",
    ),
    "a label beyond": (lambda: aligned([[1, 7]], [5], [2]), gf.errors.PlanError, "7 is no label, expected from 0 to 3 and not the blank, 0"),
    "too long a sequence": (lambda: aligned([[1, 2]], [6], [2]), gf.errors.PlanError, "`input_lengths` are from 6 to 6, expected from 0 to 5"),
    "lengths of others": (lambda: aligned([[1, 2]], [5, 5], [2]), gf.errors.ShapeError, r"`input_lengths` of shape \(1,\), got \(2,\)"),
    "an adaptive size": (lambda: nn.AdaptiveAvgPool2d((2, 3, 4)), gf.errors.PlanError, "`output_size` is"),
    "nothing to pool": (lambda: nn.AdaptiveMaxPool1d(2)(gnp.ones((1, 2, 0))), gf.errors.ShapeError, "axis 2 of shape .* is empty"),
    "places of another shape": (
        lambda: nn.MaxUnpool1d(2)(gnp.ones((1, 2, 3)), gnp.zeros((1, 2, 4), dtype="int64")), gf.errors.ShapeError, r"\(1, 2, 4\) .* \(1, 2, 3\)",
    ),
    "a place outside": (
        lambda: nn.MaxUnpool1d(2)(gnp.ones((1, 1, 2)), gnp.full((1, 1, 2), 9)), gf.errors.OutOfBoundsError, "9",
    ),
    "another size": (
        lambda: nn.MaxUnpool1d(2)(gnp.ones((1, 1, 2)), gnp.zeros((1, 1, 2), dtype="int64"), (9,)), gf.errors.ShapeError, "`output_size`",
    ),
    "a pool's axes": (lambda: nn.MaxPool3d(2)(gnp.ones((2, 3))), gf.errors.ShapeError, r"max_pool3d: expected \(batch, channels, n, n, n\)"),
    "a divisor": (lambda: nn.AvgPool2d(2, divisor_override=0), gf.errors.PlanError, "`divisor_override` is 0"),
    "a norm": (lambda: nn.LPPool1d(0, 2), gf.errors.PlanError, "`norm_type` is 0"),
    "widths": (lambda: nn.ZeroPad2d((1, 2, 3)), gf.errors.PlanError, "`padding` is .*expected a whole number, or 4"),
    "a width": (lambda: nn.ZeroPad2d((1, 2, 3, 0.5)), gf.errors.DTypeError, "expected whole numbers"),
    "too much turned": (lambda: nn.ReflectionPad1d(3)(gnp.ones((1, 1, 3))), gf.errors.ShapeError, "pad"),
    "too much from the other end": (lambda: nn.CircularPad1d(4)(gnp.ones((1, 1, 3))), gf.errors.ShapeError, "4 elements around axis 2"),
    "less than nothing": (lambda: nn.functional.pad(gnp.ones((3,)), (-2, -2)), gf.errors.ShapeError, "less than nothing"),
    "a mode of padding": (lambda: nn.functional.pad(gnp.ones((3,)), (1, 1), mode="mirror"), gf.errors.PlanError, "`mode` is 'mirror'"),
    "a mode of sizes": (lambda: nn.Upsample(2, mode="cubic"), gf.errors.PlanError, "`mode` is 'cubic'"),
    "both sizes": (lambda: nn.Upsample(2, 2), gf.errors.PlanError, "`size` or `scale_factor`, one of both"),
    "another number of axes": (lambda: nn.Upsample(2, mode="bilinear")(gnp.ones((1, 2, 3))), gf.errors.ShapeError, "is for 2 axes"),
    "corners of the nearest": (
        lambda: nn.Upsample(2, align_corners=True)(gnp.ones((1, 2, 3))), gf.errors.PlanError, "`align_corners` is none of 'nearest'",
    ),
    "channels of a square": (lambda: nn.PixelShuffle(2)(gnp.ones((3, 2, 2))), gf.errors.ShapeError, "a multiple of 4"),
    "a window": (lambda: nn.Unfold(4)(gnp.ones((1, 1, 3, 5))), gf.errors.ShapeError, "unfold: a window of .* does not fit"),
    "columns": (lambda: nn.Fold((4, 4), 2)(gnp.ones((1, 4, 5))), gf.errors.ShapeError, "a multiple of 4, 9"),
    "an axis made several": (lambda: nn.Unflatten(1, (2, 2))(gnp.ones((1, 5))), gf.errors.ShapeError, "axis 1 of shape"),
    "axes made one": (lambda: nn.Flatten(2, 1)(gnp.ones((1, 2, 3))), IndexError, "`start_dim` 2 comes after `end_dim` 1"),
    "an item's channels": (lambda: nn.InstanceNorm2d(3)(gnp.ones((2, 4, 5, 5))), gf.errors.ShapeError, r"InstanceNorm2d: expected \(batch, 3"),
    "a batch's axes": (lambda: nn.BatchNorm2d(3)(gnp.ones((2, 3, 5))), gf.errors.ShapeError, r"BatchNorm2d: expected \(batch, 3, n, n\)"),
    "a cell's input": (lambda: nn.LSTMCell(2, 3)(gnp.ones((4, 3))), gf.errors.ShapeError, r"LSTMCell: expected \(batch, 2\)"),
    "a cell's state": (lambda: nn.GRUCell(2, 3)(gnp.ones((4, 2)), gnp.ones((4, 2))), gf.errors.ShapeError, "state of shape"),
    "a layer to copy": (lambda: nn.TransformerEncoder(3, 2), gf.errors.DTypeError, "expected a layer, got int"),
    "two batches": (
        lambda: nn.Transformer(4, 2, 1, 1, 4)(gnp.ones((3, 2, 4)), gnp.ones((3, 5, 4))), gf.errors.ShapeError, "different batches",
    ),
    "class weights": (
        lambda: nn.functional.cross_entropy(gnp.ones((2, 3)), [0, 1], weight=[1.0, 2.0]), gf.errors.ShapeError, "a weight for each of 3 classes",
    ),
    "weights": (
        lambda: nn.functional.binary_cross_entropy(gnp.ones((2, 3)), gnp.ones((2, 3)), weight=gnp.ones((2,))), gf.errors.ShapeError, "spread",
    ),
    "a margin": (lambda: nn.TripletMarginLoss(0.0), gf.errors.PlanError, "`margin` is 0.0"),
    "a variance": (
        lambda: nn.functional.gaussian_nll_loss(gnp.ones((2,)), gnp.ones((2,)), -gnp.ones((2,))), gf.errors.PlanError, "below 0",
    ),
    "a size": (
        lambda: nn.ConvTranspose1d(1, 1, 3, stride=2)(gnp.ones((1, 1, 4)), (1, 1, 12)), gf.errors.ShapeError, r"no input of shape .*\[9\] or up to",
    ),
    "a weight's axes": (lambda: nn.functional.conv2d(gnp.ones((1, 1, 4)), gnp.ones((1, 1, 2))), gf.errors.ShapeError, "conv2d: expected a weight"),
    "a fan": (lambda: nn.init.xavier_uniform_(weights(3)), gf.errors.ShapeError, "xavier_uniform_: expected"),
    "a gain": (lambda: nn.init.calculate_gain("swish"), gf.errors.PlanError, "`nonlinearity` is 'swish'"),
    "no array": (lambda: nn.init.zeros_(3), gf.errors.DTypeError, "zeros_: expected an array, got int"),
    "a vector": (lambda: nn.utils.vector_to_parameters(gnp.ones((2,)), [weights(3)]), gf.errors.ShapeError, "for 3 elements"),
    "other axes": (lambda: nn.utils.pad_sequence([gnp.ones((2, 3)), gnp.ones((2, 2))]), gf.errors.ShapeError, "differ in time alone"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_means_nothing_is_an_error(name):
    make, error, says = WRONG[name]
    with pytest.raises(error, match=says):
        make()


def test_parameters_and_buffers_have_prefixes_and_may_be_of_one_module_alone():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    model.register_buffer("own", gf.array([1.0]))
    assert [name for name, _ in model.named_parameters("net")] == ["net.0.weight", "net.0.bias", "net.1.weight", "net.1.bias"]
    assert list(model.named_parameters(recurse=False)) == [] and list(model.parameters(recurse=False)) == []
    assert [name for name, _ in model[0].named_parameters("a.b", recurse=False)] == ["a.b.weight", "a.b.bias"]
    assert [name for name, _ in model.named_buffers("net", recurse=False)] == ["net.own"]
    assert [name for name, _ in model.named_buffers("net")] == ["net.own", "net.1.running_mean", "net.1.running_var"]
    assert len(list(model.buffers(recurse=False))) == 1


def test_the_loss_of_huber_takes_its_delta():
    x, y = gf.array([0.0, 1.0, 4.0]), gf.array([0.2, 0.0, 0.0])
    assert float(nn.HuberLoss(delta=0.5)(x, y)) == pytest.approx((0.02 + 0.375 + 1.875) / 3)
    assert float(nn.HuberLoss("sum", 0.5)(x, y)) == pytest.approx(0.02 + 0.375 + 1.875)


def test_bags_of_many_rows_take_memory_of_the_rows_alone():
    rng = np.random.default_rng(0)
    weight, indices = rng.random((50, 4), dtype=np.float32), rng.integers(0, 50, 200_000)
    offsets = np.sort(rng.integers(0, len(indices), 20_000))
    offsets[0] = 0
    # A table of bags by indices would take 4 GB.
    sums = nn.functional.embedding_bag(gnp.asarray(indices), gnp.asarray(weight), gnp.asarray(offsets), mode="sum")
    expected = np.add.reduceat(weight[indices], offsets, axis=0)
    expected[np.append(offsets[1:], len(indices)) == offsets] = 0
    np.testing.assert_allclose(np.asarray(sums), expected, rtol=1e-4)


def test_a_parameter_gives_way_to_a_parameter_alone():
    net = gf.nn.Linear(2, 1)
    with pytest.raises(TypeError, match="cannot assign an array that is no parameter as `weight`"):
        net.weight = net.weight * 0 + 1.0
    net.weight = gf.nn.Parameter(net.weight * 0 + 1.0)
    optimizer = gf.optim.SGD(net.parameters(), lr=0.5)
    net(gf.array([[1.0, 2.0]])).sum().backward()
    optimizer.step()
    assert net.weight.numpy().tolist() == [[0.5, 0.0]]
    net.bias = None
    assert [name for name, _ in net.named_parameters()] == ["weight"]
