"""What PyTorch's layers, losses and functions give, and their gradients, in float64, as sums with random weights. Run by hand where PyTorch is:

    python tests/arrays/torch_modules.py      # writes torch_modules.json beside it
"""

import json
import pathlib
import zlib

import numpy as np

STORED = pathlib.Path(__file__).with_suffix(".json")


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def chance(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0.1, 0.9, size=shape)


def places(*shape, below, seed=0):
    return np.random.default_rng(seed).integers(0, below, size=shape)


class Target(np.ndarray):
    """What a module is given and nobody wants a gradient in."""


def signs(*shape, seed=0):
    return np.where(normal(*shape, seed=seed) > 0, 1.0, -1.0).view(Target)


def counts(*shape, below, seed=0):
    return places(*shape, below=below, seed=seed).astype("float64").view(Target)


def told(array):
    """An array as its shape and three sums with random weights."""
    array = np.asarray(array, dtype="float64")
    weights = np.random.default_rng(zlib.crc32(str(array.shape).encode())).normal(size=(3, *array.shape))
    return [list(array.shape), [float((one * array).sum()) for one in weights]]


def state(shapes):
    """Numbers for a module's parameters and buffers."""
    made = {}
    for name, shape in shapes.items():
        values = normal(*shape, seed=zlib.crc32(name.encode())) * 0.5
        made[name] = abs(values) + 0.5 if name.endswith("running_var") else values
    return made


X1, X2, X3 = normal(2, 4, 9), normal(2, 4, 7, 6, seed=1), normal(2, 4, 5, 4, 6, seed=2)
ROWS, MORE, THIRD = normal(5, 6, seed=3), normal(5, 6, seed=4), normal(5, 6, seed=5)
TIME, SOURCE = normal(2, 5, 8, seed=6), normal(2, 4, 8, seed=7)
LABELS, CLASSES = places(5, below=6, seed=8), np.array([1.0, 0.5, 2.0, 0.1, 3.0, 1.5])
SEVERAL = np.array([[0, 3, -1, 1, 2, 2], [5, -1, 0, 0, 0, 0], [1, 2, 3, 4, 5, 0], [-1, 0, 0, 0, 0, 0], [4, 0, 2, -1, -1, -1]])
BLIND = np.array([[False, False, False, True, True], [False, False, True, False, False]])
AHEAD = np.triu(np.ones((5, 5), bool), 1)
ATTENTION = {"batch_first": True, "dropout": 0.0}

