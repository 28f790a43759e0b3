"""What a database says when it fails, and what that means."""

import sqlite3

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from .meanings import Meaning
from .postgresql import codes as postgresql
from .sqlite import codes as sqlite


class DatabaseError(Exception):
    """The database cannot be used; the message says what to do."""


class Held(DatabaseError):  # noqa: N818 - not a fault of ours
    """Another process has the database."""


class NotStorable(DatabaseError):  # noqa: N818 - not a fault of ours
    """What would be committed now could not be, or might not be found again."""


def translated(connection: Connection, sql: str, error: Exception) -> Exception:
    """SQLAlchemy's error for one of the driver's: whoever catches errors knows only those.

    Without the values: they hold bodies and fingerprints, and an error's text goes to the log.
    """
    driver_error = connection.dialect.loaded_dbapi.Error
    return DBAPIError.instance(sql, None, error, driver_error, hide_parameters=True)


def is_driver_error(error: BaseException) -> bool:
    """Whether it comes from a database's driver itself, past SQLAlchemy."""
    return isinstance(error, sqlite3.Error) or hasattr(error, "sqlstate")


def first_failure(error: BaseException | None) -> BaseException | None:
    """What the database said first; None: it did not fail.

    A full disk makes SQLite end the transaction with its savepoints by itself, and what comes
    last is then the failure to go back to one of them.
    """
    first = None
    while error is not None:
        first = error.orig if isinstance(error, DBAPIError) else first
        error = error.__context__
    return first


def is_busy(error: BaseException) -> bool:
    """Whether another program holds the database: to be tried again."""
    return _meaning(error) is Meaning.BUSY


def is_full(error: BaseException) -> bool:
    """Whether the disk is full."""
    return _meaning(error) is Meaning.FULL


def is_from_outside(error: BaseException) -> bool:
    """Whether the database failed for a reason that no change of this program would remove."""
    return _meaning(error) is not None


def is_unsettled(error: BaseException) -> bool:
    """Whether what was being committed may be stored all the same: the answer was lost."""
    failure = first_failure(error)
    return failure is not None and postgresql.has_ended(failure)


def is_taken(error: BaseException) -> bool:
    """Whether somebody else has stored what there may be only once."""
    failure = first_failure(error)
    return failure is not None and postgresql.is_taken(failure)


def _meaning(error: BaseException) -> Meaning | None:
    failure = first_failure(error)
    if failure is None:
        return None
    return sqlite.meaning_of(failure) or postgresql.meaning_of(failure)
