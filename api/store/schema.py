"""The database's schema: brought up to date by the migrations, and never by anything else."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import sqlalchemy
from alembic import command, context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from ..models import Table
from .failures import DatabaseError
from .postgresql.database import unhurried
from .postgresql.exclusive import lock_tables
from .sqlite.foreign_keys import without_foreign_keys
from .tables import is_compared

PACKAGE = Path(__file__).resolve().parent.parent
# Inside the package where it is installed, beside it in the repository.
MIGRATIONS = next(
    folder for folder in (PACKAGE / "migrations", PACKAGE.parent / "migrations") if folder.is_dir()
)


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's configuration, wherever the project is installed.

    Args:
        connection: what the migrations are to run on; without one they open the database of the
            settings themselves.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    if connection is not None:
        config.attributes["run"] = partial(run_migrations, connection)
    return config


def migrate(engine: Engine) -> None:
    """Bring the schema up to date; the caller holds the lock.

    Raises:
        DatabaseError: the database was made by a newer version, or would not be whole afterwards.
    """
    _refuse_newer(engine, configuration())
    with _transaction(engine) as connection:
        # Another server may have done it meanwhile: then nobody is kept off anything.
        if revision_of(connection) != _newest():
            _keep_off(connection)
            command.upgrade(configuration(connection), "head")


def run_migrations(connection: Connection) -> None:
    """Whatever Alembic was asked for, in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=Table.metadata,
        render_as_batch=True,
        include_object=partial(is_compared, connection.dialect),
    )
    with context.begin_transaction():
        context.run_migrations()


def _transaction(engine: Engine) -> AbstractContextManager[Connection]:
    """One in which the schema may be changed."""
    return _TRANSACTIONS.get(engine.dialect.name, Engine.begin)(engine)


# A table of SQLite's is changed by building it anew, and a large one of PostgreSQL's takes long.
_TRANSACTIONS: dict[str, Callable[[Engine], AbstractContextManager[Connection]]] = {
    "sqlite": without_foreign_keys,
    "postgresql": unhurried,
}


def _newest() -> str | None:
    return ScriptDirectory.from_config(configuration()).get_current_head()


def _keep_off(connection: Connection) -> None:
    """Have all tables alone, where servers use them that are to go on."""
    there = set(sqlalchemy.inspect(connection).get_table_names())
    # Parents first, as most statements name them.
    tables = [table.name for table in Table.metadata.sorted_tables if table.name in there]
    if tables and (lock := _LOCKS.get(connection.dialect.name)):
        lock(connection, tables)


# SQLite's file is one process's alone.
_LOCKS = {"postgresql": lock_tables}


def check(engine: Engine) -> None:
    """Raise DatabaseError unless the schema is exactly what this version needs."""
    config = configuration()
    _refuse_newer(engine, config)
    if current_revision(engine) != _newest():
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
