"""SQLite as the product needs it: pragmas read back, one process, readers that cannot write."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from api.errors import Refusal
from api.security.secret_file import secret_path
from api.settings import Settings
from api.store.failures import DatabaseError
from api.store.readers import TRIP, Readers
from api.store.sqlite import database
from api.store.sqlite.database import open_engine, open_writing_engine
from api.store.sqlite.lock import Lock
from tests.deadlines import scaled

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.db"


def pragmas(path: Path, *, writing: bool) -> dict[str, object]:
    engine = open_engine(path, writing=writing, busy_timeout=1)
    with engine.begin() as connection:
        names = (*database.PRAGMAS, "query_only", "busy_timeout")
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one_or_none()
            for name in names
        }
    engine.dispose()
    return found


def test_connection_durable_and_checked(path: Path) -> None:
    """E5: an ack promises a disk, and foreign keys hold."""
    expected = {name: value for name, (_, value) in database.PRAGMAS.items()}
    common = expected | {"busy_timeout": 1000}
    for writing in (True, False):
        found = pragmas(path, writing=writing)
        # SQLite built without mmap answers nothing.
        found["mmap_size"] = found["mmap_size"] or 0
        assert found == common | {"query_only": int(not writing)}


@pytest.mark.parametrize(
    ("pragma", "expected"), [("synchronous", ("NORMAL", 2)), ("no_such_pragma", ("1", 1))]
)
def test_pragma_that_does_not_read_back_refuses_to_open(
    path: Path, monkeypatch: pytest.MonkeyPatch, pragma: str, expected: tuple[str, object]
) -> None:
    """E5, negative control: a database that is not as durable as promised is not used."""
    monkeypatch.setitem(database.PRAGMAS, pragma, expected)
    engine = open_engine(path, writing=True, busy_timeout=1)
    with pytest.raises(DatabaseError, match=pragma), engine.begin():
        pass
    engine.dispose()


def test_reader_cannot_write(path: Path) -> None:
    """E8: only one connection can change anything."""
    writing = open_engine(path, writing=True, busy_timeout=1)
    writing.connect().close()
    writing.dispose()
    engine = open_engine(path, writing=False, busy_timeout=1)
    with engine.begin() as connection, pytest.raises(OperationalError, match="readonly"):
        connection.exec_driver_sql("CREATE TABLE t (x)")
    engine.dispose()


def test_reader_sees_one_moment(path: Path) -> None:
    """A transaction of several reads is of one piece, and keeps nobody from writing."""
    writing = open_engine(path, writing=True, busy_timeout=0.1)
    reading = open_engine(path, writing=False, busy_timeout=0.1)
    with writing.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
    with reading.begin() as reader:
        assert reader.exec_driver_sql("SELECT count(*) FROM t").scalar_one() == 0
        with writing.begin() as connection:
            connection.exec_driver_sql("INSERT INTO t VALUES (1)")
        assert reader.exec_driver_sql("SELECT count(*) FROM t").scalar_one() == 0
    reading.dispose()
    writing.dispose()


def test_lock_held_refuses_the_second(path: Path) -> None:
    """E16: who holds it is said, and after its release another may have it."""
    first, second = Lock(path), Lock(path)
    assert second.holder() == {}
    first.acquire(url="http://127.0.0.1:8000")
    assert second.holder() == {"pid": os.getpid(), "url": "http://127.0.0.1:8000"}
    with pytest.raises(DatabaseError, match=str(os.getpid())):
        second.acquire()
    first.release()
    first.release()
    second.acquire()
    assert second.holder()["url"] is None
    second.release()


def by_symbolic_link(path: Path) -> Path:
    path.with_name("link.db").symlink_to(path)
    return path.with_name("link.db")


def by_parent(path: Path) -> Path:
    (path.parent / "folder").mkdir()
    return path.parent / "folder" / ".." / path.name


def by_linked_folder(path: Path) -> Path:
    path.with_name("folder").symlink_to(path.parent)
    return path.with_name("folder") / path.name


@pytest.mark.parametrize("way", [by_symbolic_link, by_parent, by_linked_folder])
def test_one_file_by_two_paths_is_one_database(path: Path, way: Callable[[Path], Path]) -> None:
    """One lock, one secret, and one write-ahead log: whatever a second server calls it."""
    straight, around = (Settings(database_url=f"sqlite:///{one}") for one in (path, way(path)))
    lock = Lock(straight.database_path)
    lock.acquire()
    with pytest.raises(DatabaseError, match="holds this database"):
        Lock(around.database_path).acquire()
    lock.release()
    assert secret_path(around) == secret_path(straight)


def test_file_with_two_names_is_refused(path: Path) -> None:
    """A hard link cannot be resolved: a log for each name would lose what is in the other."""
    path.touch()
    path.with_name("other.db").hardlink_to(path)
    for name in ("test.db", "other.db"):
        settings = Settings(database_url=f"sqlite:///{path.with_name(name)}")
        with pytest.raises(DatabaseError, match="hard link"):
            open_writing_engine(settings)
    path.with_name("other.db").unlink()
    open_writing_engine(Settings(database_url=f"sqlite:///{path}")).dispose()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"\xff"])
def test_lock_file_of_nobody_names_nobody(path: Path, content: bytes) -> None:
    """What stands in the file is advice, whatever a crash left there."""
    lock = Lock(path)
    lock.path.write_bytes(content)
    assert lock.holder() == {}
    lock.acquire(url="u")
    with pytest.raises(DatabaseError, match="process"):
        Lock(path).acquire()
    lock.release()


def make_readers(path: Path, *, queue: int = 8) -> Readers:
    sqlite3.connect(path).close()
    return Readers(
        open_engine(path, writing=False, busy_timeout=1, pool_size=2), threads=2, queue=queue
    )


async def test_reads_beyond_the_queue_refused(path: Path) -> None:
    """A database that cannot keep up refuses at once, and recovers."""
    readers = make_readers(path, queue=2)
    leave = threading.Event()
    waiting = [asyncio.create_task(readers.read(lambda _: leave.wait(10))) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Refusal, match="overloaded"):
        await readers.read(lambda _: None)
    leave.set()
    assert await asyncio.gather(*waiting) == [True, True]
    again = [readers.read(lambda _, value: value, number) for number in range(2)]
    assert await asyncio.gather(*again) == [0, 1]
    await asyncio.to_thread(readers.close)


async def test_reads_of_one_turn_are_one_trip_and_each_has_its_own_answer(path: Path) -> None:
    """By the same snapshot; what one of them raises is nothing to the others."""
    readers = make_readers(path)
    threads: list[int] = []

    def note(connection: Connection, value: int) -> int:
        threads.append(threading.get_ident())
        if value == 1:
            connection.exec_driver_sql("SELECT * FROM nowhere")
        return value

    first, second, third = await asyncio.gather(
        *(readers.read(note, value) for value in range(3)), return_exceptions=True
    )
    assert (first, type(second), third) == (0, OperationalError, 2)
    assert len(set(threads)) == 1
    await asyncio.to_thread(readers.close)


async def test_many_reads_of_one_turn_are_shared_out(path: Path) -> None:
    """A thread takes a bounded number, so that others go on beside it."""
    readers, meeting = make_readers(path, queue=2 * TRIP), threading.Barrier(2)

    def meet(_: Connection, number: int) -> None:
        if number % TRIP == 0:
            meeting.wait(scaled(10))

    await asyncio.gather(*(readers.read(meet, number) for number in range(2 * TRIP)))
    await asyncio.to_thread(readers.close)


async def test_answer_that_is_not_taken_is_logged_and_others_are_answered(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever asked has failed, not who asked in the same turn."""
    readers, answers = make_readers(path), asyncio.Queue[int | None]()

    def fail(_answer: object, _error: object) -> None:
        raise ValueError("no")

    readers.ask(fail, lambda _: None)
    readers.ask(lambda answer, _: answers.put_nowait(answer), lambda _: 7)
    assert await answers.get() == 7
    assert "was not taken" in caplog.text
    await asyncio.to_thread(readers.close)


