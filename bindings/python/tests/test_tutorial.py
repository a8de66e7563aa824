"""The tutorial's blocks run from top to bottom, and print what stands below them."""

import contextlib
import io
import re
from pathlib import Path

import pytest

TUTORIALS = ["tutorial_arrays_to_plan.md"]
ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", TUTORIALS)
def test_a_tutorial_prints_what_it_says(name):
    text = (ROOT / "docs" / name).read_text()
    names: dict = {}
    for program, expected in re.findall(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", text, re.DOTALL):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(program, name, "exec"), names)
        assert printed.getvalue() == expected, program
