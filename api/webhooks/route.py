"""One webhook's deliveries: who looks for what is due, and a few who send it."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from ..errors import Refusal
from ..history.writer import Writer
from ..metrics import Metrics
from ..outgoing.posting import Poster
from ..rights.access import clock_ms
from ..store.readers import Readers
from .cursors import DELAYS, Batch, advance, fail, next_batch, promise
from .due import Backlog, due_after, due_again, due_among, read_backlog
from .hooks import Hook
from .owners import Owners
from .pending import Pending
from .sending import send_batch

logger = logging.getLogger("itemroom.webhooks")
T = TypeVar("T")

# Calls of one receiver at a time, each of another item.
AT_ONCE = 4
# Seconds between two looks for what nobody told of: batches that wait, other servers' commits.
LOOK = 2.0
# Seconds for which news are collected, so that a busy item costs a few reads.
NEWS_PAUSE = 0.02
# Keys of items that may wait, or be told of; of what is more, a look at all tells.
ROOM = 200
MAX_TOLD = 500
# A look at all items takes so many times less than the pause after it, all webhooks together; there
# are two kinds, what is due and how much that is.
RARITY = 40


@dataclass(frozen=True, slots=True)
class Office:
    """What those who deliver work with."""

    readers: Readers
    writer: Writer
    poster: Poster
    owners: Owners
    routes: Callable[[], int]
    """How many there are at this server."""
    metrics: Metrics


class Route:
    """Delivers for one webhook, as long as `run` runs. Nothing is lost when that is cancelled."""

    def __init__(self, hook: Hook, office: Office) -> None:
        self.hook = hook
        self._office = office
        self._pending = Pending(ROOM)
        self._told: set[int] = set()
        self._is_unsure = True  # Something may be due that nobody tells of.
        self._next_scan = 0.0
        self._news = asyncio.Event()
        self.backlog = Backlog(0, 0, 0, None)
        """All that is due, as the last look found it."""

    def tell(self, items: Collection[int]) -> None:
        """Something was stored in these, by their keys."""
        if len(self._told) + len(items) > MAX_TOLD:
            self._is_unsure = True
        else:
            self._told.update(items)
        self._news.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._send_all())
            group.create_task(self._find_all())
            group.create_task(self._measure())

    async def _measure(self) -> None:
        """By itself: whoever finds what is due waits for receivers that are slow."""
        while True:
            started = time.monotonic()
            with suppress(Refusal):
                self.backlog = await self._read(read_backlog)
            await asyncio.sleep(self._pause_after(time.monotonic() - started))

    def _pause_after(self, spent: float) -> float:
        """Seconds until all items may be read again, after this took so many."""
        return max(LOOK, RARITY * spent * self._office.routes())

    async def _find_all(self) -> None:
        while True:
            try:
                await self._find()
            except Refusal:
                # The database's business: who reads it has logged that.
                self._is_unsure = True
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._news.wait()
            self._news.clear()
            await asyncio.sleep(NEWS_PAUSE)

    async def _find(self) -> None:
        told, self._told = self._told, set()
        if self._is_unsure or time.monotonic() >= self._next_scan:
            self._is_unsure = False
            await self._scan()
        elif told:
            await self._pending.has_room()
            self._add(await self._read(due_among, told, clock_ms()))
        self._add(await self._read(due_again, clock_ms()))

    async def _scan(self) -> None:
        after: str | None = ""
        spent = 0.0
        while after is not None:
            await self._pending.has_room()
            started = time.monotonic()
            found, after = await self._read(due_after, after, clock_ms())
            spent += time.monotonic() - started
            self._add(found)
        self._next_scan = time.monotonic() + self._pause_after(spent)

    def _add(self, keys: Collection[int]) -> None:
        for key in keys:
            self._pending.add(key)

    async def _send_all(self) -> None:
        while True:
            key, more = await self._pending.take(), False
            try:
                more = await self._send_next(key)
            except Refusal:
                self._is_unsure = True
            except Exception:
                logger.exception("a batch of a webhook was not sent")
            finally:
                self._pending.done(key, more=more)

    async def _send_next(self, key: int) -> bool:
        """One batch of an item, if there is one; whether there is another."""
        batch = await self._read(next_batch, key, clock_ms())
        if batch is None:
            return False
        if not batch.entries:
            return await self._write(advance, batch) and batch.more
        if not batch.is_promised:
            if not await self._write(promise, batch):
                return False
            batch = batch.promised()
        if not self._office.owners.may_send:
            return False
        return await self._send(batch)

    async def _send(self, batch: Batch) -> bool:
        verdict = await send_batch(self._office.poster, self.hook, batch)
        self._office.metrics.called(verdict.outcome, verdict.seconds)
        if verdict.failure is None:
            return await self._write(advance, batch) and batch.more
        gone = verdict.status == 410
        wait_ms = round(min(verdict.wait, DELAYS[-1] / 1000) * 1000)
        await self._write(fail, batch, failure=verdict.failure, gone=gone, wait_ms=wait_ms)
        return False

    async def _read(self, read: Callable[..., T], *arguments: object) -> T:
        return await self._office.readers.read(_of(read, self.hook), *arguments)

    async def _write(self, act: Callable[..., T], batch: Batch, **more: Any) -> T:
        call = partial(act, hook_key=self.hook.key, batch=batch, **more)
        return await self._office.writer.call(call, light=True)


def _of(read: Callable[..., T], hook: Hook) -> Callable[..., T]:
    return lambda connection, *arguments: read(connection, hook, *arguments)
