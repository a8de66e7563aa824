"""Optimisers by PyTorch's names. All parameters are updated by one compiled function; the rules are the engine's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gradframe._array.core import Array, _watched, as_array, wrap
from gradframe._array.creation import zeros
from gradframe._gradframe import PyLbfgs, PyOptimizer, array_call, array_realise
from gradframe._schedules import CosineAnnealingLR, LambdaLR, LinearWarmup, OneCycleLR, ReduceLROnPlateau, StepLR
from gradframe.errors import PlanError
from gradframe.nn.module import _set

__all__ = [
    "SGD", "Adagrad", "Adam", "AdamW", "CosineAnnealingLR", "LBFGS", "LambdaLR", "LinearWarmup", "Lion", "OneCycleLR", "Optimizer",
    "RMSprop", "ReduceLROnPlateau", "StepLR", "clip_grad_norm_", "clip_grad_value_",
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
        made["_rule"], made["_names"] = rule, rule.slots
        made["_slots"] = {}
        self.param_groups.append(made)

    def _rule_options(self, group: dict[str, Any]) -> dict[str, float]:
        return {name: float(group[name]) for name in self.options}

    def zero_grad(self) -> None:
        """Forgets the gradients that `backward` found."""
        for group in self.param_groups:
            for array in group["params"]:
                array._grad = None

    def step(self) -> None:
        """Updates every parameter that has a gradient, and computes the new values."""
        self.steps += 1
        pending: list[Any] = []
        updates: list[tuple[Array, Any]] = []
        for group in self.param_groups:
            with_gradient = [p for p in group["params"] if p._grad is not None]
            if with_gradient:
                self._update(group, with_gradient, updates, pending)
        array_realise([*(raw for _, raw in updates), *pending])
        for array, raw in updates:
            if array._array.is_watched:
                array._array = raw.watched()
                _watched[array._array.identity] = array
            else:
                array._array = raw

    def _update(self, group: dict[str, Any], arrays: list[Array], updates: list[tuple[Array, Any]], pending: list[Any]) -> None:
        rule, names, kept = group["_rule"], group["_names"], group["_slots"]
        for array in arrays:
            if id(array) not in kept:
                kept[id(array)] = [zeros(array.shape, dtype=array.dtype)._array for _ in names]
        slots = [slot for array in arrays for slot in kept[id(array)]]
        own = [array._array.detached() for array in arrays]
        gradients = [_in_type_of(raw, array._grad._array) for raw, array in zip(own, arrays, strict=True)]  # type: ignore[union-attr]
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


def _in_type_of(parameter: Any, gradient: Any) -> Any:
    return gradient if gradient.dtype == parameter.dtype else array_call("astype", (gradient,), (parameter.dtype,))


class SGD(Optimizer):
    """`x - lr * gradient`, with momentum or Nesterov's."""

    rule, options = "sgd", ("momentum", "nesterov", "weight_decay")

    def __init__(
        self, params: Any, lr: float = 1e-3, momentum: float = 0.0, weight_decay: float = 0.0, nesterov: bool = False
    ) -> None:
        if nesterov and momentum <= 0:
            raise PlanError("SGD: Nesterov's way needs momentum")
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov)


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


class LBFGS:
    """Quasi-Newton steps with a line search, from the last few changes of the gradient, in float64: for losses that are the same
    at each call. `step` is given a function that computes the loss and its gradients, as in PyTorch, and calls it until
    `max_iter` steps are done or the loss no longer falls. Source: Nocedal and Wright 2006, algorithms 7.4 and 7.5.

        optimizer = gf.optim.LBFGS(model.parameters())
        def closure():
            optimizer.zero_grad()
            loss = loss_of(model(x), y)
            loss.backward()
            return loss
        optimizer.step(closure)
    """

    def __init__(self, params: Iterable[Array], max_iter: int = 20, tolerance: float = 1e-9, history_size: int = 50) -> None:
        self.params = list(params)
        for array in self.params:
            if not isinstance(array, Array) or not array.requires_grad:
                raise PlanError(f"LBFGS: expected arrays with requires_grad, got {array!r}")
        if not self.params:
            raise PlanError("LBFGS: there are no parameters")
        if max_iter < 1 or history_size < 1 or not tolerance > 0:
            raise PlanError("LBFGS: expected max_iter and history_size of 1 or more, and a tolerance above 0")
        self.max_iter, self.tolerance, self.history_size = max_iter, tolerance, history_size

    def zero_grad(self) -> None:
        """Forgets the gradients that `backward` found."""
        for array in self.params:
            array.grad = None

    def step(self, closure: Any) -> float:
        """Minimises what the closure gives; the least loss."""
        search = PyLbfgs(self._flat(self.params), self.max_iter, self.tolerance, self.history_size)
        while True:
            self._put(search.trial())
            loss = float(closure())
            missing = [number for number, array in enumerate(self.params) if array.grad is None]
            if missing:
                raise PlanError(f"LBFGS: the closure gave no gradient for parameter {missing[0]}; hint: call loss.backward() in it")
            if not search.step(loss, self._flat([array.grad for array in self.params])):
                break
        values, loss = search.best()
        self._put(values)
        return loss

    def _flat(self, arrays: list[Any]) -> list[float]:
        return [value for array in arrays for value in array.astype("float64").reshape(-1).tolist()]

    def _put(self, values: list[float]) -> None:
        start = 0
        for array in self.params:
            part = values[start : start + array.size]
            start += array.size
            _set(array, as_array(part, "float64").reshape(*array.shape).astype(array.dtype))


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
