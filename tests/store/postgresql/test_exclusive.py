"""A change of the schema waits for those who use the tables, and they never for it in vain."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import ProgrammingError

from api.settings import Settings
from api.store.failures import DatabaseError
from api.store.postgresql import exclusive
from api.store.postgresql.exclusive import lock_tables
from api.store.store import store_of
from tests.programs.postgresql import Cluster

TABLES = ["user", "item"]


@pytest.fixture
def connection(settings: Settings) -> Iterator[Connection]:
    """In a transaction of a database that is up to date."""
    store = store_of(settings)
    store.open()
    with closing(store):
        store.prepare()
        with store.engine.begin() as connection:
            yield connection


def test_tables_are_had_by_one_alone(
    settings: Settings, cluster: Cluster, connection: Connection
) -> None:
    """Until the transaction ends; what comes next in it waits as long as it has to."""
    lock_tables(connection, TABLES)
    with (
        psycopg.connect(settings.database_url) as other,
        pytest.raises(psycopg.errors.LockNotAvailable),
    ):
        other.execute('LOCK TABLE "user" IN ACCESS SHARE MODE NOWAIT')
    assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "0"


def test_others_go_on_while_tables_cannot_be_had(
    settings: Settings, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has one and asks for another gets it: the change lets go of what it has."""
    monkeypatch.setattr(exclusive, "TIMEOUT_MS", 50)
    with psycopg.connect(settings.database_url) as other:
        other.execute("SELECT FROM item")

        def go_on(_seconds: float) -> None:
            other.execute('SELECT FROM "user"')
            other.commit()

        monkeypatch.setattr("api.store.postgresql.exclusive.time.sleep", go_on)
        lock_tables(connection, TABLES)


def test_tables_that_others_keep_are_given_up(
    settings: Settings, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a sentence: what else has them for hours is a copy of all of them."""
    monkeypatch.setattr(exclusive, "TIMEOUT_MS", 50)
    monkeypatch.setattr(exclusive, "PATIENCE", 0)
    with psycopg.connect(settings.database_url) as other:
        other.execute("SELECT FROM item")
        with pytest.raises(DatabaseError, match="pg_dump"):
            lock_tables(connection, TABLES)


def test_what_is_no_lack_of_patience_is_not_tried_again(connection: Connection) -> None:
    """A table that is not there, say."""
    with pytest.raises(ProgrammingError):
        lock_tables(connection, ["nothing"])
