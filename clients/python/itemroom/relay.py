"""Sends what committed transactions have left in the outbox."""

import asyncio
import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

from sqlalchemy import Connection, Engine, delete, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from itemroom.core.backoff import Backoff
from itemroom.core.errors import Refused
from itemroom.outbox import Outgoing
from itemroom.rest import Client

logger = logging.getLogger("itemroom.relay")
T = TypeVar("T")

# Rows of one look, and items whose rows are sent at a time.
PAGE = 200
AT_ONCE = 8
# Seconds between two looks that found nothing.
INTERVAL = 0.2
# Seconds for which rows stay after they were sent, and between two times that they are looked for.
KEEP = 86_400.0
CLEANING = 60.0
# Rows that are deleted in one transaction.
CLEANED = 1000


class Waiting(NamedTuple):
    """A row that waits."""

    id: int
    item: str
    ref: str
    body: str


class End(NamedTuple):
    """What became of a row."""

    id: int
    ended_at: int
    seq: int | None = None
    refused: str | None = None


class Relay:
    """Sends an outbox's messages, each item's in order, while its block lasts.

    A message is published once, whatever dies when: the server knows its `ref`. So a second relay
    on the same table does no harm, and nothing good. What the server refuses for good is marked so,
    and those behind it are sent. What it may take later, or with another credential, waits, and so
    does all else.

    Args:
        engine: of the database that has the table, synchronous or not.
        client: whose token may write to the items; used from threads.
        interval: seconds between two looks that found nothing.
        keep: seconds for which rows stay after they were sent.
    """

    def __init__(
        self,
        engine: Engine | AsyncEngine,
        client: Client,
        *,
        interval: float = INTERVAL,
        keep: float = KEEP,
    ) -> None:
        self._engine = engine
        self._client = client
        self._interval = interval
        self._keep = keep
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._clean_at = 0.0
        self._task: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def run(self) -> None:
        """Send until it is cancelled; what was on its way then is sent again by the next one."""
        backoff = Backoff()
        while True:
            wait = self._interval
            try:
                if await self.send():
                    wait = 0.0
                backoff.reset()
            except SQLAlchemyError as error:
                wait = backoff.next()
                # Not its text: the statement's values may be in it.
                logger.warning("the outbox waits %.1f s: %s", wait, type(error).__name__)
            except Refused as refused:
                # A server that says when is not hurt by who comes then, and may have taken some.
                wait = backoff.next() if refused.retry_after is None else refused.retry_after
                logger.warning("the outbox waits %.1f s: %s", wait, refused)
            await asyncio.sleep(wait)

    async def send(self) -> int:
        """Send what waits now; how many messages have ended, stored or refused for good.

        Raises:
            Refused: the server takes nothing for now, or not with this credential; what it has
                taken is marked.
            sqlalchemy.exc.SQLAlchemyError: the outbox cannot be read, or not be marked.
        """
        by_item: defaultdict[str, list[Waiting]] = defaultdict(list)
        for row in await self._in_database(_waiting):
            by_item[row.item].append(row)
        outcomes = await asyncio.gather(*map(self._send_item, by_item.values()))
        await self._clean()
        for _, refused in outcomes:
            if refused is not None:
                raise refused
        return sum(ended for ended, _ in outcomes)

    async def _send_item(self, rows: Sequence[Waiting]) -> tuple[int, Refused | None]:
        """Send an item's rows, in order: how many have ended, and why the next one has not."""
        ends: list[End] = []
        refused = None
        async with self._turns:
            for row in rows:
                try:
                    ends.append(await self._send_row(row))
                except Refused as error:
                    refused = error
                    break
        await self._in_database(partial(_mark, ends=ends))
        return len(ends), refused

    async def _send_row(self, row: Waiting) -> End:
        body = json.loads(row.body)
        try:
            answer = await asyncio.to_thread(self._client.publish, row.item, body, ref=row.ref)
        except Refused as refused:
            if refused.retry != "never":
                raise
            logger.error("a message for %s was refused for good: %s", row.item, refused)
            return End(row.id, _now(), refused=refused.code)
        return End(row.id, _now(), seq=answer["seq"])

    async def _clean(self) -> None:
        if time.monotonic() < self._clean_at:
            return
        deleted = await self._in_database(partial(_clean, before=_now() - int(self._keep * 1000)))
        # As soon as possible, as long as there is more.
        self._clean_at = time.monotonic() + (CLEANING if deleted < CLEANED else 0)

    async def _in_database(self, act: Callable[[Connection], T]) -> T:
        if isinstance(self._engine, Engine):
            return await asyncio.to_thread(_in_transaction, self._engine, act)
        async with self._engine.begin() as connection:
            return await connection.run_sync(act)


def _in_transaction(engine: Engine, act: Callable[[Connection], T]) -> T:
    with engine.begin() as connection:
        return act(connection)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _waiting(connection: Connection) -> list[Waiting]:
    """The first rows that wait."""
    found = (
        select(Outgoing.id, Outgoing.item, Outgoing.ref, Outgoing.body)
        .where(Outgoing.ended_at.is_(None))
        .order_by(Outgoing.id)
        .limit(PAGE)
    )
    return [Waiting(*row) for row in connection.execute(found)]


def _mark(connection: Connection, *, ends: Sequence[End]) -> None:
    for key, ended_at, seq, refused in ends:
        # A second relay may have marked it already, with the same.
        row = update(Outgoing).where(Outgoing.id == key, Outgoing.ended_at.is_(None))
        connection.execute(row.values(ended_at=ended_at, seq=seq, refused=refused))


def _clean(connection: Connection, *, before: int) -> int:
    """Delete some rows that were stored before a moment; how many. What was refused stays."""
    # Their keys first: neither PostgreSQL nor SQLite limits a DELETE.
    stored = Outgoing.ended_at < before, Outgoing.seq.is_not(None)
    old = select(Outgoing.id).where(*stored).order_by(Outgoing.id).limit(CLEANED)
    ids = connection.scalars(old).all()
    connection.execute(delete(Outgoing).where(Outgoing.id.in_(ids)))
    return len(ids)
