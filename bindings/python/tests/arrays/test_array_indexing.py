"""Parts of arrays, and arrays with other values in some places, beside NumPy's."""

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

X = np.arange(60, dtype="float32").reshape(3, 4, 5)
PLACES = np.array([[2, 0], [-1, 1]])

INDICES = [
    1,
    -1,
    (1, 2),
    (0, 1, 2),
    slice(1, 3),
    slice(None, None, -1),
    slice(2, None, -2),
    (slice(None), slice(1, 4, 2)),
    (..., 2),
    (..., slice(1, 3)),
    None,
    (None, 1, None, ...),
    (slice(5, 9),),
    ([0, 2],),
    PLACES,
    (slice(None), [0, 3, 3]),
    (..., [1, -1]),
    ([0, 1], [2, 3]),
    ([[0], [2]], [1, 3], [4, 0]),
    (1, [0, 2]),
    ([0, 2], slice(None), [1, 1]),
    ([0, 2], slice(1, 3)),
    (slice(None), 1, [0, 2]),
    X > 30,
    (slice(None), np.array([True, False, True, True])),
    (X[:, :, 0] > 10, 2),
    np.array([True, False, False]),
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_parts_are_numpys(index):
    ours = gnp.asarray(X)[index]
    np.testing.assert_array_equal(np.asarray(ours), X[index])
    assert ours.shape == X[index].shape


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_places_are_set_as_numpy_sets_them(index):
    theirs, ours = X.copy(), gnp.array(X)
    theirs[index] = -1
    before = ours.at[index]
    ours[index] = -1
    np.testing.assert_array_equal(np.asarray(ours), theirs)
    np.testing.assert_array_equal(np.asarray(before.set(-1)), theirs)
    np.testing.assert_array_equal(np.asarray(before.get()), X[index])


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_basic_index(data):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5))
    x = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    index = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    np.testing.assert_array_equal(np.asarray(gnp.asarray(x)[index]), x[index])


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 17, 64])
def test_all_factors_for_one_place_count(count, traced):
    random = np.random.default_rng(count)
    x, places, factors = random.random(9) + 1.0, random.integers(0, 9, count), random.random(count) + 0.5
    for name, of_numpy in [("multiply", np.multiply), ("divide", np.divide)]:
        expected = x.copy()
        of_numpy.at(expected, places, factors)
        update = lambda x, places, factors: getattr(x.at[places], name)(factors)  # noqa: B023, E731
        found = (gf.jit(update) if traced else update)(*map(gnp.asarray, (x, places, factors)))
        np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-12)
    table = gnp.ones((3, 3)).at[[0, 0], [1, 1]].multiply([2, 3])
    assert table[0, 1].item() == 6.0
    assert gnp.asarray([1, 2, 3]).at[[0, 0, 1]].multiply(2).tolist() == [4, 4, 3]


def test_updates_fold_what_meets():
    x = gnp.zeros(4)
    np.testing.assert_array_equal(np.asarray(x.at[[0, 0, 2]].add([1.0, 2.0, 5.0])), [3, 0, 5, 0])
    np.testing.assert_array_equal(np.asarray(gnp.ones(3).at[1:].multiply(4)), [1, 4, 4])
    np.testing.assert_array_equal(np.asarray(gnp.asarray([1.0, 5.0]).at[:].max(3.0)), [3, 5])
    np.testing.assert_array_equal(np.asarray(gnp.asarray([1.0, 5.0]).at[:].min(3.0)), [1, 3])


@pytest.mark.parametrize(
    ("index", "error", "says"),
    [
        (3, IndexError, "3 is outside of axis 0 of size 3"),
        ((0, -5), IndexError, "-5 is outside of axis 1 of size 4"),
        ([0, 7], IndexError, "7 is outside of axis 0 of size 3"),
        ((0, 0, 0, 0), ValueError, "4 entries for an array of 3 axes"),
        (1.5, TypeError, "expected integers, slices"),
        (slice(0, 2, 0), ValueError, "step of a slice is 0"),
        ((..., ...), ValueError, "one ... at most"),
        (np.array([True, False]), ValueError, "truth values"),
        ([0.5], TypeError, "expected integers or truth values, got float32"),
    ],
    ids=str,
)
def test_bad_indices_say_what_is_wrong(index, error, says):
    with pytest.raises(error, match=says):
        gnp.asarray(X)[index]