async def test_reads_that_still_wait_when_the_readers_close_are_cancelled(path: Path) -> None:
    """Nobody waits for an answer that will not come."""
    readers, leave = make_readers(path), threading.Event()
    started = threading.Barrier(3)

    def run(_: Connection) -> bool:
        started.wait(scaled(10))
        return leave.wait(scaled(10))

    async def asking(read: Callable[[Connection], object]) -> asyncio.Task[object]:
        task = asyncio.create_task(readers.read(read))
        for _ in range(2):  # It asks, and the turn ends.
            await asyncio.sleep(0)
        return task

    running = [await asking(run) for _ in range(2)]
    await asyncio.to_thread(started.wait, scaled(10))
    late, given_up = await asking(lambda _: None), await asking(lambda _: None)
    given_up.cancel()
    closing = asyncio.create_task(asyncio.to_thread(readers.close))
    with pytest.raises(asyncio.CancelledError):
        await late
    leave.set()
    await closing
    assert await asyncio.gather(*running) == [True, True]


async def test_read_asked_for_in_the_turn_of_the_closing_is_cancelled(path: Path) -> None:
    """It comes to threads that have ended."""
    readers = make_readers(path)
    late = asyncio.create_task(readers.read(lambda _: None))
    asyncio.get_running_loop().call_soon(readers.close)
    with pytest.raises(asyncio.CancelledError):
        await late


