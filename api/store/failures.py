"""What a database says when it fails, and what that means."""

import sqlite3

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

DriverError = sqlite3.Error
"""What all errors of the driver are."""

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
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


class DatabaseError(Exception):
    """The database cannot be used; the message says what to do."""


def translated(connection: Connection, sql: str, error: Exception) -> Exception:
    """SQLAlchemy's error for one of the driver's: whoever catches errors knows only those.

    Without the values: they hold bodies and fingerprints, and an error's text goes to the log.
    """
    driver_error = connection.dialect.loaded_dbapi.Error
    return DBAPIError.instance(sql, None, error, driver_error, hide_parameters=True)


def first_failure(error: BaseException | None) -> DriverError | None:
    """What the database said first; None: it did not fail.

    A full disk makes SQLite end the transaction with its savepoints by itself, and what comes
    last is then the failure to go back to one of them.
    """
    first = None
    while error is not None:
        failure = getattr(error, "orig", None)
        first = failure if isinstance(failure, DriverError) else first
        error = error.__context__
    return first


def is_busy(error: BaseException) -> bool:
    """Whether another program holds the database: to be tried again."""
    return _code(error) in _BUSY


def is_full(error: BaseException) -> bool:
    """Whether the disk is full."""
    return _code(error) == sqlite3.SQLITE_FULL


def is_from_outside(error: BaseException) -> bool:
    """Whether the database failed for a reason that no change of this program would remove."""
    return _code(error) in _FROM_OUTSIDE


def _code(error: BaseException) -> int | None:
    """SQLite's primary code of its first failure."""
    code: int | None = getattr(first_failure(error), "sqlite_errorcode", None)
    return None if code is None else code & 0xFF  # The rest is the extended code.
