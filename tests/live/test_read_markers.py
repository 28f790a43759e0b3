"""Read markers from clients: what is stored, told, put together and refused."""

import asyncio

import pytest

from tests.live.world import World, settled, until

pytestmark = pytest.mark.anyio


async def test_read_marker_is_stored_and_told(world: World) -> None:
    """To everybody, once, no further than the head, and never back."""
    await world.fill(3)
    eve, bob = await world.live("eve"), await world.live("bob")
    for seq in (2, 1, 2, 99, 0):
        eve.says("read", seq=seq)
    await until(lambda: len(bob.socket.said_of("read")) == 2)
    await settled(world)
    assert [told["seq"] for told in bob.socket.said_of("read")] == [2, 3]
    assert bob.socket.said_of("read")[0]["by"] == {"id": "u-eve", "name": "Eve"}
    assert eve.socket.said_of("error") == []


async def test_read_markers_that_come_while_one_is_stored_are_one(world: World) -> None:
    """The newest: a marker only moves forward. The last refusal is told."""
    await world.fill(9)
    eve, bob = await world.live("eve", commands_in_flight=1), await world.live("bob")
    world.news.hold = True
    for seq in (1, 5, 9, 7):
        eve.says("read", seq=seq)
    assert eve.connection.outstanding.count == 1
    world.news.release()
    await until(lambda: len(bob.socket.said_of("read")) == 2)
    assert [told["seq"] for told in bob.socket.said_of("read")] == [1, 9]
    assert eve.socket.said_of("error") == []


async def test_read_marker_that_waited_may_be_refused(world: World) -> None:
    """As one that did not."""
    eve = await world.live("eve")
    world.news.hold = True
    for seq in (1, 2):
        eve.says("read", seq=seq)
    await asyncio.to_thread(world.writer.finish)
    world.news.release()
    assert (await eve.hears("error"))["code"] == "draining"


async def test_read_marker_of_somebody_removed_is_refused(world: World) -> None:
    """The transaction knows of the removal before the event loop does."""
    eve = await world.live("eve")
    world.news.hold = True
    world.send_off(world.set_role("eve", None))
    eve.says("read", seq=1)
    await world.on_disk(1)
    world.news.release()
    assert (await eve.is_closed())["reason"] == "removed"


async def test_read_marker_refused_is_an_error(world: World) -> None:
    """An item that is gone, of which no news has come."""
    eve = await world.live("eve")
    world.send_off(lambda tx: tx.connection.exec_driver_sql("UPDATE item SET deleted_at = 1"))
    eve.says("read", seq=1)
    assert (await eve.hears("error"))["code"] == "item_not_found"
