"""Sends what committed transactions have left in the outbox."""

import asyncio
import logging
import time
import traceback
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
from itemroom.outbox import Outgoing, read_body
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
    acting: str | None


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
    does all else. Nothing but the end of its block ends it: it logs what went wrong, and tries
    again.

    Args:
        engine: of the database that has the table, synchronous or not.
        client: whose token may write to the items, or is a service key that acts for the authors;
            used from threads.
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
            except Refused as refused:
                # A server that says when is not hurt by who comes then, and may have taken some.
                wait = backoff.next() if refused.retry_after is None else refused.retry_after
                logger.warning("the outbox waits %.1f s: %s", wait, refused)
            except Exception as error:
                wait = backoff.next()
                _log_failure(error, wait)
            await asyncio.sleep(wait)

    async def send(self) -> int:
        """Send what waits now; how many messages have ended, stored or refused for good.

        Whatever it raises, nothing of it runs any longer, and what the server has taken is marked,
        unless that is what failed.

        Raises:
            Refused: the server takes nothing for now, or not with this credential.
            sqlalchemy.exc.SQLAlchemyError: the outbox cannot be read, or not be marked.
        """
        by_item: defaultdict[str, list[Waiting]] = defaultdict(list)
        for row in await self._in_database(_waiting):
            by_item[row.item].append(row)
        # All of them to their ends: one item's failure is none of the others'.
        counts = await asyncio.gather(
            *map(self._send_item, by_item.values()), return_exceptions=True
        )
        await self._clean()
        for failure in counts:
            if isinstance(failure, BaseException):
                raise failure
        return sum(count for count in counts if isinstance(count, int))

    async def _send_item(self, rows: Sequence[Waiting]) -> int:
        """Send an item's rows, in order, up to one that fails; how many have ended."""
        ends: list[End] = []
        failure = None
        async with self._turns:
            for row in rows:
                try:
                    ends.append(await self._send_row(row))
                except Exception as error:
                    failure = error
                    break
        if ends:
            await self._in_database(partial(_mark, ends=ends))
        if failure is not None:
            raise failure
        return len(ends)

    async def _send_row(self, row: Waiting) -> End:
        try:
            seq = await asyncio.to_thread(self._publish, row)
        except Refused as refused:
            if refused.retry != "never":
                raise
            logger.error("a message for %s was refused for good: %s", row.item, refused)
            return End(row.id, _now(), refused=refused.code)
        return End(row.id, _now(), seq=seq)

    def _publish(self, row: Waiting) -> int:
        try:
            body = read_body(row.body)
        except ValueError as error:  # A row that `outbox.publish` has not written.
            raise Refused("bad_message", "The row's body is no JSON that can be sent.") from error
        return self._client.publish(row.item, body, ref=row.ref, as_=row.acting)["seq"]

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


def _log_failure(error: Exception, wait: float) -> None:
    """Say what went wrong. Not the error's text: a statement's values, or a body, may be in it."""
    kind = type(error).__name__
    if isinstance(error, SQLAlchemyError):
        logger.warning("the outbox waits %.1f s: %s", wait, kind)
    else:  # Which nobody has foreseen.
        where = "".join(traceback.format_tb(error.__traceback__))
        logger.error("the outbox waits %.1f s: %s\n%s", wait, kind, where)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _waiting(connection: Connection) -> list[Waiting]:
    """The first rows that wait."""
    found = (
        select(Outgoing.id, Outgoing.item, Outgoing.ref, Outgoing.body, Outgoing.acting)
        .where(Outgoing.ended_at.is_(None))
        .order_by(Outgoing.id)
        .limit(PAGE)
    )
    return [Waiting(*row) for row in connection.execute(found)]


def _mark(connection: Connection, *, ends: Sequence[End]) -> None:
    for key, ended_at, seq, refused in ends:
        # A second relay may have marked it already: with the same, or it was refused then, or is
        # now. What is stored stays so.
        before = Outgoing.ended_at if seq is None else Outgoing.seq
        row = update(Outgoing).where(Outgoing.id == key, before.is_(None))
        connection.execute(row.values(ended_at=ended_at, seq=seq, refused=refused))


def _clean(connection: Connection, *, before: int) -> int:
    """Delete some rows that were stored before a moment; how many. What was refused stays."""
    # Their keys first: neither PostgreSQL nor SQLite limits a DELETE.
    stored = Outgoing.ended_at < before, Outgoing.seq.is_not(None)
    old = select(Outgoing.id).where(*stored).order_by(Outgoing.id).limit(CLEANED)
    ids = connection.scalars(old).all()
    connection.execute(delete(Outgoing).where(Outgoing.id.in_(ids)))
    return len(ids)
