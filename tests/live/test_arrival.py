"""What was read at the door counts inside, unless something has happened in between."""

from dataclasses import replace

import pytest

from api.history.messages import Delete
from api.rights.access import Role, Standing
from tests.live.world import FROM_START, Talker, World, settled

pytestmark = pytest.mark.anyio


async def test_arrival_that_is_up_to_date_is_not_read_again(world: World) -> None:
    """Welcomed and live in the same turn of the event loop."""
    arrival = await world.arrive()
    world.held.hold = "start"
    ada = Talker(world, arrival.access)
    ada.connection.open(arrival)
    assert ada.types == ["welcome", "live"]
    world.held.release()


async def test_change_of_rights_after_the_arrival_is_seen(world: World) -> None:
    """The read is repeated from inside the room: the welcome says what is so now."""
    arrival = await world.arrive()
    await world.writer.call(world.set_role("ada", Role.READER))
    await settled(world)
    ada = Talker(world, arrival.access)
    ada.connection.open(arrival)
    await ada.hears("live")
    assert ada.socket.said[0]["you"]["role"] == "reader"


async def test_removal_after_the_arrival_ends_without_a_welcome(world: World) -> None:
    """Nothing of the item is shown."""
    arrival = await world.arrive()
    await world.writer.call(world.set_role("ada", None))
    await settled(world)
    ada = Talker(world, arrival.access)
    ada.connection.open(arrival)
    assert (await ada.is_closed())["reason"] == "item_not_found"
    assert ada.types == ["closing"]


@pytest.mark.parametrize("others", ["", "bob"])
async def test_entry_stored_after_the_arrival_is_not_missed(world: World, others: str) -> None:
    """It was news before anybody listened: the log has it."""
    if others:
        await world.live(others)
    arrival = await world.arrive("ada", FROM_START)
    await world.fill(3)
    await settled(world)
    ada = Talker(world, arrival.access)
    ada.connection.open(arrival)
    await ada.hears("live")
    assert ada.socket.seqs == [1, 2, 3]


@pytest.mark.parametrize("missed", [0, 1])
async def test_message_that_was_deleted_before_the_arrival_is_not_shown(
    world: World, missed: int
) -> None:
    """Its room has not heard of that yet, nor perhaps of what happened on the way in."""
    bob = await world.live("bob")
    await world.fill(1)
    await bob.hears("message")
    root = await world.access(world.people["root"], "doc")
    world.news.hold = True
    world.writer.submit(Delete(access=root, target=1), lambda *_: None)
    await world.on_disk(2)
    arrival = await world.arrive("ada", FROM_START)
    moment = replace(arrival.moment, commits=arrival.moment.commits - missed)
    ada = Talker(world, arrival.access)
    ada.connection.open(replace(arrival, moment=moment))
    await ada.hears("delete")
    (message,) = [frame for frame in ada.socket.said if frame["type"] == "message"]
    assert (message.get("body"), message.get("deleted_seq")) == (None, 2)


async def test_credential_that_ends_on_the_way_in_is_refused(world: World) -> None:
    """Between the door and the room its time was over."""
    arrival = await world.arrive()
    ada = Talker(world, arrival.access)
    opening = replace(arrival.opening, standing=Standing(credential_ended=True))
    late = replace(arrival, opening=opening)
    ada.connection.open(late)
    assert (await ada.is_closed())["reason"] == "auth_revoked"
