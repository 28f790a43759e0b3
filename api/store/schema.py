"""The database's schema: brought up to date by the migrations, and never by anything else."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from api.models import Table
from api.store.failures import DatabaseError
from api.store.postgresql.database import unhurried
from api.store.sqlite.foreign_keys import without_foreign_keys

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
    with _transaction(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _transaction(engine: Engine) -> AbstractContextManager[Connection]:
    """One in which the schema may be changed."""
    return _TRANSACTIONS.get(engine.dialect.name, Engine.begin)(engine)


# A table of SQLite's is changed by building it anew, and a large one of PostgreSQL's takes long.
_TRANSACTIONS: dict[str, Callable[[Engine], AbstractContextManager[Connection]]] = {
    "sqlite": without_foreign_keys,
    "postgresql": unhurried,
}


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
