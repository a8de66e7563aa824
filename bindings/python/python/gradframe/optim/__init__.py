"""Optimisers by PyTorch's names. All parameters are updated by one compiled function; the rules are the engine's."""

from gradframe.optim.adaptive import Adadelta, Adamax, NAdam, RAdam
from gradframe.optim.clipping import clip_grad_norm_, clip_grad_value_
from gradframe.optim.combined import ChainedScheduler, SequentialLR
from gradframe.optim.cyclic import CyclicLR
from gradframe.optim.descents import ASGD, Rprop
from gradframe.optim.lbfgs import LBFGS
from gradframe.optim.one_cycle import OneCycleLR
from gradframe.optim.optimizer import Optimizer
from gradframe.optim.plateau import ReduceLROnPlateau
from gradframe.optim.rules import SGD, Adagrad, Adam, AdamW, Lion, RMSprop
from gradframe.optim.scheduler import LRScheduler
from gradframe.optim.schedules import (
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LinearWarmup,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)

__all__ = [
    "ASGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "ChainedScheduler", "ConstantLR", "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts", "CyclicLR", "ExponentialLR", "LBFGS", "LRScheduler", "LambdaLR", "LinearLR", "LinearWarmup", "Lion",
    "MultiStepLR", "MultiplicativeLR", "NAdam", "OneCycleLR", "Optimizer", "PolynomialLR", "RAdam", "RMSprop", "ReduceLROnPlateau", "Rprop",
    "SGD", "SequentialLR", "StepLR", "clip_grad_norm_", "clip_grad_value_",
]
