"""Bounds of random numbers: what is drawn lies within them, or they are an error."""

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pytest

KEY = gf.random.key(3)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64"])
def test_all_of_a_type_is_drawn_and_no_more(dtype):
    info = np.iinfo(dtype)
    most = min(int(info.max), 2**63 - 2)
    drawn = gf.random.integers(KEY, (20_000,), int(info.min), most + 1, dtype=dtype).numpy()
    assert drawn.dtype == dtype
    places = (drawn.astype('float64') - info.min) / (float(info.max) - info.min)
    assert places.min() < 0.01 and places.max() > 0.99
    for low, high in [(int(info.min) - 1, 1), (0, most + 2)]:
        with pytest.raises(gf.errors.PlanError, match=f"integers: {dtype} holds numbers from"):
            gf.random.integers(KEY, (5,), low, high, dtype=dtype)


def test_bounds_that_are_arrays_are_looked_at_for_a_narrow_type():
    bounds = gnp.asarray([10, 300])
    assert (gf.random.integers(KEY, (2,), 0, bounds, dtype="int16") < bounds).all()
    with pytest.raises(gf.errors.PlanError, match="int8 holds numbers from -128 to 127, the bounds are 0 and 300"):
        gf.random.integers(KEY, (2,), 0, bounds, dtype="int8")
    assert gf.jit(lambda b: gf.random.integers(KEY, (2,), 0, b, dtype="int16"))(bounds).shape == (2,)


@pytest.mark.parametrize("bounds", [(5, 5), (5, 1), (np.int64(5), np.int64(1))])
def test_bounds_with_nothing_between_them_are_an_error(bounds):
    with pytest.raises(gf.errors.PlanError, match="minval < maxval"):
        gf.random.integers(KEY, (2,), *bounds)


@pytest.mark.parametrize("bounds", [(0.5, 3), ("a", 3), (0, None), (True, 3), (gnp.asarray([0.5]), 3)])
def test_bounds_that_are_no_whole_numbers_are_an_error(bounds):
    with pytest.raises(gf.errors.DTypeError, match="whole number"):
        gf.random.integers(KEY, (1,), *bounds)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: gf.random.uniform(KEY, (3,), minval=5, maxval=1),
        lambda: gf.random.uniform(KEY, (3,), minval=float("nan")),
        lambda: gf.random.normal(KEY, (3,), scale=-1.0),
        lambda: gf.random.normal(KEY, (3,), scale=float("nan")),
        lambda: gf.random.bernoulli(KEY, 2),
        lambda: gf.random.bernoulli(KEY, -0.1),
        lambda: gf.random.bernoulli(KEY, float("nan")),
    ],
)
def test_parameters_of_no_distribution_are_an_error(draw):
    with pytest.raises(gf.errors.PlanError, match="expected"):
        draw()


def test_one_number_is_a_range_of_floats():
    assert gf.random.uniform(KEY, (2,), minval=3.0, maxval=3.0).tolist() == [3.0, 3.0]


RANGES = [(0.0, 1.0), (-1.0, 0.0), (-2.0, -1.0), (1000.0, 1000.001), (0.0, 1e-7), (-2048.0, 3.0)]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize(("minval", "maxval"), RANGES)
def test_what_is_spread_evenly_stays_below_its_bound(dtype, minval, maxval):
    low, high = (gnp.asarray(bound, dtype=dtype).astype("float64").item() for bound in (minval, maxval))
    drawn = gf.random.uniform(KEY, (200_000,), dtype, minval, maxval)
    assert drawn.dtype.name == dtype
    arrays = gf.random.uniform(KEY, (200_000,), dtype, *map(gnp.asarray, np.array([minval, maxval])))
    for found in (drawn.astype("float64").numpy(), arrays.astype("float64").numpy()):
        assert found.min() >= low and (found.max() < high or low == high == found.max())
    if dtype == "float64":
        np.testing.assert_allclose(drawn.numpy().mean(), (minval + maxval) / 2, atol=(maxval - minval) / 100)


def test_bounds_the_other_way_round_are_not_looked_at_in_arrays():
    drawn = gf.random.uniform(KEY, (10_000,), minval=gnp.asarray(5.0), maxval=gnp.asarray(-5.0)).numpy()
    assert drawn.max() <= 5.0 and drawn.min() > -5.0 and drawn.std() > 2.5


def test_gradients_go_through_the_bounds():
    numbers = gf.random.uniform(KEY, (3,)).numpy()
    slope = gf.grad(lambda most: gf.random.uniform(KEY, (3,), minval=0.0, maxval=most).sum())(gnp.asarray(2.0))
    np.testing.assert_allclose(slope.numpy(), numbers.sum(), rtol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "minval", "maxval"),
    [
        ("float32", -3e38, 3e38), ("float64", -1.5e308, 1.5e308), ("float32", 0.0, float("inf")), ("float32", 0, 10**400),
        ("float16", 0.0, 70_000.0), ("float64", float("-inf"), 0.0),
    ],
)
def test_ranges_that_the_type_does_not_hold_are_an_error(dtype, minval, maxval):
    with pytest.raises(gf.errors.PlanError, match=f"uniform: from .* is more than {dtype} holds; hint"):
        gf.random.uniform(KEY, (3,), dtype, minval, maxval)
    assert np.isfinite(gf.random.uniform(KEY, (3,), "float16", -60_000.0, 60_000.0).numpy()).all()


def test_the_bound_of_the_largest_int64_says_why_it_is_none():
    for dtype in ("int64", "uint64"):
        with pytest.raises(gf.errors.PlanError, match="9223372036854775806 here, as `maxval` must itself be an int64"):
            gf.random.integers(KEY, (1,), 0, 2**63, dtype=dtype)
    with pytest.raises(gf.errors.PlanError, match="int8 holds numbers from -128 to 127, the bounds"):
        gf.random.integers(KEY, (1,), 0, 200, dtype="int8")
