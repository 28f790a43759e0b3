"""SQLite: the one writing connection, the reading ones, and their pragmas.

SQLite 3.7.0 to 3.51.2 can lose committed data when two connections write or checkpoint at the
same time (the WAL-reset bug), and Debian 12 ships 3.40.1. So exactly one connection of one
process writes: a lock file keeps other processes out, and every reader is `query_only`.
"""

import glob
import os
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool, QueuePool, StaticPool

from ...disk import sync
from ...settings import Settings
from ..failures import DatabaseError, translated
from ..readers import Readers

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


# Between a database's name and the moment when it was saved, after it had been removed.
RESCUED = ".rescued-"


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


def open_readers(settings: Settings) -> Readers:
    """The readers of the configured database."""
    engine = open_engine(
        settings.database_path,
        writing=False,
        busy_timeout=settings.busy_timeout,
        pool_size=settings.reader_threads,
    )
    return Readers(engine, threads=settings.reader_threads, queue=settings.reader_queue)


def _refuse_rescued(path: Path) -> None:
    """Its server ended when it was removed: an empty one in its place would hide that."""
    rescued = sorted(path.parent.glob(f"{glob.escape(path.name)}{RESCUED}*"))
    if rescued and not path.exists():
        raise DatabaseError(
            f"There is no {path}, and what was in it is in {rescued[-1]}: move that there, or "
            "elsewhere to begin anew."
        )
