"""Files that vanish from under a running server: nothing is acknowledged that nobody would find."""

import array
import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NoReturn

import httpx2
import pytest
from sqlalchemy import Connection

from api.settings import Settings
from api.store import files as database_files
from api.store.database import open_writing_engine
from api.store.failures import DatabaseError
from api.store.files import DatabaseFiles, Misplaced
from api.store.lock import Lock
from tests.process import PATIENCE, Process
from tests.serving import LiveServer, Person, Served

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


def until(condition: Callable[[], bool]) -> None:
    """Wait for it; what a slow machine takes longer for is no failure."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def publish(person: Person, ref: str) -> httpx2.Response:
    return person.call("POST", "/items/room/messages", json={"body": ref, "ref": ref})


def ready(server: Served) -> int:
    return httpx2.get(f"{server.url}/readyz", timeout=PATIENCE).status_code


def refs(database: Path) -> list[str]:
    """What is stored, as whoever opens the path finds it."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT ref FROM entry WHERE kind = 'message' ORDER BY seq")
        return [ref for (ref,) in rows]


def part(database: Path, name: str) -> Path:
    return database.with_name(database.name + name)


@contextmanager
def moved(path: Path) -> Iterator[None]:
    """Elsewhere, and back after the block."""
    path.rename(path.with_name("elsewhere"))
    yield
    path.with_name("elsewhere").rename(path)


@contextmanager
def replaced(path: Path) -> Iterator[None]:
    """Another file in its place, with the same content."""
    with moved(path):
        shutil.copyfile(path.with_name("elsewhere"), path)
        yield


@contextmanager
def renamed_folder(path: Path) -> Iterator[None]:
    """All of them at once."""
    folder = path.parent
    folder.rename(folder.with_name("elsewhere"))
    yield
    folder.with_name("elsewhere").rename(folder)


@contextmanager
def read_only_folder(path: Path) -> Iterator[None]:
    """For root too, whom no permission stops: by the flag that `chattr +i` sets."""
    folder = path.parent
    if os.geteuid():
        folder.chmod(0o500)
        yield
        folder.chmod(0o700)
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        change_flags(descriptor, immutable=True)
    except OSError as error:
        os.close(descriptor)
        pytest.skip(f"root may write to any folder, and this one cannot be protected: {error}")
    try:
        yield
    finally:
        change_flags(descriptor, immutable=False)
        os.close(descriptor)


def change_flags(descriptor: int, *, immutable: bool) -> None:
    """FS_IOC_GETFLAGS and FS_IOC_SETFLAGS (linux/fs.h), with FS_IMMUTABLE_FL."""
    flags = array.array("l", [0])
    fcntl.ioctl(descriptor, 0x80086601, flags)
    flags[0] = flags[0] | 0x10 if immutable else flags[0] & ~0x10
    fcntl.ioctl(descriptor, 0x40086602, flags)


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


def test_lock_taken_by_another_process_ends_the_server(tmp_path: Path) -> None:
    """Two would write: the one that lost it stores nothing more."""
    with Process(tmp_path) as server:
        ada = server.person("ada")
        ada.create("room")
        lock = Lock(server.database)
        with moved(lock.path):
            # The server may be quicker and make it again: then that one is moved away as well.
            while True:
                try:
                    lock.acquire(url="another")
                    break
                except DatabaseError:
                    lock.path.unlink()
            with contextlib.suppress(httpx2.TransportError):
                assert publish(ada, "lost").status_code == 503
            assert server.popen.wait(PATIENCE) == 2
            lock.release()
        assert "test.db.lock was removed, and now" in server.log
    assert refs(server.database) == []


@contextmanager
def connected(settings: Settings) -> Iterator[Connection]:
    """The connection that writes, of no server."""
    engine = open_writing_engine(settings)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_lock_that_cannot_be_made_again_stores_nothing(settings: Settings) -> None:
    """Until it can."""
    lock = Lock(settings.database_path)
    lock.acquire()
    with connected(settings) as connection, closing(DatabaseFiles(settings, lock)) as files:
        lock.path.unlink()
        lock.path.mkdir()
        with pytest.raises(Misplaced, match="cannot be made again"):
            files.check(connection)
        lock.path.rmdir()
        files.check(connection)
        assert files.lost is None
    assert lock.is_held()
    lock.release()


def test_lock_removed_while_it_is_taken_is_taken_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock on a file that has no name keeps nobody away."""
    lock = Lock(settings.database_path)
    removals = iter([lock.path.unlink])
    flock = fcntl.flock

    def interrupted(descriptor: int, operation: int) -> None:
        next(removals, lambda: None)()
        flock(descriptor, operation)

    monkeypatch.setattr("api.store.lock.fcntl.flock", interrupted)
    lock.acquire()
    assert lock.is_held()
    with pytest.raises(DatabaseError):
        Lock(settings.database_path).acquire()
    lock.release()
    assert not lock.is_held()


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
    lock = Lock(database)
    lock.acquire()
    with connected(settings) as connection, closing(DatabaseFiles(settings, lock)) as files:
        part(database, "-wal").unlink()
        for expected in (True, False):
            with pytest.raises(Misplaced):
                files.check(connection)
            assert (files.lost is None) is expected
            monkeypatch.setattr(database_files, "PATIENCE", 0)
    lock.release()


def fail(_: object) -> NoReturn:
    raise sqlite3.OperationalError("disk I/O error")


def test_log_that_cannot_be_saved_does_not_end_the_server(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a foreign program reads what is old, or the disk fails: only this process has it."""
    monkeypatch.setattr(database_files, "PATIENCE", 0)
    database = settings.database_path
    lock = Lock(database)
    lock.acquire()
    with connected(settings) as connection, closing(DatabaseFiles(settings, lock)) as files:
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
    lock.release()


def test_removed_database_is_rescued_before_the_end(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the open descriptors have it: a sentence says where it is now, to a new start too."""
    monkeypatch.setattr(database_files, "PATIENCE", 0)
    database = settings.database_path
    lock = Lock(database)
    lock.acquire()
    with connected(settings) as connection, closing(DatabaseFiles(settings, lock)) as files:
        database.unlink()
        left = {path.name for path in database.parent.iterdir()}
        with monkeypatch.context() as full:
            full.setattr("api.store.files.sqlite3.connect", fail)
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
    lock.release()
