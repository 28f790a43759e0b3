"""Runs what a client's command does, so that an interrupt ends it at any moment."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from typing import Any

from . import INTERRUPTED


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run it in an event loop of its own; the first interrupt cancels it, a second one ends all.

    The loop is woken by the signal itself. A handler of Python's alone, such as `asyncio.run` has,
    is run only when the main thread does something: whoever interrupts it in the moment before it
    begins to wait would wait with it.

    Raises:
        KeyboardInterrupt: it was interrupted, and has cleaned up.
    """
    try:
        asyncio.run(_interruptible(work))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _interruptible(work: Coroutine[Any, Any, None]) -> None:
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)

    def interrupt() -> None:
        task.cancel()
        loop.add_signal_handler(signal.SIGINT, os._exit, INTERRUPTED)

    # A shell's background jobs ignore it: then so do we.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        loop.add_signal_handler(signal.SIGINT, interrupt)
    await task
