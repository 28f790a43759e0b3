"""New entries that are not in their places yet: nobody can tell."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from api.errors import Refusal
from api.history import pile
from api.history.messages import Delete, Edit, Publish, React, Stored
from api.history.reader import read_entries, read_messages
from api.history.retention import due_items, purge_log, tidy_item
from api.history.transaction import Transaction
from api.rights.access import Access, Role, clock_ms
from tests.history.writing import held, refusal_of
from tests.stores import Store, explain, full_scans

pytestmark = [pytest.mark.anyio, pytest.mark.sqlite]
YEAR_MS = 365 * 86_400_000


@pytest.fixture
def everything_piled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit to a single item goes onto the pile, too."""
    monkeypatch.setattr(pile, "SPREAD", 1)


async def publish_at_once(store: Store, accesses: list[Access]) -> list[Stored]:
    """One message in each item, all in one commit."""
    publishes = [Publish(access=access, ref="r", body=b"1") for access in accesses]
    with held(store):
        answers = [asyncio.create_task(store.writer.execute(one)) for one in publishes]
        await asyncio.sleep(0)
    return await asyncio.gather(*answers)


async def accesses_to(store: Store, count: int) -> list[Access]:
    ada = await store.user("ada")
    for number in range(count):
        await store.item(f"item-{number}", {"ada": Role.WRITER})
    return [await store.access(ada, f"item-{number}") for number in range(count)]


async def counts(store: Store) -> tuple[int, int]:
    """Entries in their places, and on the pile."""
    ((placed,),) = await store.rows("SELECT count(*) FROM entry")
    ((piled,),) = await store.rows("SELECT count(*) FROM pile")
    return placed, piled


async def change(store: Store, sql: str, *values: object) -> None:
    def act(transaction: Transaction) -> None:
        transaction.connection.exec_driver_sql(sql, values)

    await store.writer.call(act)


async def test_commit_to_many_items_waits_on_the_pile(store: Store) -> None:
    """One to fewer writes no more pages in its places than there."""
    accesses = await accesses_to(store, pile.SPREAD)
    await publish_at_once(store, accesses[1:])
    assert await counts(store) == (pile.SPREAD - 1, 0)
    again = await publish_at_once(store, accesses)
    assert [stored.duplicate for stored in again] == [False] + [True] * (pile.SPREAD - 1)
    assert await counts(store) == (pile.SPREAD, 0)
    others = [Publish(access=access, body=b"2") for access in accesses]
    with held(store):
        answers = [asyncio.create_task(store.writer.execute(one)) for one in others]
        await asyncio.sleep(0)
    assert [stored.seq for stored in await asyncio.gather(*answers)] == [2] * pile.SPREAD
    assert await counts(store) == (pile.SPREAD, pile.SPREAD)


