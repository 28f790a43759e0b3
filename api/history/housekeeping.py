"""The task that deletes what is kept no longer, now and then, a step at a time."""

import asyncio
import functools
import logging
from collections.abc import Callable, Sequence

from ..errors import Refusal
from ..rights.access import clock_ms
from ..store.readers import Readers
from .retention import due_items, tidy_item
from .transaction import Transaction
from .writer import Writer

logger = logging.getLogger("itemroom.housekeeping")

Chore = Callable[[Transaction], bool | None]
"""One bounded step of something else's cleaning; true: call me again, there is more."""


class Housekeeping:
    """Owns the task, between `start` and `stop`.

    Args:
        interval: seconds from the end of one round to the next; the first comes at once.
        chores: says, on the event loop at the beginning of each round, what else is to be done.
    """

    def __init__(
        self,
        readers: Readers,
        writer: Writer,
        *,
        interval: float,
        chores: Callable[[], Sequence[Chore]] = tuple,
    ) -> None:
        self._readers = readers
        self._writer = writer
        self._interval = interval
        self._chores = chores
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        self._task = asyncio.create_task(self._run(), name="itemroom-housekeeping")

    async def stop(self) -> None:
        """End between two steps; the step that runs is finished by the writer."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def tidy(self) -> None:
        """One round.

        Raises:
            Refusal: the writer or the readers have more important things to do.
        """
        for chore in self._chores():
            await self._finish(chore)
        last = 0
        while keys := await self._readers.read(due_items, clock_ms(), last):
            for last in keys:
                await self._finish(functools.partial(tidy_item, item_key=last))

    async def _run(self) -> None:
        while True:
            try:
                await self.tidy()
            except Refusal as refusal:
                logger.warning("housekeeping was put off: %s", refusal)
            except Exception:
                logger.exception("housekeeping failed")
            await asyncio.sleep(self._interval)

    async def _finish(self, chore: Chore) -> None:
        while await self._writer.call(chore):
            pass
