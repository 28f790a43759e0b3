"""Messages are swapped in while what is remembered stands, and else stored under locks."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from api.errors import Refusal
from api.history import shared_path
from api.history.events import CredentialsEnded, DefaultRoleChanged, EntryStored, Event
from api.history.messages import Stored
from api.history.transaction import Transaction
from api.items.members import set_member
from api.items.service import delete_item
from api.rights.access import Access, Role
from api.store.failures import translated
from api.store.sharing import ItemMove, NewMessage
from tests.history.writing import held, refusal_of
from tests.programs.postgresql import Cluster
from tests.stores import Store

pytestmark = pytest.mark.anyio

STATE = "SELECT head, (SELECT count(*) FROM entry) FROM item"
Swap = Callable[..., set[int]]


class Watched:
    """Counts swaps, and does something else in the place of the next one when told to."""

    def __init__(self, store: Store) -> None:
        sharing: Any = store.store.sharing
        self.real: Swap = sharing.swap
        sharing.swap = self._swap
        self.stored: list[int] = []
        """Of each swap, of how many items it stored the messages."""
        self.instead: Swap | None = None

    def _swap(self, *arguments: Any) -> set[int]:
        act, self.instead = self.instead or self.real, None
        stored = act(*arguments)
        self.stored.append(len(stored))
        return stored


@pytest.fixture
def watched(store: Store) -> Watched:
    return Watched(store)


@pytest.fixture
async def other(store: Store) -> Any:
    """A second server's, on the same database."""
    async with Store(store.settings) as other:
        yield other


def told(store: Store) -> list[int]:
    return [event.entry.seq for event in store.events if isinstance(event, EntryStored)]


async def test_remembered_author_takes_one_statement(
    store: Store, access: Access, watched: Watched
) -> None:
    """The first message is judged by the database, the next by what is remembered of that."""
    assert [(await store.publish(access, b"1", ref=f"{n}")).seq for n in range(3)] == [1, 2, 3]
    assert watched.stored == [1, 1]
    assert told(store) == [1, 2, 3]
    columns = "SELECT seq, kind, author_key, ref, body, digest IS NULL, target FROM entry"
    key = access.principal.user_key
    assert await store.rows(f"{columns} ORDER BY seq") == [
        (n + 1, "message", key, str(n), b"1", False, None) for n in range(3)
    ]
    times = "SELECT active_at = (SELECT max(at) FROM entry) FROM item"
    assert await store.rows(times) == [(True,)]


async def test_items_that_others_have_moved_are_stored_under_locks(
    store: Store, other: Store, access: Access, watched: Watched
) -> None:
    """The rest of the batch is not held up, and each of them hears of its own."""
    await store.item("second", {"ada": Role.WRITER})
    second = await store.access(access.principal, "second")
    for one in (access, second):
        await store.publish(one)
    await other.publish(second)
    with held(store):
        tasks = [asyncio.create_task(store.publish(one, ref="r")) for one in (access, second)]
        await asyncio.sleep(0)
    assert [(await task).seq for task in tasks] == [2, 3]
    assert watched.stored == [1]
    assert told(store) == [1, 1, 2, 3]
    # For a moment the item in conflict is locked at once.
    assert (await store.publish(second)).seq == 4
    assert watched.stored == [1]
    assert store.conflicts == {"moved": 1}


