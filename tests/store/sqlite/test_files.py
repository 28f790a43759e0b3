"""Files that vanish from under a running server: nothing is acknowledged that nobody would find."""

import asyncio
import contextlib
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import httpx2
import pytest

from api.settings import Settings
from api.store.failures import DatabaseError
from api.store.sqlite import files as database_files
from api.store.sqlite.database import open_writing_engine
from api.store.sqlite.files import Misplaced
from api.store.sqlite.lock import Lock
from tests.deadlines import scaled
from tests.process import PATIENCE, Process
from tests.serving import LiveServer, Person, Served
from tests.store.sqlite.displacing import (
    moved,
    part,
    publish,
    read_only_folder,
    refs,
    renamed_folder,
    replaced,
    watched,
)

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


def until(condition: Callable[[], bool]) -> None:
    """Wait for it; what a slow machine takes longer for is no failure."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ready(server: Served) -> int:
    return httpx2.get(f"{server.url}/readyz", timeout=PATIENCE).status_code


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A database in a folder of its own, which a test may move away."""
    (tmp_path / "data").mkdir()
    url = f"sqlite:///{tmp_path}/data/test.db"
    return Settings(database_url=url, port=0, busy_timeout=0.1)


@pytest.fixture
def server(settings: Settings) -> Iterator[LiveServer]:
    with LiveServer(settings) as server:
        yield server


@pytest.fixture
def ada(server: LiveServer) -> Person:
    ada = server.person("ada")
    ada.create("room")
    assert publish(ada, "before").status_code == 201
    return ada


