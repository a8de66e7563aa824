"""Derivatives, batches and compiled functions. Each takes a function of arrays, or of trees of them, and gives another; they
compose. The function is called once with stand-ins, and what it records is transformed as a whole."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from gradframe._array.any_rows import AnyRows
from gradframe._array.core import Array, wrap
from gradframe._array.short import active
from gradframe._array.tree import arrays, flatten, unflatten
from gradframe._gradframe import PyTraced, PyTracing
from gradframe.errors import PlanError, ShapeError

# Traced functions that one compiled function keeps, at most.
_TRACES_MAX = 256


class _Trace:
    """A function that was traced at arguments: what came out, and how to put it together."""

    __slots__ = ("traced", "structure", "aux")

    def __init__(self, traced: PyTraced, structure: Any, aux: Any) -> None:
        self.traced = traced
        self.structure = structure
        self.aux = aux


def _trace(
    name: str, function: Callable[..., Any], leaves: list[Array], structure: Any, *, without: Any = None, fixed: bool = False
) -> _Trace:
    """Calls the function with stand-ins for the leaves."""
    tracing = PyTracing(name, [leaf._array for leaf in leaves], without)
    args, kwargs = unflatten(structure, [wrap(raw) for raw in tracing.arguments()])
    result = function(*args, **kwargs)
    found, result_structure = flatten(result)
    outputs = arrays(name, found)
    return _Trace(tracing.close([o._array for o in outputs], fixed), result_structure, None)


def _apply(traced: PyTraced, leaves: list[Array]) -> list[Array]:
    return [wrap(raw) for raw in traced.apply([leaf._array for leaf in leaves])]


def _taken_apart(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Array], Any]:
    leaves, structure = flatten((args, kwargs))
    return arrays(name, leaves), structure


def _places(name: str, args: tuple[Any, ...], argnums: int | Sequence[int]) -> tuple[list[int], Any]:
    """The places of the leaves of these arguments among all, and the structure of what is found for them."""
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    counts = [len(flatten(arg)[0]) for arg in args]
    places, trees = [], []
    for number in numbers:
        if not -len(args) <= number < len(args):
            raise PlanError(f"{name}: there is no argument {number} among {len(args)}; hint: derivatives are in positional ones")
        number %= len(args)
        first = sum(counts[:number])
        places.extend(range(first, first + counts[number]))
        trees.append(flatten(args[number])[1])
    return places, (trees[0] if isinstance(argnums, int) else (tuple, None, tuple(trees)))


def grad(function: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool = False) -> Callable[..., Any]:
    """The function that gives the gradient of `function`, whose result is a single float, in one argument or several.

        gf.grad(lambda x: (x ** 2).sum())(gf.array([1.0, 2.0]))  # array([2., 4.])

    With `has_aux` the function gives a pair of its result and more, and the gradient comes as a pair with that.
    """
    both = value_and_grad(function, argnums, has_aux=has_aux)

    @functools.wraps(function)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, found = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def value_and_grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """The function that gives the result of `function` and its gradient: see `grad`."""

    @functools.wraps(function)
    def both(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        leaves, structure = _taken_apart("grad", args, kwargs)
        wrt, found = _places("grad", args, argnums)
        trace = _trace("grad", function, leaves, structure)
        _check_loss(trace.structure, has_aux)
        results = _apply(trace.traced.value_and_grad(wrt), leaves)
        split = len(results) - len(wrt)
        return unflatten(trace.structure, results[:split]), unflatten(found, results[split:])

    return both


def _check_loss(structure: Any, has_aux: bool) -> None:
    if has_aux:
        if not (isinstance(structure, tuple) and structure[0] is tuple and len(structure[2]) == 2 and structure[2][0] == "*"):
            raise PlanError("grad: with has_aux expected a function that gives a pair of a single float and more")
    elif structure != "*":
        raise PlanError("grad: expected a function that gives a single float; hint: has_aux=True for a pair of that and more")


def jvp(function: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """The result of `function` at `primals`, and how it changes in the direction of `tangents`."""
    leaves, structure = _taken_apart("jvp", tuple(primals), {})
    directions, own = _taken_apart("jvp", tuple(tangents), {})
    if own != structure:
        raise PlanError("jvp: primals and tangents have not the same structure")
    for point, direction in zip(leaves, directions, strict=True):
        if point.shape != direction.shape:
            raise ShapeError(f"jvp: a tangent of shape {direction.shape} for an argument of shape {point.shape}")
    directions = [d.astype(p.dtype) for p, d in zip(leaves, directions, strict=True)]
    trace = _trace("jvp", function, leaves, structure)
    results = _apply(trace.traced.jvp(list(range(len(leaves)))), leaves + directions)
    half = len(results) // 2
    return unflatten(trace.structure, results[:half]), unflatten(trace.structure, results[half:])


def vjp(function: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The result of `function` at `primals`, and the function from a cotangent of it to those of the arguments, a tuple."""
    leaves, structure = _taken_apart("vjp", primals, {})
    trace = _trace("vjp", function, leaves, structure)
    value = _apply(trace.traced, leaves)
    wrt = [i for i, leaf in enumerate(leaves) if "floating" in leaf.dtype.kind]
    if len(wrt) < len(leaves):
        raise PlanError("vjp: expected arguments of floats alone; hint: close over the others")
    pulled = trace.traced.vjp(wrt)

    def pull_back(cotangent: Any) -> Any:
        given, own = flatten(cotangent)
        if own != trace.structure:
            raise PlanError("vjp: the cotangent has not the structure of the result")
        seeds = [c.astype(v.dtype) for c, v in zip(arrays("vjp", given), value, strict=True)]
        for seed, v in zip(seeds, value, strict=True):
            if seed.shape != v.shape:
                raise ShapeError(f"vjp: a cotangent of shape {seed.shape} for a result of shape {v.shape}")
        results = _apply(pulled, leaves + seeds)
        args, _ = unflatten(structure, results[len(value) :])
        return args

    return unflatten(trace.structure, value), pull_back


