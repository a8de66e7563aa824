"""What an event loop awaits: work on another thread, whose queries stop when it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from gradframe._gradframe import PyStop

Answer = TypeVar("Answer")


async def aside(work: Callable[[], Answer]) -> Answer:
    """The answer of work that is done on another thread."""
    stop = PyStop()
    try:
        return await asyncio.to_thread(stop.run, work)
    except asyncio.CancelledError:
        stop.stop()
        raise
