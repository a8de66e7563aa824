"""Rules of descent without scales of gradients: by their signs alone, and by a falling rate with a mean of what parameters were."""

from __future__ import annotations

from typing import Any

from gradframe._array.core import Array, wrap
from gradframe.errors import DTypeError, PlanError
from gradframe.optim.optimizer import Optimizer
from gradframe.optim.options import number


class Rprop(Optimizer):
    """Each element has a step of its own, at first the rate: longer by `etas[1]` as long as the gradient's sign stays, shorter by `etas[0]`
    where it changed, within `step_sizes`. For gradients of all rows: those of batches change their signs by chance.
    Source: Riedmiller and Braun 1993."""

    rule, keeps = "rprop", ("gradient", "size")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50.0),
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr=lr, etas=etas, step_sizes=step_sizes, maximize=maximize)

    def _rule_options(self, group: dict[str, Any]) -> dict[str, float]:
        shrink, grow = _pair("etas", group["etas"])
        if not 0.0 < shrink < 1.0 < grow:
            raise PlanError(f"Rprop: `etas` is {group['etas']!r}, expected a number between 0 and 1, and one above 1")
        least, most = _pair("step_sizes", group["step_sizes"])
        if least > most:
            raise PlanError(f"Rprop: `step_sizes` is {group['step_sizes']!r}, expected the least step and the longest one")
        return {"shrink": shrink, "grow": grow, "least": least, "most": most}


def _pair(name: str, value: Any) -> tuple[float, float]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise DTypeError(f"Rprop: `{name}` is {value!r}, expected two numbers")
    first, second = (number("Rprop", name, one) for one in value)
    return first, second


class ASGD(Optimizer):
    """Descent by the rate `lr / (1 + lambd * lr * (t - 1))**alpha` of step t, and beside each parameter the mean of what it was after the step
    `t0`: `averages`. The rate of a step is made of `lr` as it is then. Source: Polyak and Juditsky 1992."""

    rule, keeps = "asgd", ("average",)

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr=lr, lambd=lambd, alpha=alpha, t0=t0, weight_decay=weight_decay, maximize=maximize)

    def _rule_options(self, group: dict[str, Any]) -> dict[str, float]:
        names = {"lambda": "lambd", "alpha": "alpha", "start": "t0", "weight_decay": "weight_decay"}
        return {ours: number("ASGD", theirs, group[theirs]) for ours, theirs in names.items()}

    def averages(self) -> list[Array | None]:
        """The means beside the parameters, group by group: None beside one that has not made a step. PyTorch has them as `state[p]["ax"]`."""
        kept = [self._of(array).slots.get("average") for group in self.param_groups for array in group["params"]]
        return [None if average is None else wrap(average) for average in kept]
