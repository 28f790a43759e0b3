"""The locks on a database: servers share one, a command has it alone."""

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from ..failures import Held

if TYPE_CHECKING:
    from psycopg import Connection

# The first half of the key of an advisory lock; the second is the schema, so that two schemas of
# one database may each have their server.
KEY = 0x17E3_8003
NAME = "itemroom"

# Of whoever cleans up: another's first half.
TURN_KEY = 0x17E3_8004

_TAKE = "SELECT pg_try_advisory_lock(%s::int, hashtext(current_schema()))"
_TAKE_SHARED = "SELECT pg_try_advisory_lock_shared(%s::int, hashtext(current_schema()))"
_TAKE_TURN = "SELECT pg_try_advisory_xact_lock(%s::int, hashtext(current_schema()))"
MIGRATING = f"SELECT pg_advisory_xact_lock({0x17E3_8005}, hashtext(current_schema()))"
"""Waits until nobody else changes the schema, which others then wait for, until the commit."""
_HOLDER = """
SELECT holder.application_name FROM pg_locks AS held JOIN pg_stat_activity AS holder USING (pid)
WHERE held.locktype = 'advisory' AND held.granted AND held.classid = %s::oid
  AND held.objid = (hashtext(current_schema())::bigint & 4294967295)::oid
  AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Holder(NamedTuple):
    """Who has the lock: what the name of the session says."""

    pid: int | None
    boot: str | None
    """Of this run of a process: another machine may have the same pid."""
    url: str | None
    """Where it serves; None: it is a command."""


def take(connection: "Connection[Any]", *, boot: str, url: str | None) -> None:
    """Take the lock for this session, and say who has it: with others who serve, or alone.

    A command that changes the database goes through a server if there is one, so that those who
    are connected hear of it.

    Raises:
        Held: another session has it, and this one cannot have it as well.
    """
    connection.execute(
        "SELECT set_config('application_name', %s, false)",
        [f"{NAME} {os.getpid()} {boot} {url or ''}"],
    )
    row = connection.execute(_TAKE if url is None else _TAKE_SHARED, [KEY]).fetchone()
    if not (row and row[0]):
        pid, _, url = holder(connection)
        raise Held(
            f"Process {pid or 'unknown'} ({url or 'a command'}) holds this database: stop it "
            "first, or give this one another ITEMROOM_DATABASE_URL."
        )


def take_turn(connection: "Connection[Any]") -> bool:
    """Whether nobody else cleans up; nobody begins to before this transaction ends."""
    row = connection.execute(_TAKE_TURN, [TURN_KEY]).fetchone()
    return bool(row and row[0])


def holder(connection: "Connection[Any]") -> Holder:
    """Who has the lock, as far as that is known."""
    row = connection.execute(_HOLDER, [KEY]).fetchone()
    name, *rest = str(row[0] if row else "").split(" ")
    if name != NAME or len(rest) != 3 or not rest[0].isdecimal():
        return Holder(None, None, None)
    pid, boot, url = rest
    return Holder(int(pid), boot, url or None)
