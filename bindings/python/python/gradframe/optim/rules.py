"""The rules by which parameters follow their gradients, by PyTorch's names; what they compute is the engine's."""

from __future__ import annotations

from typing import Any

from gradframe.errors import PlanError
from gradframe.optim.optimizer import Optimizer
from gradframe.optim.options import betas, number, switch
from gradframe.optim.written import Written, WrittenAdam, WrittenLion, WrittenRMSprop, WrittenSGD


class SGD(Optimizer):
    """`x - lr * gradient`, with momentum or Nesterov's. `dampening` is the part of the gradient that does not go into the momentum."""

    rule, keeps, beyond = "sgd", ("momentum",), ("dampening", "maximize")

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
        return {"momentum": momentum, "nesterov": float(nesterov), "weight_decay": decay}

    def _written(self, group: dict[str, Any], options: dict[str, float]) -> Written:
        return WrittenSGD(options, dampening=float(group["dampening"]))


class Adam(Optimizer):
    """Steps scaled by running means of the gradient and of its square. Source: Kingma and Ba 2015. `amsgrad` divides by the largest
    mean square so far."""

    rule, keeps, beyond = "adam", ("mean", "square", "largest"), ("amsgrad", "maximize")

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
        first, second = betas(name, group["betas"])
        switch(name, "amsgrad", group["amsgrad"])
        others = {"epsilon": number(name, "eps", group["eps"]), "weight_decay": number(name, "weight_decay", group["weight_decay"])}
        return {"beta_1": first, "beta_2": second, **others}

    def _written(self, group: dict[str, Any], options: dict[str, float]) -> Written:
        return WrittenAdam(options, amsgrad=bool(group["amsgrad"]), decay=0.0)


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

    def _written(self, group: dict[str, Any], options: dict[str, float]) -> Written:
        own = {**options, "weight_decay": 0.0}
        return WrittenAdam(own, amsgrad=bool(group["amsgrad"]), decay=options["weight_decay"])


class Lion(Optimizer):
    """Steps of one size, the rate, in the direction of the sign of a blend of the gradient and its running mean; the weight
    decay is not part of the gradient. Takes rates about a tenth of Adam's. Source: Chen et al. 2023."""

    rule, keeps, beyond = "lion", ("mean",), ("maximize",)

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

    def _written(self, group: dict[str, Any], options: dict[str, float]) -> Written:
        return WrittenLion({**options, "weight_decay": 0.0}, decay=options["weight_decay"])


class RMSprop(Optimizer):
    """Steps divided by a running root mean square of the gradient. Source: Tieleman and Hinton 2012. With `centered` by its standard
    deviation."""

    rule, keeps, beyond = "rmsprop", ("square", "average", "momentum"), ("centered", "maximize")

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
        switch("RMSprop", "centered", group["centered"])
        names = {"momentum": "momentum", "epsilon": "eps", "weight_decay": "weight_decay"}
        numbers = {ours: number("RMSprop", theirs, group[theirs]) for ours, theirs in names.items()}
        return {"decay": number("RMSprop", "alpha", group["alpha"], most=1.0), **numbers}

    def _written(self, group: dict[str, Any], options: dict[str, float]) -> Written:
        return WrittenRMSprop(options, centered=bool(group["centered"]))


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients. Source: Duchi, Hazan and Singer 2011."""

    rule, keeps, beyond = "adagrad", ("sum",), ("maximize",)

    def __init__(
        self, params: Any, lr: float = 1e-2, eps: float = 1e-10, weight_decay: float = 0.0, *, maximize: bool = False
    ) -> None:
        super().__init__(params, lr=lr, eps=eps, weight_decay=weight_decay, maximize=maximize)

    def _rule_options(self, group: dict[str, Any]) -> dict[str, float]:
        decay = number("Adagrad", "weight_decay", group["weight_decay"])
        return {"epsilon": number("Adagrad", "eps", group["eps"]), "weight_decay": decay}
