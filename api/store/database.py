"""SQLite: the lock, the one writing connection, the reading ones, and their pragmas.

SQLite 3.7.0 to 3.51.2 can lose committed data when two connections write or checkpoint at the
same time (the WAL-reset bug), and Debian 12 ships 3.40.1. So exactly one connection of one
process writes: a lock file keeps other processes out, and every reader is `query_only`.
"""

import asyncio
import fcntl
import glob
import json
import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool, StaticPool

from api.errors import Refusal
from api.outage import Outage
from api.settings import Settings
from api.store.disk import sync
from api.store.failures import first_failure, is_from_outside, translated

logger = logging.getLogger("itemroom.database")
T = TypeVar("T")

# What each connection must read back. FULL: an ack promises that the commit has reached the disk
# (with NORMAL a power cut takes the last commits along). No mmap_size: it widens the bug above.
PRAGMAS: dict[str, tuple[str, object]] = {
    "journal_mode": ("WAL", "wal"),
    "synchronous": ("FULL", 2),
    "foreign_keys": ("ON", 1),
    "trusted_schema": ("OFF", 0),
    "mmap_size": ("0", 0),
    "journal_size_limit": (str(64 * 2**20), 64 * 2**20),
}


PRODUCT = f"SQLite {sqlite3.sqlite_version}"
"""What stores, for the log."""


# Between a database's name and the moment when it was saved, after it had been removed.
RESCUED = ".rescued-"


class DatabaseError(Exception):
    """The database cannot be used; the message says what to do."""


class Lock:
    """Keeps a second process off the same SQLite file, and says who holds it.

    An advisory lock of the kernel's (flock): it ends with the process, however that ends.
    """

    def __init__(self, database_path: Path) -> None:
        self.path = database_path.with_name(database_path.name + ".lock")
        self._text = str(self.path)  # Asked for around each commit, and a Path takes twice as long.
        self._descriptor: int | None = None
        self._url: str | None = None

    def acquire(self, *, url: str | None = None) -> None:
        """Take the lock, and leave pid and URL in it for the command line to find.

        Once more when its file was removed: then it is made again, with the former URL.

        Raises:
            DatabaseError: another process has it.
        """
        self._url = url or self._url
        descriptor = self._open()
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "url": self._url}).encode(), 0)
        self.release()
        self._descriptor = descriptor

    def _open(self) -> int:
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                holder = self.holder().get("pid", "unknown")
                raise DatabaseError(
                    f"{self.path.name}: process {holder} holds this database. One process serves "
                    "one SQLite file: stop it first, or give this one another "
                    "ITEMROOM_DATABASE_URL."
                ) from None
            # Removed between the two calls, it would be the lock of nothing.
            if self._is_at_path(descriptor):
                return descriptor
            os.close(descriptor)

    def is_held(self) -> bool:
        """Whether the file that is locked is still the one that others would try to lock."""
        return self._descriptor is not None and self._is_at_path(self._descriptor)

    def _is_at_path(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self._text))  # noqa: PTH116 - see there
        except FileNotFoundError:
            return False

    def holder(self) -> dict[str, Any]:
        """What the last holder wrote: `pid` and `url`. Empty when there is none."""
        try:
            written = json.loads(self.path.read_bytes() or b"{}")
        except (OSError, ValueError):
            return {}
        return written if isinstance(written, dict) else {}

    def release(self) -> None:
        """Give the lock back. The file stays: removing it would race with the next holder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def open_engine(path: Path, *, writing: bool, busy_timeout: float, pool_size: int = 1) -> Engine:
    """An engine whose connections have their pragmas set and read back.

    Args:
        path: the SQLite file; made when missing and `writing`.
        writing: begin transactions with BEGIN IMMEDIATE (a deferred one that turns into a write
            fails at once with SQLITE_BUSY_SNAPSHOT, whatever the timeout); else `query_only`.
        busy_timeout: seconds to wait for a foreign process's lock.
        pool_size: connections that may be open at once.
    """
    pool: dict[str, Any] = (
        {"poolclass": StaticPool}
        if writing
        else {"poolclass": QueuePool, "pool_size": pool_size, "max_overflow": 0}
    )
    # A reader that made the file anew would hide that it was removed.
    uri = f"file:{quote(str(path))}?mode={'rwc' if writing else 'rw'}"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, check_same_thread=False, timeout=busy_timeout)

    # hide_parameters: they hold bodies and fingerprints, and an error's text goes to the log.
    engine = create_engine("sqlite://", creator=connect, hide_parameters=True, **pool)
    query_only = (str(int(not writing)), int(not writing))

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        # The driver would begin transactions of its own, deferred ones.
        connection.isolation_level = None
        for name, (value, expected) in {**PRAGMAS, "query_only": query_only}.items():
            connection.execute(f"PRAGMA {name} = {value}")
            row = connection.execute(f"PRAGMA {name}").fetchone()
            found = row[0] if row else 0
            if found != expected:
                raise DatabaseError(f"PRAGMA {name} is {found!r} and should be {expected!r}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        begun = "BEGIN IMMEDIATE" if writing else "BEGIN"
        driver: Any = connection.connection.driver_connection
        try:
            driver.execute(begun)
        except sqlite3.Error as error:
            raise translated(connection, begun, error) from error

    return engine


def open_read_only(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, and does not make the file when it is missing."""
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, check_same_thread=False
    )


def open_foreign_engine(path: Path) -> Engine:
    """An engine that only looks at a database, which somebody else may be serving."""
    return create_engine("sqlite://", creator=lambda: open_read_only(path), poolclass=NullPool)


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
        """The same from the event loop. Cancelling abandons the result, not the read."""
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


def open_writing_engine(settings: Settings) -> Engine:
    """The engine with the only connection that writes; the caller holds the `Lock`.

    Raises:
        DatabaseError: the file is there under two names, or is not, and was rescued.
    """
    path = settings.database_path
    _refuse_rescued(path)
    # It holds password hashes and what people say; SQLite would make it readable for everybody.
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    if path.stat().st_nlink > 1:
        raise DatabaseError(
            f"{path} has another name, a hard link: SQLite would keep a log for each of them, and "
            "lose what is in the other. Find it with `find -samefile` and remove one."
        )
    sync(path.parent)
    return open_engine(path, writing=True, busy_timeout=settings.busy_timeout)


def _refuse_rescued(path: Path) -> None:
    """Its server ended when it was removed: an empty one in its place would hide that."""
    rescued = sorted(path.parent.glob(f"{glob.escape(path.name)}{RESCUED}*"))
    if rescued and not path.exists():
        raise DatabaseError(
            f"There is no {path}, and what was in it is in {rescued[-1]}: move that there, or "
            "elsewhere to begin anew."
        )
