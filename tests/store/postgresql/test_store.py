"""PostgreSQL stores what SQLite does; nothing acknowledged is lost with a connection."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from api.errors import Refusal
from api.history.events import CredentialsEnded, EntryStored, ReadMoved
from api.history.messages import author_of
from api.history.reader import read_entries, read_messages
from api.history.retention import due_items, tidy_item
from api.history.transaction import Transaction
from api.rights.access import Access, Role, clock_ms
from api.settings import Settings
from api.store.backups import BackupError
from api.store.failures import DatabaseError, NotStorable
from api.store.postgresql import database
from api.store.store import store_of
from tests.history.writing import held, refusal_of
from tests.programs.postgresql import Cluster
from tests.programs.waiting import until
from tests.stores import Store

pytestmark = pytest.mark.anyio


async def test_messages_are_stored_changed_found_again_and_tidied(
    store: Store, access: Access
) -> None:
    """All that a member does, in batches and alone; retries by their refs; retention."""
    with held(store):
        both = [asyncio.create_task(store.publish(access, ref=ref)) for ref in ("a", "b", "c")]
        await asyncio.sleep(0)
    assert [(await one).seq for one in both] == [1, 2, 3]
    assert (await store.publish(access, ref="b")).duplicate
    await store.edit(access, 1, b'"edited"')
    await store.react(access, 2, "+1")
    await store.delete(access, 3)
    messages, extent = await store.readers.read(read_messages, access.item_key, None, None, 10)
    assert [(one.entry.seq, one.entry.body, one.reactions) for one in messages] == [
        (1, b'"edited"', {}),
        (2, b'"hi"', {"+1": ["u-ada"]}),
        (3, None, {}),
    ]
    assert extent.head == 6
    entries, _ = await store.readers.read(read_entries, access.item_key, 3, 10)
    assert [entry.kind.value for entry in entries] == ["edit", "reaction", "delete"]
    await store.rows("SELECT 1")
    await store.writer.call(_keep_a_day)
    assert await store.readers.read(due_items, clock_ms(), 0) == []
    assert not await store.writer.call(lambda write: tidy_item(write, access.item_key))


def _keep_a_day(transaction: Transaction) -> None:
    transaction.connection.execute(text("UPDATE item SET retention_days = 1"))
    transaction.settle_all()


async def test_many_items_in_one_commit(store: Store) -> None:
    """There is no pile: all go to their places."""
    ada = await store.user("ada")
    for number in range(10):
        await store.item(f"i{number}", {"ada": Role.WRITER})
    rights = [await store.access(ada, f"i{number}") for number in range(10)]
    with held(store):
        tasks = [asyncio.create_task(store.publish(one, ref="r")) for one in rights]
        await asyncio.sleep(0)
    assert [(await task).seq for task in tasks] == [1] * 10
    assert await store.rows("SELECT count(*) FROM entry") == [(10,)]


class Losing:
    """Loses the connection around the next COMMIT, once."""

    def __init__(self, store: Store, *, stored: bool) -> None:
        self._dialect = cast("Any", store.engine.dialect)
        self._stored = stored
        self._commit = self._dialect.do_commit
        self._set(self.commit)

    def _set(self, commit: Callable[[Any], None]) -> None:
        self._dialect.do_commit = commit

    def commit(self, connection: Any) -> None:
        self._set(self._commit)
        if self._stored:
            self._commit(connection)
        connection.driver_connection.close()
        raise psycopg.OperationalError("the answer was lost")


async def settled(store: Store, access: Access, ref: str) -> int:
    """Publish until it is answered; its seq."""
    while True:
        with suppress(Refusal):
            return (await store.publish(access, ref=ref)).seq
        await asyncio.sleep(0.01)


async def test_commit_whose_answer_was_lost_is_told_of_later(store: Store, access: Access) -> None:
    """Nobody is told that it failed for good; whoever asks again hears where it is."""
    Losing(store, stored=True)
    assert (await refusal_of(asyncio.ensure_future(store.publish(access, ref="a")))).code == (
        "storage_error"
    )
    assert await settled(store, access, "a") == 1
    assert [type(event) for event in store.events] == [EntryStored]
    assert await store.rows("SELECT seq, ref FROM entry") == [(1, "a")]


async def test_commit_that_never_was_is_told_to_nobody(store: Store, access: Access) -> None:
    """The next message has its seq."""
    Losing(store, stored=False)
    assert (await refusal_of(asyncio.ensure_future(store.publish(access, ref="a")))).code == (
        "storage_error"
    )
    assert await settled(store, access, "b") == 1
    assert [type(event) for event in store.events] == [EntryStored]
    assert await store.rows("SELECT seq, ref FROM entry") == [(1, "b")]


async def test_doubtful_end_of_credentials_is_told(store: Store, access: Access) -> None:
    """Whoever is closed in error comes back; a role or a marker is not told."""

    def end(transaction: Transaction) -> None:
        transaction.emit(CredentialsEnded(access.principal.user_key))
        transaction.emit(ReadMoved(access.item_key, author_of(access.principal), 1))

    Losing(store, stored=False)
    assert (await refusal_of(asyncio.ensure_future(store.writer.call(end)))).code == "storage_error"
    await settled(store, access, "a")
    assert [type(event) for event in store.events] == [CredentialsEnded, EntryStored]


async def test_sessions_that_were_ended_come_back_by_themselves(
    store: Store, access: Access, cluster: Cluster
) -> None:
    """Readers at once, the writer with the next look; nothing is stored twice."""
    await store.publish(access, ref="a")
    await store.rows("SELECT 1")
    cluster.terminate(store.settings.database_url)
    assert await store.rows("SELECT count(*) FROM entry") == [(1,)]
    assert await settled(store, access, "b") == 2


async def test_failed_read_leaves_the_others_of_its_trip(store: Store) -> None:
    """Its transaction has ended; the others read in the next."""
    reads = [store.rows("SELECT 1"), store.rows("SELECT nonsense"), store.rows("SELECT 2")]
    first, second, third = await asyncio.gather(*reads, return_exceptions=True)
    assert (first, third) == ([(1,)], [(2,)])
    assert isinstance(second, DBAPIError)


async def test_database_that_a_command_took_is_waited_for(
    store: Store, access: Access, cluster: Cluster
) -> None:
    """Nothing is stored meanwhile, and the server goes on when the command has ended."""
    await store.publish(access)
    await asyncio.to_thread(store.writer.finish)
    command = store_of(store.settings)
    with store.engine.connect() as connection:
        cluster.terminate(store.settings.database_url)
        command.open()

        def look() -> str:
            try:
                store.store.check(connection)
            except NotStorable as error:
                return str(error)
            return ""

        await asyncio.to_thread(until, lambda: "(a command) holds" in look())
        command.close()
        await asyncio.to_thread(until, lambda: not look())
    assert store.store.lost is None


async def test_server_that_is_away_is_storage_error(
    store: Store, access: Access, cluster: Cluster
) -> None:
    """Then all goes on: the writer and those who read connect again."""
    await store.publish(access, ref="a")
    cluster.stop()
    try:
        assert (await refusal_of(asyncio.ensure_future(store.publish(access)))).code == (
            "storage_error"
        )
        with pytest.raises(Refusal, match="database"):
            await store.rows("SELECT 1")
    finally:
        cluster.start()
    assert await settled(store, access, "b") == 2
    assert await store.rows("SELECT count(*) FROM entry") == [(2,)]


async def test_commit_after_a_failed_statement_is_an_error(store: Store) -> None:
    """The server would answer ROLLBACK, and call it a success."""

    def swallow(transaction: Transaction) -> None:
        with pytest.raises(DBAPIError):
            transaction.connection.exec_driver_sql("SELECT nonsense")

    call = asyncio.ensure_future(store.writer.call(swallow, light=True))
    assert (await refusal_of(call)).code == "storage_error"


def test_backup_is_left_to_postgresql(settings: Settings) -> None:
    """With a sentence that says what to use; the place shows no password."""
    store = store_of(settings)
    with pytest.raises(BackupError, match="pg_dump"):
        store.back_up(Path("backup"))
    with pytest.raises(BackupError, match="pg_restore"):
        store.restore(Path("backup"))
    url = settings.database_url.replace("itemroom@", "itemroom:hidden@")
    assert "hidden" not in store_of(settings.model_copy(update={"database_url": url})).place


def test_url_that_cannot_be_read_is_a_sentence_without_it(settings: Settings) -> None:
    """What is wrong with it may be a password that is not written as in a URL."""
    url = "postgresql://ada:hidden@host:port/db"
    with pytest.raises(DatabaseError, match="@ as %40") as caught:
        database.url_of(settings.model_copy(update={"database_url": url}))
    assert "hidden" not in str(caught.value)


def test_missing_driver_is_a_sentence(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which says what to install."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DatabaseError, match=r"itemroom\[postgresql\]"):
        database.open_reading_engine(settings)