async def test_transaction_that_does_not_begin_fails_all_that_came_together(path: Path) -> None:
    """Nor would it for the second; and the next trip finds nothing left behind."""
    readers, asked = make_readers(path), list[object]()
    drivers: list[Any] = [
        connection.connection.driver_connection for connection in readers._connections
    ]

    def deny(*what: object) -> int:
        asked.append(what)
        return sqlite3.SQLITE_DENY

    for driver in drivers:
        driver.set_authorizer(deny)
    reads = [readers.read(lambda _: None) for _ in range(3)]
    errors = await asyncio.gather(*reads, return_exceptions=True)
    assert all("not authorized" in str(error) for error in errors)
    assert len(asked) == 1
    for driver in drivers:
        driver.set_authorizer(None)
    assert await readers.read(lambda _: 7) == 7
    await asyncio.to_thread(readers.close)


async def test_read_that_fails_gives_its_slot_back(path: Path) -> None:
    """Errors reach who asked, and cost no place in the queue."""
    readers = make_readers(path, queue=1)

    def fail(_: Connection) -> None:
        raise ValueError("no")

    for _ in range(3):
        with pytest.raises(ValueError, match="no"):
            await readers.read(fail)
    await asyncio.to_thread(readers.close)


def damage(path: Path) -> None:
    """Spoil every page but the first."""
    sound = path.read_bytes()
    path.write_bytes(sound[:4096] + b"\xff" * (len(sound) - 4096))


async def test_damaged_page_refused_with_one_line_until_something_is_read(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What the disk did is no bug: who asks hears `database_unavailable`, and the log no trace."""
    writing = open_engine(path, writing=True, busy_timeout=1)
    with writing.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
    writing.dispose()
    damage(path)
    readers = make_readers(path)

    def count(connection: Connection) -> object:
        return connection.exec_driver_sql("SELECT count(*) FROM t").scalar_one()

    for _ in range(3):
        with pytest.raises(Refusal, match="database_unavailable"):
            await readers.read(count)
    await readers.read(lambda connection: connection.exec_driver_sql("SELECT 1").one())
    await asyncio.to_thread(readers.close)
    failed, over = (record.getMessage() for record in caplog.records)
    assert failed == "the database cannot be read: database disk image is malformed"
    assert over.startswith("over after")
    assert [record.exc_info for record in caplog.records] == [None, None]


async def test_statement_that_is_wrong_fails_as_a_bug_does(path: Path) -> None:
    """Whoever caught it logs where it came from; it is not taken for a broken disk."""
    readers = make_readers(path)
    with pytest.raises(OperationalError, match="nowhere"):
        await readers.read(lambda connection: connection.exec_driver_sql("SELECT * FROM nowhere"))
    await asyncio.to_thread(readers.close)
