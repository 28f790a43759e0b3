"""The schema comes from the migrations, and only from them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine

from api.database import DatabaseError, open_engine
from api.models import Table
from api.schema import check, current_revision, migrate


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    engine = open_engine(tmp_path / "100% of it.db", writing=True, busy_timeout=1)
    yield engine
    engine.dispose()


def test_migrations_make_what_the_models_say(engine: Engine) -> None:
    """As `alembic check`: nothing would be left to migrate."""
    migrate(engine)
    with engine.begin() as connection:
        context = MigrationContext.configure(connection)
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
