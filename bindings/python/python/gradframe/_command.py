"""The `gradframe` command, as installed by pip."""

import signal
import sys

from gradframe._gradframe import run_command


def main() -> None:
    """Runs the command line with this process's arguments and exits with its code."""
    # The command answers Ctrl-C itself; Python must not raise a KeyboardInterrupt on top.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(run_command(["gradframe", *sys.argv[1:]]))
