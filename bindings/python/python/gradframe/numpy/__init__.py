"""Arrays by NumPy's and the Array API's names.

    import gradframe.numpy as gnp

    x = gnp.linspace(0, 1, 5)
    gnp.sum(gnp.sin(x) ** 2)

This is the namespace that `x.__array_namespace__()` gives: the standard of 2024.12. Functions take arrays and Python
numbers, check shapes and types at once, and are computed when their results are looked at. Frames own the plain names of
`gradframe` (`gf.sum`, `gf.any` are expressions over columns); this module is where the arrays' are.
"""

from gradframe._array import Array
from gradframe._array.arranging import *  # noqa: F403
from gradframe._array.creation import *  # noqa: F403
from gradframe._array.dtypes import (
    DType,
    bfloat16,
    bool_ as bool,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from gradframe._array.elementwise import *  # noqa: F403
from gradframe._array.info import array_namespace_info as __array_namespace_info__
from gradframe._array.info import can_cast, finfo, iinfo, isdtype, result_type
from gradframe._array.linear import matmul, outer, tensordot, vecdot
from gradframe._array.pairs import *  # noqa: F403
from gradframe._array.reducing import *  # noqa: F403
from gradframe._array.sets import *  # noqa: F403
from gradframe.numpy import fft, linalg

e = 2.718281828459045
inf = float("inf")
nan = float("nan")
newaxis = None
pi = 3.141592653589793
__array_api_version__ = "2024.12"
ndarray = Array
