"""Runs that are open when the program ends: they end with it, and as it does."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradframe._run import Run

# Of which process: a forked child is not to end the runs of its parent.
_open: weakref.WeakKeyDictionary[Run, int] = weakref.WeakKeyDictionary()
# With what `sys.exit` was called last, if it was: nobody else tells what status the interpreter ends with.
_exit: list[Any] = []


def watch(run: Run) -> None:
    """Ends the run with the program, unless it has ended before."""
    if not _open:
        atexit.register(_end_all)
        _listen_to_exit()
    # Whoever called it before has not got his way.
    _exit.clear()
    _open[run] = os.getpid()


def outcome(error: BaseException) -> tuple[str, str | None]:
    """The status of a run that ends by an exception, and why."""
    if isinstance(error, KeyboardInterrupt):
        return "cancelled", None
    if isinstance(error, SystemExit) and _is_success(error.code):
        return "finished", None
    return "failed", f"{type(error).__name__}: {error}"


def _is_success(status: Any) -> bool:
    return status is None or (isinstance(status, int) and status == 0)


def _end_all() -> None:
    atexit.unregister(_end_all)
    status, why = _status()
    for run, process in list(_open.items()):
        if process == os.getpid() and not run._ended:
            try:
                run.finish(status, why)
            except Exception as error:  # noqa: BLE001, the others are to end too
                print(f"gradframe: run {run.id} cannot be ended: {error}", file=sys.stderr)
    _open.clear()


def _status() -> tuple[str, str | None]:
    """How the program ends. At a prompt the last error is one of many."""
    error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    if error is not None and not hasattr(sys, "ps1") and "ipykernel" not in sys.modules:
        return outcome(error)
    return outcome(SystemExit(*_exit[-1:]))


def _listen_to_exit() -> None:
    ends = sys.exit
    if getattr(ends, "_tells_gradframe", False):
        return

    def exit(status: Any = None, /) -> Any:  # noqa: A001, it takes its place
        if threading.current_thread() is threading.main_thread():
            _exit[:] = [status]
        ends(status)

    exit.__doc__, exit._tells_gradframe = ends.__doc__, True  # type: ignore[attr-defined]
    sys.exit = exit
