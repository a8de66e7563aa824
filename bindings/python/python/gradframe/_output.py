"""What a program prints while a run goes on, kept as the artifact `system/output.txt`."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradframe._gradframe import PyRun

# Of longer output the beginning is kept.
_CHARACTERS_MAX = 64_000_000
# So much is held in memory; more is in a nameless file.
_SPOOLED_BYTES = 1 << 20


# Streams get and lose outputs one at a time: runs begin and end on any thread.
_CHANGING = threading.Lock()


class Output:
    """Copies of `sys.stdout` and `sys.stderr` from `start` to `stop`: both in one text, as it came.

    What is printed goes where it went before, too. Only what Python prints is seen, not what libraries in C write, nor what a forked
    child prints.
    """

    def __init__(self) -> None:
        self._file: IO[str] = tempfile.SpooledTemporaryFile(_SPOOLED_BYTES, "w+", encoding="utf-8", errors="replace", newline="")
        self._lock = threading.Lock()
        self._characters = 0
        self._process = os.getpid()
        self._streams: dict[str, _Copying] = {}

    @property
    def is_copying(self) -> bool:
        """Whether it was started, and not stopped."""
        return bool(self._streams)

    def start(self) -> None:
        """Puts a copying stream in the place of each that there is, or joins the one that is there: runs that overlap share it."""
        with _CHANGING:
            for name in ("stdout", "stderr"):
                stream = getattr(sys, name)
                if stream is None:
                    continue
                copying = stream if isinstance(stream, _Copying) else _Copying(stream)
                copying.outputs = (*copying.outputs, self)
                self._streams[name] = copying
                setattr(sys, name, copying)

    def stop(self, run: PyRun) -> None:
        """Puts the streams back that no other run copies, and keeps what was printed, if anything, with the run."""
        with _CHANGING:
            for name, copying in self._streams.items():
                copying.outputs = tuple(output for output in copying.outputs if output is not self)
                # Somebody may have put another stream there since, which goes on writing to ours, and through it.
                if not copying.outputs and getattr(sys, name) is copying:
                    setattr(sys, name, copying.stream)
            self._streams = {}
        with self._lock:
            self._file.seek(0)
            text = self._file.read()
            self._file.close()
        if text:
            run.log_bytes("system/output.txt", "text", None, text.encode())

    def add(self, text: str) -> None:
        # A forked child has the same file at the same place, and perhaps a lock that nobody there opens again.
        if os.getpid() != self._process:
            return
        with self._lock:
            room = _CHARACTERS_MAX - self._characters
            if room > 0 and not self._file.closed:
                self._file.write(text[:room])
                self._characters += len(text)


class _Copying:
    """A stream that writes to another one and to outputs; in all else the other one."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.outputs: tuple[Output, ...] = ()

    def write(self, text: str) -> int:
        written = self.stream.write(text)
        if isinstance(text, str):
            for output in self.outputs:
                output.add(text)
        return written

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)