#: Modules as `nn` makes them, what they are given, and how (`train` or not).
MODULES = {
    "Conv3d": (lambda nn: nn.Conv3d(4, 6, (2, 3, 2), stride=(1, 2, 1), padding=(1, 0, 1), groups=2), (X3,)),
    "Conv3d same": (lambda nn: nn.Conv3d(4, 3, (2, 3, 2), padding="same", dilation=(1, 1, 2), bias=False), (X3,)),
    "Conv3d circular": (lambda nn: nn.Conv3d(4, 3, 3, padding=1, padding_mode="circular"), (X3,)),
    "Conv3d of an item": (lambda nn: nn.Conv3d(4, 3, 2), (X3[0],)),
    "ConvTranspose3d": (lambda nn: nn.ConvTranspose3d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2), (X3,)),
    "ConvTranspose2d to a size": (lambda nn: nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1), (X2, (14, 11))),
    "BatchNorm1d": (lambda nn: nn.BatchNorm1d(4), (X1,), "train"),
    "BatchNorm2d of running numbers": (lambda nn: nn.BatchNorm2d(4), (X2,)),
    "BatchNorm3d": (lambda nn: nn.BatchNorm3d(4, momentum=0.3), (X3,), "train"),
    "BatchNorm2d without weights": (lambda nn: nn.BatchNorm2d(4, affine=False), (X2,), "train"),
    "BatchNorm2d without running numbers": (lambda nn: nn.BatchNorm2d(4, track_running_stats=False), (X2,)),
    "InstanceNorm1d": (lambda nn: nn.InstanceNorm1d(4), (X1,)),
    "InstanceNorm2d": (lambda nn: nn.InstanceNorm2d(4, affine=True), (X2,)),
    "InstanceNorm3d": (lambda nn: nn.InstanceNorm3d(4, affine=True, track_running_stats=True), (X3,), "train"),
    "InstanceNorm2d of running numbers": (lambda nn: nn.InstanceNorm2d(4, track_running_stats=True), (X2,)),
    "InstanceNorm1d of an item": (lambda nn: nn.InstanceNorm1d(4), (X1[0],)),
    "LocalResponseNorm": (lambda nn: nn.LocalResponseNorm(3, alpha=0.1, k=2.0), (X2,)),
    "LayerNorm without weights": (lambda nn: nn.LayerNorm((7, 6), elementwise_affine=False), (X2,)),
    "LayerNorm without bias": (lambda nn: nn.LayerNorm(6, bias=False), (X2,)),
    "RMSNorm": (lambda nn: nn.RMSNorm(6), (X2,)),
    "GroupNorm without weights": (lambda nn: nn.GroupNorm(2, 4, affine=False), (X2,)),
    "MaxPool1d": (lambda nn: nn.MaxPool1d(3, 2, 1, ceil_mode=True), (X1,)),
    "MaxPool2d": (lambda nn: nn.MaxPool2d((3, 2), (2, 3), (1, 0), (2, 1)), (X2,)),
    "MaxPool2d up": (lambda nn: nn.MaxPool2d(3, 4, 1, ceil_mode=True), (X2,)),
    "MaxPool3d": (lambda nn: nn.MaxPool3d(2, padding=1, ceil_mode=True), (X3,)),
    "MaxPool3d of an item": (lambda nn: nn.MaxPool3d(2), (X3[1],)),
    "AvgPool1d": (lambda nn: nn.AvgPool1d(4, 3, 2, ceil_mode=True), (X1,)),
    "AvgPool1d without padding": (lambda nn: nn.AvgPool1d(4, 3, 2, ceil_mode=True, count_include_pad=False), (X1,)),
    "AvgPool2d": (lambda nn: nn.AvgPool2d(3, 2, 1, ceil_mode=True), (X2,)),
    "AvgPool2d without padding": (lambda nn: nn.AvgPool2d((3, 4), 3, 1, count_include_pad=False), (X2,)),
    "AvgPool2d by a divisor": (lambda nn: nn.AvgPool2d(3, 2, 1, ceil_mode=True, divisor_override=5), (X2,)),
    "AvgPool3d": (lambda nn: nn.AvgPool3d((2, 3, 2), 2, (1, 1, 0), ceil_mode=True), (X3,)),
    "LPPool1d": (lambda nn: nn.LPPool1d(2.0, 3, 2, ceil_mode=True), (X1,)),
    "LPPool2d": (lambda nn: nn.LPPool2d(2.0, (2, 3)), (X2,)),
    "AdaptiveAvgPool1d": (lambda nn: nn.AdaptiveAvgPool1d(4), (X1,)),
    "AdaptiveAvgPool1d evenly": (lambda nn: nn.AdaptiveAvgPool1d(3), (X1,)),
    "AdaptiveAvgPool2d": (lambda nn: nn.AdaptiveAvgPool2d((3, 4)), (X2,)),
    "AdaptiveAvgPool2d of all": (lambda nn: nn.AdaptiveAvgPool2d(1), (X2,)),
    "AdaptiveAvgPool2d to more": (lambda nn: nn.AdaptiveAvgPool2d((None, 11)), (X2,)),
    "AdaptiveAvgPool3d": (lambda nn: nn.AdaptiveAvgPool3d((2, 3, 4)), (X3,)),
    "AdaptiveMaxPool1d": (lambda nn: nn.AdaptiveMaxPool1d(4), (X1,)),
    "AdaptiveMaxPool2d": (lambda nn: nn.AdaptiveMaxPool2d((3, None)), (X2,)),
    "AdaptiveMaxPool3d": (lambda nn: nn.AdaptiveMaxPool3d((2, 3, 4)), (X3[0],)),
    "ZeroPad1d": (lambda nn: nn.ZeroPad1d((2, -1)), (X1,)),
    "ZeroPad2d": (lambda nn: nn.ZeroPad2d((1, 0, 2, 3)), (X2,)),
    "ZeroPad3d": (lambda nn: nn.ZeroPad3d(1), (X3,)),
    "ConstantPad2d": (lambda nn: nn.ConstantPad2d((-1, 2, 0, -2), 3.5), (X2,)),
    "ReflectionPad1d": (lambda nn: nn.ReflectionPad1d((3, 1)), (X1,)),
    "ReflectionPad2d": (lambda nn: nn.ReflectionPad2d((1, 2, 3, 0)), (X2,)),
    "ReflectionPad3d": (lambda nn: nn.ReflectionPad3d((1, 2, 3, 0, 1, 1)), (X3,)),
    "ReplicationPad1d": (lambda nn: nn.ReplicationPad1d(2), (X1[0],)),
    "ReplicationPad2d": (lambda nn: nn.ReplicationPad2d((1, 2, 3, 0)), (X2,)),
    "ReplicationPad3d": (lambda nn: nn.ReplicationPad3d(1), (X3,)),
    "CircularPad1d": (lambda nn: nn.CircularPad1d((3, 1)), (X1,)),
    "CircularPad2d": (lambda nn: nn.CircularPad2d((1, 2, 3, 0)), (X2,)),
    "CircularPad3d": (lambda nn: nn.CircularPad3d(2), (X3,)),
    "Upsample": (lambda nn: nn.Upsample(scale_factor=2), (X2,)),
    "Upsample by a part": (lambda nn: nn.Upsample(scale_factor=(1.7, 0.6), mode="bilinear"), (X2,)),
    "Upsample to a size": (lambda nn: nn.Upsample(size=(11, 4)), (X2,)),
    "Upsample of one axis": (lambda nn: nn.Upsample(size=14, mode="linear", align_corners=True), (X1,)),
    "Upsample of three axes": (lambda nn: nn.Upsample(scale_factor=2, mode="trilinear"), (X3,)),
    "UpsamplingNearest2d": (lambda nn: nn.UpsamplingNearest2d(scale_factor=3), (X2,)),
    "UpsamplingBilinear2d": (lambda nn: nn.UpsamplingBilinear2d(size=(10, 3)), (X2,)),
    "PixelShuffle": (lambda nn: nn.PixelShuffle(2), (X2,)),
    "PixelUnshuffle": (lambda nn: nn.PixelUnshuffle(3), (normal(2, 2, 6, 9),)),
    "ChannelShuffle": (lambda nn: nn.ChannelShuffle(2), (X2,)),
    "Unfold": (lambda nn: nn.Unfold((2, 3), (2, 1), 1, (1, 2)), (X2,)),
    "Fold": (lambda nn: nn.Fold((7, 6), (2, 3), stride=(1, 2), padding=(0, 1)), (normal(2, 12, 18),)),
    "Flatten": (lambda nn: nn.Flatten(1, 2), (X2,)),
    "Flatten all": (lambda nn: nn.Flatten(0), (X2,)),
    "Unflatten": (lambda nn: nn.Unflatten(1, (2, 2)), (X2,)),
    "Unflatten the rest": (lambda nn: nn.Unflatten(-1, (3, -1)), (X2,)),
    "Bilinear": (lambda nn: nn.Bilinear(6, 6, 3), (ROWS, MORE)),
    "Hardshrink": (lambda nn: nn.Hardshrink(0.3), (ROWS,)),
    "Softshrink": (lambda nn: nn.Softshrink(0.3), (ROWS,)),
    "Tanhshrink": (lambda nn: nn.Tanhshrink(), (ROWS,)),
    "Threshold": (lambda nn: nn.Threshold(0.1, 20.0), (ROWS,)),
    "RReLU": (lambda nn: nn.RReLU(0.1, 0.4), (ROWS,)),
    "Softmax2d": (lambda nn: nn.Softmax2d(), (X2,)),
    "Dropout2d": (lambda nn: nn.Dropout2d(0.4), (X2,)),
    "RNNCell": (lambda nn: nn.RNNCell(6, 3), (ROWS, normal(5, 3))),
    "RNNCell relu": (lambda nn: nn.RNNCell(6, 3, bias=False, nonlinearity="relu"), (ROWS,)),
    "GRUCell": (lambda nn: nn.GRUCell(6, 3), (ROWS, normal(5, 3))),
    "GRUCell of an item": (lambda nn: nn.GRUCell(6, 3), (ROWS[0],)),
    "LSTMCell": (lambda nn: nn.LSTMCell(6, 3), (ROWS, (normal(5, 3), normal(5, 3, seed=1)))),
    "MultiheadAttention": (lambda nn: nn.MultiheadAttention(8, 2, batch_first=True), (TIME, SOURCE, SOURCE, None, True)),
    "MultiheadAttention of three sizes": (
        lambda nn: nn.MultiheadAttention(8, 2, kdim=6, vdim=3), (normal(4, 2, 8), normal(5, 2, 6), normal(5, 2, 3), None, True, None, False),
    ),
    "MultiheadAttention of an item": (lambda nn: nn.MultiheadAttention(8, 2), (TIME[0], SOURCE[0], SOURCE[0], None, True)),
    "MultiheadAttention with masks": (lambda nn: nn.MultiheadAttention(8, 2, batch_first=True), (TIME, TIME, TIME, BLIND, True, AHEAD)),
    "TransformerEncoderLayer": (lambda nn: nn.TransformerEncoderLayer(8, 2, 12, **ATTENTION, activation="gelu"), (TIME, AHEAD, BLIND)),
    "TransformerEncoderLayer without bias": (lambda nn: nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, norm_first=True, bias=False), (TIME,)),
    "TransformerEncoder": (lambda nn: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12, **ATTENTION), 2, nn.LayerNorm(8)), (TIME, AHEAD)),
    "TransformerDecoderLayer": (lambda nn: nn.TransformerDecoderLayer(8, 2, 12, **ATTENTION), (TIME, SOURCE, AHEAD)),
    "TransformerDecoderLayer norm first": (
        lambda nn: nn.TransformerDecoderLayer(8, 2, 12, dropout=0.0, norm_first=True), (normal(5, 2, 8), normal(4, 2, 8)),
    ),
    "TransformerDecoder": (lambda nn: nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 12, **ATTENTION), 2), (TIME, SOURCE)),
    "Transformer": (lambda nn: nn.Transformer(8, 2, 2, 1, 12, **ATTENTION), (SOURCE, TIME)),
    "PairwiseDistance": (lambda nn: nn.PairwiseDistance(), (ROWS, MORE)),
    "PairwiseDistance by sizes": (lambda nn: nn.PairwiseDistance(p=1.0, keepdim=True), (ROWS, MORE)),
    "Embedding with padding": (lambda nn: nn.Embedding(6, 4, padding_idx=2), (places(3, 5, below=6),)),
    "EmbeddingBag": (lambda nn: nn.EmbeddingBag(6, 4), (places(4, 3, below=6),)),
    "EmbeddingBag of weights": (lambda nn: nn.EmbeddingBag(6, 4, mode="sum"), (places(7, below=6), np.array([0, 2, 2, 5]), chance(7))),
    "EmbeddingBag with padding": (lambda nn: nn.EmbeddingBag(6, 4, padding_idx=-2), (places(4, 3, below=6, seed=2), None)),
    "EmbeddingBag of the largest": (
        lambda nn: nn.EmbeddingBag(6, 4, mode="max", include_last_offset=True), (places(7, below=6), np.array([0, 3, 3, 5, 7])),
    ),
    "CosineEmbeddingLoss": (lambda nn: nn.CosineEmbeddingLoss(0.1), (ROWS, MORE, signs(5))),
    "MarginRankingLoss": (lambda nn: nn.MarginRankingLoss(0.3), (ROWS, MORE, signs(5, 6))),
    "HingeEmbeddingLoss": (lambda nn: nn.HingeEmbeddingLoss(0.7), (ROWS, signs(5, 6))),
    "TripletMarginLoss": (lambda nn: nn.TripletMarginLoss(), (ROWS, MORE, THIRD)),
    "TripletMarginLoss swapped": (lambda nn: nn.TripletMarginLoss(2.0, p=3.0, swap=True, reduction="none"), (ROWS, MORE, THIRD)),
    "TripletMarginWithDistanceLoss": (
        lambda nn: nn.TripletMarginWithDistanceLoss(margin=2.0, distance_function=lambda a, b: ((a - b) ** 2).sum(-1)), (ROWS, MORE, THIRD),
    ),
    "SoftMarginLoss": (lambda nn: nn.SoftMarginLoss(), (ROWS, signs(5, 6))),
    "MultiMarginLoss": (lambda nn: nn.MultiMarginLoss(2, 0.8, weight=None), (ROWS, LABELS)),
    "MultiLabelSoftMarginLoss": (lambda nn: nn.MultiLabelSoftMarginLoss(), (ROWS, (signs(5, 6) + 1) / 2)),
    "MultiLabelMarginLoss": (lambda nn: nn.MultiLabelMarginLoss(), (ROWS, SEVERAL)),
    "GaussianNLLLoss": (lambda nn: nn.GaussianNLLLoss(full=True), (ROWS, MORE, chance(5, 6))),
    "GaussianNLLLoss of rows": (lambda nn: nn.GaussianNLLLoss(eps=0.3), (ROWS, MORE, chance(5, 1))),
    "PoissonNLLLoss": (lambda nn: nn.PoissonNLLLoss(full=True), (ROWS, counts(5, 6, below=6))),
    "PoissonNLLLoss of rates": (lambda nn: nn.PoissonNLLLoss(log_input=False, reduction="sum"), (chance(5, 6), counts(5, 6, below=6))),
}

