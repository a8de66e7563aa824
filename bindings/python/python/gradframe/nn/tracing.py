"""A module as a plan trains it: traced for any number of rows, with what it starts from and how it is updated."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from gradframe import random
from gradframe._array.any_rows import told_of_rows
from gradframe._array.core import Array, as_array, wrap
from gradframe._array.creation import zeros
from gradframe._array.short import active, autocast
from gradframe._array.sized import sized_by
from gradframe._gradframe import PyModuleEstimator, PyRowFunction, PyTracing, probe_rows
from gradframe.errors import PlanError
from gradframe.nn.learned import groups_of, is_classification, loss_of, name_of, scores_of, target_of
from gradframe.nn.module import Module

# The options of `fit` for modules, by the names that the engine has for them.
_OPTIONS = {
    "epochs": "max_iterations",
    "batch_size": "batch_size",
    "learning_rate": "learning_rate",
    "schedule": "learn_rate_schedule",
    "warmup_steps": "warmup_steps",
    "decay_epochs": "decay_epochs",
    "decay_factor": "decay_factor",
    "clip_norm": "clip_norm",
    "early_stop": "early_stop",
    "patience": "patience",
    "min_rel_progress": "min_rel_progress",
    "seed": "seed",
}


@dataclass
class Column:
    """A column of the frame: its name, the element type of its array ("float" is the module's own), its sizes if it holds
    tensors."""

    name: str
    dtype: str
    shape: tuple[int, ...] = ()

    def features(self) -> list[str]:
        """What the plan calls its elements."""
        return [f"{self.name}[{i}]" for i in range(math.prod(self.shape))] if self.shape else [self.name]


@dataclass
class _Input:
    """What one argument of `forward` is made of; without a name it is the only one."""

    name: str
    columns: list[Column]
    shape: tuple[int, ...]

    def array(self, rows: int, default: str) -> Array:
        kind = "float" if len(self.columns) > 1 else self.columns[0].dtype
        kind = "float" if self.shape and not self.columns[0].shape else kind
        return zeros((rows, *self.shape), dtype=default if kind == "float" else kind)

    def features(self) -> list[str]:
        return [feature for column in self.columns for feature in column.features()]


class Traced:
    """A module that was traced for `fit`: the engine's estimator, and what to write back into the module."""

    def __init__(self, module: Module, estimator: PyModuleEstimator, options: dict[str, Any]) -> None:
        self.module, self._traced, self._options = module, estimator, options

    def options(self) -> dict[str, Any]:
        """The options that were given, by the engine's names."""
        return self._options

    def write_back(self, weights: dict[str, Array]) -> None:
        """What was learned, in the module's own arrays."""
        own = {name for name, _ in [*self.module.named_parameters(), *self.module.named_buffers()]}
        self.module.load_state_dict({name: values for name, values in weights.items() if name in own}, strict=False)


def trace(
    module: Module,
    columns: list[Column],
    inputs: Mapping[str, str | Sequence[str]] | Sequence[str] | None,
    loss: Any,
    optimizer: Any,
    task: str | None,
    label: str,
    precision: str | None,
    options: dict[str, Any],
) -> Traced:
    """The module over these columns. `label` is "number", "integer" or "class": what the target's type allows.

    Errors: PlanError for options, columns or a task that do not fit; whatever the module's own code raises.
    """
    given = _inputs(columns, inputs)
    own = _Tracer(module, given, _short(precision))
    output = own.output()
    classification = is_classification(task, loss, label, output)
    target = target_of(output, classification)
    losses = loss_of(loss, classification, output)
    predicted = own.function(scores=scores_of(loss, classification, output))
    functions = (own.function(target, losses, training=True), own.function(target, losses, training=False), predicted)
    groups, more = groups_of(optimizer, own.learned)
    estimator = PyModuleEstimator(
        type(module).__name__,
        classification,
        [(i.name, i.features(), list(i.shape)) for i in given],
        [(name, array._array) for name, array in own.learned],
        [(name, array._array) for name, array in own.kept],
        functions,
        groups,
    )
    told = {"precision": own.short} if own.short else {}
    known = {**more, **told, "loss": name_of(loss), **{_option(k): v for k, v in options.items() if v is not None}}
    return Traced(module, estimator, known)


def _short(precision: str | None) -> str | None:
    """The float to which operands of products are rounded: what is asked for, or what is in force around `fit`."""
    names = {"bf16": "bfloat16", "f16": "float16", None: active.get()}
    if precision not in names:
        raise PlanError(f"fit: expected precision 'bf16' or 'f16', got {precision!r}")
    return names[precision]


def _option(name: str) -> str:
    if name not in _OPTIONS:
        raise PlanError(f"fit: modules have no option `{name}`; hint: {', '.join(_OPTIONS)}")
    return _OPTIONS[name]


def _inputs(columns: list[Column], inputs: Any) -> list[_Input]:
    """The arguments of `forward`, from what was asked for: all columns side by side, some, or some by name."""
    by_name = {column.name: column for column in columns}

    def found(names: Any) -> list[Column]:
        missing = [name for name in names if name not in by_name]
        if missing:
            raise PlanError(f"fit: there is no column `{missing[0]}` to give the module; hint: {', '.join(by_name)}")
        return [by_name[name] for name in names]

    def given(name: str, of: Any) -> _Input:
        own = found([of] if isinstance(of, str) else of)
        tensors = [column for column in own if column.shape]
        if tensors and len(own) > 1:
            raise PlanError(
                f"fit: column `{tensors[0].name}` holds tensors, which do not stand beside other columns; hint: name what forward "
                "is given, inputs={argument: column, ..}"
            )
        alone = isinstance(of, str) and bool(name)
        return _Input(name, own, tensors[0].shape if tensors else () if alone else (len(own),))

    if isinstance(inputs, Mapping):
        chosen = [given(name, of) for name, of in inputs.items()]
    else:
        chosen = [given("", list(by_name) if inputs is None else inputs)]
    if not all(i.columns for i in chosen) or not chosen:
        raise PlanError("fit: the module is given no column; hint: the frame needs columns beside the target")
    return chosen


class _Tracer:
    """Calls the module with stand-ins in the place of its arrays."""

    def __init__(self, module: Module, inputs: list[_Input], short: str | None) -> None:
        self.module, self.inputs, self.short = module, inputs, short
        named = list(module.named_parameters())
        self.learned = [(name, array) for name, array in named if array.requires_grad]
        frozen = [(name, array) for name, array in named if not array.requires_grad]
        self.kept = [*frozen, *_each_once(module.named_buffers())]
        if not self.learned:
            raise PlanError(f"fit: {type(module).__name__} has no parameters; hint: they are attributes made by gf.nn.Parameter")
        self.float = self.learned[0][1].dtype.name

    def output(self) -> Array:
        """What the module gives for some rows, as a stand-in: its type is what matters."""
        return self._called(probe_rows()[0], False, None, None)[1][0]

    def function(self, target: Any = None, loss: Any = None, training: bool = False, scores: Any = None) -> PyRowFunction:
        """The forward pass for any number of rows, or what `scores` makes of it; with a loss, the loss, and in training the buffers after it."""
        traces = []
        for rows in probe_rows():
            tracing, results = self._called(rows, training, target, loss)
            results = results if scores is None else [scores(results[0])]
            traces.append(tracing.close([r._array for r in results], True))
        return PyRowFunction(*traces)

    def _called(self, rows: int, training: bool, target: Any, loss: Any) -> tuple[PyTracing, list[Array]]:
        own = [array for _, array in [*self.learned, *self.kept]]
        key = [as_array(0, "uint64")] if training else []
        given = [i.array(rows, self.float) for i in self.inputs]
        wanted = [] if target is None else [target(rows)]
        tracing = PyTracing("fit", [a._array for a in [*own, *key, *given, *wanted]], None)
        stand_ins = tracing.arguments()
        count = len(own)
        with _in_place(own, stand_ins[:count]), _mode(self.module, training), _random(stand_ins[count] if training else None):
            rest = [wrap(raw) for raw in stand_ins[count + len(key) :]]
            about = f"fit: {type(self.module).__name__}, given {self._told()}"
            with told_of_rows(rows, about), sized_by(rows, stand_ins[count + len(key) :]):
                with autocast(self.short) if self.short else nullcontext():
                    output = self._forward(rest[: len(given)])
                result = output if loss is None else loss(output, rest[-1])
            if not isinstance(result, Array):
                raise PlanError(f"fit: expected a loss that gives an array, got {type(result).__qualname__}")
            after = [wrap(array._array) for _, array in self.kept] if training else []
            return tracing, [result, *after]

    def _forward(self, arrays: list[Array]) -> Array:
        named = any(i.name for i in self.inputs)
        args = () if named else tuple(arrays)
        named_args = {i.name: a for i, a in zip(self.inputs, arrays, strict=True)} if named else {}
        self._check_arguments(args, named_args)
        output = self.module(*args, **named_args)
        if not isinstance(output, Array):
            what = f"fit: {type(self.module).__name__} gives a {type(output).__qualname__}, expected one array"
            raise PlanError(f"{what}; hint: wrap the module in one that gives what the loss takes")
        return output

    def _check_arguments(self, args: tuple[Array, ...], named: dict[str, Array]) -> None:
        """Raises PlanError if forward takes other arguments."""
        try:
            takes = inspect.signature(self.module.forward)
        except (TypeError, ValueError):
            return  # it is not written in Python: the call says what is wrong
        try:
            takes.bind(*args, **named)
        except TypeError as error:
            what = f"fit: {type(self.module).__name__}.forward takes ({', '.join(takes.parameters)}), given {self._told()}: {error}"
            raise PlanError(f"{what}; hint: name what it is given, inputs={{argument: column or columns, ..}}") from None

    def _told(self) -> str:
        """What the module is given."""
        return ", ".join(f"{i.name or 'x'} [rows{_width(i)}] of {', '.join(c.name for c in i.columns)}" for i in self.inputs)


def _width(given: _Input) -> str:
    return "".join(f", {size}" for size in given.shape)


def _each_once(named: Any) -> list[tuple[str, Array]]:
    seen: set[int] = set()
    return [(name, array) for name, array in named if not (id(array) in seen or seen.add(id(array)))]


@contextmanager
def _in_place(arrays: list[Array], stand_ins: list[Any]) -> Iterator[None]:
    """The arrays stand for other values meanwhile: whoever holds one, the module or a closure, sees the stand-in."""
    before = [(array, array._array, array._grad) for array in arrays]
    try:
        for array, raw in zip(arrays, stand_ins, strict=True):
            array._array = raw
        yield
    finally:
        for array, raw, gradient in before:
            array._array, array._grad = raw, gradient


@contextmanager
def _mode(module: Module, training: bool) -> Iterator[None]:
    before = [(part, part.training) for part in module.modules()]
    try:
        module.train(training)
        yield
    finally:
        for part, mode in before:
            part.__dict__["training"] = mode


@contextmanager
def _random(key: Any) -> Iterator[None]:
    """In training the global stream begins at the step's key, so that every step draws anew; else there is none."""
    before = random._stream
    random._stream = _Refused() if key is None else random._Stream()
    if key is not None:
        random._stream.key = wrap(key)
    try:
        yield
    finally:
        random._stream = before


class _Refused:
    """What a prediction draws from."""

    def next(self) -> Array:
        """Raises PlanError."""
        what = "fit: the module draws random numbers outside of training, where a prediction would be another one at each call"
        raise PlanError(f"{what}; hint: draw them if self.training")
