"""Servers share a database; a command has it alone, for as long as its session lasts."""

import os

import psycopg
import pytest

from api.settings import Settings
from api.store.failures import Held
from api.store.postgresql import lock, store
from api.store.postgresql.store import PostgresqlStore
from tests.programs.waiting import until

URL = "http://127.0.0.1:8000"


def test_servers_share_what_a_command_may_only_have_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second server comes in; a command is told where one of them serves, and waits for both."""
    monkeypatch.setattr(store, "PATIENCE", 0.2)
    first, second, command = (PostgresqlStore(settings) for _ in range(3))
    first.open(url=URL)
    assert command.holder() == (os.getpid(), URL)
    second.open(url="http://127.0.0.1:8001")
    first.close()
    with pytest.raises(Held, match=rf"{os.getpid()} \(http://127.0.0.1:8001\) holds this"):
        command.open()
    second.close()
    command.open()
    with pytest.raises(Held, match="a command"):
        first.open(url=URL)
    command.close()


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
