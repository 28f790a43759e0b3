"""Runs what a client's command does, so that an interrupt ends it at any moment."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from . import INTERRUPTED


def run(work: Coroutine[Any, Any, None], *, is_terminated: bool = False) -> None:
    """Run it in an event loop of its own; the first interrupt cancels it, a second one ends all.

    The loop is woken by the signal itself. A handler of Python's alone, such as `asyncio.run` has,
    is run only when the main thread does something: whoever interrupts it in the moment before it
    begins to wait would wait with it.

    Args:
        work: is cancelled.
        is_terminated: whether SIGTERM cancels it, too.

    Raises:
        KeyboardInterrupt: it was interrupted, and has cleaned up.
        SystemExit: likewise, by SIGTERM.
    """
    came: list[int] = []
    try:
        asyncio.run(_interruptible(work, came, is_terminated=is_terminated))
    except asyncio.CancelledError:
        if signal.SIGTERM in came:
            sys.exit(128 + signal.SIGTERM)
        raise KeyboardInterrupt from None


async def _interruptible(
    work: Coroutine[Any, Any, None], came: list[int], *, is_terminated: bool
) -> None:
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)

    def interrupt(signal_: int = signal.SIGINT) -> None:
        came.append(signal_)
        task.cancel()
        loop.add_signal_handler(signal.SIGINT, os._exit, INTERRUPTED)

    # A shell's background jobs ignore it: then so do we.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        loop.add_signal_handler(signal.SIGINT, interrupt)
    if is_terminated:
        loop.add_signal_handler(signal.SIGTERM, interrupt, signal.SIGTERM)
    await task
