"""How tables are drawn: as wide as the terminal, and no more rows than one looks at."""

from __future__ import annotations

import os
import shutil
import sys

# Where there is no terminal, tables are as wide as a page.
PAGE_WIDTH = 120
ROWS_MAX = 10


def width() -> int | None:
    """Characters of a line: the terminal's, or what COLUMNS says; GRADFRAME_TABLE_WIDTH=0 is as wide as it takes."""
    wanted = os.environ.get("GRADFRAME_TABLE_WIDTH", "")
    if wanted.isdigit():
        return int(wanted) or None
    out = sys.stdout
    on_terminal = out is not None and hasattr(out, "isatty") and out.isatty()
    return shutil.get_terminal_size((PAGE_WIDTH, 24)).columns if on_terminal or "COLUMNS" in os.environ else PAGE_WIDTH


def rows_max() -> int:
    """Rows of a table: the first and the last of it; GRADFRAME_TABLE_ROWS says how many."""
    wanted = os.environ.get("GRADFRAME_TABLE_ROWS", "")
    return int(wanted) if wanted.isdigit() else ROWS_MAX
