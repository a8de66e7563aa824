"""Optimisers by PyTorch's names. All parameters are updated by one compiled function; the rules are the engine's."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from gradframe._array.core import Array, as_array, wrap
from gradframe._array.creation import zeros
from gradframe._gradframe import PyOptimizer, array_realise
from gradframe.errors import PlanError
from gradframe.nn.module import _set

__all__ = [
    "SGD", "Adagrad", "Adam", "AdamW", "CosineAnnealingLR", "LambdaLR", "LinearWarmup", "Optimizer", "RMSprop", "StepLR",
    "clip_grad_norm_", "clip_grad_value_",
]


class Optimizer:
    """Parameters, or groups of them with options of their own, and the rule that updates them by their gradients."""

    rule = ""
    options: tuple[str, ...] = ()

    def __init__(self, params: Iterable[Any], **defaults: Any) -> None:
        given = list(params)
        groups = given if given and isinstance(given[0], dict) else [{"params": given}]
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        for group in groups:
            self.add_param_group(group)
        self.steps = 0

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Adds parameters with options of their own."""
        arrays = group["params"]
        arrays = [arrays] if isinstance(arrays, Array) else list(arrays)
        if not arrays:
            raise PlanError(f"{type(self).__name__}: there are no parameters")
        for array in arrays:
            if not isinstance(array, Array) or not array.requires_grad:
                raise PlanError(f"{type(self).__name__}: expected arrays with requires_grad, got {array!r}")
        unknown = set(group) - {"params"} - set(self.defaults)
        if unknown:
            raise PlanError(f"{type(self).__name__}: unknown options {sorted(unknown)}; hint: {sorted(self.defaults)}")
        made = {**self.defaults, **group, "params": arrays}
        if made["lr"] < 0:
            raise PlanError(f"{type(self).__name__}: expected a learning rate of 0 or more, got {made['lr']}")
        made["initial_lr"] = made["lr"]
        rule = PyOptimizer(self.rule, self._rule_options(made))
        made["_rule"] = rule
        made["_slots"] = {}
        self.param_groups.append(made)

    def _rule_options(self, group: dict[str, Any]) -> dict[str, float]:
        return {name: float(group[name]) for name in self.options}

    def zero_grad(self) -> None:
        """Forgets the gradients that `backward` found."""
        for group in self.param_groups:
            for array in group["params"]:
                array.grad = None

    def step(self) -> None:
        """Updates every parameter that has a gradient, and computes the new values."""
        self.steps += 1
        pending: list[Any] = []
        updates: list[tuple[Array, Any]] = []
        for group in self.param_groups:
            with_gradient = [p for p in group["params"] if p.grad is not None]
            if with_gradient:
                self._update(group, with_gradient, updates, pending)
        array_realise([*(raw for _, raw in updates), *pending])
        for array, raw in updates:
            _set(array, wrap(raw))

    def _update(self, group: dict[str, Any], arrays: list[Array], updates: list[tuple[Array, Any]], pending: list[Any]) -> None:
        rule, kept = group["_rule"], group["_slots"]
        names = rule.slots
        for array in arrays:
            if id(array) not in kept:
                kept[id(array)] = [zeros(array.shape, dtype=array.dtype)._array for _ in names]
        slots = [slot for array in arrays for slot in kept[id(array)]]
        gradients = [array.grad.astype(array.dtype)._array for array in arrays]  # type: ignore[union-attr]
        own = [array._array.detached() for array in arrays]
        following, state = rule.step(float(group["lr"]), self.steps, own, gradients, slots)
        updates.extend(zip(arrays, following, strict=True))
        for number, array in enumerate(arrays):
            kept[id(array)] = state[number * len(names) : (number + 1) * len(names)]
        pending.extend(state)

    def state_dict(self) -> dict[str, Any]:
        """The number of steps, the options and what is kept beside each parameter."""
        groups = []
        for group in self.param_groups:
            options = {k: v for k, v in group.items() if not k.startswith("_") and k != "params"}
            slots = [[wrap(s) for s in group["_slots"].get(id(p), [])] for p in group["params"]]
            groups.append({"options": options, "slots": slots})
        return {"steps": self.steps, "groups": groups}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where another optimiser of the same parameters has stopped."""
        if [len(g["slots"]) for g in state["groups"]] != [len(g["params"]) for g in self.param_groups]:
            raise PlanError("load_state_dict: the groups have not as many parameters")
        self.steps = state["steps"]
        for group, saved in zip(self.param_groups, state["groups"], strict=True):
            group.update(saved["options"])
            group["_slots"] = {
                id(p): [as_array(s)._array for s in slots]
                for p, slots in zip(group["params"], saved["slots"], strict=True)
                if slots
            }


class SGD(Optimizer):
    """`x - lr * gradient`, with momentum or Nesterov's."""

    rule, options = "sgd", ("momentum", "nesterov", "weight_decay")

    def __init__(
        self, params: Any, lr: float = 1e-3, momentum: float = 0.0, weight_decay: float = 0.0, nesterov: bool = False
    ) -> None:
        if nesterov and momentum <= 0:
            raise PlanError("SGD: Nesterov's way needs momentum")
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov)


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
        first, second = group["betas"]
        if not (0 <= first < 1 and 0 <= second < 1):
            raise PlanError(f"{type(self).__name__}: expected betas from 0 to below 1, got {group['betas']}")
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


class LambdaLR:
    """The learning rate as it began, times what a function says for the number of steps done."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Any) -> None:
        self.optimizer, self.factor, self.done = optimizer, lr_lambda, 0
        self._set()

    def step(self) -> None:
        """One step on."""
        self.done += 1
        self._set()

    def get_last_lr(self) -> list[float]:
        """The rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def _set(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * self.factor(self.done)


class StepLR(LambdaLR):
    """Times `gamma` after each `step_size` steps."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        super().__init__(optimizer, lambda done: gamma ** (done // step_size))


class CosineAnnealingLR(LambdaLR):
    """Down to `eta_min` over `T_max` steps, along half a cosine."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:  # noqa: N803
        def factor(done: int) -> float:
            start = optimizer.param_groups[0]["initial_lr"]
            low = eta_min / start if start else 0.0
            return low + (1 - low) * (1 + math.cos(math.pi * min(done, T_max) / T_max)) / 2

        super().__init__(optimizer, factor)


class LinearWarmup(LambdaLR):
    """Up from a part of the rate to all of it over some steps."""

    def __init__(self, optimizer: Optimizer, warmup_steps: int) -> None:
        super().__init__(optimizer, lambda done: min(1.0, (done + 1) / warmup_steps))


def clip_grad_norm_(parameters: Any, max_norm: float) -> Array:
    """Scales all gradients together so that their norm is at most `max_norm`; gives the norm that they had."""
    arrays = [p for p in ([parameters] if isinstance(parameters, Array) else parameters) if p.grad is not None]
    if not arrays:
        return as_array(0.0)
    total = sum(((p.grad**2).sum() for p in arrays[1:]), (arrays[0].grad ** 2).sum()) ** 0.5
    from gradframe._array.core import call

    factor = call("minimum", (max_norm / (total + 1e-6), 1.0))
    for array in arrays:
        array.grad = array.grad * factor
    return total


def clip_grad_value_(parameters: Any, clip_value: float) -> None:
    """Holds each element of all gradients within `-clip_value` and `clip_value`."""
    from gradframe._array.elementwise import clip

    for array in [parameters] if isinstance(parameters, Array) else parameters:
        if array.grad is not None:
            array.grad = clip(array.grad, -clip_value, clip_value)
