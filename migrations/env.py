"""Runs the migrations: on the connection that is handed over, or on one of its own."""

from alembic import context
from sqlalchemy import Connection

from api.models import Table
from api.settings import Settings
from api.store.database import open_writing_engine
from api.store.lock import Lock


def run(connection: Connection) -> None:
    """Run the migrations in one transaction."""
    context.configure(connection=connection, target_metadata=Table.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


def run_alone() -> None:
    """Called by the `alembic` command itself: nobody else may hold the database."""
    settings = Settings()
    lock = Lock(settings.database_path)
    lock.acquire()
    engine = open_writing_engine(settings)
    try:
        with engine.begin() as connection:
            run(connection)
    finally:
        engine.dispose()
        lock.release()


handed_over = context.config.attributes.get("connection")
if handed_over is not None:
    run(handed_over)
else:
    run_alone()
