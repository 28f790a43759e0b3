"""Reads, in threads of their own.

What is asked in one turn of the event loop goes to the threads together, and its answers come back
together: to hand one over takes as long as a short read does.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from ..errors import Refusal
from ..outage import Outage
from .failures import first_failure, is_from_outside

logger = logging.getLogger("itemroom.database")
T = TypeVar("T")
Done = Callable[[T | None, BaseException | None], None]
# Reads that a thread takes at once. All of them are answered when the last is: that is 16 ms when
# each is a page, and as long as it would be if threads took turns at the interpreter's lock.
TRIP = 16


class Asked:
    """A read that waits, and then its answer."""

    __slots__ = ("answer", "arguments", "done", "error", "loop", "read")

    def __init__(
        self, done: Done[Any], read: Callable[..., Any], arguments: Sequence[object]
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.done = done
        self.read = read
        self.arguments = arguments
        self.answer: Any = None
        # What is still so in the end: the readers were closed.
        self.error: BaseException | None = asyncio.CancelledError()


class Readers:
    """Threads that read, each with a connection of its own that only reads.

    Reads are short (a page at most): a long one would keep the WAL from being reset. The threads
    wait in C: an executor's futures and their locks cost more than a short read does.

    Args:
        engine: has a connection for each thread.
        threads: that read.
        queue: reads that may be unanswered; one more is refused.
    """

    def __init__(self, engine: Engine, *, threads: int, queue: int) -> None:
        self._engine = engine
        self._most = queue
        self._mutex = threading.Lock()
        # Under the mutex, from all threads.
        self._unanswered = 0
        self._is_closed = False  # Nobody takes a trip any more.
        self._waiting: deque[Asked] = deque()  # Asked in this turn of the event loop.
        self._trips: SimpleQueue[Sequence[Asked] | None] = SimpleQueue()  # None: a thread ends.
        # Each thread keeps its connection: taking one from the pool and giving it back costs
        # three times what a short read does. All are opened now: later another file may be there.
        self._connections = [engine.connect() for _ in range(threads)]
        self._outage = Outage(logger)
        self._threads = [
            # Daemons: whoever ends without closing them loses nothing by it.
            threading.Thread(
                target=self._serve,
                args=[connection],
                name=f"itemroom-reader-{place}",
                daemon=True,
            )
            for place, connection in enumerate(self._connections)
        ]
        for thread in self._threads:
            thread.start()

    def ask(self, done: Done[T], read: Callable[..., T], *arguments: object) -> None:
        """Run `read(connection, *arguments)` in a reader's thread, then call `done` on this loop.

        Raises:
            Refusal: `overloaded`, when too many reads wait already.
        """
        with self._mutex:
            if self._unanswered >= self._most:
                raise Refusal("overloaded", retry_after=1)
            self._unanswered += 1
        asked = Asked(done, read, arguments)
        if not self._waiting:
            asked.loop.call_soon(self._start)
        self._waiting.append(asked)

    async def read(self, read: Callable[..., T], *arguments: object) -> T:
        """Run a read in a thread and wait for it; cancelling abandons the result, not the read."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.ask(partial(_settle, answer), read, *arguments)
        found: T = await answer
        return found

    def close(self) -> None:
        """Drop waiting reads, wait for running ones, close the connections. Blocks."""
        self._drop_waiting()
        for _ in self._threads:
            self._trips.put(None)
        for thread in self._threads:
            thread.join()
        with self._mutex:
            self._is_closed = True
        self._drop_waiting()  # What was asked meanwhile.
        for connection in self._connections:
            connection.close()
        self._engine.dispose()

    def _drop_waiting(self) -> None:
        try:
            while True:
                self._bring(self._trips.get_nowait() or ())
        except Empty:
            pass

    def _start(self) -> None:
        waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
        for first in range(0, len(waiting), TRIP):
            trip = waiting[first : first + TRIP]
            with self._mutex:
                if is_taken := not self._is_closed:
                    self._trips.put(trip)
            if not is_taken:
                self._bring(trip)

    def _serve(self, connection: Connection) -> None:
        while (trip := self._trips.get()) is not None:
            self.run(connection, trip)
            self._bring(trip)

    def run(self, connection: Connection, trip: Sequence[Asked]) -> None:
        """Answer all of a trip. In the thread of the connection."""
        rest = deque(trip)
        while rest:
            self._read(connection, rest)

    def _read(self, connection: Connection, rest: deque[Asked]) -> None:
        """Take and answer reads in one transaction, which ends when one of them has failed."""
        asked = None
        try:
            with connection.begin():
                while rest:
                    asked = rest.popleft()
                    self._answer(connection, asked)
        except BaseException as error:
            failure = self._failure(error)
            # Its own: the others have asked for something else. Unless there was no transaction:
            # nor would there be for them, and each might wait for seconds to hear that.
            for failed in rest if asked is None else [asked]:
                failed.error = failure
            if asked is None:
                rest.clear()

    def _answer(self, connection: Connection, asked: Asked) -> None:
        try:
            asked.answer, asked.error = asked.read(connection, *asked.arguments), None
        except Refusal as refusal:
            asked.error = refusal
        else:
            self._outage.worked()

    def _failure(self, error: BaseException) -> BaseException:
        """What is told of an error."""
        if not isinstance(error, DBAPIError) or not is_from_outside(error):
            return error
        self._outage.failed(f"the database cannot be read: {first_failure(error)}")
        refusal = Refusal("database_unavailable", retry_after=1)
        refusal.__cause__ = error
        return refusal

    def _bring(self, trip: Sequence[Asked]) -> None:
        """Answer all of a trip, from whichever thread it ended in: one call for each loop."""
        with self._mutex:
            self._unanswered -= len(trip)
        for loop, part in groupby(trip, attrgetter("loop")):
            loop.call_soon_threadsafe(_answer, list(part))


def _answer(trip: Sequence[Asked]) -> None:
    for asked in trip:
        try:
            asked.done(asked.answer, asked.error)
        except Exception:
            logger.exception("the answer to a read was not taken")


def _settle(
    future: "asyncio.Future[T | None]", answer: T | None, error: BaseException | None
) -> None:
    if future.done():
        return  # Whoever asked has gone.
    if isinstance(error, asyncio.CancelledError):
        future.cancel()
    elif error is not None:
        future.set_exception(error)
    else:
        future.set_result(answer)
