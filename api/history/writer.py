"""The one writer: a thread that owns the only writing connection, with group commit.

It takes all commands that wait, runs them in one transaction, commits once, and then wakes the
event loop once for all of them. What one turn of the event loop brings is handed over together.
Under load the batches grow by themselves while the disk works. No timer: nothing waits for a batch
to fill.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from api.errors import Refusal
from api.history.commits import Commits
from api.history.doubts import settled
from api.history.events import EntryStored, Event
from api.history.handover import Handover
from api.history.settlement import Patience, Settlement
from api.history.transaction import Memory, RefKey, Transaction
from api.outage import Outage
from api.store.failures import (
    DatabaseError,
    NotStorable,
    first_failure,
    is_busy,
    is_from_outside,
    is_full,
    is_unsettled,
)

logger = logging.getLogger("itemroom.writer")
# Seconds without a command after which the files are looked at: within one it is to be known.
LOOK_INTERVAL = 0.25
# Seconds for which the look after a commit is also the one before the next: a file can be moved
# while a commit is under way just as well, and that takes longer.
LOOK_LASTS = 0.001

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Observe = Callable[[int, float, int], None]


class Command(Protocol[T_co]):
    """Something to be done in the writer's transaction.

    A command that checks everything before it first writes, and changes no rights, is `light`:
    it needs no savepoint of its own and leaves the writer's memory valid.
    """

    @property
    def light(self) -> bool:
        """Whether it needs no savepoint, and leaves what the writer remembers valid."""

    def refs(self) -> Sequence[RefKey]:
        """The refs that `apply` will ask for, so that a batch can look them up together."""

    def apply(self, transaction: Transaction) -> T_co:
        """Do it; raises Refusal when it may not be done. Runs in the writer's thread."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """Any function of a transaction as a command."""

    function: Callable[[Transaction], T]
    light: bool = False

    def refs(self) -> Sequence[RefKey]:
        """No ref: a function that is repeated is done again."""
        return ()

    def apply(self, transaction: Transaction) -> T:
        """Call the function with the transaction."""
        return self.function(transaction)


@dataclass(slots=True)
class _Job(Generic[T]):
    """A command in the queue, what came of it, and who wants to know."""

    command: Command[T]
    done: Callable[[T | None, BaseException | None], None]
    result: T | None = None
    error: BaseException | None = None

    def give(self) -> None:
        """Tell who wants to know."""
        self.done(self.result, self.error)


