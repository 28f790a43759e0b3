"""What goes wrong on the way to the disk: who is told what, and what is stored."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from functools import partial

import pytest
from sqlalchemy import Connection

import api.history.writer
from api.errors import Refusal
from api.history.commits import Commits
from api.history.entries import Kind
from api.history.events import EntryStored, ItemDeleted
from api.history.messages import Publish, author_of
from api.history.transaction import RefKey, Transaction
from api.history.writer import Writer
from api.rights.access import Access
from api.store.sqlite.files import Misplaced
from tests.history.writing import append, held, refusal_of
from tests.stores import Store

pytestmark = pytest.mark.anyio


def fail_after_append(access: Access, error: Exception, transaction: Transaction) -> None:
    append(access, transaction)
    transaction.emit(ItemDeleted(access.item_key))
    raise error


@pytest.mark.parametrize(
    ("error", "code"),
    [(Refusal("last_admin"), "last_admin"), (RuntimeError("a bug"), "internal")],
    ids=["refused", "crashed"],
)
async def test_command_that_fails_leaves_the_rest_of_its_batch(
    store: Store, access: Access, error: Exception, code: str
) -> None:
    """What a failed command did is undone: rows, seqs, refs, events; its neighbours' is not."""
    with held(store):
        first = asyncio.create_task(store.publish(access, ref="a"))
        call = store.writer.call(partial(fail_after_append, access, error))
        failing = asyncio.create_task(call)
        second = asyncio.create_task(store.publish(access, ref="b"))
        again = asyncio.create_task(store.publish(access, ref="a"))
        await asyncio.sleep(0)
    assert (await refusal_of(failing)).code == code
    assert [(await task).seq for task in (first, second, again)] == [1, 2, 1]
    assert [type(event) for event in store.events] == [EntryStored, EntryStored]
    assert await store.rows("SELECT seq, ref FROM entry") == [(1, "a"), (2, "b")]
    assert await store.rows("SELECT head FROM item") == [(2,)]


class Crashing:
    """A light command with a bug: it has no savepoint to go back to."""

    light = True
    access = None

    def refs(self) -> Sequence[RefKey]:
        return ()

    def apply(self, transaction: Transaction) -> None:
        raise RuntimeError("a bug")


async def test_light_command_that_crashes_fails_its_batch_whole(
    store: Store, access: Access
) -> None:
    """Nothing of the batch is stored, everybody is told so, and the next batch works."""
    with held(store):
        publish = asyncio.create_task(store.publish(access))
        crash = asyncio.create_task(store.writer.execute(Crashing()))
        await asyncio.sleep(0)
    assert (await refusal_of(publish)).code == "internal"
    assert (await refusal_of(crash)).code == "internal"
    assert store.events == []
    assert (await store.publish(access)).seq == 1


