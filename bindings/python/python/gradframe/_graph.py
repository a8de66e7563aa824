"""Plans drawn by Graphviz, where it is installed."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys
from typing import Any

from gradframe.errors import UnsupportedError


def draw(text: str, output_path: Any, show: bool) -> None:
    """Draws a graph into a file, or shows it in a notebook. A file that ends in ".dot" gets the text itself.
    Errors: `UnsupportedError` without Graphviz."""
    if output_path is not None:
        path = pathlib.Path(output_path)
        path.write_bytes(text.encode() if path.suffix == ".dot" else _drawn(text, path.suffix.lstrip(".") or "svg"))
    elif show:
        _show(_drawn(text, "svg").decode())


def _drawn(text: str, kind: str) -> bytes:
    dot = shutil.which("dot")
    if dot is None:
        raise UnsupportedError("show_graph: Graphviz's `dot` is not installed; hint: raw_output=True gives the graph as text")
    return subprocess.run([dot, f"-T{kind}"], input=text.encode(), stdout=subprocess.PIPE, check=True).stdout


def _show(svg: str) -> None:
    if "IPython" not in sys.modules:
        raise UnsupportedError("show_graph: only a notebook can show it; hint: give an output_path, or raw_output=True")
    from IPython.display import SVG, display

    display(SVG(data=svg))
