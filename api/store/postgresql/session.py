"""What a session with the server must be: set, read back, and refused with a sentence."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..failures import DatabaseError

if TYPE_CHECKING:
    from psycopg import Connection

OLDEST = 14
"""The oldest release that the project's own developers still mend."""

# An ack promises that the commit has reached the disk. The times keep a server that hangs, or one
# that was stopped in the middle of a transaction, from making others wait for ever. Each statement
# has to see what was committed before it: others may have waited for its locks.
WRITING = {
    "default_transaction_isolation": "read committed",
    "synchronous_commit": "on",
    "idle_in_transaction_session_timeout": "2s",
    "lock_timeout": "3s",
    "statement_timeout": "5s",
}
# What may be lost: it is written again.
ASIDE = WRITING | {"synchronous_commit": "off"}
READING = {
    "default_transaction_read_only": "on",
    "idle_in_transaction_session_timeout": "1min",
    "statement_timeout": "30s",
}
# What only the server's own configuration says.
EXPECTED = {
    "fsync": ("on", "a power cut would take what was acknowledged: turn it on"),
    "server_encoding": ("UTF8", "not every message could be stored: make a database with UTF8"),
}


def prepare(connection: "Connection[Any]", needed: Mapping[str, str]) -> None:
    """Set what a session needs, and see that all of it holds.

    Raises:
        DatabaseError: it does not; the message says what to do.
    """
    _refuse_older(connection)
    for name, value in needed.items():
        connection.execute(f"SET {name} = '{value}'".encode())
        if (found := _show(connection, name)) != value:
            raise DatabaseError(f"PostgreSQL has {name} = {found}, and {value} is needed.")
    for name, (value, why) in EXPECTED.items():
        if (found := _show(connection, name)) != value:
            raise DatabaseError(f"PostgreSQL has {name} = {found}, and {why}.")
    if needed is not READING:
        _refuse_unwritable(connection)


def _show(connection: "Connection[Any]", name: str) -> str:
    row = connection.execute(f"SHOW {name}".encode()).fetchone()
    return str(row and row[0])


def _refuse_older(connection: "Connection[Any]") -> None:
    version = connection.info.server_version // 10_000
    if version < OLDEST:
        raise DatabaseError(f"This is PostgreSQL {version}: {OLDEST} or a later one is needed.")


def _refuse_unwritable(connection: "Connection[Any]") -> None:
    row = connection.execute(
        "SELECT pg_is_in_recovery(), current_schema(), current_user,"
        " current_schema() IS NOT NULL AND has_schema_privilege(current_schema(), 'CREATE')"
    ).fetchone()
    is_standby, schema, user, may_create = row or (False, None, "", False)
    if is_standby:
        raise DatabaseError("This PostgreSQL is a standby, which only reads: name the primary.")
    if not may_create:
        raise DatabaseError(
            f"{user} may not make tables in PostgreSQL's schema {schema}: make {user} the owner of "
            f"the database, or GRANT CREATE ON SCHEMA {schema} TO {user}."
        )
