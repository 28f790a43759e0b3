"""Whether the files that a server has open are still those at their paths.

A file that is removed or moved away stays as it is for whoever has it open: SQLite goes on, and
what it commits is found by nobody who opens the path. So the writer asks here around each commit,
and now and then while it has nothing to do.
"""

import contextlib
import logging
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from api.outage import Outage
from api.settings import Settings
from api.store.database import DatabaseError, Lock

logger = logging.getLogger("itemroom.database")

# Seconds from the loss of what only a new start can make to the end: clients hear `storage_error`
# first, and a balancer that asks `/readyz` sends no more of them.
PATIENCE = 5.0


class Misplaced(DatabaseError):  # noqa: N818 - not a fault of ours: somebody moved a file
    """What would be committed now might not be found again; the message says why.

    Args:
        wal_at_risk: the file and its write-ahead log are not side by side any more.
    """

    def __init__(self, sentence: str, *, wal_at_risk: bool = False) -> None:
        super().__init__(sentence)
        self.wal_at_risk = wal_at_risk


class DatabaseFiles:
    """Keeps an eye on the files of a database in use, between its making and `close`.

    Args:
        settings: the database, which is open: all of its files are there.
        lock: held.
    """

    def __init__(self, settings: Settings, lock: Lock) -> None:
        path = settings.database_path
        self._lock = lock
        self._folder = path.parent
        # Where it was configured: a link that leads to another file now counts as much as if
        # the file itself was moved, for the next start would follow it.
        self._database = _File(settings.database_link)
        self._logs = [_File(path.with_name(path.name + part)) for part in ("-wal", "-shm")]
        self._outage = Outage(logger)
        self._lost_at: float | None = None
        # Why this server has to end; read by the event loop.
        self.lost: str | None = None

    def check(self, connection: Connection) -> None:
        """See whether what is committed now can be found again. In the writer's thread.

        Args:
            connection: the one that writes, in no transaction.

        Raises:
            Misplaced: it cannot.
        """
        try:
            self._look()
        except Misplaced as misplaced:
            if misplaced.wal_at_risk:
                _save_wal(connection)
            self._outage.failed(str(misplaced))
            raise
        self._lost_at = None
        self._outage.worked()

    def close(self) -> None:
        """Look no more."""
        for file in (self._database, *self._logs):
            file.close()

    def _look(self) -> None:
        if not self._database.is_in_place():
            raise Misplaced(
                f"{self._database.path} is not the file any more that this server has open: "
                "nothing is stored until it is back in its place",
                wal_at_risk=True,
            )
        for file in self._logs:
            if not file.is_in_place():
                self._miss(file)
        if not self._lock.is_held():
            self._take_lock_again()
        if not os.access(self._folder, os.W_OK, effective_ids=True):
            raise Misplaced(f"{self._folder} is read-only: nothing is stored until it is not")

    def _miss(self, file: "_File") -> None:
        if not file.is_gone():
            sentence = f"{file.path} was moved away: nothing is stored until it is back"
            raise Misplaced(sentence, wal_at_risk=True)
        sentence = (
            f"{file.path} was removed from under this server: what was acknowledged is in "
            f"{self._database.path}, and a new start makes the rest"
        )
        self._lost_at = self._lost_at or time.monotonic()
        if time.monotonic() - self._lost_at >= PATIENCE:
            self.lost = sentence
        raise Misplaced(sentence, wal_at_risk=True)

    def _take_lock_again(self) -> None:
        """The lock's file was removed: whoever locks a new one first has the database."""
        try:
            self._lock.acquire()
        except OSError as error:
            raise Misplaced(f"{self._lock.path} cannot be made again: {error.strerror}") from error
        except DatabaseError as error:
            self.lost = f"{self._lock.path} was removed, and now {error}"
            raise Misplaced(self.lost) from error
        logger.error("%s was removed: it is made and locked again", self._lock.path)


class _File:
    """A file by its path, and as it was when it was first looked at."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # O_PATH: closing any other descriptor of a file ends the locks that SQLite has on it.
        self._descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        # The number cannot be another file's meanwhile: as long as it is open, it exists.
        self._identity = _identity(os.fstat(self._descriptor))

    def is_in_place(self) -> bool:
        """Whether the path leads to it."""
        try:
            return _identity(os.stat(self.path)) == self._identity  # noqa: PTH116 - half the time
        except OSError:
            return False

    def is_gone(self) -> bool:
        """Whether no path leads to it any more."""
        return os.fstat(self._descriptor).st_nlink == 0

    def close(self) -> None:
        os.close(self._descriptor)


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _save_wal(connection: Connection) -> None:
    """Bring all that is in the write-ahead log into the database itself, as far as that goes.

    Both are open, wherever they are. A log that comes back later is empty then, and harmless.
    """
    driver: Any = connection.connection.driver_connection
    with contextlib.suppress(sqlite3.Error):
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
