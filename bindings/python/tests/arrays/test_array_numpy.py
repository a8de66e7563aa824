"""Every function beside NumPy's of the same meaning."""

import warnings

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from array_cases import (
    ARRANGING,
    BINARY_CLOSE,
    BINARY_EXACT,
    BINARY_INT,
    FLOATS,
    INTS,
    REDUCTIONS,
    UNARY_COMPLEX,
    UNARY_EXACT,
    UNARY_FLOAT,
)

SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
TOLERANCE = {"float32": 2e-5, "float64": 1e-12, "complex64": 2e-4, "complex128": 1e-10}


def function(name):
    found = gnp
    for part in name.split("."):
        found = getattr(found, part)
    return found


def assert_same(ours, theirs, *, dtype=True, rtol=0.0, atol=0.0):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape
    if dtype:
        assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)


def ids(table):
    return [f"{row[0]}-{i}" for i, row in enumerate(table)]


@pytest.mark.parametrize(("name", "numpy", "low", "high"), UNARY_FLOAT, ids=ids(UNARY_FLOAT))
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_functions_of_floats(name, numpy, low, high, data):
    dtype = data.draw(st.sampled_from(FLOATS))
    numbers = st.floats(float(np.nextafter(np.float32(low), np.float32(high))), float(np.float32(high)), width=32)
    x = data.draw(hnp.arrays(dtype, SHAPES, elements=numbers))
    assert_same(function(name)(gnp.asarray(x)), numpy(x), rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize(("name", "numpy"), UNARY_EXACT, ids=ids(UNARY_EXACT))
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_functions_of_any_float_are_exact(name, numpy, data):
    x = data.draw(hnp.arrays(data.draw(st.sampled_from(FLOATS)), SHAPES, elements={"allow_subnormal": False}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_same(function(name)(gnp.asarray(x)), numpy(x))


@pytest.mark.parametrize(("name", "numpy"), BINARY_EXACT, ids=ids(BINARY_EXACT))
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_functions_of_two_floats_broadcast_and_are_exact(name, numpy, data):
    dtype = data.draw(st.sampled_from(FLOATS))
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3)).input_shapes
    x, y = (data.draw(hnp.arrays(dtype, shape, elements={"allow_subnormal": False})) for shape in shapes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = numpy(x, y)
        if theirs.dtype.kind == "f" and name != "nextafter":
            theirs = np.where(np.abs(theirs) < np.finfo(dtype).tiny, 0, theirs)
            ours = np.asarray(function(name)(gnp.asarray(x), gnp.asarray(y)))
            ours = np.where(np.abs(ours) < np.finfo(dtype).tiny, 0, ours)
        else:
            ours = function(name)(gnp.asarray(x), gnp.asarray(y))
        assert_same(ours, theirs)


@pytest.mark.parametrize(("name", "numpy"), BINARY_CLOSE, ids=ids(BINARY_CLOSE))
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_functions_of_two_floats(name, numpy, data):
    dtype = data.draw(st.sampled_from(FLOATS))
    x, y = (data.draw(hnp.arrays(dtype, (3,), elements=st.floats(-100, 100, width=32))) for _ in range(2))
    assert_same(function(name)(gnp.asarray(x), gnp.asarray(y)), numpy(x, y), rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize(("name", "numpy"), BINARY_INT, ids=ids(BINARY_INT))
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_functions_of_two_integers(name, numpy, data):
    dtype = data.draw(st.sampled_from(INTS))
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3)).input_shapes
    x, y = (data.draw(hnp.arrays(dtype, shape)) for shape in shapes)
    assert_same(function(name)(gnp.asarray(x), gnp.asarray(y)), numpy(x, y))


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_division_of_integers_rounds_down(data):
    dtype = data.draw(st.sampled_from(INTS))
    x = data.draw(hnp.arrays(dtype, (5,)))
    y = data.draw(hnp.arrays(dtype, (5,)))
    y = np.where(y == 0, np.ones((), dtype), y)
    if dtype.startswith("int"):
        x = np.where((x == np.iinfo(dtype).min) & (y == -1), np.ones((), dtype), x)
    assert_same(gnp.floor_divide(gnp.asarray(x), gnp.asarray(y)), x // y)
    assert_same(gnp.remainder(gnp.asarray(x), gnp.asarray(y)), x % y)


@pytest.mark.parametrize(("name", "numpy"), UNARY_COMPLEX, ids=ids(UNARY_COMPLEX))
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_functions_of_complex_numbers(name, numpy, dtype):
    rng = np.random.default_rng(7)
    z = (rng.normal(size=(4, 5)) + 1j * rng.normal(size=(4, 5))).astype(dtype)
    assert_same(function(name)(gnp.asarray(z)), numpy(z), rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize(("name", "numpy", "options"), REDUCTIONS, ids=ids(REDUCTIONS))
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_reductions(name, numpy, options, data):
    dtype = data.draw(st.sampled_from(("float64", "float32", "int64", "int32", "uint8")))
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4))
    elements = st.floats(-3, 3, width=32) if dtype.startswith("float") else st.integers(0, 5)
    x = data.draw(hnp.arrays(dtype, shape, elements=elements))
    axis = data.draw(st.sampled_from((None, 0, -1, tuple(range(len(shape))))))
    keepdims = data.draw(st.booleans())
    theirs = np.asarray(numpy(x, axis=axis, keepdims=keepdims, **options))
    ours = function(name)(gnp.asarray(x), axis=axis, keepdims=keepdims, **options)
    floats = name in ("mean", "var", "std") and not dtype.startswith("float")
    assert_same(ours, theirs, dtype=not floats, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("name", "shapes", "call"), ARRANGING, ids=ids(ARRANGING))
def test_functions_of_whole_arrays(name, shapes, call):
    rng = np.random.default_rng(11)
    arrays = [rng.normal(size=shape) for shape in shapes]
    theirs = np.asarray(call(np, *arrays))
    ours = np.asarray(call(gnp, *(gnp.asarray(a) for a in arrays)))
    assert ours.dtype.kind == theirs.dtype.kind
    assert_same(ours, theirs, dtype=bool(shapes), rtol=1e-9 if shapes else 1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "any", "all", "cumulative_sum", "sort", "flip"])
