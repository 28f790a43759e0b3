"""Where a webhook is in a log, whatever becomes of the log meanwhile."""

from functools import partial
from typing import Any

import pytest

from api.history.entries import Kind
from api.history.epochs import begin_epoch
from api.history.extent import MAX_PAGE_BYTES
from api.history.retention import due_items, purge_log
from api.history.transaction import Transaction
from api.rights.access import Access, Role
from api.webhooks import cursors, hooks
from api.webhooks.cursors import GIVEN_UP, MAX_ENTRIES, Batch, next_batch
from api.webhooks.hooks import Hook, Reason, Wish, hook_of
from api.webhooks.sending import message_id
from tests.databases import execute
from tests.stores import Store

pytestmark = pytest.mark.anyio

SECRET = "whsec_" + "A" * 32


@pytest.fixture
async def access(store: Store) -> Access:
    """A writer's access to an item."""
    principal = await store.user("ada")
    await store.item("order-1", {"ada": Role.WRITER})
    return await store.access(principal, "order-1")


async def hooked(store: Store, *kinds: Kind, start: bool = True) -> Hook:
    wish = Wish("http://a.example", "order-*", frozenset(kinds) or None, SECRET, start)
    made = await store.writer.call(partial(hooks.create_webhook, owner=None, wish=wish))
    return hook_of(made)


async def read(store: Store, hook: Hook, access: Access, now_ms: int = 0) -> Batch | None:
    return await store.readers.read(next_batch, hook, access.item_key, now_ms)


async def batch_of(store: Store, hook: Hook, access: Access, now_ms: int = 0) -> Batch:
    batch = await read(store, hook, access, now_ms)
    assert batch is not None
    return batch


async def write(store: Store, act: Any, hook: Hook, batch: Batch, **more: Any) -> Any:
    call = partial(act, hook_key=hook.key, batch=batch, **more)
    return await store.writer.call(call, light=True)


async def run(store: Store, sql: str, *values: object) -> None:
    def act(transaction: Transaction) -> None:
        execute(transaction.connection, sql, *values)

    await store.writer.call(act)


def seqs(batch: Batch) -> list[int]:
    return [entry.seq for entry in batch.entries]


async def test_batch_goes_on_where_the_one_before_ended(store: Store, access: Access) -> None:
    """A promise is kept, whatever is stored meanwhile; then comes that."""
    hook = await hooked(store)
    assert await read(store, hook, access) is None
    await store.publish(access)
    await store.publish(access)
    first = await batch_of(store, hook, access)
    assert (seqs(first), first.is_promised, first.more) == ([1, 2], False, False)
    assert await write(store, cursors.promise, hook, first)
    await store.publish(access)
    again = await batch_of(store, hook, access)
    assert (seqs(again), again.is_promised, again.more) == ([1, 2], True, True)
    assert await write(store, cursors.advance, hook, again)
    assert not await write(store, cursors.advance, hook, first.promised())
    assert seqs(await batch_of(store, hook, access)) == [3]


async def test_long_log_comes_in_batches(store: Store, access: Access) -> None:
    """None of more than a hundred entries."""
    hook = await hooked(store)
    for _ in range(MAX_ENTRIES + 1):
        await store.publish(access)
    batch = await batch_of(store, hook, access)
    assert (seqs(batch), batch.more) == (list(range(1, MAX_ENTRIES + 1)), True)


