"""The migrations make the same of PostgreSQL as of SQLite, and take it back."""

from contextlib import closing
from functools import partial

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from api.models import Table
from api.settings import Settings
from api.store.failures import DatabaseError
from api.store.postgresql import exclusive
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


# The first that several servers could share.
SHARED = "0006"
# What each column of each table takes, and what rows must be like; where and what.
SHAPE = """
    SELECT table_name, 'column ' || column_name,
        concat_ws(' ', data_type, is_nullable, column_default IS NOT NULL OR is_identity = 'YES')
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT conrelid::regclass::text, 'rule ' || conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT indrelid::regclass::text, 'rule ' || indexrelid::regclass, indpred::text
    FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
    WHERE indisunique AND relnamespace = 'public'::regnamespace
"""
Shape = dict[tuple[object, object], object]


def shape(connection: Connection) -> Shape:
    return {(table, what): how for table, what, how in connection.exec_driver_sql(SHAPE)}


def troubles(before: Shape, after: Shape) -> list[str]:
    """What of a change would trouble servers that know nothing of it."""
    tables = {table for table, _ in before}
    gone = [str(place) for place, how in before.items() if after.get(place) != how]
    added = {place: how for place, how in after.items() if place not in before}
    asked = [
        str(place)
        for place, how in added.items()
        if place[0] in tables and (str(place[1]).startswith("rule") or str(how).endswith("NO f"))
    ]
    return gone + asked


def test_migrations_trouble_no_server_of_the_version_before(settings: Settings) -> None:
    """It serves on beside the new one: nothing that it knows goes, nothing more is asked of it."""
    store = store_of(settings)
    store.open()
    with closing(store), store.engine.begin() as connection:
        config = configuration(connection)
        steps = list(ScriptDirectory.from_config(config).iterate_revisions("head", SHARED))[::-1]
        assert steps
        command.upgrade(config, SHARED)
        for step in steps:
            before = shape(connection)
            command.upgrade(config, step.revision)
            assert troubles(before, shape(connection)) == [], step.revision


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ('ALTER TABLE "user" DROP COLUMN disconnects', "disconnects"),
        ("ALTER TABLE item ALTER COLUMN title TYPE text", "title"),
        ("ALTER TABLE item ADD COLUMN newer int NOT NULL", "newer"),
        ("ALTER TABLE item ADD COLUMN newer int UNIQUE", "newer"),
        ("ALTER TABLE item ADD CHECK (head < 7)", "check"),
        ("CREATE UNIQUE INDEX newer ON entry (at)", "newer"),
        ("DROP TABLE ticket", "ticket"),
    ],
)
def test_change_that_would_trouble_servers_is_found(
    settings: Settings, change: str, found: str
) -> None:
    """By the test above, in any migration to come."""
    store = store_of(settings)
    store.open()
    with closing(store):
        store.prepare()
        with store.engine.begin() as connection:
            before = shape(connection)
            connection.exec_driver_sql(change)
            assert any(found in line for line in troubles(before, shape(connection)))


def test_older_database_is_changed_when_nobody_is_at_its_tables(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is keeps all of it as it was."""
    monkeypatch.setattr(exclusive, "TIMEOUT_MS", 50)
    monkeypatch.setattr(exclusive, "PATIENCE", 0)
    store = store_of(settings)
    store.open()
    with closing(store):
        with store.engine.begin() as connection:
            command.upgrade(configuration(connection), SHARED)
        with psycopg.connect(settings.database_url) as other:
            other.execute("SELECT FROM entry")
            with pytest.raises(DatabaseError, match="let go"):
                store.prepare()
        assert current_revision(store.engine) == SHARED
        store.prepare()
        store.prepare()
