"""What a plan learns a module by: the loss of a row, the form of the target, the optimiser's rules."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from gradframe._array.any_rows import in_rows
from gradframe._array.core import Array
from gradframe._array.creation import zeros
from gradframe._array.elementwise import log, log1p
from gradframe._gradframe import probe_rows
from gradframe.errors import PlanError, ShapeError
from gradframe.nn import functional as F

# Losses by name, one a row: so that rows may have weights. Classes are counted by the plan: none is to be ignored.
_LOSSES: dict[str, Callable[..., Array]] = {
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "huber": F.huber_loss,
    "cross_entropy": partial(F.cross_entropy, ignore_index=None),
    "nll": partial(F.nll_loss, ignore_index=None),
    "bce_with_logits": F.binary_cross_entropy_with_logits,
}


# Losses, as `_plain` names them, of scores: what the plan takes a sigmoid or softmax of. Of logarithms of probabilities they are those again.
_OF_SCORES = ("crossentropy", "nll", "bcewithlogits", "binarycrossentropywithlogits")
# Losses of probabilities.
_OF_PROBABILITIES = ("bce", "binarycrossentropy")


def name_of(loss: Any) -> str:
    return loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)


def _plain(loss: Any) -> str:
    return name_of(loss).lower().replace("_", "").removesuffix("loss")


def _are_several(output: Array) -> bool:
    return output.ndim == 2 and output.shape[1] > 1


def scores_of(loss: Any, classification: bool, output: Array) -> Callable[[Array], Array] | None:
    """From a module's probabilities of classes to the scores that a plan takes them from; None where it gives scores, or is none of classes.
    It gives probabilities if it ends in a sigmoid or softmax and its loss is none of scores, or if its loss is one of probabilities."""
    if not classification or (loss is not None and _plain(loss) in _OF_SCORES):
        return None
    made_by = output._array.made_by
    if _are_several(output):
        return log if made_by == "softmax" else None
    is_probability = made_by == "sigmoid" or (loss is not None and _plain(loss) in _OF_PROBABILITIES)
    return (lambda p: log(p) - log1p(-p)) if is_probability else None


def is_classification(task: str | None, loss: Any, label: str, output: Array) -> bool:
    """Whether classes are learned: as asked for, by a loss that only means one thing, else by the target's type."""
    if task is not None:
        if task not in ("classification", "regression"):
            raise PlanError(f"fit: expected task 'classification' or 'regression', got {task!r}")
        return task == "classification"
    name = _plain(loss)
    if name in _OF_SCORES:
        return True
    if name in _OF_PROBABILITIES and label == "integer":
        return True
    if name in ("mse", "l1", "smoothl1", "huber"):
        return False
    return label == "class" or (label == "integer" and _are_several(output))


def target_of(output: Array, classification: bool) -> Callable[[int], Array]:
    """The target as the loss is given it: indices of classes, or numbers in the shape of the output."""
    if output.ndim not in (1, 2):
        raise ShapeError(f"fit: the module gives shape {in_rows(output.shape, probe_rows()[0])}, expected (rows,) or (rows, n)")
    if classification and _are_several(output):
        return lambda rows: zeros((rows,), dtype="int64")
    return lambda rows: zeros((rows, *output.shape[1:]), dtype=output.dtype)


def loss_of(loss: Any, classification: bool, output: Array) -> Callable[[Array, Array], Array]:
    """The loss as a function of the output and the target."""
    if loss is None:
        by_scores = scores_of(None, classification, output)
        several = _are_several(output)
        if by_scores is not None:
            named = _LOSSES["nll"] if several else F.binary_cross_entropy
            return lambda o, t: _a_row(named(log(o) if several else o, t, reduction="none"))
        loss = ("cross_entropy" if several else "bce_with_logits") if classification else "mse"
    if isinstance(loss, str):
        if loss not in _LOSSES:
            raise PlanError(f"fit: there is no loss {loss!r}; hint: {', '.join(_LOSSES)}, or a function of output and target")
        named = _LOSSES[loss]
        return lambda o, t: _a_row(named(o, t, reduction="none"))
    if isinstance(loss, type) or not callable(loss):
        raise PlanError(f"fit: expected a loss, a function of output and target, got {loss!r}; hint: gf.nn.MSELoss()")
    return lambda o, t: _a_row(loss(o, t))


def _a_row(losses: Any) -> Any:
    """(rows,) of (rows, 1)."""
    return losses.reshape(-1) if isinstance(losses, Array) and losses.ndim == 2 and losses.shape[1] == 1 else losses


def groups_of(optimizer: Any, learned: list[tuple[str, Array]]) -> tuple[list[Any], dict[str, Any]]:
    """Rules, rates and members of an optimiser's groups; and its learning rate and name as options."""
    from gradframe import optim

    if optimizer is None or isinstance(optimizer, str):
        known = (getattr(optim, name) for name in optim.__all__)
        kinds = {c.rule: c for c in known if getattr(c, "rule", "")}
        name = optimizer or "adam"
        if name not in kinds:
            raise PlanError(f"fit: there is no optimizer {name!r}; hint: {', '.join(kinds)}, or one of gf.optim")
        optimizer = kinds[name]([array for _, array in learned])
    if not isinstance(optimizer, optim.Optimizer) or not optimizer.rule:
        raise PlanError(f"fit: expected an optimizer of gf.optim, or its name, got {optimizer!r}")
    places = {id(array): place for place, (_, array) in enumerate(learned)}
    rate = max((group["lr"] for group in optimizer.param_groups), default=0.0)
    if rate <= 0:
        raise PlanError("fit: the optimizer's learning rate is 0, nothing would be learned")
    groups = []
    for group in optimizer.param_groups:
        beyond = [name for name in optimizer.beyond if group[name]]
        if beyond:
            what = f"fit: {type(optimizer).__name__}'s `{beyond[0]}` is none of a plan's options"
            raise PlanError(f"{what}; hint: a training loop of optimizer.step()")
        strange = [array for array in group["params"] if id(array) not in places]
        if strange:
            raise PlanError("fit: the optimizer has parameters that are not the module's; hint: give it module.parameters()")
        numbers = {name: float(value) for name, value in optimizer._numbers(group).items()}
        groups.append((optimizer.rule, numbers, group["lr"] / rate, [places[id(array)] for array in group["params"]]))
    return groups, {"learning_rate": rate, "optimizer": optimizer.rule}
