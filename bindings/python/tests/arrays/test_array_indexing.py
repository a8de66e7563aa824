"""Parts of arrays, and arrays with other values in some places, beside NumPy's."""

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
