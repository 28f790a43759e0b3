"""Foreign keys while the schema changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine

from ..failures import DatabaseError


@contextmanager
def without_foreign_keys(engine: Engine) -> Iterator[Connection]:
    """A transaction in which a table may be built anew while others refer to it.

    SQLite's own procedure (https://sqlite.org/lang_altertable.html, section 7): keys are off,
    which only works outside of a transaction, and checked as a whole before the commit.
    """
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                yield connection
                if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                    raise DatabaseError("The database has rows that refer to nothing.")
        finally:
            driver.execute("PRAGMA foreign_keys = ON")