def test_places_outside_are_gradframes_errors_and_pythons():
    with pytest.raises(gf.errors.OutOfBoundsError, match="3 is outside of axis 0 of size 3") as error:
        gnp.asarray(X)[3]
    assert isinstance(error.value, (gf.errors.GradframeError, IndexError))


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "uint64"])
def test_places_along_an_axis_are_numpys_and_outside_of_it_an_index_error(axis, dtype):
    own = gnp.asarray(X)
    shape = [1, 1, 1]
    shape[axis] = 3
    size = X.shape[axis]
    inside = [0, size - 1, 1] if dtype.startswith("u") else [0, -1, -size]
    places = np.array(inside, dtype).reshape(shape)
    np.testing.assert_array_equal(np.asarray(gnp.take_along_axis(own, places, axis=axis)), np.take_along_axis(X, places, axis))
    np.testing.assert_array_equal(np.asarray(gnp.take(own, places.ravel(), axis=axis)), np.take(X, places.ravel(), axis))
    for outside in [size] if dtype.startswith("u") else [size, -size - 1]:
        places = np.array([0, outside, 1], dtype).reshape(shape)
        with pytest.raises(IndexError):
            np.take_along_axis(X, places, axis)
        with pytest.raises(IndexError, match=f"take_along_axis: {outside} of `indices` is outside of axis {axis % 3} of size {size}"):
            gnp.take_along_axis(own, places, axis=axis)
        with pytest.raises(IndexError, match=f"index: {outside} is outside of axis {axis % 3} of size {size}"):
            gnp.take(own, places.ravel(), axis=axis)


def test_an_axis_that_is_not_there_is_an_error():
    for axis in (3, -4):
        with pytest.raises(gf.errors.ShapeError, match=f"take: axis {axis} of an array of 3 axes"):
            gnp.take(gnp.asarray(X), gnp.asarray([0]), axis=axis)


def test_a_look_at_places_leaves_the_array_recorded():
    x, places = gnp.ones(3) + 1, gnp.asarray([0, 1]) + 1
    picked = gnp.take_along_axis(x, places, axis=0)
    assert not x._array.is_realised and not picked._array.is_realised and places._array.is_realised
    np.testing.assert_array_equal(np.asarray(picked), [2, 2])


@pytest.mark.parametrize("transform", [gf.jit, gf.vmap, lambda f: lambda x, i: gf.jvp(lambda y: f(y, i), (x,), (x,))[0]])
def test_places_that_nobody_knows_give_zeros_outside(transform):
    x = gnp.asarray([[1.0, 2.0]])
    if transform is gf.vmap:
        found = gf.vmap(lambda row, i: row[i])(gnp.asarray([[1.0, 2.0], [3.0, 4.0]]), gnp.asarray([1, 2]))
        np.testing.assert_array_equal(np.asarray(found), [2, 0])
    elif transform is gf.jit:
        found = gf.jit(lambda x, i: gnp.take(x, i, axis=1))(x, gnp.asarray([1, 5, -1, -3]))
        np.testing.assert_array_equal(np.asarray(found), [[2, 0, 2, 0]])
    else:  # known places are looked at though the array is traced
        with pytest.raises(IndexError, match="5 is outside of axis 1 of size 2"):
            transform(lambda x, i: gnp.take(x, i, axis=1))(x, gnp.asarray([5]))


def test_an_update_that_nobody_knows_to_be_outside_is_left_out():
    update = gf.jit(lambda x, i: (x.at[i].set(-1.0), x.at[i].add(10.0)))
    put, added = update(gnp.asarray([1.0, 2.0, 3.0]), gnp.asarray([1, 7]))
    np.testing.assert_array_equal(np.asarray(put), [1, -1, 3])
    np.testing.assert_array_equal(np.asarray(added), [1, 12, 3])
    with pytest.raises(IndexError, match="7 is outside of axis 0 of size 3"):
        gnp.asarray([1.0, 2.0, 3.0]).at[[1, 7]].set(-1.0)


