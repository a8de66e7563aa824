"""Drives the prompt on a terminal of its own, as a person would: terminal.py PROGRAM.

Exits with 0 if all that was expected was seen, else with what was seen in its place. Only the standard library.
"""

import os
import pty
import re
import select
import struct
import sys
import termios
import time
from fcntl import ioctl

DEADLINE_S = 30
CTRL_C, CTRL_D, ENTER = b"\x03", b"\x04", b"\r"


class Terminal:
    def __init__(self, program):
        self.seen = b""
        child, self.fd = pty.fork()
        if child == 0:
            os.execv(program, [program, "sql"])
        self.child = child
        ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))

    def send(self, keys):
        os.write(self.fd, keys)

    def read(self, wait_s):
        if not select.select([self.fd], [], [], wait_s)[0]:
            return
        try:
            new = os.read(self.fd, 65536)
        except OSError:  # the child has left
            new = b""
        # The line editor asks where the cursor is, and waits for an answer.
        if b"\x1b[6n" in new:
            self.send(b"\x1b[1;1R")
        self.seen += new

    def expect(self, pattern):
        """Waits for text, colours and cursor movements left out, and forgets what came before it."""
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            text = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", self.seen)
            found = re.search(pattern, text)
            if found:
                self.seen = text[found.end() :]
                return found
            self.read(0.2)
        sys.exit(f"expected {pattern!r}, seen: {self.seen!r}")

    def exit_code(self):
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            done, status = os.waitpid(self.child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            self.read(0.2)
        sys.exit("it does not leave")


def main(program):
    t = Terminal(program)
    t.expect(rb"Ctrl-D leaves")
    t.expect(rb"gradframe> ")

    # A statement of two lines.
    t.send(b"SELECT 6 * 7" + ENTER)
    t.expect(rb"\.\.\.> ")
    t.send(b"AS answer;" + ENTER)
    t.expect("│ +42 │".encode())
    t.expect(rb"\(1 row; \d+ m?s\)")

    # An error, with its place, and the session goes on.
    t.send(b"SELECT nothing;" + ENTER)
    t.expect(rb"error\[Plan\]: .*\r\n  1 \| SELECT nothing;\r\n +\^\r\n")

    # Completion of a keyword.
    t.send(b"SELECT 1 AS a LIM\t 1;" + ENTER)
    t.expect(rb"LIMIT 1;")
    t.expect("│ +1 │".encode())

    # Ctrl-C ends the query and not the shell; twice at the prompt it says how to leave.
    t.send(b"SELECT count(*) FROM generate_series(1, 3000000) a(x), generate_series(1, 3000000) b(y) WHERE x * y % 7 = 3;" + ENTER)
    t.expect(rb"rows read, ")
    t.send(CTRL_C)
    t.expect(rb"error\[Cancelled\]")
    t.expect(rb"gradframe> ")
    t.send(CTRL_C)
    t.expect(rb"gradframe> ")
    t.send(CTRL_C)
    t.expect(rb"leaves\.")

    # A command; Ctrl-D leaves.
    t.send(b"\\d" + ENTER)
    t.expect(rb"no tables, views or models yet")
    t.expect(rb"gradframe> ")
    t.send(CTRL_D)
    sys.exit(t.exit_code())


if __name__ == "__main__":
    main(sys.argv[1])
