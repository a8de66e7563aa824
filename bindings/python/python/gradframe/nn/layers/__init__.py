"""Layers, by kind."""

from gradframe.nn.layers.basic import Embedding, Flatten, Identity, Linear
from gradframe.nn.layers.convolution import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from gradframe.nn.layers.loss import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, HuberLoss, KLDivLoss, L1Loss, MSELoss, NLLLoss, SmoothL1Loss
from gradframe.nn.layers.normalisation import BatchNorm, BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm, RMSNorm
from gradframe.nn.layers.pooling import AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d

__all__ = [
    "AvgPool1d", "AvgPool2d", "BCELoss", "BCEWithLogitsLoss", "BatchNorm", "BatchNorm1d", "BatchNorm2d", "Conv1d", "Conv2d", "ConvTranspose1d",
    "ConvTranspose2d", "CrossEntropyLoss", "Embedding", "Flatten", "GroupNorm", "HuberLoss", "Identity", "KLDivLoss", "L1Loss", "LayerNorm",
    "Linear",
    "MSELoss", "MaxPool1d", "MaxPool2d", "NLLLoss", "RMSNorm", "SmoothL1Loss",
]
