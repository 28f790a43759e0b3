"""Every way in which the rights of a connection may change, and what they may race with."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy

from api.history.events import DefaultRoleChanged
from api.history.reader import read_entries
from api.history.transaction import Transaction
from api.live.encoding import Burst
from api.live.item_connection import ItemConnection
from api.live.reads import Reads
from api.live.replay import Page
from api.live.seat import Seat
from api.rights.access import Access, Role
from tests.live.world import FROM_START, NEWEST, Talker, World, settled, until

pytestmark = pytest.mark.anyio
told_of_presence = pytest.mark.parametrize("world", [{"presence_interval": 0.01}], indirect=True)


class HastyReads(Reads):
    """Wrong: takes what it read for what is true now."""

    def read_rights(self, done: Callable[[Any], None], read: Any, *arguments: object) -> None:
        self.read(done, read, *arguments)


class HastyConnection(ItemConnection):
    """One whose seat reads so."""

    def _make_seat(self, access: Access) -> Seat:
        seat = Seat(self, access)
        seat._reads = HastyReads(seat, self.services.readers)
        return seat


@pytest.mark.parametrize(
    ("make", "role"),
    [(ItemConnection, "reader"), pytest.param(HastyConnection, "writer", id="negative control")],
)
async def test_demotion_during_the_opening_read_counts(
    world: World, make: type[ItemConnection], role: str
) -> None:
    """The read is repeated: the welcome never says more than the rights of that moment."""
    access = await world.access(world.people["ada"], "doc")
    world.held.hold = "answer"
    ada = Talker(world, access, make=make)
    ada.opens(NEWEST)
    await world.writer.call(world.set_role("ada", Role.READER))
    world.held.release()
    await ada.hears("live")
    assert ada.socket.said[0]["you"]["role"] == role
    assert ada.seat.access.role == role


async def test_removal_during_the_opening_read_ends_without_a_welcome(world: World) -> None:
    """Nothing of the item is shown."""
    access = await world.access(world.people["ada"], "doc")
    world.held.hold = "answer"
    ada = Talker(world, access)
    ada.opens(FROM_START)
    await world.writer.call(world.set_role("ada", None))
    world.held.release()
    assert (await ada.is_closed())["reason"] == "item_not_found"
    assert ada.types == ["closing"]


async def test_removal_between_admission_and_opening_ends_without_a_welcome(world: World) -> None:
    """What was judged at the door is judged again inside."""
    access = await world.access(world.people["ada"], "doc")
    await world.writer.call(world.set_role("ada", None))
    ada = Talker(world, access)
    ada.opens(FROM_START)
    assert (await ada.is_closed())["reason"] == "item_not_found"
    assert ada.types == ["closing"]


@told_of_presence
async def test_removal_inside_a_batch_divides_what_is_seen(world: World) -> None:
    """The entries before it and itself are delivered, those after it are not."""

    def act(tx: Transaction) -> None:
        world.say("bob", "before")(tx)
        world.set_role("ada", None)(tx)
        world.say("bob", "after")(tx)

    ada, bob = await world.live("ada"), await world.live("bob")
    await world.writer.call(act)
    closing = await ada.is_closed()
    assert (closing["code"], closing["reason"], closing["retry"]) == (1008, "removed", "never")
    assert ada.socket.seqs == [1, 2]
    assert await bob.hears_entries(3) == [1, 2, 3]
    await until(lambda: bob.moves("leave") == {"Ada"})


class TrustingSeat(Seat):
    """Wrong: believes that the news of a removal comes before anybody reads beyond it."""

    def read_page(self, after: int, page_read: Callable[[Page], None]) -> None:
        def read(connection: sqlalchemy.Connection) -> Page:
            entries, extent = read_entries(connection, self.access.item_key, after, 500)
            return Page(Burst(entries), extent)

        self._reads.read(page_read, read)


class TrustingConnection(ItemConnection):
    """One whose seat does so."""

    def _make_seat(self, access: Access) -> Seat:
        return TrustingSeat(self, access)


@pytest.mark.parametrize(
    ("make", "seqs"),
    [
        (ItemConnection, []),
        pytest.param(TrustingConnection, [1, 2, 3, 4, 5], id="negative control"),
    ],
)
async def test_removal_on_disk_but_not_yet_heard_of_ends_a_replay(
    world: World, make: type[ItemConnection], seqs: list[int]
) -> None:
    """A page is read with the rights of the same moment: no entry after the removal is shown."""
    await world.fill(3)
    access = await world.access(world.people["ada"], "doc")
    world.held.hold = "start"
    ada = Talker(world, access, make=make)
    ada.opens(FROM_START)
    world.held.release(go_on=False)
    await ada.hears("welcome")
    world.news.hold = True
    world.send_off(world.set_role("ada", None))
    world.send_off(world.say("bob", "secret"))
    await world.on_disk(5)
    world.held.release()
    await until(lambda: ada.socket.closed or ada.socket.seqs)
    assert ada.socket.seqs == seqs
    world.news.release()
    await ada.is_closed()


async def test_commit_on_disk_but_not_yet_heard_of_is_given_once(world: World) -> None:
    """A replay may read an entry before its news; the news must not bring it again."""
    world.news.hold = True
    world.send_off(world.say("bob", "one"))
    world.send_off(world.say("bob", "two"))
    await world.on_disk(2)
    ada, eve = await world.live("ada", FROM_START), await world.live("eve")
    world.send_off(world.say("bob", "three"))
    await world.on_disk(3)
    world.news.release()
    assert await ada.hears_entries(3) == [1, 2, 3]
    assert await eve.hears_entries(3) == [3]


async def test_demotion_is_told_and_judges_the_next_command(world: World) -> None:
    """The transaction refuses a publish even before the event loop has heard of the demotion."""
    ada = await world.live("ada")
    world.news.hold = True
    world.send_off(world.set_role("ada", Role.READER))
    ada.publishes("too late", "r1")
    world.news.release()
    assert (await ada.hears("role"))["role"] == "reader"
    assert (await ada.answer("r1"))["code"] == "forbidden"
    ada.publishes("still too late", "r2")
    assert (await ada.answer("r2"))["code"] == "forbidden"
    await world.writer.call(world.set_role("ada", Role.ADMIN))
    assert (await ada.hears("role", count=2))["role"] == "admin"
    ada.publishes("again", "r3")
    assert (await ada.answer("r3"))["type"] == "ack"


async def test_change_that_changes_nothing_is_not_told(world: World) -> None:
    """A default role below one's own, or the same role again."""
    ada, eve = await world.live("ada"), await world.live("eve")

    def act(tx: Transaction) -> None:
        tx.emit(DefaultRoleChanged(world.key, Role.WRITER))
        world.set_role("ada", Role.WRITER)(tx)

    await world.writer.call(act)
    assert (await eve.hears("role"))["role"] == "writer"
    assert ada.socket.said_of("role") == []


