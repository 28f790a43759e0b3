"""The migrations make the same of PostgreSQL as of SQLite, and take it back."""

from functools import partial

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from api.models import Table
from api.settings import Settings
from api.store.schema import configuration, current_revision
from api.store.store import store_of
from api.store.tables import is_compared
from tests.programs.postgresql import Cluster


def test_migrations_make_what_the_models_say(settings: Settings, cluster: Cluster) -> None:
    """As `alembic check`; a downgrade to the beginning leaves nothing, and an upgrade all again."""
    store = store_of(settings)
    store.open()
    store.prepare()
    with store.engine.begin() as connection:
        compared = partial(is_compared, connection.dialect)
        context = MigrationContext.configure(connection, opts={"include_object": compared})
        assert compare_metadata(context, Table.metadata) == []
        command.downgrade(configuration(connection), "base")
    assert current_revision(store.engine) is None
    left = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert cluster.run(left, settings.database_url) == [("alembic_version",)]
    store.prepare()
    store.close()


def test_texts_are_compared_as_bytes(settings: Settings, cluster: Cluster) -> None:
    """Whatever the database's own collation: pages of ids go on where they ended."""
    store = store_of(settings)
    store.open()
    store.prepare()
    store.close()
    others = (
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name <> 'alembic_version'"
        " AND data_type = 'character varying' AND collation_name IS DISTINCT FROM 'C'"
    )
    assert cluster.run(others, settings.database_url) == []
