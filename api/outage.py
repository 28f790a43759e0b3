"""What fails around us, such as a full disk, and is no bug: how to tell, and what the log says."""

import logging
import sqlite3
import threading
import time

# SQLite's primary codes (https://sqlite.org/rescode.html) for what the machine, the disk or
# another program did. All others are about what was asked, and so about this program.
_FROM_OUTSIDE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
# Seconds in which what fails and works by turns is not told anew: two lines at most for each.
RELAPSE = 1.0


def sqlite_failure(error: BaseException | None) -> sqlite3.Error | None:
    """What SQLite said first; None: it did not fail.

    A full disk makes SQLite end the transaction with its savepoints by itself, and what comes
    last is then the failure to go back to one of them.
    """
    first = None
    while error is not None:
        failure = getattr(error, "orig", None)
        first = failure if isinstance(failure, sqlite3.Error) else first
        error = error.__context__
    return first


def sqlite_code(error: BaseException) -> int | None:
    """SQLite's primary code of its first failure."""
    code: int | None = getattr(sqlite_failure(error), "sqlite_errorcode", None)
    return None if code is None else code & 0xFF  # The rest is the extended code.


def is_from_outside(error: BaseException) -> bool:
    """Whether SQLite failed for a reason that no change of this program would remove."""
    return sqlite_code(error) in _FROM_OUTSIDE


class Outage:
    """Something that works or does not: one line in the log when it fails, one when it is over.

    From any thread.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._mutex = threading.Lock()
        self._told: str | None = None  # What the log says is going on.
        self._since = 0.0
        self._over = -RELAPSE  # When the log said last that it is over.

    def failed(self, what: str) -> None:
        """It does not work, for this reason."""
        with self._mutex:
            now = time.monotonic()
            if what == self._told or (self._told is None and now - self._over < RELAPSE):
                return
            if self._told is None:
                self._since = now
            self._told = what
        self._logger.error("%s", what)

    def worked(self) -> None:
        """It works."""
        if self._told is None:  # Asked for each commit: without the mutex.
            return
        with self._mutex:
            told, self._told = self._told, None
            self._over = time.monotonic()
            seconds = self._over - self._since
        if told is not None:
            self._logger.warning("over after %.1f s: %s", seconds, told)
