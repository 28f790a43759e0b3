"""`itemroom move`: out of a file into a PostgreSQL, whatever ends it, and clients go on."""

import os
import re
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest

import api.cli.moving
from tests.cli.commands import Command
from tests.conftest import Serve
from tests.databases import SECRET
from tests.process import ITEMROOM, PATIENCE
from tests.programs.postgresql import Cluster
from tests.programs.waiting import until
from tests.serving import entries_until

# There are a file and a PostgreSQL in each, whichever has been chosen.
pytestmark = [pytest.mark.anyio, pytest.mark.sqlite]


@pytest.fixture
def source(home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of the file; servers of it and of what it becomes have one secret."""
    monkeypatch.setenv("ITEMROOM_SECRET", SECRET)
    return f"sqlite:///{home / 'test.db'}"


async def test_clients_go_on_where_they_were(
    itemroom: Command, serve: Serve, cluster: Cluster, source: str
) -> None:
    """With their tokens, their cursors and their refs."""
    target = cluster.database()
    server = serve(database_url=source, secret=SECRET)
    ada = server.person("ada")
    ada.create("order-17")
    first = ada.publish("order-17", "one", ref="a")
    async with ada.room("order-17") as talk:
        epoch = talk.welcome["epoch"]
    ada.publish("order-17", "two")
    assert "holds this database" in itemroom.failed("move", source, target)
    server.stop()
    said = itemroom.done("move", source, target)
    assert re.search(r": 1 items, 2 entries, 1 users, each compared with .*test\.db", said)
    ada.server = serve(database_url=target, secret=SECRET)
    async with ada.room("order-17", after=first["seq"], epoch=epoch) as talk:
        assert talk.welcome["recovered"]
        assert [entry["body"] for entry in await entries_until(talk, 2)] == ["two"]
    assert ada.publish("order-17", "one", ref="a")["seq"] == first["seq"]
    assert ada.publish("order-17", "three")["seq"] == 3


def test_move_that_is_killed_leaves_nothing_and_begins_anew(
    itemroom: Command, serve: Serve, cluster: Cluster, source: str
) -> None:
    """In the middle of the entries: what was copied before them is not there either."""
    target = cluster.database()
    server = serve(database_url=source, secret=SECRET)
    ada = server.person("ada")
    ada.create("order-17")
    ada.publish("order-17", "one")
    server.stop()
    assert " 1 entries, " in itemroom.done("move", source, target)
    with psycopg.connect(target) as session:
        session.execute('TRUNCATE item, "user" CASCADE')
        session.commit()
        session.execute("LOCK TABLE entry IN EXCLUSIVE MODE")
        moving = subprocess.Popen([ITEMROOM, "move", source, target], env=os.environ)
        until(lambda: bool(waiting(cluster, target)))
        moving.send_signal(signal.SIGKILL)
        moving.wait(PATIENCE)
    until(lambda: not sessions(cluster, target))
    assert cluster.run("SELECT 1 FROM item", target) == []
    assert " 1 entries, " in itemroom.done("move", source, target)


def waiting(cluster: Cluster, url: str) -> object:
    """Whoever waits for the entries' lock."""
    return cluster.run("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'relation'", url)


def sessions(cluster: Cluster, url: str) -> object:
    """Whoever else is connected."""
    return cluster.run(
        "SELECT 1 FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        url,
    )


@pytest.mark.parametrize(
    ("places", "sentence"),
    [
        (("sqlite:///{home}/none.db", "{target}"), "There is no database at"),
        (("{target}", "sqlite:///{home}/test.db"), "from a file"),
        (("sqlite:///{home}/a.db", "sqlite:///{home}/b.db"), "from a file"),
        (("sqlite:///{home}/test.db", "mysql://here"), "ITEMROOM_DATABASE_URL"),
    ],
)
def test_what_is_no_move_is_said(
    itemroom: Command, source: str, home: Path, places: tuple[str, str], sentence: str
) -> None:
    """Before anything is opened."""
    assert source
    target = "postgresql://itemroom@127.0.0.1:1/nowhere"
    start, end = (place.format(home=home, target=target) for place in places)
    assert sentence in itemroom.failed("move", start, end)
    assert not list(home.glob("*.db"))


def test_server_that_is_not_there_is_said(itemroom: Command, serve: Serve, source: str) -> None:
    """And the file is free again."""
    serve(database_url=source, secret=SECRET).stop()
    assert "refused" in itemroom.failed("move", source, "postgresql://a@127.0.0.1:1/nowhere")
    serve(database_url=source, secret=SECRET).stop()


@pytest.fixture
def filled(serve: Serve, source: str) -> str:
    """The file with a user in it."""
    server = serve(database_url=source, secret=SECRET)
    server.person("ada")
    server.stop()
    return source


@pytest.mark.parametrize(
    ("arguments", "interval", "shown"), [((), 0, True), ((), 60, False), (("--quiet",), 0, False)]
)
def test_progress_is_shown_to_whoever_looks(
    itemroom: Command,
    cluster: Cluster,
    filled: str,
    monkeypatch: pytest.MonkeyPatch,
    *,
    arguments: tuple[str, ...],
    interval: int,
    shown: bool,
) -> None:
    """A line for what has been done, now and then."""
    monkeypatch.setattr(api.cli.moving, "INTERVAL", interval)
    monkeypatch.setattr(api.cli.moving, "is_watched", lambda: True)
    outcome = itemroom("move", filled, cluster.database(), *arguments)
    assert outcome.code == 0
    assert ("copying user: 1 rows" in outcome.err) is shown
