"""Draws the progress of long work: a line on a terminal, a bar in a notebook. Called by the extension while it waits."""

import sys
from typing import Any

# Work shorter than this is not worth a line.
PATIENCE_SECONDS = 0.5

_WIDTH = 30
_handle: Any = None


def wanted() -> bool:
    """Whether someone looks: standard error is a terminal, or this is a notebook."""
    return _in_notebook() or (sys.stderr is not None and sys.stderr.isatty())


def draw(text: str, done: int, total: int | None, seconds: float) -> None:
    """Draws the line, or draws it anew."""
    global _handle
    if not _in_notebook():
        sys.stderr.write("\r" + line(text, done, total, seconds) + "\x1b[K")
        sys.stderr.flush()
        return
    from IPython.display import HTML, display

    picture = HTML(html(text, done, total, seconds))
    if _handle is None:
        _handle = display(picture, display_id=True)
    else:
        _handle.update(picture)


def clear() -> None:
    """Takes the line away."""
    global _handle
    if _handle is not None:
        from IPython.display import HTML

        _handle.update(HTML(""))
        _handle = None
    elif not _in_notebook():
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def line(text: str, done: int, total: int | None, seconds: float) -> str:
    """`████████░░░ 40% 400/1,000 rows read, 3 s`"""
    if not total:
        return f"{done:,} {text}, {seconds:.0f} s"
    part = min(done / total, 1.0)
    filled = round(part * _WIDTH)
    return f"{'█' * filled}{'░' * (_WIDTH - filled)} {part:.0%} {done:,}/{total:,} {text}, {seconds:.0f} s"


def html(text: str, done: int, total: int | None, seconds: float) -> str:
    """The same for a notebook. Model names in the text are the user's and may hold anything."""
    import html as escaping

    bar = f'<progress value="{min(done, total)}" max="{total}"></progress> ' if total else ""
    count = f"{done:,}/{total:,}" if total else f"{done:,}"
    return f"<small>{bar}{count} {escaping.escape(text)}, {seconds:.0f} s</small>"


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return type(shell).__name__ == "ZMQInteractiveShell"
