"""Functions of SciPy and scikit-learn that dispatch by the standard take our arrays."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def test_scipy_and_sklearn_make_of_our_arrays_what_the_page_says():
    run = subprocess.run([sys.executable, HERE / "array_scipy.py", "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "DIFFERS" not in (HERE.parents[3] / "docs/array_scipy.md").read_text()
