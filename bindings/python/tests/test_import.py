"""What `import gradframe` loads, and what comes when it is asked for."""

import subprocess
import sys

import pytest

import gradframe as gf


def loaded_after(text):
    """Modules that a new interpreter has loaded after these statements."""
    asked = f"{text}\nimport sys\nprint(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True).stdout.split())


def test_the_import_needs_no_other_package():
    loaded = loaded_after("import gradframe")
    assert not loaded & {"numpy", "pyarrow", "pandas", "polars", "torch", "gradframe.nn", "gradframe.numpy"}


@pytest.mark.parametrize("text", ["gf.nn.Linear", "gf.numpy.ones", "gf.array", "gf.random.key", "gf.optim.Adam", "gf.models", "gf.autolog"])
def test_what_comes_later_comes_by_its_name(text):
    assert loaded_after(f"import gradframe as gf\n{text}")
    assert text.split(".")[1] in dir(gf)


def test_all_names_are_there():
    assert [name for name in gf.__all__ if not hasattr(gf, name)] == []


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'gradframe' has no attribute 'dataframe'"):
        gf.dataframe  # noqa: B018
