"""Functions of arrays in the plan, and columns as arrays."""

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pyarrow as pa
import pytest

F = gf.nn.functional


def frame():
    return gf.DataFrame({"x": [1.0, -2.0, None, 4.0], "n": [1, 2, 3, 4], "b": [True, False, None, True], "s": list("abcd")})


CASES = [
    (lambda: gf.col("x").apply_array(lambda x: x * 2.0 + 1.0), [3.0, -3.0, None, 9.0]),
    (lambda: gf.col("x").apply_array(F.relu), [1.0, 0.0, None, 4.0]),
    (lambda: gf.col("n").apply_array(lambda n: n * n), [1, 4, 9, 16]),
    (lambda: gf.col("n").apply_array(lambda n, x: n + x, gf.col("x")), [2.0, 0.0, None, 8.0]),
    (lambda: gf.col("n").apply_array(lambda n: n > 2), [False, False, True, True]),
    (lambda: gf.col("b").apply_array(gnp.logical_not), [False, True, None, False]),
    (lambda: gf.col("b").apply_array(lambda b: gnp.where(b, gnp.zeros_like(b), gnp.ones((b.shape[0],), dtype="bool"))), [False, True, None, False]),
    (lambda: gf.col("n").apply_array(lambda n: n * gnp.full((n.shape[0],), 2)), [2, 4, 6, 8]),
    (lambda: gf.col("n").cast(gf.Int16).apply_array(lambda n: n // 2), [0, 1, 1, 2]),
]


@pytest.mark.parametrize(("expr", "values"), CASES)
def test_a_function_of_arrays_is_a_kernel_of_the_plan(expr, values):
    assert frame().select(y=expr())["y"].to_list() == values
    assert frame().lazy().select(y=expr()).collect()["y"].to_list() == values


def test_it_is_traced_once_and_never_called_for_rows():
    calls = []

    def counted(x):
        calls.append(x.shape)
        return gnp.exp(x)

    query = gf.DataFrame({"x": np.linspace(0, 1, 50_000)}).lazy().with_columns(y=gf.col("x").apply_array(counted))
    before = len(calls)
    got = query.collect()["y"].to_numpy()
    np.testing.assert_allclose(got, np.exp(np.linspace(0, 1, 50_000)), rtol=1e-12)
    assert before == 3 and len(calls) <= 6 and all(shape[0] > 1024 for shape in calls)


def test_batches_and_threads_change_nothing(tmp_path):
    x = np.random.default_rng(0).normal(size=20_000)
    seen = []
    for threads, batch in ((1, 100), (4, 8192)):
        session = gf.Session(home=tmp_path / str(threads), threads=threads, batch_size_rows=batch)
        rows = session.from_arrow(pa.table({"x": x}))
        seen.append(rows.select(y=gf.col("x").apply_array(lambda x: gnp.sin(x) ** 2 + F.gelu(x)))["y"].to_numpy())
    assert np.array_equal(*seen)


def test_tensors_go_in_and_come_out():
    values = np.arange(12.0).reshape(4, 3)
    rows = gf.from_arrow(pa.table({"v": pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), 3)}))
    out = rows.select(gf.col("v").apply_array(lambda v: v / v.sum(1, keepdims=True)).alias("v"))
    np.testing.assert_allclose(out.to_tensor("v").numpy(), values / values.sum(1, keepdims=True))
    total = rows.select(t=gf.col("v").apply_array(lambda v: v.sum(1)))["t"].to_list()
    assert total == values.sum(1).tolist()
    grid = rows.select(gf.col("v").apply_array(lambda v: v.reshape(-1, 3, 1) * v.reshape(-1, 1, 3)).alias("g")).to_arrow()
    assert str(grid.schema.field("g").type).startswith("extension<arrow.fixed_shape_tensor")
    assert grid["g"].combine_chunks().to_numpy_ndarray().shape == (4, 3, 3)


def test_a_nan_of_arithmetic_is_above_all_numbers():
    rows = gf.DataFrame({"x": [0.0, 1.0, -1.0]}).with_columns(y=gf.col("x").apply_array(lambda x: x / abs(x)))
    ordered = rows.sort("y")["y"].to_list()
    assert ordered[:2] == [-1.0, 1.0] and np.isnan(ordered[2])
    assert rows.filter(gf.col("y") > 5).height == 1


WRONG = [
    (lambda: gf.col("x").apply_array(lambda x: x - x.mean()), "PlanError", "looks at more than one row"),
    (lambda: gf.col("x").apply_array(lambda x: gnp.flip(x)), "PlanError", "looks at more than one row"),
    (lambda: gf.col("x").apply_array(lambda x: x.sum()), "PlanError", "more than one row"),
    (lambda: gf.col("s").apply_array(lambda x: x), "DTypeError", "column `s` is String, expected numbers"),
    (lambda: gf.col("x").apply_array(lambda x: 1.0), "ExecutionError", "gives a float, expected an array"),
    (lambda: gf.col("x").apply_array(lambda x: x if x > 0 else -x), "ExecutionError", "apply_array"),
    (lambda: gf.col("x").apply_array(lambda x: x @ gnp.ones((3, 1))), "ExecutionError", "apply_array, given [rows] float"),
    (lambda: gf.col("x").apply_array(3), "TypeError", "expected a function of arrays"),
]


@pytest.mark.parametrize(("expr", "kind", "message"), WRONG)
def test_what_does_not_fit_is_an_error_when_the_plan_is_made(expr, kind, message):
    with pytest.raises(Exception) as error:
        frame().lazy().select(y=expr()).collect_schema()
    assert type(error.value).__name__ == kind, error.value
    assert message in str(error.value), error.value


def test_columns_become_one_array():
    rows = gf.DataFrame({"a": [1.0, 2.0], "b": [3, 4], "t": [True, False]})
    matrix = rows.to_tensor(["a", "b"])
    assert (matrix.shape, matrix.dtype.name) == ((2, 2), "float64")
    assert matrix.tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert rows.to_tensor("b").tolist() == [3, 4]
    assert rows.to_tensor(dtype="float32").dtype.name == "float32"
    assert rows.lazy().to_tensor(["b"]).shape == (2, 1)


def test_nulls_in_an_array_are_an_error_a_mask_or_a_number():
    rows = gf.DataFrame({"a": [1.0, None], "b": [3, 4]})
    with pytest.raises(gf.errors.ExecutionError, match="column `a` is null in 1 row; hint: nulls='mask'"):
        rows.to_tensor()
    values, mask = rows.to_tensor(nulls="mask")
    assert values.tolist() == [[1.0, 3.0], [0.0, 4.0]]
    assert mask.tolist() == [[True, True], [False, True]]
    assert rows.to_tensor(nulls=-1).tolist() == [[1.0, 3.0], [-1.0, 4.0]]
    with pytest.raises(gf.errors.PlanError, match="nulls is 'zero', expected"):
        rows.to_tensor(nulls="zero")
    with pytest.raises(gf.errors.PlanError, match="column `s` is String"):
        frame().to_tensor(["s"])