HUGE = [
    (lambda: gnp.zeros((2**62, 4)), ValueError, r"zeros: the shape \[4611686018427387904, 4\] has more elements than memory has addresses"),
    (lambda: gnp.zeros((0, 2**62, 4)), ValueError, "more elements than memory has addresses"),
    (lambda: gnp.ones(2**80), ValueError, "more elements than memory has addresses"),
    (lambda: gnp.broadcast_to(gnp.ones(1), (2**62, 1)), ValueError, "broadcast_to: .* more elements"),
    (lambda: gnp.tile(gnp.ones(2), 2**62), ValueError, "tile: .* more elements"),
    (lambda: gnp.repeat(gnp.ones(2), 2**62), ValueError, "repeat: .* more elements"),
    (lambda: gnp.ones(()).reshape(2**40, 2**40), ValueError, "reshape: .* do not fit"),
    (lambda: gnp.ones((2**40,)), MemoryError, r"ones: float32\[1099511627776\] takes 4398046511104 bytes, this machine has \d+"),
    (lambda: gnp.full((2**40,), 1), MemoryError, r"full: int64\[1099511627776\]"),
    (lambda: gnp.eye(2**20), MemoryError, "eye: "),
    (lambda: gnp.arange(2**40), MemoryError, "arange: "),
    (lambda: gnp.arange(1e30), ValueError, "more elements than memory has addresses"),
    (lambda: gnp.linspace(0, 1, 2**40), MemoryError, "linspace: "),
    (lambda: gf.random.normal(shape=(2**40,)), MemoryError, "normal: "),
    (lambda: gf.random.permutation(None, 2**40), MemoryError, "permutation: "),
]


@pytest.mark.parametrize(("make", "kind", "says"), HUGE)
def test_what_no_machine_holds_is_an_error_at_once(make, kind, says):
    with pytest.raises(gf.errors.GradframeError, match=says) as error:
        make()
    assert isinstance(error.value, kind)


def test_a_large_table_is_folded_and_no_value():
    line = gnp.zeros((2**22, 1))
    table = line + line.reshape(1, -1)
    with pytest.raises(MemoryError, match=r"float32\[4194304, 4194304\] takes 703687\d{8} bytes"):
        table.numpy()


def test_a_loop_over_rows_compiles_once():
    from gradframe._gradframe import array_programs

    table = gnp.asarray(np.random.default_rng(0).normal(size=(64, 8)).astype("float32"))
    total = [float(table[i].sum() * i) for i in (1, 2)]
    before = array_programs()[0]
    total = [float(table[i].sum() * i) for i in range(1, 63)]
    assert array_programs()[0] == before
    np.testing.assert_allclose(total, np.asarray(table)[1:63].sum(1) * np.arange(1, 63), rtol=1e-4, atol=1e-4)


def test_a_copy_is_changed_by_itself():
    x = gnp.asarray(np.arange(3.0))
    for copied in (gnp.asarray(x, copy=True), gnp.astype(x, gnp.float64), gnp.clip(x), gnp.from_dlpack(x, copy=True), gnp.positive(x)):
        copied -= 1
        assert np.array_equal(np.asarray(copied), [-1, 0, 1])
    assert np.array_equal(np.asarray(x), [0, 1, 2])


@pytest.mark.parametrize("truth", [True, False])
def test_one_truth_value_picks_all_or_nothing(truth):
    values = np.arange(6.0).reshape(2, 3)
    for index in (truth, gnp.asarray(truth)):
        x = gnp.asarray(values)
        assert np.array_equal(np.asarray(x[index]), values[truth])
        x[index] = -1
        assert np.array_equal(np.asarray(x), np.full((2, 3), -1.0) if truth else values)
    number = gnp.asarray(5.0)
    assert np.array_equal(np.asarray(number[gnp.asarray(truth)]), np.asarray(5.0)[truth])


def test_where_of_a_condition_alone_gives_places():
    rows, columns = gnp.where(gnp.asarray([[False, True], [True, False]]))
    assert np.asarray(rows).tolist() == [0, 1] and np.asarray(columns).tolist() == [1, 0]