class Writer:
    """Owns the writing connection and its thread, between `start` and `stop`.

    Args:
        engine: with BEGIN IMMEDIATE and a single connection.
        commits: told on the event loop of each commit, before any `done` of the same batch.
        observe: called with the commands, the seconds and the events of each commit.
        max_queue: commands that may wait; one more is refused with `busy`.
        max_batch: commands in one transaction.
        patience: seconds that events may wait to be told with those of the next commit.
        check: raises NotStorable when what is committed might not be found again.
    """

    def __init__(
        self,
        engine: Engine,
        commits: Commits,
        observe: Observe,
        *,
        max_queue: int,
        max_batch: int,
        patience: Patience = lambda _: 0.0,
        check: Callable[[Connection], None] = lambda _: None,
    ) -> None:
        self._engine = engine
        self._settlement = Settlement(commits, patience)
        self._observe = observe
        self._max_batch = max_batch
        self._check = check
        self._memory = Memory()
        self._outage = Outage(logger)
        # Events of commits that nobody was told of yet: of the last one, and of one before it
        # that was not acknowledged, since its files were not in their places.
        self._committed: list[Event] = []
        # Events of a commit whose answer was lost with the connection: perhaps it is stored.
        self._doubted: list[Event] = []
        self._looked_at = -LOOK_LASTS  # When the last look at the files was well, if it was.
        self._handover: Handover[_Job[Any]] = Handover(max_waiting=max_queue, late=self._refuse)
        self._settled = 0  # Commands since the start.
        self._loop: asyncio.AbstractEventLoop  # Set by `start`, as the thread.
        self._thread: threading.Thread

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to write; results are delivered on `loop`."""
        self._loop = loop
        self._handover.begin(loop)
        self._thread = threading.Thread(target=self._run, name="itemroom-writer")
        self._thread.start()

    def submit(
        self, command: Command[T], done: Callable[[T | None, BaseException | None], None]
    ) -> None:
        """Queue a command; `done(result, error)` is called on the event loop after the commit.

        Never blocks. On the event loop.

        Raises:
            Refusal: `busy` when the queue is full, `draining` after `finish`.
        """
        self._handover.submit(_Job(command, done))

    async def execute(self, command: Command[T]) -> T:
        """Queue a command and wait for the commit. Cancelling does not undo it."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def done(result: T | None, error: BaseException | None) -> None:
            if future.cancelled():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type] # set by `apply`, None included

        self.submit(command, done)
        return await future

    async def call(self, function: Callable[[Transaction], T], *, light: bool = False) -> T:
        """Run a function in the writer's transaction and wait for the commit."""
        return await self.execute(Call(function, light))

    def finish(self) -> None:
        """Refuse new commands, finish the queued ones, end the thread. Blocks; may come twice."""
        self._handover.end()
        self._thread.join()

    def _run(self) -> None:
        # One connection for good: to take it from the pool and to give it back, which rolls back
        # once more to be sure, costs a lone command a tenth of its time.
        with self._engine.connect() as connection:
            while (batch := self._handover.take(self._max_batch, wait=LOOK_INTERVAL)) is not None:
                if not batch:
                    if events := self._look(connection):
                        self._loop.call_soon_threadsafe(self._settle, [], events)
                    continue
                started = time.perf_counter()
                events = self._commit(connection, batch)
                entries = sum(isinstance(event, EntryStored) for event in events)
                self._observe(len(batch), time.perf_counter() - started, entries)
                self._loop.call_soon_threadsafe(self._settle, batch, events)

    def _look(self, connection: Connection) -> Sequence[Event]:
        """Nothing is to be stored: see whether it could be, since nobody else would notice."""
        try:
            self._look_at_files(connection)
        except (DatabaseError, DBAPIError):
            # Perhaps somebody else had the database meanwhile.
            self._memory.forget()
            return ()
        return self._take_committed()

    def _look_at_files(self, connection: Connection) -> None:
        """Raises NotStorable when what is or was committed might not be found again."""
        self._looked_at = -LOOK_LASTS
        self._check(connection)
        if self._doubted:
            self._committed += settled(connection, self._doubted)
            self._doubted = []
        self._looked_at = time.monotonic()

    def _commit(self, connection: Connection, batch: list[_Job[Any]]) -> Sequence[Event]:
        """One transaction. When it fails, every command of it fails, and nothing was stored.

        Unless a file was moved at this very moment. Then nobody knows yet, nobody is told, and
        whoever tries again with the same ref gets the same entry if the file comes back. The same
        goes for a commit whose answer was lost: it is looked up before the next one.
        """
        try:
            if time.monotonic() - self._looked_at > LOOK_LASTS:
                self._look_at_files(connection)
            self._store(connection, batch)
            self._look_at_files(connection)
        except Exception as error:
            self._memory.forget()
            refusal = self._refusal_of(error)
            for job in batch:
                job.result, job.error = None, refusal
            return ()
        self._outage.worked()
        self._memory.trim()
        return self._take_committed()

    def _store(self, connection: Connection, batch: list[_Job[Any]]) -> None:
        transaction = None
        try:
            with connection.begin():
                transaction = self._apply(connection, batch)
        except Exception as error:
            if transaction is not None and is_unsettled(error):
                self._doubted = transaction.events
                self._looked_at = -LOOK_LASTS
            raise
        self._committed += transaction.events

    def _take_committed(self) -> Sequence[Event]:
        events, self._committed = self._committed, []
        return events

    def _refusal_of(self, error: Exception) -> Refusal:
        """What a failed transaction means for those whose commands were in it."""
        if is_busy(error):
            return Refusal("busy", retry_after=1)
        if isinstance(error, NotStorable):
            return Refusal("storage_error", retry_after=1)
        if is_from_outside(error):
            self._outage.failed(f"nothing can be stored: {first_failure(error)}")
        else:
            logger.error("a transaction failed: %s", error, exc_info=error)
        if is_full(error):
            return Refusal("storage_full", retry_after=10)
        if isinstance(error, DBAPIError):
            return Refusal("storage_error", retry_after=1)
        return Refusal("internal")

    def _apply(self, connection: Connection, batch: list[_Job[Any]]) -> Transaction:
        transaction = Transaction(connection, self._memory)
        transaction.look_up_refs({ref for job in batch for ref in job.command.refs()})
        for job in batch:
            try:
                if job.command.light:
                    job.result = job.command.apply(transaction)
                else:
                    job.result = self._apply_alone(transaction, job.command)
            except Refusal as refusal:
                job.error = refusal
        transaction.flush()
        return transaction

    def _apply_alone(self, transaction: Transaction, command: Command[T]) -> T:
        """Run a command in a savepoint: when it fails, the rest of the batch is untouched."""
        transaction.flush()
        events = len(transaction.events)
        try:
            with transaction.connection.begin_nested():
                result = command.apply(transaction)
                transaction.flush()
        except Exception as error:
            transaction.discard(events)
            self._memory.forget()
            # A full disk or a held lock ends the whole transaction, not this command alone.
            if isinstance(error, Refusal | OperationalError) or is_from_outside(error):
                raise
            logger.exception("a command failed")
            raise Refusal("internal") from error
        self._memory.forget()
        return result

    def _settle(self, batch: list[_Job[Any]], events: Sequence[Event]) -> None:
        self._settled += len(batch)
        more = self._handover.submitted > self._settled
        self._settlement.settle(batch, events, more=more)

    def _refuse(self, late: list[_Job[Any]]) -> None:
        for job in late:
            job.error = Refusal("draining")
        self._settle(late, [])
