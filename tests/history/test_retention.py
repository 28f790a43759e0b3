"""What is kept no longer goes in bounded steps, and leaves no hole."""

from functools import partial
from typing import Any

import pytest

from api.history.reader import read_entries, read_messages
from api.history.retention import DAY_MS, due_items, purge_log, tidy_item, trim
from api.history.streams import Append, Interrupt, Start
from api.history.transaction import Transaction
from api.rights.access import Access, Role, clock_ms
from tests.databases import execute
from tests.stores import Store, explain, full_scans

pytestmark = pytest.mark.anyio

OLD = 8 * DAY_MS


@pytest.fixture
async def access(store: Store) -> Access:
    """An admin's access to an item that keeps its log for a week."""
    principal = await store.user("ada")
    await store.item("doc", {"ada": Role.ADMIN}, retention_days=7)
    return await store.access(principal, "doc")


async def run(store: Store, sql: str, *values: object) -> None:
    """Change the database behind the product's back."""

    def act(transaction: Transaction) -> None:
        execute(transaction.connection, sql, *values)

    await store.writer.call(act)


async def age(store: Store, up_to: int, by: int = OLD) -> None:
    """Make entries older."""
    await run(store, "UPDATE entry SET at = at - ? WHERE seq <= ?", by, up_to)


async def seqs(store: Store, access: Access) -> tuple[list[int], int, int]:
    entries, extent = await store.readers.read(read_entries, access.item_key, 0, 1000)
    return [entry.seq for entry in entries], extent.oldest, extent.head


async def publish(store: Store, access: Access, count: int) -> None:
    for _ in range(count):
        await store.publish(access)


async def test_old_entries_deleted_with_their_reactions(store: Store, access: Access) -> None:
    """What is younger stays, its reactions too, and `oldest` says where the log begins."""
    await publish(store, access, 3)
    await store.react(access, 1, "a")
    await store.react(access, 3, "b")
    await age(store, 2)
    more = await store.writer.call(partial(trim, item_key=access.item_key, limit=100))
    assert more is False
    assert await seqs(store, access) == ([3, 4, 5], 3, 5)
    page, _ = await store.readers.read(read_messages, access.item_key, None, None, 10)
    assert [message.fields()["reactions"] for message in page] == [{"b": ["u-ada"]}]
    assert await store.rows("SELECT target FROM reaction") == [(3,)]


async def test_long_log_trimmed_in_bounded_steps(store: Store, access: Access) -> None:
    """Each step deletes at most its limit, and the log is readable after each."""
    await publish(store, access, 10)
    await age(store, 9)
    steps = []
    while True:
        more = await store.writer.call(partial(trim, item_key=access.item_key, limit=4))
        steps.append((await seqs(store, access))[1])
        if not more:
            break
    assert steps == [5, 9, 10]
    assert await seqs(store, access) == ([10], 10, 10)


async def test_whole_log_expired_oldest_is_the_next_seq(store: Store, access: Access) -> None:
    """An empty log keeps its head: the next message takes the next seq."""
    await publish(store, access, 3)
    await age(store, 3)
    await store.writer.call(partial(trim, item_key=access.item_key, limit=100))
    assert await seqs(store, access) == ([], 4, 3)
    assert not await store.writer.call(partial(trim, item_key=access.item_key, limit=100))
    assert (await store.publish(access)).seq == 4
    assert await seqs(store, access) == ([4], 4, 4)


async def test_many_reactions_deleted_before_their_messages(store: Store, access: Access) -> None:
    """Reactions count for a step's bound as well."""
    await publish(store, access, 1)
    for value in "abcde":
        await store.react(access, 1, value)
    await age(store, 1)
    left = []
    while await store.writer.call(partial(trim, item_key=access.item_key, limit=2)):
        left.append((await store.rows("SELECT count(*) FROM reaction"))[0][0])
    assert left == [3, 1]
    assert await seqs(store, access) == ([2, 3, 4, 5, 6], 2, 6)


async def test_clock_set_back_leaves_no_hole(store: Store, access: Access) -> None:
    """An old entry behind a newer one stays until that one goes."""
    await publish(store, access, 3)
    await run(store, "UPDATE entry SET at = at - ? WHERE seq IN (1, 3)", OLD)
    await store.writer.call(partial(trim, item_key=access.item_key, limit=100))
    assert await seqs(store, access) == ([2, 3], 2, 3)


async def test_ref_of_an_expired_message_free_again(store: Store, access: Access) -> None:
    """A ref is remembered for as long as its message lives."""
    await store.publish(access, b"1", "r")
    await age(store, 1)
    await store.writer.call(partial(trim, item_key=access.item_key, limit=100))
    assert (await store.publish(access, b"2", "r")).seq == 2