def jacobian(function: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """The function that gives the derivative of each result in each element of an argument: (result.., argument..)."""

    @functools.wraps(function)
    def derivative(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = _taken_apart("jacobian", args, kwargs)
        wrt, found = _places("jacobian", args, argnums)
        trace = _trace("jacobian", function, leaves, structure)
        columns = [_apply(trace.traced.jacobian(i), leaves) for i in wrt]
        rows = [unflatten(found, list(row)) for row in zip(*columns, strict=True)]
        return unflatten(trace.structure, rows)

    return derivative


def hessian(function: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """The function that gives the second derivatives of a single float in an argument: (argument.., argument..)."""
    return jacobian(grad(function, argnums), argnums)


def vmap(function: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Callable[..., Any]:
    """The function of whole batches for one of single entries: a loop over an axis, without the loop.

    `in_axes` is the batch's axis in each argument, None for arguments that are the same for all; one for all of them, or a
    tuple with an entry for each. Results have it at `out_axes`.
    """

    @functools.wraps(function)
    def batched(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = _taken_apart("vmap", args, kwargs)
        axes = _leaf_axes("vmap", args, kwargs, in_axes)
        axes = [a if a is None else _axis("vmap", a, leaf) for a, leaf in zip(axes, leaves, strict=True)]
        sizes = {leaf.shape[a] for a, leaf in zip(axes, leaves, strict=True) if a is not None}
        if len(sizes) != 1:
            shapes = ", ".join(str(leaf.shape) for leaf in leaves)
            what = f"batches of different sizes {sorted(sizes)}" if sizes else "no argument has a batch"
            raise ShapeError(f"vmap: {what}: shapes {shapes}, axes {axes}")
        trace = _trace("vmap", function, leaves, structure, without=axes)
        results = _apply(trace.traced.vmap(axes, sizes.pop()), leaves)
        if out_axes != 0:
            from gradframe._array.arranging import moveaxis

            ends = _leaf_axes("vmap", (unflatten(trace.structure, results),), {}, (out_axes,))
            results = [moveaxis(r, 0, end) for r, end in zip(results, ends, strict=True)]
        return unflatten(trace.structure, results)

    return batched


def _leaf_axes(name: str, args: tuple[Any, ...], kwargs: dict[str, Any], axes: Any) -> list[int | None]:
    """The axis of each leaf, from one for all, or a tree with a leaf for a whole subtree."""
    if isinstance(axes, (tuple, list)) and len(axes) != len(args):
        raise PlanError(f"{name}: {len(axes)} axes for {len(args)} arguments")
    given = axes if isinstance(axes, (tuple, list)) else [axes] * len(args)
    found: list[int | None] = []
    for arg, axis in zip(args, given, strict=True):
        _spread(name, arg, axis, found)
    leaves_of_kwargs = len(flatten(kwargs)[0])
    return found + [0] * leaves_of_kwargs


def _spread(name: str, tree: Any, axis: Any, found: list[int | None]) -> None:
    if axis is None or isinstance(axis, int):
        found.extend([axis] * len(flatten(tree)[0]))
        return
    if isinstance(axis, dict) and isinstance(tree, dict):
        for key in sorted(tree, key=lambda k: (str(type(k)), k)):
            _spread(name, tree[key], axis.get(key), found)
        return
    if isinstance(axis, (tuple, list)) and isinstance(tree, (tuple, list)) and len(axis) == len(tree):
        for part, own in zip(tree, axis, strict=True):
            _spread(name, part, own, found)
        return
    raise PlanError(f"{name}: axes {axis!r} do not fit an argument of {type(tree).__qualname__}")


def _axis(name: str, axis: int, leaf: Array) -> int:
    if not -leaf.ndim <= axis < leaf.ndim:
        raise ShapeError(f"{name}: axis {axis} of an argument of shape {leaf.shape}")
    return axis % leaf.ndim


def jit(
    function: Callable[..., Any] | None = None, *, static_argnums: Any = (), static_argnames: Any = (), state: Any = None
) -> Any:
    """The function compiled as a whole, once for each structure, shape and type of its arguments.

    Called with another size of the first axis of some arguments, batches say, it is compiled once for every such size, if what it
    does is the same for all of them. It is called with stand-ins, once for each (three times for every size): what it does beside
    computing (printing, appending) happens then alone. Arrays that it closes over are as they were then. Static arguments are
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
    traces: dict[Any, _Trace] = {}
    of_any_size = AnyRows()
    changing = None if state is None else _state(state)

    @functools.wraps(function)
    def compiled(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = _taken_apart(
            "jit",
            tuple(a for i, a in enumerate(args) if i not in numbers),
            {k: v for k, v in kwargs.items() if k not in names},
        )
        static = tuple(a for i, a in enumerate(args) if i in numbers), tuple((k, kwargs[k]) for k in sorted(names & kwargs.keys()))
        key = (structure, static, active.get(), tuple((leaf._array.dtype, leaf._array.shape) for leaf in leaves))
        try:
            trace = traces.get(key)
        except TypeError as error:
            raise PlanError(f"jit: static arguments must be hashable: {error}") from error
        if changing is not None:
            return changing.call(_with_static(function, args, numbers, static[1]), leaves, structure, key)
        if trace is None:
            found = of_any_size.call(_with_static(function, args, numbers, static[1]), leaves, structure, (static, active.get()))
            if found is not None:
                return found
            trace = _trace("jit", _with_static(function, args, numbers, static[1]), leaves, structure, fixed=True)
            if not trace.traced.captures_stand_ins:
                if len(traces) >= _TRACES_MAX:
                    traces.clear()
                traces[key] = trace
        return unflatten(trace.structure, _apply(trace.traced, leaves))

    def clear_cache() -> None:
        traces.clear()
        of_any_size.clear()
        if changing is not None:
            changing.clear()

    compiled.clear_cache = clear_cache  # type: ignore[attr-defined]
    return compiled


def _state(given: Any) -> Any:
    from gradframe.optim.state import State  # which stands above this module

    return State(given)


def _with_static(function: Callable[..., Any], args: tuple[Any, ...], numbers: frozenset[int], named: Any) -> Callable[..., Any]:
    """The function of the other arguments alone."""

    def called(*others: Any, **kwargs: Any) -> Any:
        rest = iter(others)
        return function(*(a if i in numbers else next(rest) for i, a in enumerate(args)), **kwargs, **dict(named))

    return called


def checkpoint(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, whose inner values its gradient computes again rather than keep."""

    @functools.wraps(function)
    def recomputed(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = _taken_apart("checkpoint", args, kwargs)
        trace = _trace("checkpoint", function, leaves, structure)
        return unflatten(trace.structure, _apply(trace.traced.checkpoint(), leaves))

    return recomputed


def custom_gradient(rule: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Gives a function of arrays a gradient of its own.

        @gf.custom_gradient(lambda x, y, ct: ct * gnp.where(x > 0, 1.0, 0.1))
        def leaky(x):
            return gnp.maximum(x, 0.1 * x)

    `rule` is called with the arguments, the result and a cotangent of it, and gives a cotangent for each argument. It must be
    linear in the cotangent, so that forward mode is its transpose.
    """

    def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def custom(*args: Any) -> Any:
            leaves, structure = _taken_apart("custom_gradient", args, {})
            trace = _trace("custom_gradient", function, leaves, structure)
            if trace.structure != "*":
                raise PlanError("custom_gradient: expected a function that gives a single array")
            value = _apply(trace.traced, leaves)[0]
            own = _trace("custom_gradient", _rule_of(rule, structure), [*leaves, value, value], _tuple_of(len(leaves) + 2))
            return _apply(trace.traced.with_gradient(own.traced), leaves)[0]

        return custom

    return decorated


def _tuple_of(count: int) -> Any:
    """The structure of a call with so many arrays."""
    return flatten(((0,) * count, {}))[1]


def _rule_of(rule: Callable[..., Any], structure: Any) -> Callable[..., Any]:
    """The rule on leaves: it is given the arguments as they were."""

    def called(*leaves: Any) -> Any:
        args, _ = unflatten(structure, list(leaves[:-2]))
        found = rule(*args, leaves[-2], leaves[-1])
        return tuple(flatten(found)[0])

    return called


def stop_gradient(x: Any) -> Any:
    """The same values, through which no gradient flows."""
    from gradframe._array.core import call
    from gradframe._array.tree import tree_map

    return tree_map(lambda leaf: call("stop_gradient", (leaf,)), x)
