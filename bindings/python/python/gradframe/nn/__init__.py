"""Networks as modules, by PyTorch's names.

    model = gf.nn.Sequential(gf.nn.Linear(4, 16), gf.nn.ReLU(), gf.nn.Linear(16, 3))
    optimizer = gf.optim.AdamW(model.parameters(), lr=1e-3)
    for x, y in batches:
        loss = gf.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""

from gradframe.nn import functional, init
from gradframe.nn.attention import MultiheadAttention, TransformerEncoderLayer
from gradframe.nn.layers import (
    GELU,
    AvgPool2d,
    BatchNorm,
    BatchNorm1d,
    BatchNorm2d,
    BCEWithLogitsLoss,
    Conv1d,
    Conv2d,
    ConvTranspose1d,
    ConvTranspose2d,
    CrossEntropyLoss,
    Dropout,
    Embedding,
    Flatten,
    GroupNorm,
    HuberLoss,
    Identity,
    L1Loss,
    LayerNorm,
    Linear,
    MaxPool2d,
    Mish,
    MSELoss,
    NLLLoss,
    ReLU,
    RMSNorm,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)
from gradframe.nn.module import Module, ModuleList, Parameter, Sequential
from gradframe.nn.recurrent import GRU, LSTM, RNN
from gradframe.nn.safetensors import load_safetensors, save_safetensors

__all__ = [
    "AvgPool2d", "BCEWithLogitsLoss", "BatchNorm", "BatchNorm1d", "BatchNorm2d", "Conv1d", "Conv2d", "ConvTranspose1d",
    "ConvTranspose2d", "CrossEntropyLoss", "Dropout",
    "Embedding", "Flatten", "GELU", "GRU", "GroupNorm", "HuberLoss", "Identity", "L1Loss", "LSTM", "LayerNorm", "Linear", "MSELoss", "MaxPool2d",
    "Mish", "Module", "ModuleList", "MultiheadAttention", "NLLLoss", "Parameter", "RMSNorm", "RNN", "ReLU", "Sequential", "SiLU", "Sigmoid", "Softplus", "Tanh", "TransformerEncoderLayer",
    "functional", "init", "load_safetensors", "save_safetensors",
]
