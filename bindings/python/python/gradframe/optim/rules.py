"""The rules by which parameters follow their gradients, by PyTorch's names; what they compute is the engine's."""

from __future__ import annotations

from typing import Any

from gradframe.errors import PlanError
from gradframe.optim.optimizer import Optimizer, _Kept
from gradframe.optim.options import betas, decay, means, number, switch


class SGD(Optimizer):
    """`x - lr * gradient`, with momentum or Nesterov's. `dampening` is the part of the gradient that does not go into the momentum."""

    rule, keeps = "sgd", ("momentum",)

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov, maximize=maximize
        )

    def _rule_options(self, group: dict[str, Any]) -> dict[str, float]:
        momentum, dampening = number("SGD", "momentum", group["momentum"]), number("SGD", "dampening", group["dampening"], most=1.0)
        nesterov = switch("SGD", "nesterov", group["nesterov"])
        if nesterov and (momentum == 0 or dampening):
            raise PlanError("SGD: Nesterov's way needs momentum, and no dampening")
        decay = number("SGD", "weight_decay", group["weight_decay"])
        return {"momentum": momentum, "dampening": dampening, "nesterov": float(nesterov), "weight_decay": decay}

    def _following(self, kept: _Kept) -> int:
        return kept.steps + 1 if kept.slots else 1  # the momentum's first step, which may be later than the parameter's


class Adam(Optimizer):
    """Steps scaled by running means of the gradient and of its square. Source: Kingma and Ba 2015. `amsgrad` divides by the largest
    mean square so far."""

    rule, keeps = "adam", ("mean", "square", "largest")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize)

    def _rule_options(self, group: dict[str, Any]) -> dict[str, float]:
        name = type(self).__name__
        return {**means(name, group), **decay(name, group), "amsgrad": float(switch(name, "amsgrad", group["amsgrad"]))}


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
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)


class Lion(Optimizer):
    """Steps of one size, the rate, in the direction of the sign of a blend of the gradient and its running mean; the weight
    decay is not part of the gradient. Takes rates about a tenth of Adam's. Source: Chen et al. 2023."""

    rule, keeps = "lion", ("mean",)

    def __init__(
        self,
        params: Any,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, weight_decay=weight_decay, maximize=maximize)

    def _rule_options(self, group: dict[str, Any]) -> dict[str, float]:
        first, second = betas("Lion", group["betas"])
        return {"beta_1": first, "beta_2": second, "weight_decay": number("Lion", "weight_decay", group["weight_decay"])}


class RMSprop(Optimizer):
    """Steps divided by a running root mean square of the gradient. Source: Tieleman and Hinton 2012. With `centered` by its standard
    deviation."""

    rule, keeps = "rmsprop", ("square", "average", "momentum")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered, maximize=maximize
        )

    def _rule_options(self, group: dict[str, Any]) -> dict[str, float]:
        centered = float(switch("RMSprop", "centered", group["centered"]))
        names = {"momentum": "momentum", "epsilon": "eps", "weight_decay": "weight_decay"}
        numbers = {ours: number("RMSprop", theirs, group[theirs]) for ours, theirs in names.items()}
        return {"decay": number("RMSprop", "alpha", group["alpha"], most=1.0), **numbers, "centered": centered}


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients. Source: Duchi, Hazan and Singer 2011. Step t has the rate
    `lr / (1 + (t - 1) * lr_decay)`; the sums begin with `initial_accumulator_value`."""

    rule, keeps, beyond = "adagrad", ("sum",), ("maximize", "initial_accumulator_value")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr_decay": lr_decay, "weight_decay": weight_decay, "initial_accumulator_value": initial_accumulator_value, "eps": eps}
        super().__init__(params, lr=lr, **options, maximize=maximize)

    def _rule_options(self, group: dict[str, Any]) -> dict[str, float]:
        self._beginning(group)
        names = {"rate_decay": "lr_decay", "weight_decay": "weight_decay", "epsilon": "eps"}
        return {ours: number("Adagrad", theirs, group[theirs]) for ours, theirs in names.items()}

    def _beginning(self, group: dict[str, Any]) -> float:
        return number("Adagrad", "initial_accumulator_value", group["initial_accumulator_value"])
