"""The task that cleans now and then."""

import asyncio

import pytest

from api.errors import Refusal
from api.history.housekeeping import Housekeeping
from api.history.retention import DAY_MS
from api.history.transaction import Transaction
from api.rights.access import Role
from tests.databases import execute
from tests.deadlines import scaled
from tests.stores import Store

pytestmark = pytest.mark.anyio


async def test_round_tidies_every_item_until_nothing_is_left(store: Store) -> None:
    """More items than one look finds, and more chores than one step does."""
    principal = await store.user("ada")
    for number in range(120):
        await store.item(f"doc-{number}", {"ada": Role.WRITER}, retention_days=1)
        await store.publish(await store.access(principal, f"doc-{number}"))

    def age(transaction: Transaction) -> None:
        execute(transaction.connection, "UPDATE entry SET at = at - ?", 2 * DAY_MS)

    await store.writer.call(age)
    left = [2, 1]

    def chore(_: Transaction) -> bool:
        left.pop()
        return bool(left)

    housekeeping = Housekeeping(store.readers, store.writer, interval=60, chores=lambda: [chore])
    await housekeeping.tidy()
    assert await store.rows("SELECT count(*) FROM entry") == [(0,)]
    assert left == []


@pytest.mark.parametrize(
    ("error", "logged"),
    [(Refusal("storage_full"), "put off"), (RuntimeError("a bug"), "housekeeping failed")],
    ids=["refused", "crashed"],
)
async def test_round_that_fails_comes_again(
    store: Store, caplog: pytest.LogCaptureFixture, error: Exception, logged: str
) -> None:
    """A full disk or a bug ends a round, not the task."""
    rounds = 0
    again = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Failing:
        """The readers, as far as a round uses them."""

        async def read(self, *_: object) -> list[int]:
            nonlocal rounds
            rounds += 1
            if rounds == 1:
                raise error
            loop.call_soon(again.set)
            return []

    housekeeping = Housekeeping(
        Failing(),  # type: ignore[arg-type] # a fake
        store.writer,
        interval=0.001,
    )
    housekeeping.start()
    await asyncio.wait_for(again.wait(), scaled(5))
    await housekeeping.stop()
    assert logged in caplog.text


async def test_stop_before_start_is_nothing(store: Store) -> None:
    """A server that fails on its way up stops what it has not started."""
    await Housekeeping(store.readers, store.writer, interval=1).stop()