#: Functions of `nn.functional` and the function that makes an array, of the array whose gradient is stored.
FUNCTIONS = {
    "cross_entropy by weights": (lambda F, a, x: F.cross_entropy(x, a(LABELS), weight=a(CLASSES)), ROWS),
    "cross_entropy by weights, smoothed": (lambda F, a, x: F.cross_entropy(x, a(LABELS), weight=a(CLASSES), label_smoothing=0.2), ROWS),
    "cross_entropy by weights, one left out": (
        lambda F, a, x: F.cross_entropy(x, a(LABELS), weight=a(CLASSES), label_smoothing=0.1, ignore_index=int(LABELS[0])), ROWS,
    ),
    "cross_entropy of chances by weights": (lambda F, a, x: F.cross_entropy(x, a(chance(5, 6)), weight=a(CLASSES), label_smoothing=0.2), ROWS),
    "nll_loss by weights": (lambda F, a, x: F.nll_loss(F.log_softmax(x, dim=1), a(LABELS), weight=a(CLASSES), ignore_index=int(LABELS[1])), ROWS),
    "nll_loss by weights, summed": (lambda F, a, x: F.nll_loss(x, a(LABELS), weight=a(CLASSES), reduction="sum"), ROWS),
    "binary_cross_entropy by weights": (lambda F, a, x: F.binary_cross_entropy(x, a(chance(5, 6)), weight=a(CLASSES)), chance(5, 6, seed=1)),
    "binary_cross_entropy_with_logits": (
        lambda F, a, x: F.binary_cross_entropy_with_logits(x, a(chance(5, 6)), weight=a(CLASSES), pos_weight=a(CLASSES)), 30 * ROWS,
    ),
    "multi_margin_loss by weights": (lambda F, a, x: F.multi_margin_loss(x, a(LABELS), weight=a(CLASSES)), ROWS),
    "multilabel_soft_margin_loss by weights": (lambda F, a, x: F.multilabel_soft_margin_loss(x, a((signs(5, 6) + 1) / 2), weight=a(CLASSES)), ROWS),
    "pad": (lambda F, a, x: F.pad(x, (1, 2, -1, 0), value=2.0) ** 2, X2),
    "pad reflect": (lambda F, a, x: F.pad(x, (1, 2), mode="reflect") ** 2, X1),
    "interpolate nearest-exact": (lambda F, a, x: F.interpolate(x, size=(4, 11), mode="nearest-exact") ** 2, X2),
    "interpolate nearest by a part": (lambda F, a, x: F.interpolate(x, scale_factor=1.3) ** 2, X2),
    "interpolate area": (lambda F, a, x: F.interpolate(x, size=(4, 9), mode="area") ** 2, X2),
    "interpolate bicubic": (lambda F, a, x: F.interpolate(x, size=(4, 11), mode="bicubic") ** 2, X2),
    "interpolate bicubic by corners": (lambda F, a, x: F.interpolate(x, scale_factor=1.6, mode="bicubic", align_corners=True) ** 2, X2),
    "interpolate to one": (lambda F, a, x: F.interpolate(x, size=1, mode="linear", align_corners=True) ** 2, X1),
    "batch_norm": (lambda F, a, x: F.batch_norm(x, None, None, a(np.arange(4.0)), training=True) ** 2, X2),
    "instance_norm": (lambda F, a, x: F.instance_norm(x) ** 3, X2),
    "conv2d": (lambda F, a, x: F.conv2d(x, a(normal(6, 2, 2, 2)), None, 2, 1, 1, 2) ** 2, X2),
    "conv_transpose1d": (lambda F, a, x: F.conv_transpose1d(x, a(normal(4, 2, 3)), a(normal(2)), 2) ** 2, X1),
    "max_pool2d": (lambda F, a, x: F.max_pool2d(x, 3, 2) ** 2, X2),
    "softmin": (lambda F, a, x: F.softmin(x, dim=1) ** 2, ROWS),
    "threshold": (lambda F, a, x: F.threshold(x, 0.2, -3.0) ** 2, ROWS),
}


