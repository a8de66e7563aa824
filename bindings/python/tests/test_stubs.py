"""The type stubs name what the extension has, no more and no less, and all of it is documented."""

import ast
import inspect
import pathlib

import pytest

import gradframe as gf
from gradframe import _gradframe

STUBS = ast.parse(pathlib.Path(gf.__file__).with_name("_gradframe.pyi").read_text())
CLASSES = {node.name: node for node in STUBS.body if isinstance(node, ast.ClassDef)}
# What every class has, and what Python makes of an operator by itself.
UNDECLARED = {"__doc__", "__module__", "__new__", "__repr__", "__hash__", "__bool__"}


def declared(body):
    return {node.name for node in body if isinstance(node, ast.FunctionDef)} - {"__init__"}


def real(cls):
    own = {name for name in vars(cls) if not hasattr(object, name) or vars(cls)[name] is not getattr(object, name)}
    return own - UNDECLARED


def test_the_module_has_the_declared_names():
    names = declared(STUBS.body) | set(CLASSES) | {"__version__"}
    assert {name for name in dir(_gradframe) if not name.startswith("__") or name == "__version__"} - {"__all__"} == names


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_has_the_declared_methods(name):
    cls = getattr(_gradframe, name)
    reflected = {"__rpow__", "__setattr__", "__delattr__"}
    assert real(cls) - reflected == declared(CLASSES[name].body)


@pytest.mark.parametrize("name", CLASSES)
def test_everything_public_is_documented(name):
    cls = getattr(_gradframe, name)
    assert inspect.getdoc(cls)
    for member in vars(cls):
        if not member.startswith("_"):
            assert inspect.getdoc(getattr(cls, member)), f"{name}.{member}"


@pytest.mark.parametrize("name", [n for n in gf.__all__ if n != "__version__"])
def test_the_package_is_documented(name):
    thing = getattr(gf, name)
    assert inspect.getdoc(thing), name
    for member in dir(thing) if isinstance(thing, type) else []:
        if not member.startswith("_"):
            assert inspect.getdoc(getattr(thing, member)), f"{name}.{member}"


@pytest.mark.parametrize("frame", [gf.LazyFrame, gf.DataFrame])
def test_public_methods_have_types(frame):
    for name, method in inspect.getmembers(frame, inspect.isfunction):
        if not name.startswith("_"):
            assert "return" in method.__annotations__, f"{frame.__name__}.{name}"

