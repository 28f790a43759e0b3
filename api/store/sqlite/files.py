"""Whether the files that a server has open are still those at their paths.

A file that is removed or moved away stays as it is for whoever has it open: SQLite goes on, and
what it commits is found by nobody who opens the path. So the writer asks here around each commit,
and now and then while it has nothing to do.
"""

import logging
import os
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from ...disk import sync
from ...outage import Outage
from ...settings import Settings
from ..failures import DatabaseError, NotStorable
from .database import RESCUED
from .lock import Lock

logger = logging.getLogger("itemroom.database")

# Seconds from the loss of what only a new start can make to the end: clients hear `storage_error`
# first, and a balancer that asks `/readyz` sends no more of them.
PATIENCE = 5.0
# Seconds between two looks at what no commit goes into: the shared memory, the folder.
LOOK_INTERVAL = 0.25


class Misplaced(NotStorable):
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
        self._path, self._folder = path, str(path.parent)
        # Where it was configured: a link that leads to another file now counts as much as if
        # the file itself was moved, for the next start would follow it.
        self._database = _File(settings.database_link)
        self._logs = [_File(path.with_name(path.name + part)) for part in ("-wal", "-shm")]
        self._files = (self._database, *self._logs)
        self._written = self._files[:2]
        self._looked_at = -LOOK_INTERVAL  # When all of it was looked at last, and was well.
        self._outage = Outage(logger)
        self._gone_at: float | None = None
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
            if misplaced.wal_at_risk and _save_wal(connection):
                self._end_if_gone(connection)
            self._outage.failed(str(misplaced))
            raise
        self._outage.worked()

    def close(self) -> None:
        """Let go of the files that are looked at."""
        for file in (self._database, *self._logs):
            file.close()

    def _look(self) -> None:
        # What a commit goes into is looked at around each; a look costs as much as a small commit.
        now = time.monotonic()
        is_due = now - self._looked_at >= LOOK_INTERVAL
        for file in self._files if is_due else self._written:
            if not file.is_in_place():
                raise Misplaced(
                    f"{file.path} is not the file any more that this server has open: nothing is "
                    "stored until it is back in its place",
                    wal_at_risk=True,
                )
        if self._database.is_cut:
            # Nothing brings back what was cut off; what a backup has is more than what is left.
            self.lost = (
                f"{self._database.path} was cut short by another program: restore a backup, unless "
                "that was a VACUUM, and start again"
            )
            raise Misplaced(self.lost)
        if not self._lock.is_held():
            self._take_lock_again()
        if not is_due:
            return
        if not os.access(self._folder, os.W_OK, effective_ids=True):
            raise Misplaced(f"{self._folder} is read-only: nothing is stored until it is not")
        # Only after all was well: as long as something is not, everything is looked at.
        self._looked_at = now

    def _end_if_gone(self, connection: Connection) -> None:
        """What has no name any more cannot come back: save what is in it, then say so and end."""
        gone = [file for file in (self._database, *self._logs) if file.is_gone()]
        if not gone:
            self._gone_at = None
            return
        self._gone_at = self._gone_at or time.monotonic()
        if self.lost is not None or time.monotonic() - self._gone_at < PATIENCE:
            return
        place = f"in {self._database.path}, and a new start makes the rest"
        if self._database in gone:
            kept = self._rescue(connection)
            if kept is None:
                return  # As long as this process runs, nothing is lost.
            place = f"in {kept}: move that to {self._path}, and start again"
        self.lost = (
            f"{gone[0].path} was removed from under this server: what was acknowledged is {place}"
        )

    def _rescue(self, connection: Connection) -> Path | None:
        """Copy the database that has no name; where to. None: that is not possible now."""
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        kept = self._path.with_name(f"{self._path.name}{RESCUED}{moment}")
        try:
            os.close(os.open(kept, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            with closing(sqlite3.connect(kept)) as copy:
                _driver(connection).backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
            sync(kept)
            sync(kept.parent)
        except (OSError, sqlite3.Error) as error:
            logger.error("%s cannot be made: %s", kept, error)
            kept.unlink(missing_ok=True)
            self._gone_at = None  # Again after PATIENCE.
            return None
        return kept

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
        self._text = str(path)  # Asked for around each commit, and a Path takes twice as long.
        # O_PATH: closing any other descriptor of a file ends the locks that SQLite has on it.
        self._descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        # The number cannot be another file's meanwhile: as long as it is open, it exists.
        found = os.fstat(self._descriptor)
        self._device, self._number = found.st_dev, found.st_ino
        self._size = found.st_size  # The largest that was seen.
        self.is_cut = False
        """Whether it is smaller than it was: this server never makes its database smaller."""

    def is_in_place(self) -> bool:
        """Whether the path leads to it."""
        try:
            found = os.stat(self._text)  # noqa: PTH116 - see there
        except OSError:
            return False
        if found.st_ino != self._number or found.st_dev != self._device:
            return False
        self.is_cut = found.st_size < self._size
        self._size = max(found.st_size, self._size)
        return True

    def is_gone(self) -> bool:
        """Whether no path leads to it any more."""
        return os.fstat(self._descriptor).st_nlink == 0

    def close(self) -> None:
        os.close(self._descriptor)


def _save_wal(connection: Connection) -> bool:
    """Bring what is in the write-ahead log into the database itself; whether all of it is there.

    Both are open, wherever they are. A log that comes back later is empty then, and harmless.
    """
    try:
        row = _driver(connection).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error:
        return False
    return not row[0]  # Busy: somebody reads what was there before.


def _driver(connection: Connection) -> sqlite3.Connection:
    driver: Any = connection.connection.driver_connection
    return driver  # type: ignore[no-any-return] # SQLAlchemy does not say whose it is
