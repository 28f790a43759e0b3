"""Ends of secrets that go on for a time after a key got another: their sockets have to hear."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..errors import Refusal
from ..history.writer import Writer
from ..rights.access import clock_ms
from ..store.readers import Readers
from .keys import end_replaced, is_replaced_over

logger = logging.getLogger("itemroom.accounts")
# Seconds from one look to the next, and for which a socket may outlive the secret it came with.
INTERVAL = 10.0


@asynccontextmanager
async def ending_replaced(readers: Readers, writer: Writer) -> AsyncIterator[None]:
    """Look, now and then, whether the time of such a secret is over, and end it on all servers."""
    task = asyncio.create_task(_run(readers, writer), name="itemroom-replaced-keys")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _run(readers: Readers, writer: Writer) -> None:
    while True:
        try:
            # By a reader: a writer that has nothing to do is not to write.
            if await readers.read(is_replaced_over, clock_ms()):
                await writer.call(end_replaced)
        except Refusal as refusal:
            logger.warning("the end of a key's former secret was put off: %s", refusal)
        except Exception:
            logger.exception("a key's former secret could not be ended")
        await asyncio.sleep(INTERVAL)
