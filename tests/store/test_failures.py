"""What an error of the database means."""

import sqlite3

import pytest
from sqlalchemy.exc import DatabaseError

from api.store.failures import is_from_outside


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (sqlite3.SQLITE_FULL, True),
        (sqlite3.SQLITE_IOERR_WRITE, True),
        (sqlite3.SQLITE_CORRUPT, True),
        (sqlite3.SQLITE_READONLY_DBMOVED, True),
        (sqlite3.SQLITE_ERROR, False),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, False),
    ],
)
def test_disk_and_bug_are_told_apart_by_code(code: int, *, expected: bool) -> None:
    """Extended codes as their primary ones."""
    failure = sqlite3.DatabaseError()
    failure.sqlite_errorcode = code
    assert is_from_outside(DatabaseError("", {}, failure)) is expected


def test_what_is_not_sqlite_is_a_bug() -> None:
    """Whatever else it is."""
    assert not is_from_outside(RuntimeError())
