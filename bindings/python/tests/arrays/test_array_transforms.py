"""Derivatives, batches and compiled functions."""

from dataclasses import dataclass

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pytest

RNG = np.random.default_rng(3)


def numbers(*shape):
    return gnp.asarray(RNG.normal(size=shape))


def slope(function, x, step=1e-6):
    """The gradient by central differences."""
    x = np.asarray(x)
    found = np.zeros_like(x)
    for place in np.ndindex(*x.shape):
        up, down = x.copy(), x.copy()
        up[place] += step
        down[place] -= step
        found[place] = (float(function(gnp.asarray(up))) - float(function(gnp.asarray(down)))) / (2 * step)
    return found


# Every differentiable function of the namespace, of float64, away from kinks.
DIFFERENTIABLE = [
    *((n, lambda x, n=n: getattr(gnp, n)(x)) for n in (
        "abs asinh atan cos cosh exp expm1 negative positive reciprocal sin sinh square tan tanh sinc".split()
    )),
    *((n, lambda x, n=n: getattr(gnp, n)(x * 0.2)) for n in ("acos", "asin", "atanh", "erf", "erfc", "erfinv", "log1p")),
    *((n, lambda x, n=n: getattr(gnp, n)(abs(x) + 1.1)) for n in (
        "acosh log log2 log10 sqrt rsqrt lgamma digamma exp2".split()
    )),
    *((n, lambda x, n=n: getattr(gnp, n)(x, x[::-1] + 3.0)) for n in (
        "add atan2 divide hypot logaddexp maximum minimum multiply subtract copysign".split()
    )),
    ("pow", lambda x: gnp.pow(abs(x) + 0.5, x)),
    ("remainder", lambda x: gnp.remainder(x, 10.0)),
    ("integer power", lambda x: x**3),
    ("clip", lambda x: gnp.clip(x, -0.4, 0.7)),
    ("where", lambda x: gnp.where(x > 0, x**2, -x)),
    ("sum", lambda x: gnp.sum(x**2, axis=0)),
    ("prod", lambda x: gnp.prod(x, axis=1)),
    ("max", lambda x: gnp.max(x, axis=0)),
    ("min", lambda x: gnp.min(x)),
    ("mean", lambda x: gnp.mean(x**2)),
    ("var", lambda x: gnp.var(x, axis=1, correction=1)),
    ("std", lambda x: gnp.std(x, axis=0)),
    ("logsumexp", lambda x: gnp.logsumexp(x, axis=(0, 1))),
    ("cumulative_sum", lambda x: gnp.cumulative_sum(x, axis=0) ** 2),
    ("cumulative_prod", lambda x: gnp.cumulative_prod(x, axis=1)),
    ("diff", lambda x: gnp.diff(x) ** 2),
    ("sort", lambda x: gnp.sort(x, axis=1) * gnp.arange(4.0, dtype="float64")),
    ("index", lambda x: x[1] * x[..., 2:0:-1].sum() + x[[0, 2], [1, 1]].sum()),
    ("take", lambda x: gnp.take(x, gnp.asarray([2, 0, 0]), axis=0) ** 2),
    ("take_along_axis", lambda x: gnp.take_along_axis(x, gnp.asarray([[0], [3], [1]]), axis=1) ** 2),
    ("at.set", lambda x: x.at[1].set(x[0] ** 2) * x),
    ("at.add", lambda x: x.at[[0, 0, 1]].add(x**2)),
    ("reshape", lambda x: (x.reshape(2, 6) ** 2)[0]),
    ("permute_dims", lambda x: x.T[0] ** 2),
    ("concat", lambda x: gnp.concat((x, x**2), axis=1)),
    ("stack", lambda x: gnp.stack((x, x**2))),
    ("tile", lambda x: gnp.tile(x, (2, 1)) ** 2),
    ("repeat", lambda x: gnp.repeat(x, 2, axis=0) ** 2),
    ("roll", lambda x: gnp.roll(x, 1, axis=0) * x),
    ("pad", lambda x: gnp.pad(x, 1) ** 2),
    ("pad reflect", lambda x: gnp.pad(x, 1, "reflect") ** 2),
    ("pad edge", lambda x: gnp.pad(x, 1, "edge") ** 2),
    ("pad wrap", lambda x: gnp.pad(x, 1, "wrap") ** 2),
    ("flip", lambda x: gnp.flip(x) * x),
    ("tril", lambda x: gnp.tril(x) ** 2),
    ("broadcast_to", lambda x: gnp.broadcast_to(x, (2, 3, 4)) ** 2),
    ("matmul", lambda x: x @ x.T),
    ("tensordot", lambda x: gnp.tensordot(x, x, axes=((0,), (0,)))),
    ("vecdot", lambda x: gnp.vecdot(x, x + 1)),
    ("linalg.det", lambda x: gnp.linalg.det(x @ x.T)),
    ("linalg.slogdet", lambda x: gnp.linalg.slogdet(x @ x.T).logabsdet),
    ("linalg.inv", lambda x: gnp.linalg.inv(x @ x.T + gnp.eye(3, dtype="float64"))),
    ("linalg.solve", lambda x: gnp.linalg.solve(x @ x.T + gnp.eye(3, dtype="float64"), x)),
    ("linalg.cholesky", lambda x: gnp.linalg.cholesky(x @ x.T + gnp.eye(3, dtype="float64"))),
    ("linalg.eigvalsh", lambda x: gnp.linalg.eigvalsh(x @ x.T)),
    ("linalg.svdvals", lambda x: gnp.linalg.svdvals(x)),
    ("linalg.pinv", lambda x: gnp.linalg.pinv(x)),
    ("linalg.qr", lambda x: gnp.linalg.qr(x.T).R),
    ("linalg.matrix_norm", lambda x: gnp.linalg.matrix_norm(x)),
    ("linalg.vector_norm", lambda x: gnp.linalg.vector_norm(x, axis=0, ord=3)),
    ("linalg.matrix_power", lambda x: gnp.linalg.matrix_power(x[:, :3], 3)),
    ("linalg.cross", lambda x: gnp.linalg.cross(x[:, :3], x[:, 1:])),
    ("linalg.trace", lambda x: gnp.linalg.trace(x[:, :3] @ x[:, 1:])),
    ("fft", lambda x: gnp.abs(gnp.fft.fft(x)) ** 2 * gnp.arange(4.0, dtype="float64")),
    ("rfft", lambda x: gnp.real(gnp.fft.rfft(x)) ** 3),
    ("softmax", lambda x: gf.nn.functional.softmax(x, axis=1) ** 2),
    ("gelu", lambda x: gf.nn.functional.gelu(x)),
    ("layer_norm", lambda x: gf.nn.functional.layer_norm(x, 4) ** 3),
    ("cross_entropy", lambda x: gf.nn.functional.cross_entropy(x, gnp.asarray([0, 3, 2]))),
]


