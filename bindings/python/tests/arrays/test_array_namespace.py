"""The namespace as the standard has it."""

import array_api
import gradframe.numpy as gnp
import numpy as np
import pytest


def test_the_page_of_the_standard_is_as_the_code_is():
    assert array_api.PAGE.read_text() == array_api.page(), "run python tests/arrays/array_api.py"


def test_every_name_of_the_standard_is_there():
    missing = [
        f"{topic}.{name}"
        for topic, names in array_api.STANDARD.items()
        for name in names.split()
        if not hasattr(getattr(gnp, topic) if topic in ("linalg", "fft") else gnp, name)
    ]
    assert missing == []


def test_the_namespace_is_found_from_an_array():
    x = gnp.ones(2)
    assert x.__array_namespace__(api_version="2024.12") is gnp
    with pytest.raises(ValueError, match="2024.12"):
        x.__array_namespace__(api_version="1999.01")
    info = gnp.__array_namespace_info__()
    assert info.devices() == ["cpu"] and info.capabilities()["boolean indexing"]
    assert info.default_dtypes()["real floating"] is gnp.float32
    assert set(info.dtypes(kind="signed integer")) == {"int8", "int16", "int32", "int64"}


PROMOTIONS = [
    ("int8", "int16", "int16"),
    ("uint8", "int8", "int16"),
    ("uint32", "int32", "int64"),
    ("float32", "float64", "float64"),
    ("float32", "complex64", "complex64"),
    ("float64", "complex64", "complex128"),
    ("int64", "float32", "float32"),
    ("bool", "int8", "int8"),
    ("float16", "bfloat16", "float32"),
]


@pytest.mark.parametrize(("a", "b", "common"), PROMOTIONS)
def test_types_have_one_table(a, b, common):
    assert gnp.result_type(a, b) == gnp.result_type(b, a) == common
    x, y = gnp.ones(2, dtype=a), gnp.ones(2, dtype=b)
    assert (gnp.where(x == x, x, y)).dtype == common


def test_python_numbers_are_weak():
    assert (gnp.ones(1, dtype="float16") + 1.5).dtype == gnp.float16
    assert (gnp.ones(1, dtype="int8") * 3).dtype == gnp.int8
    assert (gnp.ones(1, dtype="int32") + 1.5).dtype == gnp.float32
    assert (gnp.ones(1, dtype="float64") + 1j).dtype == gnp.complex128
    assert gnp.result_type(gnp.int8, 3, 2.5) == gnp.float32


def test_questions_of_types():
    assert gnp.isdtype(gnp.int8, "integral") and not gnp.isdtype(gnp.int8, "real floating")
    assert gnp.isdtype(gnp.float32, ("bool", gnp.float32)) and gnp.isdtype(gnp.bool, "bool")
    assert gnp.can_cast(gnp.int8, gnp.int16) and not gnp.can_cast(gnp.float64, gnp.float32)
    assert gnp.finfo(gnp.complex64).eps == np.finfo("float32").eps and gnp.iinfo("uint8").max == 255
    assert gnp.float32 == np.float32 and gnp.float32 == "float32" and np.dtype(gnp.int8) == np.int8
    with pytest.raises(TypeError, match="no element type `datetime64"):
        gnp.zeros(2, dtype="datetime64[s]")


def test_logic_and_bits():
    x, y = np.array([True, True, False, False]), np.array([True, False, True, False])
    for name in ("logical_and", "logical_or", "logical_xor"):
        np.testing.assert_array_equal(np.asarray(getattr(gnp, name)(gnp.asarray(x), gnp.asarray(y))), getattr(np, name)(x, y))
    np.testing.assert_array_equal(np.asarray(gnp.logical_not(gnp.asarray(x))), ~x)
    n, m = np.array([6, -5], "int32"), np.array([1, 3], "int32")
    np.testing.assert_array_equal(np.asarray(gnp.bitwise_left_shift(gnp.asarray(n), gnp.asarray(m))), n << m)
    np.testing.assert_array_equal(np.asarray(gnp.bitwise_right_shift(gnp.asarray(n), gnp.asarray(m))), n >> m)
    np.testing.assert_array_equal(np.asarray(gnp.bitwise_invert(gnp.asarray(n))), ~n)
    np.testing.assert_array_equal(np.asarray(~gnp.asarray(x)), ~x)


def test_likenesses():
    x = gnp.asarray([[1, 2]], dtype="int16")
    for made, value in ((gnp.zeros_like(x), 0), (gnp.ones_like(x), 1), (gnp.full_like(x, 7), 7), (gnp.empty_like(x), 0)):
        assert made.shape == (1, 2) and made.dtype == gnp.int16 and made.tolist() == [[value, value]]
    assert gnp.empty((2, 1)).shape == (2, 1)
    assert gnp.astype(x, gnp.float64).dtype == gnp.float64
    assert [a.shape for a in gnp.broadcast_arrays(x, gnp.zeros((3, 1)))] == [(3, 2), (3, 2)]
    assert gnp.argsort(gnp.asarray([3, 1, 2, 1]), descending=True).tolist() == [0, 2, 1, 3]
