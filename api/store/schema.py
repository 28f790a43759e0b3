"""The database's schema: brought up to date by the migrations, and never by anything else."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from api.models import Table
from api.store.failures import DatabaseError

MIGRATIONS = Path(__file__).resolve().parent.parent.parent / "migrations"


def configuration() -> Config:
    """Alembic's configuration, wherever the project is installed."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def migrate(engine: Engine) -> None:
    """Bring the schema up to date; the caller holds the lock.

    Raises:
        DatabaseError: the database was made by a newer version, or would not be whole afterwards.
    """
    config = configuration()
    _refuse_newer(engine, config)
    with without_foreign_keys(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


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


def check(engine: Engine) -> None:
    """Raise DatabaseError unless the schema is exactly what this version needs."""
    config = configuration()
    _refuse_newer(engine, config)
    if current_revision(engine) != ScriptDirectory.from_config(config).get_current_head():
        raise DatabaseError("The database is not up to date: run `itemroom migrate`.")


def current_revision(engine: Engine) -> str | None:
    """The revision that the database is at; None: empty."""
    with engine.begin() as connection:
        return revision_of(connection)


def revision_of(connection: Connection) -> str | None:
    """The revision that the database of an open connection is at; None: empty."""
    return MigrationContext.configure(connection).get_current_revision()


def has_table(connection: Connection, table: type[Table]) -> bool:
    """Whether there is such a table: not every revision has each."""
    return sqlalchemy.inspect(connection).has_table(str(table.__tablename__))


def _refuse_newer(engine: Engine, config: Config) -> None:
    current = current_revision(engine)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise DatabaseError(
            f"The database is at revision {current}, which this version does not know: it was "
            "made by a newer one. Start that one, or restore a backup."
        )
