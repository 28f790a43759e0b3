"""Runs the migrations: as the server says, or on a connection of their own."""

from alembic import context


def run_alone() -> None:
    """What the `alembic` command itself asks for: nobody else may hold the database."""
    # Only here: where a server is installed, its package has another name than in the repository.
    from api.settings import Settings
    from api.store.schema import run_migrations
    from api.store.store import store_of

    store = store_of(Settings())
    store.open()
    try:
        with store.engine.begin() as connection:
            run_migrations(connection)
    finally:
        store.close()


context.config.attributes.get("run", run_alone)()
