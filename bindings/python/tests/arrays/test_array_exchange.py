"""Arrays in and out of other libraries: without a copy where that can be."""

import copy
import pickle

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pyarrow as pa
import pytest

DTYPES = [d for d in gnp.__array_namespace_info__().dtypes()] + ["float16"]


def address(array):
    return np.asarray(array).__array_interface__["data"][0]


@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_comes_and_goes_without_a_copy(dtype):
    x = np.arange(12).reshape(3, 4).astype(dtype)
    ours = gnp.asarray(x)
    assert str(ours.dtype) == dtype
    assert address(ours) == address(x)
    np.testing.assert_array_equal(np.asarray(ours), x)


def test_what_cannot_be_shared_is_copied_or_refused():
    turned = np.arange(6.0).reshape(2, 3).T
    np.testing.assert_array_equal(np.asarray(gnp.asarray(turned)), turned)
    with pytest.raises(ValueError, match="cannot be shared"):
        gnp.asarray(turned, copy=False)
    x = np.ones(3)
    made = gnp.array(x)
    x[0] = 5
    assert made.tolist() == [1, 1, 1], "array copies"
    np.testing.assert_array_equal(np.asarray(gnp.asarray(np.arange(3, dtype=">i4"))), [0, 1, 2])


def test_memory_lives_as_long_as_either_side():
    ours = gnp.asarray(np.arange(1000.0))
    kept = np.asarray(ours + 1)
    del ours
    assert kept[-1] == 1000
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 1


class Bfloats:
    """Another library's array of bfloat16, as far as DLPack goes."""

    dtype = "bfloat16"

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


@pytest.mark.parametrize("read", [gnp.from_dlpack, gnp.asarray, gf.array])
def test_bfloat16_goes_both_ways_over_dlpack(read):
    x = gnp.asarray([1.5, -2.0, 3.140625], dtype="bfloat16").reshape(3, 1)
    back = read(Bfloats(x))
    assert (back.dtype.name, back.shape, back.tolist()) == ("bfloat16", (3, 1), [[1.5], [-2.0], [3.140625]])
    shares = memoryview(back._array.buffer()).tobytes() == memoryview(x._array.buffer()).tobytes()
    assert shares
    with pytest.raises((BufferError, RuntimeError, TypeError)):
        np.from_dlpack(x)  # NumPy says that it does not know the type, not that these are integers
    assert gnp.from_dlpack(Bfloats(gnp.zeros((0, 2), dtype="bfloat16"))).shape == (0, 2)


def test_dlpack_both_ways():
    x = np.arange(6, dtype="float32").reshape(2, 3)
    ours = gnp.from_dlpack(x)
    assert address(ours) == address(x)
    back = np.from_dlpack(ours + 1)
    np.testing.assert_array_equal(back, x + 1)
    assert ours.__dlpack_device__() == (1, 0)
    assert address(np.from_dlpack(ours)) == address(ours)


def test_arrow_and_frames_come_as_they_are():
    column = pa.array([1.0, 2.0, 3.0])
    assert gnp.asarray(column).tolist() == [1, 2, 3]
    assert gnp.asarray(gf.from_dict({"x": [1, 2]})["x"]).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (1, "int64"),
        (1.5, "float32"),
        (True, "bool"),
        (1j, "complex64"),
        ([1, 2], "int64"),
        ([1, 2.5], "float32"),
        ([True, False], "bool"),
        ([], "float32"),
        ([[1, 2], [3, 4j]], "complex64"),
        ([2**63], "uint64"),
        (np.float64(1.0), "float64"),
        (np.arange(2, dtype="int8"), "int8"),
        ([np.float64(1.0)], "float64"),
    ],
    ids=str,
)
def test_types_of_python_values(values, dtype):
    made = gnp.asarray(values)
    assert str(made.dtype) == dtype
    np.testing.assert_array_equal(np.asarray(made), np.asarray(values))


def test_lists_of_arrays_are_stacked():
    x = gnp.asarray([1.0, 2.0])
    assert gnp.asarray([x, x * 2]).tolist() == [[1, 2], [2, 4]]
    assert gnp.asarray([[x[0], 1.0]]).tolist() == [[1, 1]]


def test_numpys_operators_leave_it_to_ours():
    x, y = np.ones(2, "float32"), gnp.asarray([1.0, 2.0])
    for result in (x + y, y + x, x * y, x @ y, x < y, np.float32(2) * y):
        assert isinstance(result, gnp.ndarray)


def test_single_numbers_become_pythons():
    assert (float(gnp.asarray(1.5)), int(gnp.asarray(3)), bool(gnp.asarray(True))) == (1.5, 3, True)
    assert complex(gnp.asarray(1 + 2j)) == 1 + 2j
    assert [10, 20, 30][gnp.asarray(1)] == 20
    assert f"{gnp.asarray(2.5):.2f}" == "2.50"
    assert gnp.asarray([[7]]).item() == 7
    with pytest.raises(ValueError, match="any\\(\\) or all\\(\\)"):
        bool(gnp.asarray([1, 2]))
    with pytest.raises(ValueError, match="single element, got 2"):
        gnp.asarray([1, 2]).item()


def test_copies_and_pickles():
    x = gnp.asarray([1.0, 2.0])
    for other in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert other.tolist() == x.tolist() and other.dtype == x.dtype


def test_arrays_print_as_numpys_do():
    assert repr(gnp.asarray([[1.0, 2.5], [3.0, 4.0]])) == "array([[1. , 2.5],\n       [3. , 4. ]], dtype=float32)"
    assert repr(gnp.asarray(3)) == "array(3, dtype=int64)"
    assert str(gnp.asarray([1, 2])) == "[1 2]"
    assert repr(gnp.zeros((2, 0))) == "array([], shape=(2, 0), dtype=float32)"
    assert "shape=(2000,)" in repr(gnp.zeros(2000))
    assert repr(gnp.array([1.0], requires_grad=True)) == "array([1.], dtype=float32, requires_grad=True)"


@pytest.mark.parametrize("values", ["text", object(), {"a": 1}, ["a", "b"], np.array(["2020-01-01"], "datetime64[D]")], ids=str)
def test_what_is_no_array_is_refused(values):
    with pytest.raises(TypeError, match="asarray: expected numbers"):
        gnp.asarray(values)


def test_ragged_lists_and_large_integers_are_refused():
    with pytest.raises(ValueError, match="not all one length"):
        gnp.asarray([[1, 2], [3]])
    with pytest.raises(OverflowError, match="fits no integer type"):
        gnp.asarray([2**70])
    with pytest.raises(TypeError, match="300 does not fit int8"):
        gnp.asarray([1], dtype="int8") + 300
