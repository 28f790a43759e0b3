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
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from ..errors import Refusal
from ..outage import Outage
from ..store.failures import (
    DatabaseError,
    NotStorable,
    first_failure,
    is_busy,
    is_from_outside,
    is_full,
)
from ..store.sharing import Sharing
from .commands import Call, Command, Job, Jobs, executed
from .commits import Commits
from .events import EntryStored, Event
from .handover import Handover
from .paths import Alone, Path, Settle, Unsettled
from .settlement import Patience, Settlement
from .shared_path import Conflict, Shared
from .transaction import Transaction

logger = logging.getLogger("itemroom.writer")
# Seconds without a command after which the files are looked at: within one it is to be known.
LOOK_INTERVAL = 0.25
# Seconds for which the look after a commit is also the one before the next: a file can be moved
# while a commit is under way just as well, and that takes longer.
LOOK_LASTS = 0.001

T = TypeVar("T")
Observe = Callable[[int, float, int], None]


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
        sharing: how others who write to the database are kept off; None: nobody else does.
        conflict: called in the writer's thread when they were first.
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
        sharing: Sharing | None = None,
        conflict: Conflict = lambda _what, _commands: None,
    ) -> None:
        self._engine = engine
        self._settlement = Settlement(commits, patience)
        self._observe = observe
        self._max_batch = max_batch
        self._check = check
        self._path: Path = Alone() if sharing is None else Shared(sharing, conflict)
        self._outage = Outage(logger)
        # Events of commits that nobody was told of yet: of the last one, and of one before it
        # that was not acknowledged, since its files were not in their places.
        self._committed: list[Event] = []
        # Of a commit whose answer was lost with the connection: perhaps it is stored.
        self._doubt: Settle | None = None
        self._looked_at = -LOOK_LASTS  # When the last look at the files was well, if it was.
        self._handover: Handover[Job[Any]] = Handover(max_waiting=max_queue, late=self._refuse)
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
        self._handover.submit(Job(command, done))

    async def execute(self, command: Command[T]) -> T:
        """Queue a command and wait for the commit. Cancelling does not undo it."""
        return await executed(self.submit, command)

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
                for part in self._path.parts(batch):
                    left = part
                    while left:
                        left = self._store_some(connection, left)

    def _store_some(self, connection: Connection, part: Jobs) -> Jobs:
        """One commit, and who waits for it is told; what is left to be done."""
        started = time.perf_counter()
        events, left = self._commit(connection, part)
        done = [job for job in part if job not in left] if left else part
        entries = sum(isinstance(event, EntryStored) for event in events)
        self._observe(len(done), time.perf_counter() - started, entries)
        self._loop.call_soon_threadsafe(self._settle, done, events)
        return left

    def _look(self, connection: Connection) -> Sequence[Event]:
        """Nothing is to be stored: see whether it could be, since nobody else would notice."""
        try:
            self._look_at_files(connection)
        except (DatabaseError, DBAPIError):
            # Perhaps somebody else had the database meanwhile.
            self._path.forget()
            return ()
        return self._take_committed()

    def _look_at_files(self, connection: Connection) -> None:
        """Raises NotStorable when what is or was committed might not be found again."""
        self._looked_at = -LOOK_LASTS
        self._check(connection)
        if self._doubt is not None:
            self._committed += self._doubt(connection)
            self._doubt = None
        self._looked_at = time.monotonic()

    def _commit(self, connection: Connection, part: Jobs) -> tuple[Sequence[Event], Jobs]:
        """One commit: what it tells, and what is left. When it fails, all of it fails, unstored.

        Unless a file was moved at this very moment. Then nobody knows yet, nobody is told, and
        whoever tries again with the same ref gets the same entry if the file comes back. The same
        goes for a commit whose answer was lost: it is looked up before the next one.
        """
        try:
            if time.monotonic() - self._looked_at > LOOK_LASTS:
                self._look_at_files(connection)
            left = self._store(connection, part)
            self._look_at_files(connection)
        except Exception as error:
            self._path.forget()
            refusal = self._refusal_of(error)
            for job in part:
                job.fail(refusal)
            return (), ()
        self._outage.worked()
        self._path.trim()
        return self._take_committed(), left

    def _store(self, connection: Connection, part: Jobs) -> Jobs:
        try:
            outcome = self._path.store(connection, part)
        except Unsettled as doubt:
            self._doubt = doubt.settle
            self._looked_at = -LOOK_LASTS
            raise
        self._committed += outcome.events
        return outcome.left

    def _take_committed(self) -> Sequence[Event]:
        events, self._committed = self._committed, []
        return events

    def _refusal_of(self, error: Exception) -> Refusal:
        """What a failed transaction means for those whose commands were in it."""
        if isinstance(error, Unsettled) and isinstance(error.__cause__, Exception):
            error = error.__cause__
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

    def _settle(self, batch: Jobs, events: Sequence[Event]) -> None:
        self._settled += len(batch)
        more = self._handover.submitted > self._settled
        self._settlement.settle(batch, events, more=more)

    def _refuse(self, late: list[Job[Any]]) -> None:
        for job in late:
            job.fail(Refusal("draining"))
        self._settle(late, [])