def located(a, pair):
    """What a pool gives with its indices, as one array."""
    return pair[0] ** 2 + a(np.asarray(pair[1]).astype("float64"))


def aligned(F, a, x, targets, lengths, **options):
    """The loss of sequences (time, batch, classes) that are as long as the first numbers."""
    return F.ctc_loss(F.log_softmax(x, dim=-1), a(targets), a(np.array(lengths[0])), a(np.array(lengths[1])), **options)


SPOKEN, WORDS = normal(9, 3, 5, seed=10), places(3, 4, below=4, seed=11) + 1
FUNCTIONS |= {
    "max_pool1d with places": (lambda F, a, x: located(a, F.max_pool1d(x, 3, 2, 1, 2, return_indices=True)), X1),
    "max_pool2d with places": (lambda F, a, x: located(a, F.max_pool2d(x, (3, 2), 2, (1, 0), ceil_mode=True, return_indices=True)), X2),
    "max_pool3d with places": (lambda F, a, x: located(a, F.max_pool3d(x, 2, return_indices=True)), X3[0]),
    "adaptive_max_pool2d with places": (lambda F, a, x: located(a, F.adaptive_max_pool2d(x, (3, 4), return_indices=True)), X2),
    "max_unpool2d": (lambda F, a, x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2, output_size=(7, 6)) ** 2, X2),
    "max_unpool1d": (lambda F, a, x: F.max_unpool1d(*F.max_pool1d(x, 3, return_indices=True), 3) ** 2, X1),
    "ctc_loss": (lambda F, a, x: aligned(F, a, x, WORDS, ((9, 9, 9), (4, 2, 3))), SPOKEN),
    "ctc_loss of shorter ones": (lambda F, a, x: aligned(F, a, x, WORDS, ((7, 9, 8), (3, 0, 4)), reduction="none"), SPOKEN),
    "ctc_loss of one after the other": (lambda F, a, x: aligned(F, a, x, WORDS.reshape(-1)[:6], ((9, 5, 9), (1, 2, 3)), reduction="sum"), SPOKEN),
    "ctc_loss without a way": (
        lambda F, a, x: aligned(F, a, x, np.array([[1, 1, 1], [2, 3, 4], [1, 2, 3]]), ((4, 2, 3), (3, 3, 3)), zero_infinity=True), SPOKEN,
    ),
    "ctc_loss of one sequence": (lambda F, a, x: aligned(F, a, x, WORDS[0], (9, 4), blank=0), SPOKEN[:, 0]),
    "ctc_loss by another blank": (lambda F, a, x: aligned(F, a, x, WORDS - 1, ((9, 9, 9), (4, 2, 3)), blank=4), SPOKEN),
    "softplus by beta": (lambda F, a, x: F.softplus(x, 2.0, 1.0) ** 2, ROWS),
    "activations in place": (lambda F, a, x: F.elu(F.relu6(F.silu(x * 1.0, inplace=True), inplace=True), inplace=True) ** 2, ROWS),
    "embedding_bag": (lambda F, a, x: F.embedding_bag(a(places(4, 3, below=5)), x, mode="sum", padding_idx=0) ** 2, ROWS),
}


