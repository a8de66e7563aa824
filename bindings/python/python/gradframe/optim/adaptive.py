"""Rules that scale each element's steps by what its gradients were, beside Adam and Adagrad."""

from __future__ import annotations

from typing import Any

from gradframe.optim.optimizer import Optimizer
from gradframe.optim.options import decay, means, number, switch


class Adadelta(Optimizer):
    """Steps as long as the last ones were, for gradients as large as the last ones were. Source: Zeiler 2012."""

    rule, keeps = "adadelta", ("square", "squared_step")

    def __init__(
        self, params: Any, lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0, *, maximize: bool = False
    ) -> None:
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize)

    def _rule_options(self, group: dict[str, Any]) -> dict[str, float]:
        others = {"epsilon": number("Adadelta", "eps", group["eps"]), **decay("Adadelta", group)}
        return {"decay": number("Adadelta", "rho", group["rho"], most=1.0), **others}


class Adamax(Optimizer):
    """Adam whose steps are scaled by the largest gradient, which is forgotten slowly. Source: Kingma and Ba 2015."""

    rule, keeps = "adamax", ("mean", "largest")

    def __init__(
        self,
        params: Any,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize)

    def _rule_options(self, group: dict[str, Any]) -> dict[str, float]:
        return {**means("Adamax", group), **decay("Adamax", group)}


class NAdam(Optimizer):
    """Adam with Nesterov's momentum, which comes up to the first beta by `momentum_decay`. With `decoupled_weight_decay` the weight decay is
    no part of the gradient, as AdamW's. Source: Dozat 2016."""

    rule, keeps = "nadam", ("mean", "square", "weight")

    def __init__(
        self,
        params: Any,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"weight_decay": weight_decay, "momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay}
        super().__init__(params, lr=lr, betas=betas, eps=eps, **options, maximize=maximize)

    def _rule_options(self, group: dict[str, Any]) -> dict[str, float]:
        momentum = {"momentum_decay": number("NAdam", "momentum_decay", group["momentum_decay"])}
        return {**means("NAdam", group), **momentum, **decay("NAdam", group), **_decoupled("NAdam", group)}


class RAdam(Optimizer):
    """Adam that does not scale its steps before the mean of squares is worth something. With `decoupled_weight_decay` the weight decay is
    no part of the gradient, as AdamW's. Source: Liu et al. 2020."""

    rule, keeps = "radam", ("mean", "square")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"weight_decay": weight_decay, "decoupled_weight_decay": decoupled_weight_decay}
        super().__init__(params, lr=lr, betas=betas, eps=eps, **options, maximize=maximize)

    def _rule_options(self, group: dict[str, Any]) -> dict[str, float]:
        return {**means("RAdam", group), **decay("RAdam", group), **_decoupled("RAdam", group)}


def _decoupled(name: str, group: dict[str, Any]) -> dict[str, float]:
    return {"decoupled": float(switch(name, "decoupled_weight_decay", group["decoupled_weight_decay"]))}
