"""What a program prints while a run goes on, kept as the artifact `system/output.txt`."""

from __future__ import annotations

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


class Output:
    """Copies of `sys.stdout` and `sys.stderr` from `start` to `stop`: both in one text, as it came.

    What is printed goes where it went before, too. Only what Python prints is seen, not what libraries in C write.
    """

    def __init__(self) -> None:
        self._file: IO[str] = tempfile.SpooledTemporaryFile(_SPOOLED_BYTES, "w+", encoding="utf-8", errors="replace", newline="")
        self._lock = threading.Lock()
        self._characters = 0
        self._streams: dict[str, Any] = {}

    @property
    def is_copying(self) -> bool:
        """Whether it was started, and not stopped."""
        return bool(self._streams)

    def start(self) -> None:
        """Puts a copying stream in the place of each that there is."""
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is not None:
                self._streams[name] = _Copying(stream, self)
                setattr(sys, name, self._streams[name])

    def stop(self, run: PyRun) -> None:
        """Puts the streams back, and keeps what was printed, if anything, with the run."""
        for name, copying in self._streams.items():
            # Somebody may have put another stream there since, which goes on writing to ours, and through it.
            if getattr(sys, name) is copying:
                setattr(sys, name, copying.stream)
            copying.output = None
        self._streams = {}
        with self._lock:
            self._file.seek(0)
            text = self._file.read()
            self._file.close()
        if text:
            run.log_bytes("system/output.txt", "text", None, text.encode())

    def add(self, text: str) -> None:
        with self._lock:
            room = _CHARACTERS_MAX - self._characters
            if room > 0 and not self._file.closed:
                self._file.write(text[:room])
                self._characters += len(text)


class _Copying:
    """A stream that writes to another one and to an output; in all else the other one."""

    def __init__(self, stream: Any, output: Output) -> None:
        self.stream = stream
        self.output: Output | None = output

    def write(self, text: str) -> int:
        written = self.stream.write(text)
        if (output := self.output) is not None and isinstance(text, str):
            output.add(text)
        return written

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)
