"""Items that wait for their turn."""

import asyncio

import pytest

from api.webhooks.pending import Pending

pytestmark = pytest.mark.anyio


async def test_items_have_their_turns_in_the_order_of_coming() -> None:
    """Each once, however often it comes."""
    pending = Pending(10)
    for key in (3, 1, 3, 2):
        pending.add(key)
    assert [await pending.take() for _ in range(3)] == [3, 1, 2]
    for key in (3, 1, 2):
        pending.done(key, more=False)
    waiting = asyncio.ensure_future(pending.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    pending.add(7)
    assert await waiting == 7


async def test_what_comes_meanwhile_has_another_turn() -> None:
    """Behind the others, as that which has more to send."""
    pending = Pending(10)
    pending.add(1)
    pending.add(2)
    assert await pending.take() == 1
    pending.add(1)
    pending.done(1, more=False)
    assert await pending.take() == 2
    assert await pending.take() == 1
    pending.done(2, more=True)
    pending.done(1, more=False)
    assert await pending.take() == 2


async def test_whoever_adds_waits_for_room() -> None:
    """What waits is bounded."""
    pending = Pending(2)
    pending.add(1)
    await pending.has_room()
    pending.add(2)
    room = asyncio.ensure_future(pending.has_room())
    await asyncio.sleep(0)
    assert not room.done()
    await pending.take()
    await room
