"""The schema comes from the migrations, and only from them."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from api.models import Table
from api.settings import Settings
from api.store.failures import DatabaseError
from api.store.schema import (
    check,
    configuration,
    current_revision,
    migrate,
)
from api.store.sqlite.foreign_keys import without_foreign_keys
from api.store.store import store_of
from api.store.tables import is_compared
from tests.databases import empty_values


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    store = store_of(Settings.model_validate(empty_values(tmp_path)))
    store.open()
    with closing(store):
        yield store.engine


def test_migrations_make_what_the_models_say(engine: Engine) -> None:
    """As `alembic check`: nothing would be left to migrate."""
    migrate(engine)
    with engine.begin() as connection:
        opts = {"include_object": partial(is_compared, connection.dialect)}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, Table.metadata) == []


def test_migrated_twice_is_migrated_once(engine: Engine) -> None:
    """Starting again changes nothing, and the check agrees."""
    assert current_revision(engine) is None
    migrate(engine)
    revision = current_revision(engine)
    assert revision is not None
    migrate(engine)
    assert current_revision(engine) == revision
    check(engine)


OLDER = """
INSERT INTO user (key, id, username, name, disabled, tokens_from, created_at)
    VALUES (1, 'u1', 'ada', 'Ada', 0, 0, 0);
INSERT INTO item (key, id, title, epoch, head, oldest, created_at, active_at)
    VALUES (1, 'doc', '', 'e', 1, 1, 0, 0);
INSERT INTO membership (item_key, user_key, role, read_seq) VALUES (1, 1, 'admin', 0);
INSERT INTO entry (item_key, seq, kind, author_key, at, body)
    VALUES (1, 1, 'message', 1, 0, '1');
"""


@pytest.mark.sqlite
def test_users_of_an_older_database_are_no_admins(engine: Engine) -> None:
    """The flag comes with a migration, and goes with it, while other rows refer to the users."""
    with engine.begin() as connection:
        command.upgrade(configuration(connection), "0001")
        for statement in OLDER.split(";"):
            connection.exec_driver_sql(statement)
    migrate(engine)
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT admin FROM user").all() == [(0,)]
    with without_foreign_keys(engine) as connection:
        command.downgrade(configuration(connection), "0001")
        columns = [row[1] for row in connection.exec_driver_sql("PRAGMA table_info(user)")]
        assert "admin" not in columns
        assert connection.exec_driver_sql("SELECT count(*) FROM entry").scalar() == 1


@pytest.mark.sqlite
def test_pile_put_in_its_places_before_it_goes(engine: Engine) -> None:
    """Whoever goes back to an older version keeps what came a moment ago."""
    migrate(engine)
    with engine.begin() as connection:
        for statement in OLDER.split(";"):
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql(
            "INSERT INTO pile (item_key, seq, kind, author_key, at, ref, digest, body)"
            " VALUES (1, 3, 'message', 1, 7, 'b', x'01', '3'), (1, 2, 'edit', 1, 6, 'a', NULL, '2')"
        )
    with without_foreign_keys(engine) as connection:
        command.downgrade(configuration(connection), "0002")
        rows = connection.exec_driver_sql(
            "SELECT seq, kind, at, ref, digest, body FROM entry WHERE seq > 1 ORDER BY seq"
        ).all()
        assert rows == [
            (2, "edit", 6, "a", None, "2"),
            (3, "message", 7, "b", b"\x01", "3"),
        ]
    migrate(engine)
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM pile").scalar() == 0


@pytest.mark.sqlite
def test_text_in_the_making_is_whole_in_an_older_version(engine: Engine) -> None:
    """Which knows of no ends that are kept elsewhere; the newer one takes it up again."""
    migrate(engine)
    with engine.begin() as connection:
        for statement in OLDER.split(";"):
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql(
            "INSERT INTO stream (item_key, seq, author_key, lengths, size, touched_at, tail_part,"
            " tail_at, tail) VALUES (1, 1, 1, '[[-1,5]]', 5, 0, -1, 3, x'6465'),"
            " (1, 2, 1, '[[-1,0]]', 0, 0, NULL, NULL, NULL)"
        )
    with without_foreign_keys(engine) as connection:
        command.downgrade(configuration(connection), "0015")
        pieces = connection.exec_driver_sql("SELECT seq, part, at, text FROM stream_piece").all()
        assert pieces == [(1, -1, 3, b"de")]
    migrate(engine)
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT tail FROM stream").all() == [(None,), (None,)]


@pytest.mark.sqlite
def test_migration_that_would_leave_a_loose_row_is_undone(engine: Engine) -> None:
    """Checked as a whole, since the keys were off meanwhile; and they are on again."""
    migrate(engine)
    with pytest.raises(DatabaseError, match="refer to nothing"), without_foreign_keys(engine) as c:
        c.exec_driver_sql("INSERT INTO membership VALUES (1, 1, 'admin', 0, 0)")
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM membership").scalar() == 0
        with pytest.raises(IntegrityError):
            connection.exec_driver_sql("INSERT INTO membership VALUES (1, 1, 'admin', 0, 0)")


def test_empty_database_not_up_to_date(engine: Engine) -> None:
    """A server that may not migrate says what to do."""
    with pytest.raises(DatabaseError, match="itemroom migrate"):
        check(engine)


@pytest.mark.parametrize("act", [migrate, check])
def test_database_of_a_newer_version_refused(engine: Engine, act: object) -> None:
    """H4: an older program does not touch what it does not know."""
    migrate(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseError, match="9999"):
        act(engine)  # type: ignore[operator] # either function
    assert current_revision(engine) == "9999"