@pytest.mark.sqlite
async def test_held_by_a_foreign_process_busy_and_then_again(store: Store, access: Access) -> None:
    """E7: a foreign write transaction makes `busy` of ours, and harms nothing."""
    with closing(sqlite3.connect(store.settings.database_path, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        refusal = await refusal_of(store.publish(access))
        assert (refusal.code, refusal.retry_after) == ("busy", 1)
        foreign.execute("ROLLBACK")
    assert (await store.publish(access)).seq == 1


def limit_pages(store: Store, pages: int) -> None:
    raw = store.engine.raw_connection()
    raw.cursor().execute(f"PRAGMA max_page_count = {pages}")
    raw.close()


@pytest.mark.parametrize("light", [True, False], ids=["light", "in a savepoint"])
@pytest.mark.sqlite
async def test_disk_full_refused_and_heals_by_itself(
    store: Store, access: Access, caplog: pytest.LogCaptureFixture, *, light: bool
) -> None:
    """E6: no ack, no row, no event, reads work; and with space again so does all.

    It is no bug: the log has one line of it, and one when it is over, without a traceback.
    """
    big = b'"%s"' % (b"x" * 100_000)
    ((pages,),) = await store.rows("PRAGMA page_count")
    limit_pages(store, pages)

    def publish(transaction: Transaction) -> None:
        author = author_of(access.principal)
        transaction.append(access.item_key, Kind.MESSAGE, author, body=big)

    for _ in range(3):
        refusal = await refusal_of(store.writer.call(publish, light=light))
        assert (refusal.code, refusal.retry_after) == ("storage_full", 10)
    assert store.events == []
    assert await store.rows("SELECT head FROM item") == [(0,)]
    limit_pages(store, 2**30)
    assert (await store.publish(access, big)).seq == 1
    failed, over = (record.getMessage() for record in caplog.records)
    assert failed == "nothing can be stored: database or disk is full"
    assert over.startswith("over after")
    assert [record.exc_info for record in caplog.records] == [None, None]


@pytest.mark.sqlite
async def test_database_error_refused_as_storage_error(
    store: Store, access: Access, caplog: pytest.LogCaptureFixture
) -> None:
    """What SQLite cannot do for another reason has a code of its own. A bug has its traceback."""

    def drop(transaction: Transaction) -> None:
        transaction.connection.exec_driver_sql("SELECT * FROM nowhere")

    assert (await refusal_of(store.writer.call(drop))).code == "storage_error"
    assert [record.exc_info is None for record in caplog.records] == [False]
    assert (await store.publish(access)).seq == 1


async def test_constraint_broken_in_a_savepoint_fails_that_command_alone(
    store: Store, access: Access
) -> None:
    """A broken constraint is a bug of one command, not of the disk."""

    def twice(transaction: Transaction) -> None:
        sql = "INSERT INTO membership VALUES (99, 99, NULL, 0, 0)"
        transaction.connection.exec_driver_sql(sql)

    with held(store):
        publish = asyncio.create_task(store.publish(access))
        broken = asyncio.create_task(store.writer.call(twice))
        await asyncio.sleep(0)
    assert (await refusal_of(broken)).code == "internal"
    assert (await publish).seq == 1


class Places:
    """Whether the files are in their places, at each question of the writer."""

    def __init__(self, *answers: bool) -> None:
        self._answers = iter(answers)
        self.asked = 0

    def check(self, _: Connection) -> None:
        self.asked += 1
        if not next(self._answers, True):
            raise Misplaced("the file was moved")


@asynccontextmanager
async def watched(store: Store, places: Places) -> AsyncIterator[Writer]:
    """A writer whose files come and go."""
    commits = Commits()
    commits.listen(store.events.extend)
    engine, check = await store.released(), places.check
    writer = Writer(engine, commits, store.observe, max_queue=9, max_batch=9, check=check)
    writer.start(asyncio.get_running_loop())
    yield writer
    await asyncio.to_thread(writer.finish)


@pytest.mark.parametrize("answers", [(False,), (True, False)], ids=["before", "meanwhile"])
async def test_commit_into_a_displaced_file_is_not_acknowledged(
    store: Store, access: Access, answers: tuple[bool, ...]
) -> None:
    """Neither told to the live side; a retry with the same ref finds what there is, once."""
    publish = Publish(access=access, body=b"1", ref="a")
    del store.events[:]
    async with watched(store, Places(*answers)) as writer:
        assert (await refusal_of(writer.execute(publish))).code == "storage_error"
        assert store.events == []
        stored = await writer.execute(publish)
    assert (stored.seq, stored.duplicate) == (1, len(answers) == 2)
    assert [event.entry.seq for event in store.events if isinstance(event, EntryStored)] == [1]


async def test_file_that_is_back_brings_its_entries_without_another_command(
    store: Store, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quiet room hears of what was stored at the moment of the move."""
    monkeypatch.setattr(api.history.writer, "LOOK_INTERVAL", 0.01)
    publish = Publish(access=access, body=b"1", ref="a")
    del store.events[:]
    async with watched(store, Places(True, False, False)) as writer:
        assert (await refusal_of(writer.execute(publish))).code == "storage_error"
        async with asyncio.timeout(10):
            while not store.events:
                await asyncio.sleep(0.001)


@pytest.mark.parametrize(("lasts", "looks"), [(60.0, 3), (-1.0, 4)], ids=["at once", "later"])
async def test_look_after_a_commit_is_the_one_before_the_next(
    store: Store, access: Access, monkeypatch: pytest.MonkeyPatch, lasts: float, looks: int
) -> None:
    """Unless time has passed in which the files could be moved."""
    monkeypatch.setattr(api.history.writer, "LOOK_LASTS", lasts)
    monkeypatch.setattr(api.history.writer, "LOOK_INTERVAL", 60)
    places = Places()
    async with watched(store, places) as writer:
        for _ in range(2):
            await writer.execute(Publish(access=access, body=b"1"))
    assert places.asked == looks
