"""Derivatives and batches. Each takes a function of arrays, or of trees of them, and gives another; they compose. The function is called
once with stand-ins, and what it records is transformed as a whole."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from gradframe._array.core import Array
from gradframe._array.effects import for_each
from gradframe._array.traces import applied, of_leaves, taken_apart, traced_at
from gradframe._array.tree import arrays, flatten, unflatten
from gradframe.errors import PlanError, ShapeError


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
        leaves, structure = taken_apart("grad", args, kwargs)
        wrt, found = _places("grad", args, argnums)
        trace = traced_at("grad", function, leaves, structure)
        _check_loss(trace.structure, has_aux)
        results = applied(trace.traced.value_and_grad(wrt), leaves)
        split = len(results) - len(wrt)
        gradients = of_leaves(results[split:], [leaves[i] for i in wrt])
        return unflatten(trace.structure, results[:split]), unflatten(found, gradients)

    return both


def _check_loss(structure: Any, has_aux: bool) -> None:
    if has_aux:
        if not (isinstance(structure, tuple) and structure[0] is tuple and len(structure[2]) == 2 and structure[2][0] == "*"):
            raise PlanError("grad: with has_aux expected a function that gives a pair of a single float and more")
    elif structure != "*":
        raise PlanError("grad: expected a function that gives a single float; hint: has_aux=True for a pair of that and more")


def jvp(function: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """The result of `function` at `primals`, and how it changes in the direction of `tangents`."""
    leaves, structure = taken_apart("jvp", tuple(primals), {})
    directions, own = taken_apart("jvp", tuple(tangents), {})
    if own != structure:
        raise PlanError("jvp: primals and tangents have not the same structure")
    for point, direction in zip(leaves, directions, strict=True):
        if point.shape != direction.shape:
            raise ShapeError(f"jvp: a tangent of shape {direction.shape} for an argument of shape {point.shape}")
    directions = [d.astype(p.dtype) for p, d in zip(leaves, directions, strict=True)]
    trace = traced_at("jvp", function, leaves, structure)
    results = applied(trace.traced.jvp(list(range(len(leaves)))), leaves + directions)
    half = len(results) // 2
    return unflatten(trace.structure, results[:half]), unflatten(trace.structure, results[half:])


def vjp(function: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The result of `function` at `primals`, and the function from a cotangent of it to those of the arguments, a tuple."""
    leaves, structure = taken_apart("vjp", primals, {})
    trace = traced_at("vjp", function, leaves, structure)
    value = applied(trace.traced, leaves)
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
        results = applied(pulled, leaves + seeds)
        args, _ = unflatten(structure, of_leaves(results[len(value) :], leaves))
        return args

    return unflatten(trace.structure, value), pull_back


def jacobian(function: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """The function that gives the derivative of each result in each element of an argument: (result.., argument..)."""

    @functools.wraps(function)
    def derivative(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = taken_apart("jacobian", args, kwargs)
        wrt, found = _places("jacobian", args, argnums)
        trace = traced_at("jacobian", function, leaves, structure)
        columns = [applied(trace.traced.jacobian(i), leaves) for i in wrt]
        own = [leaves[i] for i in wrt]
        rows = [unflatten(found, of_leaves(list(row), own)) for row in zip(*columns, strict=True)]
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
        leaves, structure = taken_apart("vmap", args, kwargs)
        axes = _leaf_axes("vmap", args, kwargs, in_axes)
        axes = [a if a is None else _axis("vmap", a, leaf) for a, leaf in zip(axes, leaves, strict=True)]
        sizes = {leaf.shape[a] for a, leaf in zip(axes, leaves, strict=True) if a is not None}
        if len(sizes) != 1:
            shapes = ", ".join(str(leaf.shape) for leaf in leaves)
            what = f"batches of different sizes {sorted(sizes)}" if sizes else "no argument has a batch"
            raise ShapeError(f"vmap: {what}: shapes {shapes}, axes {axes}")
        with for_each():
            trace = traced_at("vmap", function, leaves, structure, without=axes)
        results = applied(trace.traced.vmap(axes, sizes.pop()), leaves)
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


def checkpoint(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, whose inner values its gradient computes again rather than keep."""

    @functools.wraps(function)
    def recomputed(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = taken_apart("checkpoint", args, kwargs)
        trace = traced_at("checkpoint", function, leaves, structure)
        return unflatten(trace.structure, applied(trace.traced.checkpoint(), leaves))

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
            given, structure = flatten((args, {}))
            leaves = arrays("custom_gradient", given)
            trace = traced_at("custom_gradient", function, leaves, structure)
            if trace.structure != "*":
                raise PlanError("custom_gradient: expected a function that gives a single array")
            value = applied(trace.traced, leaves)[0]
            own = traced_at("custom_gradient", _rule_of(rule, structure), [*leaves, value, value], _tuple_of(len(leaves) + 2))
            return applied(trace.traced.with_gradient(own.traced), leaves)[0]

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
