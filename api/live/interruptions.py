"""Messages in the making whose authors have gone: ended after a while, as far as they came."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ..errors import Refusal
from ..history.stream_rows import silent_streams
from ..history.streams import Interrupt
from ..history.writer import Writer
from ..rights.access import clock_ms
from ..store.readers import Readers
from .hub import Hub

logger = logging.getLogger("itemroom.rooms")
Elsewhere = Callable[[int, int], Awaitable[bool]]
"""Whether a user (second) is in an item's room (first) at another server; raises Refusal."""


class Interruptions:
    """The task that looks for them, between `start` and `stop`.

    An author is there while a socket of theirs is in the item's room: a model may think for long.
    Who adds over HTTP has none, and is there while text comes.

    Args:
        silence: seconds after the last text of somebody who is not there.
        elsewhere: asked of those who are not here.
    """

    def __init__(
        self, hub: Hub, readers: Readers, writer: Writer, *, silence: float, elsewhere: Elsewhere
    ) -> None:
        self._hub = hub
        self._readers = readers
        self._writer = writer
        self._silence = silence
        self._elsewhere = elsewhere
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look, until `stop`."""
        self._task = asyncio.create_task(self._run(), name="itemroom-interruptions")

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> None:
        """End what is silent, and has nobody who could go on."""
        before = clock_ms() - round(self._silence * 1000)
        for item_key, seq, author_key in await self._readers.read(silent_streams.fetch, before):
            if not await self._is_there(item_key, author_key):
                await self._writer.call(Interrupt(item_key, seq, before))

    async def _run(self) -> None:
        while True:
            # At first, too: whoever was cut off by a restart has time to come back.
            await asyncio.sleep(self._silence / 6)
            try:
                await self.look()
            except Refusal as refusal:
                logger.warning("messages without an author were left alone: %s", refusal)
            except Exception:
                logger.exception("messages without an author were left alone")

    async def _is_there(self, item_key: int, author_key: int) -> bool:
        room = self._hub.room(item_key)
        if room is not None and any(one.user.key == author_key for one in room.members):
            return True
        return await self._elsewhere(item_key, author_key)
