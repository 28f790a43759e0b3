"""One process has a database, for as long as its session lasts."""

import os

import psycopg
import pytest

from api.settings import Settings
from api.store.failures import Held
from api.store.postgresql import lock, store
from api.store.postgresql.store import PostgresqlStore
from tests.programs.waiting import until

URL = "http://127.0.0.1:8000"


def test_second_server_refused_and_told_who_has_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By process and URL; when the first ends, the database is free."""
    monkeypatch.setattr(store, "PATIENCE", 0.2)
    first, second = PostgresqlStore(settings), PostgresqlStore(settings)
    first.open(url=URL)
    assert second.holder() == (os.getpid(), URL)
    with pytest.raises(Held, match=rf"{os.getpid()} \({URL}\) holds this database"):
        second.open(url="http://127.0.0.1:8001")
    first.close()
    second.open(url="http://127.0.0.1:8001")
    second.close()


def test_command_does_not_wait_and_has_no_url(settings: Settings) -> None:
    """It holds the database for a moment, and the next one tries again by itself."""
    first, second = PostgresqlStore(settings), PostgresqlStore(settings)
    first.open()
    assert second.holder() == (os.getpid(), None)
    with pytest.raises(Held, match="a command"):
        second.open()
    first.close()
    second.close()
    until(lambda: second.holder() == (None, None))


def test_lock_of_somebody_without_a_name_is_held_all_the_same(settings: Settings) -> None:
    """Whoever it is."""
    with psycopg.connect(settings.database_url) as other:
        lock.take(other, boot="b", url=None)
        other.execute("SET application_name = 'psql'")
        second = PostgresqlStore(settings)
        with pytest.raises(Held, match="Process unknown"):
            second.open()