def write():
    import torch

    torch.manual_seed(0)

    def tensor(value):
        if isinstance(value, tuple):
            return tuple(map(tensor, value))
        return torch.tensor(value) if isinstance(value, np.ndarray) else value

    def learned(values, tensors):
        for value, one in zip(values, tensors, strict=True):
            if isinstance(value, tuple):
                yield from learned(value, one)
            elif isinstance(value, np.ndarray) and value.dtype == np.float64 and not isinstance(value, Target):
                yield one.requires_grad_()

    def module(make, given, mode="eval"):
        made = make(torch.nn).double().train(mode == "train")
        own = {name: value for name, value in made.state_dict().items() if not name.endswith("num_batches_tracked")}
        made.load_state_dict({name: tensor(value) for name, value in state({n: v.shape for n, v in own.items()}).items()}, strict=False)
        arguments = tensor(given)
        wanted = list(learned(given, arguments))
        output = made(*arguments)
        outputs = [one for one in (output if isinstance(output, tuple) else (output,)) if one is not None]
        sum(float(i + 1) * (one**2).sum() for i, one in enumerate(outputs)).backward()
        gradients = [None if one.grad is None else told(one.grad.numpy()) for one in wanted]
        parameters = {name: told(one.grad.numpy()) for name, one in made.named_parameters()}
        kept = {name: told(one.numpy()) for name, one in made.named_buffers() if not name.endswith("num_batches_tracked")}
        values = [told(one.detach().numpy()) for one in outputs]
        return {"names": list(own), "outputs": values, "inputs": gradients, "parameters": parameters, "buffers": kept}

    def function(of, at):
        x = torch.tensor(at, requires_grad=True)
        output = of(torch.nn.functional, torch.tensor, x)
        output.sum().backward()
        return {"output": told(output.detach().numpy()), "gradient": told(x.grad.numpy())}

    modules = {name: module(*case) for name, case in MODULES.items()}
    functions = {name: function(*case) for name, case in FUNCTIONS.items()}
    STORED.write_text(json.dumps({"torch": torch.__version__, "modules": modules, "functions": functions}) + "\n")


if __name__ == "__main__":
    write()