async def test_disconnect_that_the_database_tells_of_ends_the_seat(world: World) -> None:
    """As when another server did it; whoever comes afterwards is not meant."""
    ada = await world.live("ada")
    standing = ada.seat.standing
    ada.seat.restand(replace(standing, user_rights=standing.user_rights + 1))
    assert ada.socket.closed is None
    ada.seat.restand(replace(standing, disconnects=standing.disconnects + 1))
    closing = await ada.is_closed()
    assert (closing["reason"], closing["retry"]) == ("disconnected", "after_auth")


async def test_item_deleted_ends_everybody(world: World) -> None:
    """Also one whose replay is still being read."""
    await world.fill(2)
    ada, access = await world.live("ada"), await world.access(world.people["bob"], "doc")
    bob = Talker(world, access)
    world.held.hold = "start"
    bob.opens(FROM_START)
    await world.writer.call(world.delete_item)
    for talker in (ada, bob):
        assert (await talker.is_closed())["reason"] == "item_deleted"
    world.held.release()
    await settled(world)
    assert bob.types == ["closing"]


async def test_item_deleted_before_its_news_ends_a_replay(world: World) -> None:
    """A read that finds no item any more refuses what it was asked for."""
    access = await world.access(world.people["bob"], "doc")
    world.news.hold = True
    world.send_off(world.say("ada", "last"))
    world.send_off(world.delete_item)
    await world.on_disk(1)
    world.send_off(lambda _: None)
    bob = Talker(world, access)
    deleted = "SELECT 1 FROM item WHERE deleted_at = 1"
    while not await world.rows(deleted):
        await asyncio.sleep(0.001)
    bob.opens(FROM_START)
    assert (await bob.is_closed())["reason"] == "item_not_found"
