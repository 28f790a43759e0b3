"""What SQLite's codes of errors mean."""

import sqlite3

from ..meanings import Meaning

# Primary codes (https://sqlite.org/rescode.html) for what the machine, the disk or another program
# did. All others are about what was asked, and so about this program.
_MEANINGS = {
    sqlite3.SQLITE_BUSY: Meaning.BUSY,
    sqlite3.SQLITE_LOCKED: Meaning.BUSY,
    sqlite3.SQLITE_FULL: Meaning.FULL,
    sqlite3.SQLITE_CANTOPEN: Meaning.OUTSIDE,
    sqlite3.SQLITE_CORRUPT: Meaning.OUTSIDE,
    sqlite3.SQLITE_IOERR: Meaning.OUTSIDE,
    sqlite3.SQLITE_NOMEM: Meaning.OUTSIDE,
    sqlite3.SQLITE_NOTADB: Meaning.OUTSIDE,
    sqlite3.SQLITE_PERM: Meaning.OUTSIDE,
    sqlite3.SQLITE_PROTOCOL: Meaning.OUTSIDE,
    sqlite3.SQLITE_READONLY: Meaning.OUTSIDE,
}


def meaning_of(failure: BaseException) -> Meaning | None:
    """What an error of the driver means; None: it is another's, or a fault of ours."""
    code: int | None = getattr(failure, "sqlite_errorcode", None)
    return None if code is None else _MEANINGS.get(code & 0xFF)  # The rest is the extended code.
