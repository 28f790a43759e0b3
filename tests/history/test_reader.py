"""Pages of the log: their order, their bounds, and what they cost."""

from functools import partial
from typing import Any

import orjson
import pytest

from api.errors import Refusal
from api.history.entries import Kind
from api.history.extent import MAX_PAGE_BYTES
from api.history.messages import Delete, Edit, React, author_of
from api.history.reader import read_entries, read_extent, read_messages
from api.history.transaction import Transaction
from api.rights.access import Access, Role
from tests.stores import Store, explain, full_scans

pytestmark = pytest.mark.anyio


@pytest.fixture
async def access(store: Store) -> Access:
    """A writer's access to a log of 20 messages, at the odd seqs, each with an edit after it."""
    principal = await store.user("ada")
    await store.item("doc", {"ada": Role.WRITER})
    access = await store.access(principal, "doc")
    for target in range(1, 40, 2):
        await store.publish(access)
        await store.edit(access, target, b'"new"')
    return access


@pytest.mark.parametrize(
    ("before", "after", "seqs"),
    [
        (None, None, [35, 37, 39]),
        (35, None, [29, 31, 33]),
        (1, None, []),
        (None, 0, [1, 3, 5]),
        (None, 5, [7, 9, 11]),
        (None, 39, []),
        (20, 4, [15, 17, 19]),
        (8, 4, [5, 7]),
        (4, 8, []),
    ],
)
async def test_messages_paged_both_ways(
    store: Store, access: Access, before: int | None, after: int | None, seqs: list[int]
) -> None:
    """Oldest first inside a page; newest page first, unless it follows `after`."""
    page, extent = await store.readers.read(read_messages, access.item_key, before, after, 3)
    assert [message.entry.seq for message in page] == seqs
    assert (extent.head, extent.oldest, extent.epoch) == (40, 1, "e1")


@pytest.mark.parametrize(
    ("after", "limit", "seqs"), [(0, 2, [1, 2]), (38, 5, [39, 40]), (40, 5, []), (99, 5, [])]
)
async def test_entries_paged_forward(
    store: Store, access: Access, after: int, limit: int, seqs: list[int]
) -> None:
    """Every entry in seq order, whatever its kind."""
    entries, _ = await store.readers.read(read_entries, access.item_key, after, limit)
    assert [entry.seq for entry in entries] == seqs


async def test_page_of_large_bodies_ends_early(store: Store, access: Access) -> None:
    """A page is bounded in bytes: what a replay holds in memory at once."""
    body = orjson.dumps("x" * (MAX_PAGE_BYTES // 2))
    for _ in range(4):
        await store.publish(access, body)
    entries, extent = await store.readers.read(read_entries, access.item_key, 40, 100)
    assert [entry.seq for entry in entries] == [41, 42]
    assert extent.head == 44


@pytest.mark.parametrize("item", ["deleted", "absent"])
async def test_item_gone_meanwhile_not_found(store: Store, access: Access, item: str) -> None:
    """Between a caller's admission and the read the item may have ended."""

    def end(transaction: Transaction) -> None:
        transaction.connection.exec_driver_sql("UPDATE item SET deleted_at = 1")

    await store.writer.call(end)
    key = access.item_key if item == "deleted" else 99
    with pytest.raises(Refusal, match="item_not_found"):
        await store.readers.read(read_extent, key)


@pytest.mark.parametrize(
    ("read", "arguments"),
    [
        (read_messages, (None, None, 50)),
        (read_messages, (30, None, 50)),
        (read_messages, (None, 10, 50)),
        (read_messages, (30, 10, 50)),
        (read_entries, (10, 50)),
    ],
    ids=["newest", "before", "after", "between", "log"],
)
@pytest.mark.sqlite
async def test_page_read_through_indexes_alone(
    store: Store, access: Access, read: Any, arguments: tuple[Any, ...]
) -> None:
    """No page scans or sorts the log: it costs the same wherever it is."""
    plans = await store.plans(read, access.item_key, *arguments)
    assert [plan for plan in plans if plan.startswith("SEARCH entry USING PRIMARY KEY")]
    assert not full_scans(plans)


@pytest.mark.parametrize("act", ["edit", "delete", "react", "take back"])
@pytest.mark.sqlite
async def test_command_finds_its_target_through_indexes(
    store: Store, access: Access, act: str
) -> None:
    """What a member does costs the same in a long log as in a short one."""
    await store.react(access, 3, "x")
    commands: dict[str, Any] = {
        "edit": Edit(access=access, target=1, body=b"1", ref="a"),
        "delete": Delete(access=access, target=1, ref="b"),
        "react": React(access=access, target=1, value="x", on=True, ref="c"),
        "take back": React(access=access, target=3, value="x", on=False, ref="d"),
    }

    def run(transaction: Transaction) -> list[str]:
        def apply(_: Any) -> None:
            commands[act].apply(transaction)
            transaction.flush()

        return explain(apply, transaction.connection)

    plans = await store.writer.call(run)
    assert not full_scans(plans)
    if act == "delete":
        assert [plan for plan in plans if "ix_entry_item_key_target" in plan]


async def test_messages_of_others_items_not_shown(store: Store, access: Access) -> None:
    """Logs are apart: another item's entries have the same seqs, and stay there."""
    await store.item("other", {"ada": Role.WRITER})
    other = await store.access(access.principal, "other")
    await store.publish(other, b'"other"')

    def append(transaction: Transaction) -> None:
        transaction.append(other.item_key, Kind.ITEM, author_of(access.principal), body=b"{}")

    await store.writer.call(partial(append))
    page, extent = await store.readers.read(read_messages, other.item_key, None, None, 10)
    assert [(message.entry.seq, message.entry.body) for message in page] == [(1, b'"other"')]
    assert extent.head == 2
