"""The rules by which parameters follow their gradients, by PyTorch's names; what they compute is the engine's."""

from __future__ import annotations

from typing import Any

from gradframe.errors import PlanError
from gradframe.optim.optimizer import Optimizer


class SGD(Optimizer):
    """`x - lr * gradient`, with momentum or Nesterov's."""

    rule, options = "sgd", ("momentum", "nesterov", "weight_decay")

    def __init__(
        self, params: Any, lr: float = 1e-3, momentum: float = 0.0, weight_decay: float = 0.0, nesterov: bool = False
    ) -> None:
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov)

    def _rule_options(self, group: dict[str, Any]) -> dict[str, float]:
        if group["nesterov"] and group["momentum"] <= 0:
            raise PlanError("SGD: Nesterov's way needs momentum")
        return super()._rule_options(group)


def _betas(name: str, group: dict[str, Any]) -> tuple[float, float]:
    first, second = group["betas"]
    if not (0 <= first < 1 and 0 <= second < 1):
        raise PlanError(f"{name}: expected betas from 0 to below 1, got {group['betas']}")
    return first, second


class Adam(Optimizer):
    """Steps scaled by running means of the gradient and of its square. Source: Kingma and Ba 2015."""

    rule, options = "adam", ("epsilon", "weight_decay")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def _rule_options(self, group: dict[str, Any]) -> dict[str, float]:
        first, second = _betas(type(self).__name__, group)
        return {"beta_1": first, "beta_2": second, "epsilon": group["eps"], "weight_decay": group["weight_decay"]}


class AdamW(Adam):
    """Adam whose weight decay is not part of the gradient. Source: Loshchilov and Hutter 2019."""

    rule = "adamw"

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)


class Lion(Optimizer):
    """Steps of one size, the rate, in the direction of the sign of a blend of the gradient and its running mean; the weight
    decay is not part of the gradient. Takes rates about a tenth of Adam's. Source: Chen et al. 2023."""

    rule = "lion"

    def __init__(
        self, params: Any, lr: float = 1e-4, betas: tuple[float, float] = (0.9, 0.99), weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, weight_decay=weight_decay)

    def _rule_options(self, group: dict[str, Any]) -> dict[str, float]:
        first, second = _betas("Lion", group)
        return {"beta_1": first, "beta_2": second, "weight_decay": group["weight_decay"]}


class RMSprop(Optimizer):
    """Steps divided by a running root mean square of the gradient. Source: Tieleman and Hinton 2012."""

    rule = "rmsprop"

    def __init__(
        self, params: Any, lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0.0, momentum: float = 0.0
    ) -> None:
        super().__init__(params, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum)

    def _rule_options(self, group: dict[str, Any]) -> dict[str, float]:
        names = {"decay": "alpha", "momentum": "momentum", "epsilon": "eps", "weight_decay": "weight_decay"}
        return {ours: float(group[theirs]) for ours, theirs in names.items()}


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients. Source: Duchi, Hazan and Singer 2011."""

    rule = "adagrad"

    def __init__(self, params: Any, lr: float = 1e-2, eps: float = 1e-10, weight_decay: float = 0.0) -> None:
        super().__init__(params, lr=lr, eps=eps, weight_decay=weight_decay)

    def _rule_options(self, group: dict[str, Any]) -> dict[str, float]:
        return {"epsilon": group["eps"], "weight_decay": group["weight_decay"]}