def test_nothing_is_something(name):
    x = np.zeros((2, 0, 3), "float32")
    options = {"axis": 1} if name not in ("flip",) else {}
    numpy = getattr(np, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_same(function(name)(gnp.asarray(x), **options), numpy(x, **options))


def test_integers_have_integer_powers():
    x = np.array([-3, -1, 0, 1, 2, 5])
    assert_same(gnp.asarray(x) ** 3, x**3)
    assert_same(gnp.pow(gnp.asarray(x), gnp.asarray([0, 1, 2, 3, 10, 5])), x ** np.array([0, 1, 2, 3, 10, 5]))
    assert_same(gnp.asarray([1.5, -2.0]) ** -2, np.array([1.5, -2.0], "float32") ** -2)
    assert_same(2.0 ** gnp.asarray([1.0, 3.0]), np.array([2.0, 8.0], "float32"))


NUMPY_FUNCTIONS = {
    "mean": lambda x: np.mean(x), "mean of an axis": lambda x: np.mean(x, axis=0), "sum": lambda x: np.sum(x, axis=1), "std": lambda x: np.std(x, ddof=1), "var": lambda x: np.var(x),
    "max": lambda x: np.max(x, axis=0), "min": lambda x: np.min(x), "any": lambda x: np.any(x > 3), "all": lambda x: np.all(x > 0), "prod": lambda x: np.prod(x),
    "exp": lambda x: np.exp(x), "abs": lambda x: np.abs(x), "maximum": lambda x: np.maximum(x, 2.0), "add": lambda x: np.add(x, x), "isnan": lambda x: np.isnan(x),
    "clip": lambda x: np.clip(x, 1.0, 3.0), "round": lambda x: np.round(x / 3, 2), "cumsum": lambda x: np.cumsum(x), "cumsum of an axis": lambda x: np.cumsum(x, axis=1),
    "ravel": lambda x: np.ravel(x), "take": lambda x: np.take(x, [0, 2]), "repeat": lambda x: np.repeat(x, 2), "swapaxes": lambda x: np.swapaxes(x, 0, 1),
    "argsort": lambda x: np.argsort(-x, axis=1), "argmax": lambda x: np.argmax(x), "dot": lambda x: np.dot(x, x), "sort": lambda x: np.sort(x, axis=0), "median": lambda x: np.median(x),
    "nonzero": lambda x: np.stack(np.nonzero(x - 1.0)), "moveaxis": lambda x: np.moveaxis(x, 0, 1), "copy": lambda x: x.copy(), "conj": lambda x: x.conj(), "sum of a type": lambda x: np.sum(x, dtype="float64"),
}


@pytest.mark.parametrize("name", NUMPY_FUNCTIONS)
def test_numpys_functions_take_our_arrays(name):
    values = np.array([[1.0, 4.0, 2.5], [0.5, 3.0, -1.0], [2.0, 2.0, 7.0]], dtype="float32")
    np.testing.assert_allclose(np.asarray(NUMPY_FUNCTIONS[name](gf.array(values))), NUMPY_FUNCTIONS[name](values), rtol=1e-6)


def test_numpys_operators_leave_it_to_ours():
    x = gf.array([1.0, 2.0])
    for found in (np.ones(2, dtype="float32") * x, np.float32(2) * x, np.ones(2, dtype="float32") - x, np.ones((2, 2), dtype="float32") @ x, np.ones(2, dtype="float32") > x):
        assert type(found) is type(x)
    z = np.ones(2)
    z += x
    assert z.tolist() == [2.0, 3.0]
    with pytest.raises(TypeError, match="never changes"):
        np.sum(x, out=np.zeros(()))


@pytest.mark.parametrize(("values", "dtype"), [([-1], "uint8"), ([300], "uint8"), ([[1, 2], [3, 2**40]], "int32"), ([2**63, -1], None), ([2**64], None)])
def test_integers_that_do_not_fit_are_errors(values, dtype):
    with pytest.raises(OverflowError):
        gf.array(values, dtype=dtype)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("count", [1, 63, 64, 65, 100, 128, 1000])
def test_places_in_what_is_sorted_whatever_its_length(count, side):
    rng = np.random.default_rng(count)
    values, wanted = np.sort(rng.integers(0, count, size=count)), rng.integers(-2, count + 2, size=(3, 40))
    np.testing.assert_array_equal(np.asarray(gnp.searchsorted(gnp.asarray(values), gnp.asarray(wanted), side=side)), np.searchsorted(values, wanted, side=side))
    floats = np.sort(rng.normal(size=count))
    np.testing.assert_array_equal(np.asarray(gnp.searchsorted(gnp.asarray(floats), gnp.asarray(floats), side=side)), np.searchsorted(floats, floats, side=side))
