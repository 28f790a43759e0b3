"""Tables that a transaction has for itself, while servers go on that use them."""

import time
from collections.abc import Sequence

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from ..failures import DatabaseError, is_busy

# Milliseconds to wait for all of them, while others wait behind: less than PostgreSQL lets pass
# before it ends one of those that wait for each other, which could be anybody. Seconds in which
# those others go on, and until it is given up: somebody may copy the whole database meanwhile.
TIMEOUT_MS = 500
PAUSE = 0.2
PATIENCE = 60.0


def lock_tables(connection: Connection, tables: Sequence[str]) -> None:
    """Have all of these alone from now on, until the transaction ends; or nobody is kept off.

    To take one after the other, as each statement needs it, would be to wait for whoever has a
    later one and waits for an earlier one.

    Raises:
        DatabaseError: others have had one of them all the time.
    """
    names = ", ".join(map(connection.dialect.identifier_preparer.quote, tables))
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with connection.begin_nested():
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {TIMEOUT_MS}")
                connection.exec_driver_sql(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
                connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
        except DBAPIError as error:
            if not is_busy(error):
                raise
            if time.monotonic() > deadline:
                raise DatabaseError(
                    f"The schema has to be changed, and for {PATIENCE:.0f} seconds others have not "
                    "let go of its tables: look for long transactions (pg_stat_activity), such as "
                    "pg_dump's, and start again."
                ) from error
        else:
            return
        time.sleep(PAUSE)