@pytest.mark.parametrize(("name", "function"), DIFFERENTIABLE, ids=[row[0] for row in DIFFERENTIABLE])
def test_gradients_are_slopes(name, function):
    x = gnp.asarray(np.random.default_rng(len(name)).normal(size=(3, 4)))

    def loss(x):
        return function(x).sum()

    expected = slope(loss, x)
    tolerance = 1e-5
    np.testing.assert_allclose(np.asarray(gf.grad(loss)(x)), expected, rtol=tolerance, atol=tolerance * 0.1)
    watched = gnp.array(x, requires_grad=True)
    loss(watched).backward()
    np.testing.assert_allclose(np.asarray(watched.grad), expected, rtol=tolerance, atol=tolerance * 0.1)
    direction = numbers(3, 4)
    _, tangent = gf.jvp(loss, (x,), (direction,))
    np.testing.assert_allclose(float(tangent), (expected * np.asarray(direction)).sum(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("name", "function"), DIFFERENTIABLE, ids=[row[0] for row in DIFFERENTIABLE])
def test_batches_are_loops(name, function):
    x = gnp.asarray(np.random.default_rng(len(name)).normal(size=(5, 3, 4)))
    batched = np.asarray(gf.vmap(function)(x))
    looped = np.stack([np.asarray(function(one)) for one in x])
    np.testing.assert_allclose(batched, looped, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("name", "function"), DIFFERENTIABLE, ids=[row[0] for row in DIFFERENTIABLE])
def test_compiled_functions_give_the_same(name, function):
    x = gnp.asarray(np.random.default_rng(len(name)).normal(size=(3, 4)))
    np.testing.assert_allclose(np.asarray(gf.jit(function)(x)), np.asarray(function(x)), rtol=1e-12, atol=1e-12)


def test_transforms_compose():
    x = numbers(4)

    def cube(x):
        return (x**3).sum()

    np.testing.assert_allclose(np.asarray(gf.hessian(cube)(x)), np.diag(6 * np.asarray(x)), atol=1e-12)
    np.testing.assert_allclose(np.asarray(gf.jacobian(lambda x: x**2)(x)), np.diag(2 * np.asarray(x)), atol=1e-12)
    rows = numbers(3, 4)
    per_row = gf.jit(gf.vmap(gf.grad(cube)))(rows)
    np.testing.assert_allclose(np.asarray(per_row), 3 * np.asarray(rows) ** 2)
    twice = gf.grad(lambda x: (gf.grad(cube)(x) ** 2).sum())(x)
    np.testing.assert_allclose(np.asarray(twice), 36 * np.asarray(x) ** 3)
    kept = gf.grad(gf.checkpoint(lambda x: gnp.sin(gnp.sin(x)).sum()))(x)
    np.testing.assert_allclose(np.asarray(kept), np.asarray(gf.grad(lambda x: gnp.sin(gnp.sin(x)).sum())(x)))


def test_closures_are_differentiated_from_outside():
    x, w = numbers(3), numbers(3)

    def outer(w):
        return gf.grad(lambda x: (x**2 * w).sum())(x).sum()

    np.testing.assert_allclose(np.asarray(gf.grad(outer)(w)), 2 * np.asarray(x))


def test_vjp_and_jvp_are_transposes():
    x, ct, t = numbers(3, 4), numbers(3), numbers(3, 4)
    value, pull_back = gf.vjp(lambda x: gnp.sin(x).sum(axis=1), x)
    (gradient,) = pull_back(ct)
    _, tangent = gf.jvp(lambda x: gnp.sin(x).sum(axis=1), (x,), (t,))
    np.testing.assert_allclose(float((gradient * t).sum()), float((ct * tangent).sum()))
    np.testing.assert_allclose(np.asarray(value), np.sin(np.asarray(x)).sum(1))


@dataclass
class Model:
    weight: object
    bias: object


def test_trees_go_in_and_come_out():
    def loss(model, batch):
        return ((batch["x"] @ model.weight + model.bias - batch["y"]) ** 2).mean()

    model = Model(numbers(3), numbers())
    batch = {"x": numbers(5, 3), "y": numbers(5)}
    value, gradient = gf.value_and_grad(loss)(model, batch)
    assert isinstance(gradient, Model) and gradient.weight.shape == (3,)
    np.testing.assert_allclose(
        np.asarray(gradient.weight), slope(lambda w: loss(Model(w, model.bias), batch), model.weight), rtol=1e-5, atol=1e-6
    )
    both = gf.grad(loss, argnums=(0, 1))(model, batch)
    assert set(both[1]) == {"x", "y"}
    gradient, more = gf.grad(lambda x: ((x**2).sum(), {"size": x + 1}), has_aux=True)(batch["y"])
    np.testing.assert_allclose(np.asarray(more["size"]), np.asarray(batch["y"]) + 1)


def test_batches_have_axes():
    x, w = numbers(4, 3), numbers(3)
    dots = gf.vmap(lambda x, w: x @ w, in_axes=(0, None))(x, w)
    np.testing.assert_allclose(np.asarray(dots), np.asarray(x) @ np.asarray(w))
    turned = gf.vmap(lambda x: x * 2, in_axes=1, out_axes=1)(x)
    np.testing.assert_allclose(np.asarray(turned), 2 * np.asarray(x))
    table = gf.vmap(gf.vmap(lambda a, b: a * b, in_axes=(None, 0)), in_axes=(0, None))(w, w)
    np.testing.assert_allclose(np.asarray(table), np.outer(w, w))


def test_compiled_functions_are_traced_once_for_each_type():
    calls = []

    @gf.jit
    def double(x, y=1.0):
        calls.append(x.shape)
        return {"out": x * 2 + y}

    x = numbers(3)
    for i in range(5):
        np.testing.assert_allclose(np.asarray(double(x, float(i))["out"]), 2 * np.asarray(x) + i)
    double(numbers(4))
    assert calls == [(3,), (4,), (4,)] or calls == [(3,), (4,)]

    @gf.jit
    def nothing(x):
        return x

    assert nothing(x).shape == (3,)
    power = gf.jit(lambda x, n: x**n, static_argnums=1)
    np.testing.assert_allclose(np.asarray(power(x, 3)), np.asarray(x) ** 3)


def test_a_compiled_function_serves_every_batch_size():
    calls = []

    @gf.jit
    def summary(x, w):
        calls.append(x.shape)
        return {"mean": (x @ w).mean(), "next": x.reshape(x.shape[0], -1) + 1.0, "var": x.var(0, correction=1)}

    w = gnp.asarray(np.arange(4.0).reshape(4, 1))
    for rows in (3, 5, 7, 1000):
        x = np.random.default_rng(rows).normal(size=(rows, 4))
        got = summary(gnp.asarray(x), w)
        np.testing.assert_allclose(float(got["mean"]), (x @ np.arange(4.0)).mean())
        np.testing.assert_allclose(np.asarray(got["next"]), x + 1.0)
        np.testing.assert_allclose(np.asarray(got["var"]), x.var(0, ddof=1))
    assert len(calls) == 7, "once for each size, three times for every one"
    counted = gf.jit(lambda x: x * x.shape[0] ** 0.5)
    for rows in (3, 5, 7):
        np.testing.assert_allclose(np.asarray(counted(gnp.ones(rows))), np.full(rows, rows**0.5), rtol=1e-6)
    summary.clear_cache()
    summary(gnp.zeros((3, 4)), w)
    assert len(calls) == 8


def test_backward_adds_up_and_can_be_repeated():
    x = gnp.array([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [4, 8]
    x.grad = None
    (x * gnp.asarray([3.0, 4.0])).backward(gnp.asarray([1.0, 10.0]))
    assert x.grad.tolist() == [3, 40]
    assert not x.detach().requires_grad
    assert not x.grad.requires_grad


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: gf.grad(lambda x: x if x > 0 else -x)(1.0), ValueError, "where"),
        (lambda: gf.jit(lambda x: float(x))(gnp.ones(1)), ValueError, "traced"),
        (lambda: gf.jit(lambda x: x[x > 0])(gnp.ones(3)), ValueError, "how many elements"),
        (lambda: gf.grad(lambda x: x * 2)(gnp.ones(3)), ValueError, "single number, got float32\\[3\\]"),
        (lambda: gf.grad(lambda x: x.sum())(gnp.asarray([1, 2])), TypeError, "expected floats .* int64"),
        (lambda: gf.grad(lambda x: x, argnums=2)(1.0), ValueError, "no argument 2"),
        (lambda: gf.grad(lambda x: (x, x))(1.0), ValueError, "has_aux"),
        (lambda: gf.vmap(lambda x, y: x + y)(gnp.ones(2), gnp.ones(3)), ValueError, "batches of different sizes \\[2, 3\\]"),
        (lambda: gf.vmap(lambda x: x, in_axes=3)(gnp.ones(2)), ValueError, "axis 3 of an argument of shape \\(2,\\)"),
        (lambda: gf.grad(lambda s: 1.0)("text"), ValueError, "expected arrays in tuples"),
        (lambda: gnp.ones(2).backward(), ValueError, "requires_grad"),
        (lambda: (gnp.array([1.0, 2.0], requires_grad=True) * 2).backward(), ValueError, "pass a gradient of its shape"),
        (lambda: gf.jvp(gnp.sin, (gnp.ones(2),), (gnp.ones(3),)), ValueError, "tangent of shape \\(3,\\)"),
        (lambda: gnp.array([1], requires_grad=True), TypeError, "integers have no gradient"),
    ],
)
def test_misuse_says_what_to_do(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_memory_stays_flat_over_a_million_steps():
    import resource

    x = gnp.zeros(1000)
    for _ in range(20_000):
        x = x + 1.0
    float(x[0])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(980_000):
        x = x + 1.0
    assert float(x[0]) == 1_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000, "kilobytes"


def test_errors_stand_on_the_line_that_is_wrong():
    x, y = gnp.ones((2, 3)), gnp.ones(4)
    with pytest.raises(ValueError, match="multiply: operands \\[2, 3\\] and \\[4\\] do not broadcast: axis 1 is 3 and 4"):
        x * y
    with pytest.raises(ValueError, match="matmul: \\[2, 3\\] and \\[4\\] do not fit"):
        x @ y
    with pytest.raises(ValueError, match="sum: axis 2 of an array of 2 axes"):
        gnp.sum(x, axis=2)
    with pytest.raises(ValueError, match="reshape: \\[2, 3\\] has 6 elements"):
        x.reshape(4, 2)
    with pytest.raises(TypeError, match="add: int64 and uint64 have no type that holds both"):
        gnp.asarray([1]) + gnp.asarray([1], dtype="uint64")
    with pytest.raises(TypeError, match="add: expected numbers, got bool"):
        gnp.asarray([True]) + gnp.asarray([True])
    with pytest.raises(TypeError):
        x + "text"


LINES = {
    "a device": (lambda: gnp.zeros(2, device="cuda"), gf.errors.NoDeviceError, "there is no device `cuda` .* hint: they live on 'cpu'"),
    "another device": (lambda: gnp.ones(2).to_device("mps"), gf.errors.NoDeviceError, "to_device: there is no device `mps`"),
    "a shape": (lambda: gnp.ones((2, 3)) + gnp.ones(4), gf.errors.ShapeError, r"add: operands \[2, 3\] and \[4\]"),
    "a type": (lambda: gnp.ones(2) & gnp.ones(2), gf.errors.DTypeError, "bitwise_and: expected integers or bool, got float32"),
    "an index": (lambda: gnp.ones(2)[5], gf.errors.OutOfBoundsError, "index: 5 is outside of axis 0 of size 2"),
    "a branch": (lambda: gf.jit(lambda x: x if x.sum() > 0 else -x)(gnp.ones(2)), gf.errors.PlanError, "hint: choose with `where`, not with `if`"),
    "a loop": (lambda: gf.jit(lambda x: [x] * int(x[0]))(gnp.ones(2)), gf.errors.PlanError, "give what decides the shape as a static argument"),
    "a look": (lambda: gf.grad(lambda x: (np.asarray(x), x.sum())[1])(gnp.ones(2)), gf.errors.PlanError, "return what is to be looked at"),
}


@pytest.mark.parametrize("name", LINES)
def test_an_error_comes_from_the_line_that_is_at_fault(name):
    """Of the user's own lines the last in the traceback is the one that did it, also within a function that is traced."""
    call, error, says = LINES[name]
    with pytest.raises(error, match=says) as raised:
        call()
    own = [entry for entry in raised.traceback if str(entry.path) == __file__]
    assert f'"{name}"' in str(own[-1].statement)