@pytest.mark.parametrize(
    ("name", "displaced"),
    [
        ("", moved),
        ("", replaced),
        ("", renamed_folder),
        ("", read_only_folder),
        ("-wal", moved),
        ("-wal", replaced),
        ("-shm", moved),
    ],
)
async def test_displaced_file_stores_nothing_until_it_is_back(
    name: str,
    displaced: Callable[[Path], contextlib.AbstractContextManager[None]],
    server: LiveServer,
    ada: Person,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is noticed without a command; REST, sockets and `/readyz` say so; then all goes on."""
    database = server.settings.database_path
    async with ada.room("room") as talk:
        with displaced(part(database, name)):
            await asyncio.to_thread(until, lambda: bool(caplog.records))
            refused = await asyncio.to_thread(publish, ada, "rest")
            assert (refused.status_code, refused.json()["code"]) == (503, "storage_error")
            assert (await talk.publish("socket", ref="socket"))["code"] == "storage_error"
            assert await asyncio.to_thread(ready, server) == 503
            history = await asyncio.to_thread(ada.call, "GET", "/items/room/messages")
            assert [message["body"] for message in history.json()["messages"]] == ["before"]
        await asyncio.to_thread(until, lambda: ready(server) == 200)
        assert (await talk.publish("socket", ref="socket"))["type"] == "ack"
    assert refs(database) == ["before", "socket"]
    levels = [(record.levelname, record.exc_info) for record in caplog.records]
    assert levels == [("ERROR", None), ("WARNING", None)]


async def test_removed_database_is_never_acknowledged_again(
    server: LiveServer,
    ada: Person,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not even the first message after it: the writer looks itself, and makes no new file."""
    monkeypatch.setattr(database_files, "PATIENCE", 3600)
    database = server.settings.database_path
    database.unlink()
    assert publish(ada, "lost").json()["code"] == "storage_error"
    assert ready(server) == 503
    assert not database.exists()
    assert "is not the file any more that this server has open" in caplog.text


def test_removed_log_loses_nothing_and_ends_with_a_sentence(tmp_path: Path) -> None:
    """What was acknowledged is brought home at once, for a new start to find."""
    with Process(tmp_path) as server:
        ada = server.person("ada")
        ada.create("room")
        acked = [f"m{number}" for number in range(20)]
        assert {publish(ada, ref).status_code for ref in acked} == {201}
        part(server.database, "-wal").unlink()
        assert publish(ada, "lost").json()["code"] == "storage_error"
        assert server.popen.wait(PATIENCE) == 2
        assert "test.db-wal was removed from under this server" in server.log
        assert "Traceback" not in server.log
    assert refs(server.database) == acked


def test_database_cut_short_is_never_acknowledged_into(tmp_path: Path) -> None:
    """It is the same file still, but what stood behind the cut is gone: say so, and end."""
    with Process(tmp_path) as server:
        ada = server.person("ada")
        ada.create("room")
        with server.database.open("r+b") as database:
            database.truncate(server.database.stat().st_size // 2)
        with contextlib.suppress(httpx2.TransportError):
            # The server looks by itself too: it may be about to end, or have ended.
            assert publish(ada, "lost").json()["code"] in {"storage_error", "draining"}
        assert server.popen.wait(scaled(30)) == 2
    assert "was cut short by another program" in server.log


def test_removed_log_then_killed_loses_nothing(tmp_path: Path) -> None:
    """As soon as it was noticed, the removed file is needed no more."""
    with Process(tmp_path, measured=False) as server:
        ada = server.person("ada")
        ada.create("room")
        acked = [f"m{number}" for number in range(20)]
        assert {publish(ada, ref).status_code for ref in acked} == {201}
        part(server.database, "-wal").unlink()
        until(lambda: "ERROR" in server.log)
        server.end(signal.SIGKILL)
    part(server.database, "-shm").unlink()
    assert refs(server.database) == acked


def test_removed_lock_is_made_again(
    server: LiveServer, ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """Before another process takes it; nobody is refused meanwhile."""
    lock = Lock(server.settings.database_path)
    holder = lock.holder()
    lock.path.unlink()
    assert publish(ada, "kept").status_code == 201
    with pytest.raises(DatabaseError, match="holds this database"):
        lock.acquire()
    assert lock.holder() == holder
    assert "is made and locked again" in caplog.text


def test_link_that_leads_elsewhere_stores_nothing(tmp_path: Path) -> None:
    """The next start would follow it, and find nothing."""
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "real.db")
    settings = Settings(database_url=f"sqlite:///{link}", port=0)
    with LiveServer(settings) as server:
        ada = server.person("ada")
        ada.create("room")
        (tmp_path / "other.db").touch()
        link.unlink()
        link.symlink_to(tmp_path / "other.db")
        assert publish(ada, "lost").json()["code"] == "storage_error"
        link.unlink()
        link.symlink_to(tmp_path / "real.db")
        assert publish(ada, "found").status_code == 201
    assert refs(link) == ["found"]


def test_end_waits_for_clients_to_hear_of_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A removed log ends the server after PATIENCE, and not if that was a mistake of a moment."""
    database = settings.database_path
    with watched(settings) as (connection, files):
        part(database, "-wal").unlink()
        for expected in (True, False):
            with pytest.raises(Misplaced):
                files.check(connection)
            assert (files.lost is None) is expected
            monkeypatch.setattr(database_files, "PATIENCE", 0)


def fail(_: object) -> NoReturn:
    raise sqlite3.OperationalError("disk I/O error")


def test_log_that_cannot_be_saved_does_not_end_the_server(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a foreign program reads what is old, or the disk fails: only this process has it."""
    monkeypatch.setattr(database_files, "PATIENCE", 0)
    database = settings.database_path
    with watched(settings) as (connection, files):
        with closing(sqlite3.connect(database, isolation_level=None)) as foreign:
            foreign.execute("BEGIN")
            foreign.execute("SELECT * FROM t").fetchall()
            with connection.begin():
                connection.exec_driver_sql("INSERT INTO t VALUES (1)")
            part(database, "-wal").unlink()
            with pytest.raises(Misplaced):
                files.check(connection)
            seen = [files.lost]
        with monkeypatch.context() as broken:
            broken.setattr(database_files, "_driver", fail)
            with pytest.raises(Misplaced):
                files.check(connection)
        seen.append(files.lost)
        with pytest.raises(Misplaced):
            files.check(connection)
        seen.append(files.lost)
    assert [lost is None for lost in seen] == [True, True, False]


def test_removed_database_is_rescued_before_the_end(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the open descriptors have it: a sentence says where it is now, to a new start too."""
    monkeypatch.setattr(database_files, "PATIENCE", 0)
    database = settings.database_path
    with watched(settings) as (connection, files):
        database.unlink()
        left = {path.name for path in database.parent.iterdir()}
        with monkeypatch.context() as full:
            full.setattr("api.store.sqlite.files.sqlite3.connect", fail)
            with pytest.raises(Misplaced):
                files.check(connection)
        assert {path.name for path in database.parent.iterdir()} == left
        for _ in range(2):
            with pytest.raises(Misplaced):
                files.check(connection)
    (rescued,) = database.parent.glob("*.rescued-*")
    assert f"is in {rescued}: move that to {database}, and start again" in str(files.lost)
    assert rescued.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(rescued)) as copy:
        assert copy.execute("SELECT count(*) FROM t").fetchall() == [(0,)]
    with pytest.raises(DatabaseError, match="move that there"):
        open_writing_engine(settings)
    assert not database.exists()
    rescued.rename(database)
    open_writing_engine(settings).dispose()
