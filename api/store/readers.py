"""Reads, in threads of their own."""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from api.errors import Refusal
from api.outage import Outage
from api.settings import Settings
from api.store.database import open_engine
from api.store.failures import first_failure, is_from_outside

logger = logging.getLogger("itemroom.database")
T = TypeVar("T")


class Readers:
    """Threads that read, each with a `query_only` connection of its own.

    Reads are short (a page at most): a long one would keep the WAL from being reset.
    """

    def __init__(self, engine: Engine, *, threads: int, queue: int) -> None:
        self._engine = engine
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="itemroom-reader")
        self._slots = threading.BoundedSemaphore(queue)
        # Each thread keeps its connection: taking one from the pool and giving it back costs
        # three times what a short read does. All are opened now: later another file may be there.
        self._connections = [engine.connect() for _ in range(threads)]
        self._unused = list(self._connections)
        self._own = threading.local()
        self._outage = Outage(logger)

    def submit(self, read: Callable[..., T], *arguments: object) -> "Future[T]":
        """Run `read(connection, *arguments)` in one transaction of a reader thread.

        Raises:
            Refusal: `overloaded`, when too many reads wait already.
        """
        if not self._slots.acquire(blocking=False):
            raise Refusal("overloaded", retry_after=1)
        future = self._executor.submit(self._run, read, *arguments)
        future.add_done_callback(lambda _: self._slots.release())
        return future

    def _run(self, read: Callable[..., T], *arguments: object) -> T:
        try:
            connection = self._connection()
            with connection.begin():
                answer = read(connection, *arguments)
        except DBAPIError as error:
            if not is_from_outside(error):
                raise
            self._outage.failed(f"the database cannot be read: {first_failure(error)}")
            raise Refusal("database_unavailable", retry_after=1) from error
        self._outage.worked()
        return answer

    def _connection(self) -> Connection:
        connection: Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self._unused.pop()
        return connection

    async def read(self, read: Callable[..., T], *arguments: object) -> T:
        """Run a read in a thread and wait for it; cancelling abandons the result, not the read."""
        return await asyncio.wrap_future(self.submit(read, *arguments))

    def close(self) -> None:
        """Wait for running reads, drop waiting ones, close the connections."""
        self._executor.shutdown(wait=True, cancel_futures=True)
        for connection in self._connections:
            connection.close()
        self._engine.dispose()


def open_readers(settings: Settings) -> Readers:
    """The readers of the configured database."""
    engine = open_engine(
        settings.database_path,
        writing=False,
        busy_timeout=settings.busy_timeout,
        pool_size=settings.reader_threads,
    )
    return Readers(engine, threads=settings.reader_threads, queue=settings.reader_queue)
