"""Numbers in the place of nulls, as `to_tensor` puts them there."""

import gradframe as gf
import numpy as np
import pyarrow as pa
import pytest


def frame(kind, values):
    return gf.from_arrow(pa.table({"c": pa.array(values, kind)}))


@pytest.mark.parametrize(
    ("kind", "values", "nulls", "expected", "dtype"),
    [
        (pa.int64(), [1, None], -1.5, [1.0, -1.5], "float64"),
        (pa.int64(), [1, 2], -1.5, [1.0, 2.0], "float64"),
        (pa.int8(), [1, None], float("nan"), [1.0, np.nan], "float64"),
        (pa.int8(), [1, None], float("inf"), [1.0, np.inf], "float64"),
        (pa.int8(), [1, None], -1.0, [1, -1], "int8"),
        (pa.uint64(), [2**64 - 1, None], 2**64 - 1, [2**64 - 1, 2**64 - 1], "uint64"),
        (pa.float32(), [1.5, None], -1.5, [1.5, -1.5], "float32"),
        (pa.float64(), [1.5, None], 2**70, [1.5, 2.0**70], "float64"),
        (pa.float64(), [1.5, None], np.float32(0.5), [1.5, 0.5], "float64"),
        (pa.bool_(), [True, None], 0, [True, False], "bool"),
        (pa.bool_(), [False, None], 1.0, [False, True], "bool"),
        (pa.list_(pa.int32(), 2), [[1, 2], None], -0.5, [[1, 2], [-0.5, -0.5]], "float64"),
        (pa.list_(pa.int32(), 2), [[1, None], [3, 4]], 7, [[1, 7], [3, 4]], "int32"),
        (pa.list_(pa.bool_(), 2), [[True, True], None], 0, [[True, True], [False, False]], "bool"),
    ],
)
def test_a_number_stands_there_as_it_was_given(kind, values, nulls, expected, dtype):
    tensor = frame(kind, values).to_tensor("c", nulls=nulls)
    assert tensor.dtype.name == dtype
    np.testing.assert_array_equal(tensor.numpy(), expected)


def test_beside_floats_too():
    data = gf.DataFrame({"x": [1.0, 2.0], "i": [1, None]})
    np.testing.assert_array_equal(data.to_tensor(["x", "i"], nulls=-1.5).numpy(), [[1.0, 1.0], [2.0, -1.5]])


@pytest.mark.parametrize(
    ("kind", "nulls"),
    [
        (pa.int8(), 300), (pa.uint8(), -1), (pa.int64(), 2**70), (pa.bool_(), 2), (pa.bool_(), 0.5), (pa.bool_(), float("nan")),
        (pa.float32(), 1e300), (pa.float16(), 1e6), (pa.float64(), 10**400), (pa.list_(pa.uint8(), 1), -1),
    ],
)
@pytest.mark.parametrize("values", [[None], []])
def test_what_the_type_does_not_hold_is_an_error_that_names_the_column(kind, nulls, values):
    with pytest.raises(gf.errors.PlanError, match="to_tensor: nulls is .* column `c`.*hint"):
        frame(kind, values).to_tensor("c", nulls=nulls)


@pytest.mark.parametrize("nulls", [None, True, "skip", [1], 1j, np.array([1, 2])])
def test_what_is_no_number_is_an_error(nulls):
    with pytest.raises(gf.errors.PlanError, match="nulls is"):
        gf.DataFrame({"x": [1, None]}).to_tensor("x", nulls=nulls)


@pytest.mark.parametrize("nulls", ["error", "mask", 0])
def test_tensors_without_rows(nulls):
    found = frame(pa.int64(), []).to_tensor("c", nulls=nulls)
    assert (found[0] if nulls == "mask" else found).shape == (0,)


INNER = [[1.0, None], None, [3.0, 4.0], [None, None]]


@pytest.mark.parametrize("cut", [slice(None), slice(1, None), slice(2, 3)])
def test_nulls_within_lists_are_nulls(cut):
    column = pa.array(INNER, pa.list_(pa.float64(), 2))[cut]
    data, rows = gf.from_arrow(pa.table({"c": column})), column.to_pylist()
    values, mask = data.to_tensor("c", nulls="mask")
    held = [[number is not None for number in row or [None, None]] for row in rows]
    np.testing.assert_array_equal(mask.numpy(), held)
    np.testing.assert_array_equal(values.numpy(), [[number or 0.0 for number in row or [None, None]] for row in rows])
    wrong = sum(not all(row) for row in held)
    if not wrong:
        np.testing.assert_array_equal(data.to_tensor("c").numpy(), rows)
        return
    with pytest.raises(gf.errors.ExecutionError, match=f"column `c` is null in {wrong} rows.*hint"):
        data.to_tensor("c")


def test_nulls_within_tensors_are_nulls():
    storage = pa.array([[1, 2, None, 4], [5, 6, 7, 8]], pa.list_(pa.int32(), 4))
    column = pa.ExtensionArray.from_storage(pa.fixed_shape_tensor(pa.int32(), (2, 2)), storage)
    data = gf.from_arrow(pa.table({"c": column}))
    values, mask = data.to_tensor("c", nulls="mask")
    np.testing.assert_array_equal(mask.numpy(), [[[True, True], [False, True]], [[True, True], [True, True]]])
    assert values.shape == (2, 2, 2) and values.dtype.name == "int32"
    with pytest.raises(gf.errors.ExecutionError, match="column `c` is null in 1 row;"):
        data.to_tensor("c")


@pytest.mark.parametrize("kind", [pa.int8(), pa.int64(), pa.uint64(), pa.bool_(), pa.float32()])
def test_a_number_beyond_every_type_is_an_error(kind):
    with pytest.raises(gf.errors.PlanError, match="does not hold"):
        frame(kind, [None]).to_tensor("c", nulls=10**400)
