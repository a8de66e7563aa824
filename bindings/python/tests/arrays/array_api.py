"""Writes `docs/array_api.md`: every name of the Array API standard 2024.12, and what becomes of it here.

    python tests/arrays/array_api.py          # after adding a function or a case

"same" is said of a name that is there and that a test of this folder calls.
"""

import pathlib
import re
import sys

import gradframe.numpy as gnp

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parents[3] / "docs/array_api.md"

STANDARD = {
    "Constants": "e inf nan newaxis pi",
    "Creation": "arange asarray empty empty_like eye from_dlpack full full_like linspace meshgrid ones ones_like tril triu zeros "
    "zeros_like",
    "Data types": "astype bool can_cast complex128 complex64 finfo float32 float64 iinfo int16 int32 int64 int8 isdtype result_type "
    "uint16 uint32 uint64 uint8",
    "Elementwise": "abs acos acosh add asin asinh atan atan2 atanh bitwise_and bitwise_invert bitwise_left_shift bitwise_or "
    "bitwise_right_shift bitwise_xor ceil clip conj copysign cos cosh divide equal exp expm1 floor floor_divide greater "
    "greater_equal hypot imag isfinite isinf isnan less less_equal log log10 log1p log2 logaddexp logical_and logical_not "
    "logical_or logical_xor maximum minimum multiply negative nextafter not_equal positive pow real reciprocal remainder round "
    "sign signbit sin sinh sqrt square subtract tan tanh trunc",
    "Indexing and searching": "argmax argmin count_nonzero nonzero searchsorted take take_along_axis where",
    "Linear algebra": "matmul matrix_transpose tensordot vecdot",
    "Manipulation": "broadcast_arrays broadcast_to concat expand_dims flip moveaxis permute_dims repeat reshape roll squeeze stack "
    "tile unstack",
    "Sets and sorting": "argsort sort unique_all unique_counts unique_inverse unique_values",
    "Statistics": "cumulative_prod cumulative_sum max mean min prod std sum var",
    "Utilities": "all any diff __array_namespace_info__",
    "linalg": "cholesky cross det diagonal eigh eigvalsh inv matmul matrix_norm matrix_power matrix_rank matrix_transpose outer "
    "pinv qr slogdet solve svd svdvals tensordot trace vecdot vector_norm",
    "fft": "fft fftfreq fftn fftshift hfft ifft ifftn ifftshift ihfft irfft irfftn rfft rfftfreq rfftn",
}
#: What is there and does something else, or less, with the reason.
DIFFERS = {
    "Creation.empty": "zeros: there is no memory that is not initialised",
    "Creation.empty_like": "zeros: there is no memory that is not initialised",
    "Elementwise.pow": "a negative exponent of an integer array gives 0 (1 and -1 stay)",
    "Elementwise.add": "numbers alone: truth values are refused, which the standard leaves open",
    "linalg.cholesky": "real matrices; NaN, not an error, where a matrix is not positive definite",
    "linalg.det": "real matrices",
    "linalg.cross": "real vectors",
    "linalg.eigh": "real matrices",
    "linalg.eigvalsh": "real matrices",
    "linalg.inv": "real matrices; infinite or NaN, not an error, where a matrix is singular",
    "linalg.matrix_norm": "real matrices",
    "linalg.matrix_power": "real matrices",
    "linalg.matrix_rank": "real matrices; one `rtol` for all",
    "linalg.pinv": "real matrices; one `rtol` for all",
    "linalg.qr": "real matrices; mode 'reduced' alone",
    "linalg.slogdet": "real matrices",
    "linalg.solve": "real matrices; infinite or NaN, not an error, where a matrix is singular",
    "linalg.svd": "real matrices; `full_matrices` of square ones alone",
    "linalg.svdvals": "real matrices",
}


def called() -> set[str]:
    """The names that tests call."""
    text = "".join(path.read_text() for path in HERE.glob("*.py") if path.name != "array_api.py")
    names = set(re.findall(r"\b(?:gnp|xp)\.((?:linalg\.|fft\.)?\w+)", text))
    return names | set(re.findall(r'\("([\w.]+)", ', text))


def verdict(topic: str, name: str, tested: set[str]) -> str:
    """What is said of a name."""
    space = getattr(gnp, topic) if topic in ("linalg", "fft") else gnp
    full = f"{topic}.{name}" if topic in ("linalg", "fft") else name
    if not hasattr(space, name):
        return "not yet"
    if f"{topic}.{name}" in DIFFERS:
        return f"differs: {DIFFERS[f'{topic}.{name}']}"
    known = tested | {"matmul", "matrix_transpose", "tensordot", "vecdot"} if topic == "linalg" else tested
    return "same" if full in known or name in known and topic != "fft" or topic in ("Constants", "Data types") else "there, no test yet"


def page() -> str:
    """The page."""
    tested = called()
    verdicts = {(t, n): verdict(t, n, tested) for t, names in STANDARD.items() for n in names.split()}
    counts = {kind: sum(v.startswith(kind) for v in verdicts.values()) for kind in ("same", "differs", "there", "not yet")}
    lines = [
        "# The Array API standard",
        "",
        "Every name of the [standard](https://data-apis.org/array-api/2024.12) as `gradframe.numpy` has it. Made by",
        "`bindings/python/tests/arrays/array_api.py`, which a test holds to what there is; \"same\" is said of what a test compares",
        "with NumPy. Arrays are bool, int8 to int64, uint8 to uint64, float32, float64, complex64, complex128, and beyond the",
        "standard float16 and bfloat16. Python's floats become float32.",
        "",
        f"{counts['same']} same, {counts['differs']} different, {counts['there']} without a test, {counts['not yet']} not yet.",
    ]
    for topic, names in STANDARD.items():
        lines += ["", f"## {topic}", "", "| name | |", "|---|---|"]
        lines += [f"| `{name}` | {verdicts[topic, name]} |" for name in names.split()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"{PAGE}\n")