async def test_item_without_retention_keeps_everything(store: Store, access: Access) -> None:
    """Null is for ever."""
    await publish(store, access, 2)
    await age(store, 2)
    await run(store, "UPDATE item SET retention_days = NULL")
    assert await store.writer.call(partial(tidy_item, item_key=access.item_key)) is False
    assert await seqs(store, access) == ([1, 2], 1, 2)
    assert await due(store) == []


async def due(store: Store, after: int = 0) -> Any:
    return await store.readers.read(due_items, clock_ms(), after)


async def test_due_items_found_and_no_others(store: Store, access: Access) -> None:
    """Expired logs and deleted items with rows left; neither young, empty nor purged ones."""
    for item_id in ("young", "empty", "deleted", "purged"):
        await store.item(item_id, {"ada": Role.ADMIN}, retention_days=7)
    for item_id in ("doc", "young", "deleted"):
        await store.publish(await store.access(access.principal, item_id))
    await run(store, "UPDATE entry SET at = at - ? WHERE item_key IN (1, 4)", OLD)
    await run(store, "UPDATE item SET deleted_at = 1 WHERE id IN ('deleted', 'purged')")
    await run(store, "DELETE FROM membership WHERE item_key = 5")
    assert await due(store) == [1, 4]
    assert await due(store, 1) == [4]
    for key in (1, 4):
        await store.writer.call(partial(tidy_item, item_key=key))
    assert await due(store) == []


async def test_deleted_item_purged_in_bounded_steps(store: Store, access: Access) -> None:
    """Reactions, entries and memberships go; the item's own row keeps its id from coming back."""
    await publish(store, access, 3)
    await store.react(access, 1, "a")
    counts = "SELECT (SELECT count(*) FROM reaction) + (SELECT count(*) FROM entry) + count(*) "
    left = [(await store.rows(counts + "FROM membership"))[0][0]]
    while await store.writer.call(partial(purge_log, item_key=access.item_key, limit=4)):
        left.append((await store.rows(counts + "FROM membership"))[0][0])
    assert left == [6, 2]
    assert (await store.rows(counts + "FROM membership"))[0][0] == 0
    assert await store.rows("SELECT id FROM item") == [("doc",)]


@pytest.mark.parametrize("act", [trim, purge_log])
@pytest.mark.sqlite
async def test_step_finds_its_rows_through_indexes(store: Store, access: Access, act: Any) -> None:
    """A step costs what it deletes, however much there is."""
    await publish(store, access, 3)
    await store.react(access, 1, "a")
    await age(store, 2)

    def step(transaction: Transaction) -> list[str]:
        return explain(lambda _: act(transaction, access.item_key, 100), transaction.connection)

    plans = await store.writer.call(step)
    assert not full_scans(plans)


async def test_message_in_the_making_goes_with_its_log(store: Store, access: Access) -> None:
    """Its pieces, too: when it is too old, and when the item is deleted."""
    for _ in range(2):
        start = Start(access=access, body=b'""')
        target = (await store.writer.execute(start)).seq
        more = Append(access=access, target=target, at=0, text="a" * 300, max_bytes=300)
        await store.writer.execute(more)
    await age(store, 1)
    await store.writer.call(partial(trim, item_key=access.item_key, limit=10))
    assert await kept(store) == [(2, 1)]
    await store.writer.call(partial(purge_log, item_key=access.item_key, limit=10))
    assert await kept(store) == []


async def test_message_whose_author_came_back_is_not_interrupted(
    store: Store, access: Access
) -> None:
    """Between the look and the transaction somebody has added to it."""
    start = Start(access=access, body=b'""')
    target = (await store.writer.execute(start)).seq
    more = Append(access=access, target=target, at=0, text="a", max_bytes=10)
    await store.writer.execute(more)
    await store.writer.call(Interrupt(access.item_key, target, 0))
    assert await kept(store) == [(target, 0)]
    await store.writer.call(Interrupt(access.item_key, target, clock_ms() + 1000))
    assert await kept(store) == []
    (message, end), _ = await store.readers.read(read_entries, access.item_key, 0, 10)
    assert (message.body, end.body) == (b'"a"', b'{"state":"interrupted","body":"a"}')


async def kept(store: Store) -> list[tuple[int, int]]:
    """Messages in the making, and how many pieces each has."""
    sql = (
        "SELECT stream.seq, count(stream_piece.at) FROM stream LEFT JOIN stream_piece "
        "ON stream_piece.item_key = stream.item_key AND stream_piece.seq = stream.seq "
        "GROUP BY stream.seq"
    )
    return await store.readers.read(
        lambda connection: [tuple(row) for row in execute(connection, sql)]
    )
