"""Standard input, by lines or as it comes, for an event loop that must not wait for them."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from typing import BinaryIO

from .typed import decoded

# Bytes of what has come that are taken at once.
MAX_CHUNK = 16_384


async def lines() -> AsyncIterator[str]:
    """Each line without its end, as it comes; the next is read when it is asked for.

    Raises:
        Failure: one is no text.
    """
    source = _source()
    while line := await _abandonable(source.readline):
        yield decoded(line, "stdin").rstrip("\r\n")


async def chunks() -> AsyncIterator[bytes]:
    """What has come, as it comes; the next is read when it is asked for."""
    source = _source(buffering=0)
    while chunk := await _abandonable(lambda: source.read(MAX_CHUNK)):
        yield chunk


def _source(buffering: int = -1) -> BinaryIO:
    # Not `sys.stdin`: the interpreter closes that at its end, which fails while a thread reads.
    return open(sys.stdin.fileno(), "rb", buffering, closefd=False)


async def _abandonable(read: Callable[[], bytes]) -> bytes:
    """What a blocking call gives, made in a thread that nobody has to wait for.

    A thread of a pool would be joined at the program's end, with the read that never ends.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()

    def settle(outcome: Callable[[], None]) -> None:
        if not answer.cancelled():
            outcome()

    def work() -> None:
        try:
            outcome = partial(answer.set_result, read())
        except OSError as error:
            outcome = partial(answer.set_exception, error)
        with suppress(RuntimeError):  # The loop has ended meanwhile.
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=work, daemon=True).start()
    return await answer