async def test_conflict_is_forgotten_after_a_moment(
    store: Store, other: Store, access: Access, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one of them would cost every later message; what is remembered of them is bounded."""
    monkeypatch.setattr(shared_path, "CONFLICT_LASTS", -1.0)
    monkeypatch.setattr(shared_path, "MAX_CONFLICTS", 0)
    for _ in range(3):
        await other.publish(access)
        await store.publish(access)
    await store.publish(access)
    assert watched.stored == [0, 0, 1]
    assert await store.rows(STATE) == [(7, 7)]


async def test_retry_of_a_ref_is_refused_by_the_index_and_found(
    store: Store, access: Access, watched: Watched
) -> None:
    """Nobody looks for a ref before; within a batch it is known."""
    await store.publish(access)
    first = await store.publish(access, ref="a")
    again = await store.publish(access, ref="a")
    assert (again.seq, again.duplicate) == (first.seq, True)
    assert watched.stored == [1]
    assert store.conflicts == {"taken": 1}
    await asyncio.sleep(shared_path.CONFLICT_LASTS)
    with held(store):
        tasks = [asyncio.create_task(store.publish(access, ref="b")) for _ in range(2)]
        await asyncio.sleep(0)
    assert [(await task).duplicate for task in tasks] == [False, True]
    assert await store.rows(STATE) == [(3, 3)]


@pytest.mark.parametrize("event", ["user", "item"])
async def test_version_that_moved_alone_is_enough(
    store: Store, other: Store, access: Access, watched: Watched, event: str
) -> None:
    """Without an entry or anything else that shows it."""
    await store.publish(access)
    news: Event = DefaultRoleChanged(access.item_key, None)
    if event == "user":
        news = CredentialsEnded(access.principal.user_key, kinds=frozenset({"api"}))
    await other.writer.call(partial(_emit, news))
    assert (await store.publish(access)).seq == 2
    assert watched.stored == [0]


def _emit(event: Event, transaction: Transaction) -> None:
    transaction.emit(event)


async def test_refusal_is_the_databases_and_never_memorys(
    store: Store, other: Store, access: Access
) -> None:
    """Who was raised to writer elsewhere writes, though a reader is remembered."""
    principal = await store.user("bob")
    await store.join(access.item_key, "bob", Role.WRITER)
    bob = await store.access(principal, access.item_id)
    await store.publish(bob)
    for role in (Role.READER, Role.WRITER):
        await other.writer.call(partial(set_member, access=access, username="bob", role=role))
        await asyncio.sleep(shared_path.CONFLICT_LASTS)
        if role is Role.READER:
            for _ in range(2):
                assert (await refusal_of(store.publish(bob))).code == "forbidden"
    assert (await store.publish(bob)).seq == 4


async def test_edits_and_messages_of_a_room_keep_their_order(
    store: Store, access: Access, watched: Watched
) -> None:
    """All of an item go one way: under locks."""
    await store.publish(access)
    with held(store):
        tasks = [
            asyncio.create_task(store.publish(access)),
            asyncio.create_task(store.edit(access, 1, b"2")),
            asyncio.create_task(store.publish(access)),
        ]
        await asyncio.sleep(0)
    assert [(await task).seq for task in tasks] == [2, 3, 4]
    assert watched.stored == []


def swap(
    store: Store, move: ItemMove, users: Mapping[int, int], connection: Connection
) -> set[int]:
    sharing: Any = store.store.sharing
    message = NewMessage(move.item_key, move.next_head, next(iter(users)), None, None, b"1", None)
    stored: set[int] = sharing.swap(connection, users, [move], [message], 7)
    return stored


async def test_swap_asks_for_each_version_and_for_the_deletion(
    store: Store, access: Access
) -> None:
    """One that is not as it was is enough."""
    item, user = access.item_key, access.principal.user_key
    await store.publish(access)
    await asyncio.to_thread(store.writer.finish)
    with store.engine.connect() as connection:
        trials = [
            (ItemMove(item, 0, 1, 0), {user: 0}),
            (ItemMove(item, 1, 2, 1), {user: 0}),
            (ItemMove(item, 1, 2, 0), {user: 1}),
            (ItemMove(item, 1, 2, 0), {user: 0, user + 1: 0}),
        ]
        for move, users in trials:
            assert swap(store, move, users, connection) == set()
        assert swap(store, ItemMove(item, 1, 2, 0), {user: 0}, connection) == {item}
        with connection.begin():
            connection.execute(text("UPDATE item SET deleted_at = 1"))
        assert swap(store, ItemMove(item, 2, 3, 0), {user: 0}, connection) == set()
    assert await store.rows(STATE) == [(2, 2)]


def lost(connection: Connection) -> DBAPIError:
    """The connection ends, and an error says so."""
    driver: Any = connection.connection.driver_connection
    driver.close()
    error = translated(connection, "", psycopg.OperationalError("the answer was lost"))
    assert isinstance(error, DBAPIError)
    return error


@pytest.mark.parametrize("stored", [True, False])
async def test_swap_whose_answer_was_lost_is_settled(
    store: Store, other: Store, access: Access, watched: Watched, *, stored: bool
) -> None:
    """By reading; others may have stored at the same seq."""
    await store.publish(access)

    def lose(connection: Connection, *rest: Any) -> set[int]:
        if stored:
            watched.real(connection, *rest)
        raise lost(connection)

    watched.instead = lose
    assert (await refusal_of(store.publish(access, b"1", ref="a"))).code == "storage_error"
    await other.publish(access, b"2")
    seq = await answered(store, access, "a")
    assert seq == (2 if stored else 3)
    assert told(store) == [1, seq]
    assert await store.rows(STATE) == [(3, 3)]


async def answered(store: Store, access: Access, ref: str) -> int:
    """Publish until it is answered; its seq."""
    while True:
        try:
            return (await store.publish(access, b"1", ref=ref)).seq
        except Refusal:
            await asyncio.sleep(0.01)


async def test_swap_that_comes_after_it_was_settled_stores_nothing(
    store: Store, other: Store, access: Access, watched: Watched
) -> None:
    """It was on its way while nobody else held the item: what was looked up stays true."""
    await store.publish(access)
    late: list[Sequence[Any]] = []

    def lose(connection: Connection, *rest: Any) -> set[int]:
        late.append(rest)
        raise lost(connection)

    watched.instead = lose
    assert (await refusal_of(store.publish(access, b"1", ref="a"))).code == "storage_error"
    # Which looks it up, and stores nothing in the item itself.
    await answered_call(store)
    await asyncio.to_thread(other.writer.finish)
    with other.engine.connect() as connection:
        assert watched.real(connection, *late[0]) == set()
    assert await store.rows(STATE) == [(1, 1)]


async def answered_call(store: Store) -> None:
    while True:
        try:
            await store.writer.call(lambda _: None)
        except Refusal:
            await asyncio.sleep(0.01)
        else:
            return


async def test_item_deleted_before_a_doubt_was_settled_is_no_failure(
    store: Store, other: Store, access: Access, watched: Watched
) -> None:
    """Its log is gone: nobody is told of what was perhaps in it."""
    await store.publish(access)

    def lose(connection: Connection, *rest: Any) -> set[int]:
        watched.real(connection, *rest)
        raise lost(connection)

    watched.instead = lose
    publish = asyncio.create_task(store.publish(access, b"1", ref="a"))
    assert (await refusal_of(publish)).code == "storage_error"
    await other.writer.call(partial(delete_item, access=access))
    await answered_call(store)
    assert told(store) in ([1], [1, 2])


async def test_server_that_hangs_is_busy_after_two_trials(
    cluster: Cluster, store: Store, access: Access, watched: Watched
) -> None:
    """Somebody holds the item for longer than locks are waited for."""
    await store.publish(access)
    short = "SET lock_timeout = '50ms'"
    await store.writer.call(lambda transaction: transaction.connection.execute(text(short)))
    with psycopg.connect(store.settings.database_url) as foreign:
        foreign.execute("SELECT 1 FROM item FOR UPDATE")
        assert (await refusal_of(store.publish(access))).code == "busy"
        foreign.rollback()
    assert watched.stored == []
    stored = await store.publish(access)
    assert isinstance(stored, Stored)
    assert stored.seq == 2
    assert store.conflicts == {"busy": 2}
