"""What optimisers and schedules may be made of: an option that means nothing is an error that names both, when it is given and, where it
was changed, at the next step."""

from __future__ import annotations

import math
from typing import Any

from gradframe.errors import DTypeError, PlanError


def number(of: str, name: str, value: Any, least: float = 0.0, most: float = math.inf, *, is_below: bool = False, is_finite: bool = True) -> float:
    """A finite number from `least` to `most`, or to below it; or any number. Errors: DTypeError for what is none, PlanError for another
    number."""
    kind = "a finite number" if is_finite else "a number"
    expected = f"{kind} from {least:g}" + ("" if math.isinf(most) else f" to {'below ' if is_below else ''}{most:g}")
    try:
        if isinstance(value, (bool, str, bytes)):
            raise TypeError
        found = float(value)
    except (TypeError, ValueError) as error:
        raise DTypeError(f"{of}: `{name}` is {value!r}, expected {expected}") from error
    if not ((math.isfinite(found) or not is_finite) and least <= found and (found < most if is_below else found <= most)):
        raise PlanError(f"{of}: `{name}` is {found}, expected {expected}")
    return found


def positive(of: str, name: str, value: Any) -> float:
    """A finite number above 0. Errors: as for `number`."""
    found = number(of, name, value)
    if not found:
        raise PlanError(f"{of}: `{name}` is 0, expected a number above it")
    return found


def betas(of: str, value: Any) -> tuple[float, float]:
    """Two numbers from 0 to below 1. Errors: as for `number`."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise DTypeError(f"{of}: `betas` is {value!r}, expected two numbers from 0 to below 1")
    try:
        first, second = (number(of, "betas", one, 0.0, 1.0, is_below=True) for one in value)
    except PlanError as error:
        raise PlanError(f"{of}: `betas` is {value!r}, expected betas from 0 to below 1") from error
    return first, second


def switch(of: str, name: str, value: Any) -> bool:
    """True or false. Errors: DTypeError for anything else."""
    if not isinstance(value, bool) and not (isinstance(value, (int, float)) and value in (0, 1)):
        raise DTypeError(f"{of}: `{name}` is {value!r}, expected True or False")
    return bool(value)


def means(name: str, group: dict[str, Any]) -> dict[str, float]:
    """The numbers of running means of a gradient and of its square, by the engine's names."""
    first, second = betas(name, group["betas"])
    return {"beta_1": first, "beta_2": second, "epsilon": number(name, "eps", group["eps"])}


def decay(name: str, group: dict[str, Any]) -> dict[str, float]:
    """The weight decay, by the engine's name."""
    return {"weight_decay": number(name, "weight_decay", group["weight_decay"])}
