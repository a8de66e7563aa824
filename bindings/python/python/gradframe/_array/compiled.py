"""Compiled functions: called once with stand-ins for each kind of arguments, and kept."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from gradframe._array.any_rows import AnyRows
from gradframe._array.effects import once
from gradframe._array.short import active
from gradframe._array.traces import Trace, applied, taken_apart, traced_at
from gradframe._array.tree import unflatten
from gradframe._gradframe import array_keeps_history
from gradframe.errors import PlanError

# Traced functions that one compiled function keeps, at most.
_TRACES_MAX = 256


def jit(
    function: Callable[..., Any] | None = None, *, static_argnums: Any = (), static_argnames: Any = (), state: Any = None
) -> Any:
    """The function compiled as a whole, once for each structure, shape and type of its arguments.

    Called with another size of the first axis of some arguments, batches say, it is compiled once for every such size, if what it
    does is the same for all of them. It is called with stand-ins, once for each kind and each size (three times more for every size):
    what it does beside computing (printing, appending) happens then alone, and it may ask for sizes and do otherwise for some. Arrays that it closes over are as they were then. Static arguments are
    passed as they are, and decide what is compiled. Places and labels among the arguments are not known: where one outside of its
    array would be an IndexError, its element is 0, an update leaves it out, and losses say what theirs is; so in all transforms.

    `state` are modules and optimisers that the function changes, which then change at each call as they do without `jit`: a whole step of a
    training is one compiled function.

        @gf.jit(state=(model, optimizer))
        def step(x, y):
            loss = gf.nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

    Name all modules that learn or keep statistics: of others the arrays are as they were when it was compiled, running statistics of theirs stand
    still, and a `backward` that reaches their parameters is a PlanError. Buffers and plain attributes that the function sets are set at each call.

    What it computes is computed when it is called. Options of the optimiser may change between calls, so schedules are stepped outside; within
    one call it makes one step. What is drawn without a key is other at each call. A call that fails changes nothing.
    """
    if function is None:
        return functools.partial(jit, static_argnums=static_argnums, static_argnames=static_argnames, state=state)
    numbers = frozenset((static_argnums,) if isinstance(static_argnums, int) else static_argnums)
    names = frozenset((static_argnames,) if isinstance(static_argnames, str) else static_argnames)
    traces: dict[Any, Trace] = {}
    of_any_size = AnyRows()
    changing = None if state is None else _state(state)

    @functools.wraps(function)
    def compiled(*args: Any, **kwargs: Any) -> Any:
        traced_args, traced_kwargs, static = _parted(args, kwargs, numbers, names)
        leaves, structure = taken_apart("jit", traced_args, traced_kwargs)
        modes = active.get(), array_keeps_history()
        key = (structure, static, modes, tuple((leaf._array.dtype, leaf._array.is_weak, leaf._array.shape) for leaf in leaves))
        try:
            trace = traces.get(key)
        except TypeError as error:
            raise PlanError(f"jit: static arguments must be hashable: {error}") from error
        if changing is not None:
            return changing.call(_with_static(function, args, numbers, static[1]), leaves, structure, key)
        if trace is None:
            with once():
                own = _with_static(function, args, numbers, static[1])
                found = of_any_size.call(own, leaves, structure, (static, modes))
                if found is not None:
                    return found
                trace = traced_at("jit", own, leaves, structure, fixed=True)
            if not trace.traced.captures_stand_ins:
                if len(traces) >= _TRACES_MAX:
                    traces.clear()
                traces[key] = trace
        return unflatten(trace.structure, applied(trace.traced, leaves))

    def clear_cache() -> None:
        traces.clear()
        of_any_size.clear()
        if changing is not None:
            changing.clear()

    compiled.clear_cache = clear_cache  # type: ignore[attr-defined]
    return compiled


def _parted(args: tuple[Any, ...], kwargs: dict[str, Any], numbers: frozenset[int], names: frozenset[str]) -> tuple[Any, Any, Any]:
    """The arguments that are traced, by place and by name, and those that are not."""
    if not numbers and not names:
        return args, kwargs, ((), ())
    traced = tuple(a for i, a in enumerate(args) if i not in numbers), {k: v for k, v in kwargs.items() if k not in names}
    static = tuple(a for i, a in enumerate(args) if i in numbers), tuple((k, kwargs[k]) for k in sorted(names & kwargs.keys()))
    return *traced, static


def _state(given: Any) -> Any:
    from gradframe.optim.state import State  # which stands above this module

    return State(given)


def _with_static(function: Callable[..., Any], args: tuple[Any, ...], numbers: frozenset[int], named: Any) -> Callable[..., Any]:
    """The function of the other arguments alone."""

    def called(*others: Any, **kwargs: Any) -> Any:
        rest = iter(others)
        return function(*(a if i in numbers else next(rest) for i, a in enumerate(args)), **kwargs, **dict(named))

    called.__wrapped__ = function  # type: ignore[attr-defined]
    return called
