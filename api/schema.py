"""The database's schema: brought up to date by the migrations, and never by anything else."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from api.database import DatabaseError

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


def configuration() -> Config:
    """Alembic's configuration, wherever the project is installed."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def migrate(engine: Engine) -> None:
    """Bring the schema up to date; the caller holds the lock.

    Raises:
        DatabaseError: the database was made by a newer version.
    """
    config = configuration()
    _refuse_newer(engine, config)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check(engine: Engine) -> None:
    """Raise DatabaseError unless the schema is exactly what this version needs."""
    config = configuration()
    _refuse_newer(engine, config)
    if current_revision(engine) != ScriptDirectory.from_config(config).get_current_head():
        raise DatabaseError("The database is not up to date: run `itemroom migrate`.")


def current_revision(engine: Engine) -> str | None:
    """The revision that the database is at; None: empty."""
    with engine.begin() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(engine: Engine, config: Config) -> None:
    current = current_revision(engine)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise DatabaseError(
            f"The database is at revision {current}, which this version does not know: it was "
            "made by a newer one. Start that one, or restore a backup."
        )
