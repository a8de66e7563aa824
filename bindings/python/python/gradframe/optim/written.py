"""Rules as functions of arrays, for what the engine's have no word for: options that only steps in Python know, and options that another
number stands for at each step, which would make the engine's rule another program each time. What they keep has the engine's names."""

from __future__ import annotations

from typing import Any

from gradframe._array.core import Array, wrap
from gradframe._array.elementwise import sign
from gradframe._array.pairs import maximum


class Written:
    """A rule of these options, which is asked as the engine's is."""

    slots: list[str]

    def __init__(self, options: dict[str, float], **more: Any) -> None:
        self.penalty = options.get("weight_decay", 0.0)
        self.__dict__.update(options, **more)

    def step(
        self, rate: float, step: int, own: list[Any], gradients: list[Any], slots: list[Any], were_kept: list[bool]
    ) -> tuple[list[Any], list[Any]]:
        """The next parameters and slots; of each parameter whether its slots were kept from a step before."""
        following, kept, count = [], [], len(self.slots)
        for place, (raw, gradient) in enumerate(zip(own, gradients, strict=True)):
            x, g = wrap(raw), wrap(gradient)
            g = g + x * self.penalty if self.penalty else g
            age = self.age(step, were_kept[place])
            value, *after = self.update(rate, age, x, g, *map(wrap, slots[place * count : (place + 1) * count]))
            following.append(value._array)
            kept += [array._array for array in after]
        return following, kept

    def age(self, step: int, was_kept: bool) -> int:
        """The step that an update is: the parameter's."""
        return step

    def update(self, rate: float, step: int, x: Array, g: Array, *slots: Array) -> tuple[Array, ...]:
        """The next value, and what is kept beside it."""
        raise NotImplementedError


class WrittenSGD(Written):
    """With `dampening`: the part of the gradient, from the second step on, that does not go into the momentum."""

    momentum: float
    nesterov: float
    dampening: float

    @property
    def slots(self) -> list[str]:  # type: ignore[override]
        return ["momentum"] if self.momentum else []

    def age(self, step: int, was_kept: bool) -> int:
        """The momentum's own step, which may be asked for later than the parameter's first."""
        return step if was_kept else 1

    def update(self, rate: float, step: int, x: Array, g: Array, *slots: Array) -> tuple[Array, ...]:
        if not slots:
            return (x - g * rate,)
        velocity = slots[0] * self.momentum + (g if step == 1 else g * (1.0 - self.dampening))
        direction = g + velocity * self.momentum if self.nesterov else velocity
        return x - direction * rate, velocity


class WrittenAdam(Written):
    """With `amsgrad`: divided by the largest mean square so far. Source: Reddi, Kale and Kumar 2018. `decay` is not part of the gradient."""

    beta_1: float
    beta_2: float
    epsilon: float
    amsgrad: bool
    decay: float

    @property
    def slots(self) -> list[str]:  # type: ignore[override]
        return ["mean", "square", *(["largest"] if self.amsgrad else [])]

    def update(self, rate: float, step: int, x: Array, g: Array, *slots: Array) -> tuple[Array, ...]:
        mean = slots[0] * self.beta_1 + g * (1.0 - self.beta_1)
        square = slots[1] * self.beta_2 + g * g * (1.0 - self.beta_2)
        largest = [maximum(slots[2], square)] if self.amsgrad else []
        size = ((largest or [square])[0] * (1.0 / (1.0 - self.beta_2**step))) ** 0.5 + self.epsilon
        x = x * (1.0 - rate * self.decay) if self.decay else x
        return x - mean / size * (rate / (1.0 - self.beta_1**step)), mean, square, *largest


class WrittenLion(Written):
    """`decay` is not part of the gradient."""

    slots = ["mean"]
    beta_1: float
    beta_2: float
    decay: float

    def update(self, rate: float, step: int, x: Array, g: Array, *slots: Array) -> tuple[Array, ...]:
        direction = sign(slots[0] * self.beta_1 + g * (1.0 - self.beta_1))
        x = x * (1.0 - rate * self.decay) if self.decay else x
        return x - direction * rate, slots[0] * self.beta_2 + g * (1.0 - self.beta_2)


class WrittenRMSprop(Written):
    """With `centered`: divided by a running standard deviation of the gradient. Source: Graves 2013."""

    decay: float
    momentum: float
    epsilon: float
    centered: bool

    @property
    def slots(self) -> list[str]:  # type: ignore[override]
        return ["square", *(["average"] if self.centered else []), *(["momentum"] if self.momentum else [])]

    def update(self, rate: float, step: int, x: Array, g: Array, *slots: Array) -> tuple[Array, ...]:
        square = slots[0] * self.decay + g * g * (1.0 - self.decay)
        average = [slots[1] * self.decay + g * (1.0 - self.decay)] if self.centered else []
        spread = maximum(square - average[0] * average[0], 0.0) if average else square
        quotient = g / (spread**0.5 + self.epsilon)
        velocity = [slots[-1] * self.momentum + quotient] if self.momentum else []
        return x - (velocity or [quotient])[0] * rate, square, *average, *velocity