async def test_what_is_not_wanted_is_passed_over(
    store: Store, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In bounded steps, with nothing to send."""
    monkeypatch.setattr(cursors, "MAX_ENTRIES", 2)
    monkeypatch.setattr(cursors, "MAX_PASSED", 2)
    hook = await hooked(store, Kind.REACTION)
    for _ in range(5):
        await store.publish(access)
    await store.react(access, 1, "x")
    first = await batch_of(store, hook, access)
    assert (seqs(first), first.upto, first.more) == ([], 4, True)
    assert await write(store, cursors.advance, hook, first)
    assert seqs(await batch_of(store, hook, access)) == [6]


async def test_webhook_begins_at_the_head(store: Store, access: Access) -> None:
    """Unless it is told to begin at the start; new items begin with their first entry."""
    await store.publish(access)
    hook = await hooked(store, start=False)
    assert await read(store, hook, access) is None
    await store.publish(access)
    assert seqs(await batch_of(store, hook, access)) == [2]
    await store.item("order-2", {"ada": Role.WRITER})
    other = await store.access(access.principal, "order-2")
    await store.publish(other)
    assert seqs(await batch_of(store, hook, other)) == [1]


async def test_begun_batch_stays_the_same_however_large_it_becomes(
    store: Store, access: Access
) -> None:
    """An edit may make a page longer than pages are."""
    hook = await hooked(store)
    for _ in range(3):
        await store.publish(access)
    assert await write(store, cursors.promise, hook, await batch_of(store, hook, access))
    longer = b'"%s"' % (b"x" * MAX_PAGE_BYTES)
    await store.edit(access, 1, longer)
    again = await batch_of(store, hook, access)
    assert seqs(again) == [1, 2, 3]
    assert again.entries[0].body == longer


async def test_entries_that_retention_has_taken_are_not_sent(store: Store, access: Access) -> None:
    """Of a batch that was begun what is left; all gone, the webhook goes on after it."""
    hook = await hooked(store)
    for _ in range(3):
        await store.publish(access)
    assert await write(store, cursors.promise, hook, await batch_of(store, hook, access))
    await run(store, "DELETE FROM entry WHERE seq < 3")
    assert seqs(await batch_of(store, hook, access)) == [3]
    await run(store, "DELETE FROM entry")
    gone = await batch_of(store, hook, access)
    assert (seqs(gone), gone.upto) == ([], 3)
    fresh = await hooked(store)
    passed = await batch_of(store, fresh, access)
    assert (seqs(passed), passed.upto) == ([], 3)
    assert await write(store, cursors.advance, fresh, passed)
    assert await read(store, fresh, access) is None


async def test_log_of_another_epoch_goes_on_where_it_was(store: Store, access: Access) -> None:
    """A batch that was begun is begun anew: under the same numbers there may be other entries."""
    hook = await hooked(store)
    for _ in range(2):
        await store.publish(access)
    first = await batch_of(store, hook, access)
    assert await write(store, cursors.promise, hook, first)
    renew = partial(begin_epoch, item_key=access.item_key, former="e1")
    await store.writer.call(renew)
    again = await batch_of(store, hook, access)
    assert (seqs(again), again.is_promised) == ([1, 2], False)
    assert again.epoch != first.epoch
    assert await write(store, cursors.promise, hook, again)
    assert await write(store, cursors.advance, hook, again.promised())
    assert await read(store, hook, access) is None
    (row,) = await store.rows("SELECT epoch, seq, upto FROM webhook_cursor")
    assert row == (again.epoch, 2, None)


async def test_other_entries_under_the_same_numbers_have_another_id(
    store: Store, access: Access
) -> None:
    """A log may have lost its end before anybody knows; a batch that is sent again has the same."""
    hook = await hooked(store)
    for _ in range(2):
        await store.publish(access)
    batch = await batch_of(store, hook, access)
    assert await write(store, cursors.promise, hook, batch)
    again = await batch_of(store, hook, access)
    assert message_id(hook, again) == message_id(hook, batch)
    await run(store, "DELETE FROM entry WHERE seq = 1")
    assert message_id(hook, await batch_of(store, hook, access)) == message_id(hook, batch)
    await run(store, "UPDATE entry SET at = at + 1 WHERE seq = 2")
    other = await batch_of(store, hook, access)
    assert (other.epoch, other.after, other.upto) == (batch.epoch, batch.after, batch.upto)
    assert message_id(hook, other) != message_id(hook, batch)


async def test_shorter_log_goes_on_at_its_end(store: Store, access: Access) -> None:
    """The database was put back: what comes next is sent, nothing is waited for."""
    hook = await hooked(store)
    for _ in range(3):
        await store.publish(access)
    batch = await batch_of(store, hook, access)
    assert await write(store, cursors.promise, hook, batch)
    assert await write(store, cursors.advance, hook, batch.promised())
    await run(store, "DELETE FROM entry WHERE seq > 1")
    await run(store, "UPDATE item SET head = 1, epoch = 'e2'")
    shorter = await batch_of(store, hook, access)
    assert (seqs(shorter), shorter.after, shorter.epoch) == ([], 1, "e2")
    assert await write(store, cursors.advance, hook, shorter)
    assert await store.rows("SELECT epoch, seq FROM webhook_cursor") == [("e2", 1)]
    assert await read(store, hook, access) is None


async def test_failed_batch_waits_longer_each_time(store: Store, access: Access) -> None:
    """5 s, 30 s, 2 min, 10 min, then each hour; the webhook says why."""
    hook = await hooked(store)
    await store.publish(access)
    assert await write(store, cursors.promise, hook, await batch_of(store, hook, access))
    delays, now = [], 0
    for _ in range(6):
        batch = await batch_of(store, hook, access, now)
        await write(store, cursors.fail, hook, batch, failure="No.", gone=False)
        ((failed_at, now),) = await store.rows(
            "SELECT failed_at, next_at FROM webhook, webhook_cursor"
        )
        delays.append((now - failed_at) / 1000)
        assert await read(store, hook, access, now - 1) is None
    assert delays == [5, 30, 120, 600, 3600, 3600]
    batch = await batch_of(store, hook, access, now)
    wait = {"failure": "No.", "gone": False, "wait_ms": 4_000_000}
    await write(store, cursors.fail, hook, batch, **wait)
    ((failed_at, now),) = await store.rows("SELECT failed_at, next_at FROM webhook, webhook_cursor")
    assert now - failed_at == 4_000_000
    found = await store.readers.read(hooks.find_webhook, None, hook.id)
    assert (found.failed_item, found.failure, found.paused) == ("order-1", "No.", None)


@pytest.mark.parametrize(
    ("attempts", "gone", "paused"),
    [
        (0, False, None),
        (GIVEN_UP - 1, False, None),
        (GIVEN_UP, False, Reason.FAILED),
        (0, True, Reason.GONE),
    ],
)
async def test_webhook_is_paused_when_a_batch_is_given_up(
    store: Store, access: Access, attempts: int, *, gone: bool, paused: Reason | None
) -> None:
    """After three days of trying, or when the receiver says that it is there no more."""
    hook = await hooked(store)
    await store.publish(access)
    assert await write(store, cursors.promise, hook, await batch_of(store, hook, access))
    await run(store, "UPDATE webhook_cursor SET attempts = ?", attempts)
    batch = await batch_of(store, hook, access)
    await write(store, cursors.fail, hook, batch, failure="No.", gone=gone)
    found = await store.readers.read(hooks.find_webhook, None, hook.id)
    assert found.paused == paused
    # Whoever has been overtaken pauses nothing.
    await run(store, "UPDATE webhook SET paused = NULL")
    await run(store, "UPDATE webhook_cursor SET seq = 1")
    await write(store, cursors.fail, hook, batch, failure="No.", gone=True)
    assert (await store.readers.read(hooks.find_webhook, None, hook.id)).paused is None


def test_given_up_after_three_days() -> None:
    """All waits together."""
    waits = [cursors.DELAYS[min(n, len(cursors.DELAYS) - 1)] for n in range(GIVEN_UP)]
    days = sum(waits) / 86_400_000
    assert 3 <= days < 3 + 1 / 24


async def test_nothing_is_begun_for_a_webhook_that_is_gone(store: Store, access: Access) -> None:
    """Nor twice: two servers may think for a moment that it is theirs."""
    hook = await hooked(store)
    await store.publish(access)
    batch = await batch_of(store, hook, access)
    assert await write(store, cursors.promise, hook, batch)
    assert not await write(store, cursors.promise, hook, batch)
    delete = partial(hooks.delete_webhook, owner=None, webhook_id=hook.id)
    await store.writer.call(delete)
    assert not await write(store, cursors.promise, hook, batch)
    assert not await write(store, cursors.promise, hook, batch.promised())
    await write(store, cursors.fail, hook, batch.promised(), failure="No.", gone=True)
    assert await store.rows("SELECT * FROM webhook_cursor") == []


async def test_deleted_item_leaves_no_cursor(store: Store, access: Access) -> None:
    """It is told to nobody that it was."""
    hook = await hooked(store)
    await store.publish(access)
    assert await write(store, cursors.promise, hook, await batch_of(store, hook, access))
    await run(store, "UPDATE item SET deleted_at = 1")
    assert await read(store, hook, access) is None
    await run(store, "DELETE FROM entry")
    await run(store, "DELETE FROM membership")
    # Also one that was written while the item was deleted: housekeeping finds it.
    assert await store.readers.read(due_items, 1, 0) == [access.item_key]
    await store.writer.call(partial(purge_log, item_key=access.item_key, limit=100))
    assert await store.rows("SELECT * FROM webhook_cursor") == []
    assert await store.readers.read(due_items, 1, 0) == []
