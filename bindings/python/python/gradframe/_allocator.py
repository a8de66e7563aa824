"""Loads the extension with an allocator that keeps what is free for some seconds, before the system gets it back.

Batches come and go many times a second. If each is given back at once, the next one's memory is new to the process, and the
system has to clear it, page after page: a third of a training loop's time. MIMALLOC_PURGE_DELAY, in milliseconds, says otherwise.
"""

import os

_NAME = "MIMALLOC_PURGE_DELAY"
_KEPT_MS = "10000"

_given = os.environ.get(_NAME)
os.environ.setdefault(_NAME, _KEPT_MS)

from gradframe import _gradframe  # noqa: E402, F401  the allocator reads it as the extension is loaded

if _given is None:
    # It is meant for this process, not for those that it starts.
    del os.environ[_NAME]
