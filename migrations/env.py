"""Runs the migrations: on the connection that is handed over, or on one of its own."""

from functools import partial

from alembic import context
from sqlalchemy import Connection

from api.models import Table
from api.settings import Settings
from api.store.store import store_of
from api.store.tables import is_compared


def run(connection: Connection) -> None:
    """Run the migrations in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=Table.metadata,
        render_as_batch=True,
        include_object=partial(is_compared, connection.dialect),
    )
    with context.begin_transaction():
        context.run_migrations()


def run_alone() -> None:
    """Called by the `alembic` command itself: nobody else may hold the database."""
    store = store_of(Settings())
    store.open()
    try:
        with store.engine.begin() as connection:
            run(connection)
    finally:
        store.close()


handed_over = context.config.attributes.get("connection")
if handed_over is not None:
    run(handed_over)
else:
    run_alone()