async def test_full_pile_put_in_its_places_with_the_next_commit(
    store: Store, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is bounded, and nothing is lost or doubled on the way."""
    monkeypatch.setattr(pile, "SPREAD", 1)
    monkeypatch.setattr(pile, "PILE_ENTRIES", 3)
    found = []
    for _ in range(8):
        await store.publish(access)
        found.append(await counts(store))
    assert found == [(0, 1), (0, 2), (0, 3), (3, 1), (3, 2), (3, 3), (6, 1), (6, 2)]
    entries, _ = await store.readers.read(read_entries, access.item_key, 0, 100)
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5, 6, 7, 8]


async def test_commit_that_fails_while_the_pile_is_moved_changes_nothing(
    store: Store, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moving and storing are one transaction."""
    monkeypatch.setattr(pile, "SPREAD", 1)
    await store.publish(access, ref="a")
    monkeypatch.setattr(pile, "PILE_ENTRIES", 1)

    def fail(transaction: Transaction) -> None:
        transaction.settle_all()
        raise Refusal("forbidden")

    await refusal_of(store.writer.call(fail))
    assert await counts(store) == (0, 1)

    full = "CREATE TRIGGER full BEFORE INSERT ON pile BEGIN SELECT RAISE(ABORT, 'full'); END"
    await change(store, full)
    assert (await refusal_of(store.publish(access, ref="b"))).code == "storage_error"
    assert await counts(store) == (0, 1)
    await change(store, "DROP TRIGGER full")
    assert (await store.publish(access, ref="a")).duplicate
    assert (await store.publish(access, ref="b")).seq == 2
    assert await counts(store) == (1, 1)


@pytest.mark.parametrize("mixed", [False, True])
async def test_log_in_two_tables_read_as_one(
    store: Store, access: Access, monkeypatch: pytest.MonkeyPatch, *, mixed: bool
) -> None:
    """In the order of the seqs, whichever table each entry is in, on every kind of page."""
    for number in range(12):
        monkeypatch.setattr(pile, "SPREAD", 9 if mixed and number % 3 else 1)
        await store.publish(access, b"%d" % number)
    assert await counts(store) == ((8, 4) if mixed else (0, 12))
    read: Callable[..., Any] = store.readers.read
    log = [await read(read_entries, access.item_key, after, 5) for after in (0, 5, 10)]
    assert [[entry.seq for entry in entries] for entries, _ in log] == [
        [1, 2, 3, 4, 5],
        [6, 7, 8, 9, 10],
        [11, 12],
    ]
    bounds = [(None, None), (5, None), (None, 5), (9, 4)]
    pages = [await read(read_messages, access.item_key, *bound, 3) for bound in bounds]
    assert [[message.entry.seq for message in page] for page, _ in pages] == [
        [10, 11, 12],
        [2, 3, 4],
        [6, 7, 8],
        [6, 7, 8],
    ]


@pytest.mark.usefixtures("everything_piled")
async def test_retry_finds_its_ref_on_the_pile(store: Store, access: Access) -> None:
    """Alone, and among many."""
    await store.publish(access, ref="a")
    again = await store.publish(access, ref="a")
    assert (again.seq, again.duplicate) == (1, True)
    assert (await refusal_of(store.publish(access, b"2", "a"))).code == "ref_conflict"
    with held(store):
        refs = ["a", "b", "c"]
        answers = [asyncio.create_task(store.publish(access, ref=ref)) for ref in refs]
        await asyncio.sleep(0)
    assert [stored.duplicate for stored in await asyncio.gather(*answers)] == [True, False, False]


@pytest.mark.usefixtures("everything_piled")
@pytest.mark.parametrize("act", ["edit", "delete", "react", "twice"])
async def test_command_about_a_message_on_the_pile_moves_its_item(
    store: Store, access: Access, act: str
) -> None:
    """Only that of its item, and what it does is done to the message in its place."""
    await store.item("other", {"ada": Role.WRITER})
    other = await store.access(access.principal, "other")
    await store.publish(other)
    await store.publish(access)
    if act == "twice":
        await store.react(access, 1, "x")
    commands: dict[str, Any] = {
        "edit": Edit(access=access, target=1, body=b'"new"'),
        "delete": Delete(access=access, target=1),
        "react": React(access=access, target=1, value="x", on=True),
        "twice": React(access=access, target=1, value="x", on=True),
    }
    stored = await store.writer.execute(commands[act])
    assert (stored.seq, stored.duplicate) == (2, act == "twice")
    ((message,), _) = await store.readers.read(read_messages, access.item_key, None, None, 10)
    shown = message.fields()
    assert {
        "edit": shown.get("edited_seq") == 2,
        "delete": shown.get("deleted_seq") == 2,
        "react": message.reactions == {"x": ["u-ada"]},
        "twice": message.reactions == {"x": ["u-ada"]},
    }[act]
    waiting = await store.rows("SELECT DISTINCT item_key FROM pile")
    assert (other.item_key,) in waiting
    assert await store.rows("SELECT item_key, seq FROM entry") >= [(access.item_key, 1)]


@pytest.mark.usefixtures("everything_piled")
async def test_retention_and_deletion_reach_the_pile(store: Store, access: Access) -> None:
    """What nobody publishes to any more is not kept for lying there."""
    for _ in range(3):
        await store.publish(access)

    await change(store, "UPDATE item SET retention_days = 30")
    assert not await store.readers.read(due_items, clock_ms(), 0)
    await change(store, "UPDATE pile SET at = at - ? WHERE seq < 3", YEAR_MS)
    assert await store.readers.read(due_items, clock_ms(), 0) == [access.item_key]
    await store.writer.call(partial(tidy_item, item_key=access.item_key))
    assert await store.rows("SELECT seq FROM entry UNION ALL SELECT seq FROM pile") == [(3,)]
    await store.publish(access)
    await change(store, "UPDATE item SET deleted_at = 1")
    await change(store, "DELETE FROM entry")
    await change(store, "DELETE FROM membership")
    assert await store.readers.read(due_items, clock_ms(), 0) == [access.item_key]
    await store.writer.call(partial(purge_log, item_key=access.item_key, limit=10))
    assert await counts(store) == (0, 0)
    assert not await store.readers.read(due_items, clock_ms(), 0)


async def test_pile_stored_and_moved_through_indexes(
    store: Store, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit looks at the ends of the pile only, and an item's entries are found by its key."""
    monkeypatch.setattr(pile, "SPREAD", 1)
    for _ in range(3):
        await store.publish(access)

    def act(transaction: Transaction) -> list[str]:
        row = (access.item_key, 4, "message", 1, 0, None, None, None, b"1", None)

        def store_and_settle(connection: Any) -> None:
            pile.store(connection, [row], items=1)
            pile.settle(connection, access.item_key)

        return explain(store_and_settle, transaction.connection)

    assert not full_scans(await store.writer.call(act))


async def test_everything_is_in_its_place_after_a_chore(
    store: Store, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Housekeeping does it now and then, and when the server starts."""
    monkeypatch.setattr(pile, "SPREAD", 1)
    await store.publish(access)
    await store.writer.call(Transaction.settle_all)
    assert await counts(store) == (1, 0)
    await store.writer.call(Transaction.settle_all)
    assert await counts(store) == (1, 0)
