"""Calls of thousands of arguments, and plans of thousands of steps: an answer or an error, never the end of the process."""

import subprocess
import sys

import pytest

#: What is asked for, each in a process of its own: a stack that overflows ends it. Prints the answer.
ASKED = {
    "concat_str": ("gf.DataFrame({'a': ['x']}).select(gf.concat_str([gf.col('a')] * 3000))['a'].to_list() == ['x' * 3000]", "True"),
    "concat_list": ("gf.DataFrame({'a': [1]}).select(gf.concat_list([gf.col('a')] * 3000).list.len())['a'].to_list()", "[3000]"),
    "all_horizontal": ("gf.DataFrame({'a': [1]}).select(gf.all_horizontal([gf.col('a') > 0] * 5000).alias('a'))['a'].to_list()", "[True]"),
    "filters": ("chained(lambda f, i: f.filter(gf.col('a') > -i), 2000).collect()['a'].to_list()", "[1]"),
    "more filters than a plan has": ("chained(lambda f, i: f.filter(gf.col('a') > -i), 4000)", "PlanError"),
}
BEGIN = """
import gradframe as gf
from functools import reduce

def chained(step, count):
    return reduce(step, range(1, count + 1), gf.DataFrame({'a': [1]}).lazy())

try:
    print(ASKED)
except gf.errors.PlanError as error:
    assert "steps" in str(error) and "collect()" in str(error), error
    print("PlanError")
"""


@pytest.mark.parametrize("name", ASKED)
def test_thousands_are_answered_or_refused(name):
    asked, expected = ASKED[name]
    run = subprocess.run([sys.executable, "-c", BEGIN.replace("ASKED", asked)], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, (run.returncode, run.stderr[-2000:])
    assert run.stdout.strip() == expected
