"""A connection from its welcome to its end."""

import asyncio
import threading

import pytest

from api.live.frames import pong
from api.live.opening import Beginning
from tests.deadlines import scaled
from tests.live.world import FROM_START, NEWEST, Talker, World, settled, until

pytestmark = pytest.mark.anyio
told_of_presence = pytest.mark.parametrize("world", [{"presence_interval": 0.01}], indirect=True)


@pytest.mark.parametrize(
    ("beginning", "after", "recovered"),
    [
        (Beginning(None, None, 0), 8, True),
        (Beginning(None, None, 3), 5, True),
        (Beginning(0, None, 0), 0, True),
        (Beginning(6, "e1", 0), 6, True),
        (Beginning(8, "e1", 0), 8, True),
        (Beginning(9, "e1", 2), 6, False),
        (Beginning(6, "other", 2), 6, False),
    ],
)
@pytest.mark.parametrize("world", [{"page_max": 3}], indirect=True)
async def test_order_is_welcome_replay_live_entries(
    world: World,
    beginning: Beginning,
    after: int,
    recovered: bool,  # noqa: FBT001 - a parameter's value
) -> None:
    """Wherever a client begins; between the last replayed and the first live entry is nothing."""
    await world.fill(8)
    talker = await world.live("bob", beginning)
    await world.fill(1)
    assert await talker.hears_entries(9) == list(range(after + 1, 10))
    welcome = talker.socket.said[0]
    assert (welcome["after"], welcome["recovered"], welcome["head"]) == (after, recovered, 8)
    replay = 8 - after
    shown = [type_ for type_ in talker.types if type_ != "presence"]
    assert shown == ["welcome", *["message"] * replay, "live", "message"]
    assert (await talker.hears("live"))["seq"] == 8


async def test_room_with_others_replays_from_memory(world: World) -> None:
    """Whoever comes second needs no page of the log; edits and deletions are as they stand."""
    ada = await world.live("ada")
    for number in range(3):
        ada.publishes(str(number), f"p{number}")
    ada.says("edit", target=1, body="new", ref="e")
    ada.says("delete", target=2, ref="d")
    await ada.hears_entries(5)
    bob = await world.live("bob", FROM_START)
    first, second, *_ = bob.socket.said_of("message")
    assert (first["body"], first["edited_seq"]) == ("new", 4)
    assert second["deleted_seq"] == 5
    assert "body" not in second
    assert bob.socket.seqs == [1, 2, 3, 4, 5]
    eve = await world.live("eve", Beginning(1, "other", 5))
    assert eve.socket.said_of("message", "edit", "delete") == bob.socket.said_of(
        "message", "edit", "delete"
    )


async def test_answers_before_the_welcome_wait_for_it(world: World) -> None:
    """Nothing comes before the welcome, however early a client speaks."""
    access = await world.access(world.people["ada"], "doc")
    ada = Talker(world, access)
    world.held.hold = "start"
    ada.opens(NEWEST)
    ada.says("ping")
    ada.publishes("early", "r")
    ada.sends(b"{")
    await world.on_disk(1)
    await until(lambda: len(ada.connection._held or ()) == 3)
    assert ada.socket.frames == []
    world.held.release()
    await ada.hears("live")
    assert ada.types[:4] == ["welcome", "pong", "error", "ack"]
    assert ada.socket.said[1]["head"] in {0, 1}


async def test_answer_to_who_has_gone_before_the_welcome_is_for_nobody(world: World) -> None:
    """It is neither kept nor sent."""
    ada = Talker(world, await world.access(world.people["ada"], "doc"))
    world.held.hold = "start"
    ada.opens(NEWEST)
    ada.leaves()
    ada.connection.send(pong(None))
    world.held.release()
    assert (ada.connection._held, ada.socket.frames) == ([], [])


async def test_flood_before_the_welcome_is_cut(world: World) -> None:
    """What waits for the welcome is bounded too."""
    access = await world.access(world.people["ada"], "doc")
    world.held.hold = "start"
    ada = Talker(world, access, commands_in_flight=20)
    ada.opens(NEWEST)
    for _ in range(21):
        ada.says("ping")
    assert (await ada.is_closed())["reason"] == "slow_consumer"
    assert ada.types == ["pong"] * 21 + ["closing"]
    world.held.release()


async def test_answers_that_are_not_read_are_bounded(world: World) -> None:
    """A client that asks and does not read is cut; one that drains in between is not."""
    ada = await world.live(commands_in_flight=20, light_rate=0)
    for _ in range(5):
        ada.socket.is_full = True
        for _ in range(20):
            ada.says("ping")
        ada.socket.is_full = False
        ada.connection.drained()
    assert len(ada.socket.said_of("pong")) == 100
    ada.socket.is_full = True
    for _ in range(99):
        ada.says("ping")
    assert (await ada.is_closed())["reason"] == "slow_consumer"
    assert len(ada.socket.said_of("pong")) == 121


@pytest.mark.parametrize("world", [{"reader_queue": 1}], indirect=True)
async def test_readers_with_too_much_to_do_say_overloaded(world: World) -> None:
    """Before the welcome as after it, with a time to come back."""
    access = await world.access(world.people["ada"], "doc")
    gate = threading.Event()
    busy = asyncio.create_task(world.readers.read(lambda _: gate.wait(scaled(10))))
    await asyncio.sleep(0)  # It has asked.
    ada = Talker(world, access)
    ada.opens(NEWEST)
    closing = await ada.is_closed()
    assert (closing["code"], closing["reason"], closing["retry_after"]) == (1013, "overloaded", 1)
    gate.set()
    assert await busy


async def test_log_that_cannot_be_read_ends_with_a_code(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The client is told when to come back, the operator why."""
    access = await world.access(world.people["ada"], "doc")
    world.held.failure = OSError("disk on fire")
    ada = Talker(world, access)
    ada.opens(NEWEST)
    assert (await ada.is_closed())["reason"] == "database_unavailable"
    assert "disk on fire" in caplog.text
    world.held.failure = None


@told_of_presence
async def test_slow_client_is_behind_and_hears_no_chatter(world: World) -> None:
    """Signals and presence are dropped for it; entries come when it drains, then who is here."""
    ada, bob = await world.live("ada"), await world.live("bob")
    bob.socket.is_full = True
    ada.publishes("one", "r")
    ada.says("signal", name="typing")
    await world.live("eve")
    await until(lambda: ada.moves("join") >= {"Eve"})
    await settled(world)
    assert [member.is_behind for member in world.hub.members()].count(True) == 1
    assert bob.socket.said_of("signal", "message") == []
    bob.socket.is_full = False
    bob.connection.drained()
    assert bob.socket.seqs == [1]
    assert not any(member.is_behind for member in world.hub.members())
    names = [user["name"] for user in bob.socket.said[-1]["users"]]
    assert sorted(names) == ["Ada", "Bob", "Eve"]


async def test_client_that_stands_still_is_cut_and_catches_up(world: World) -> None:
    """`slow_consumer` after the stall limit; on its next connection nothing is missing."""
    bob = await world.live("bob", stall_timeout=0.05)
    bob.socket.is_full = True
    await world.fill(3)
    closing = await bob.is_closed()
    assert (closing["code"], closing["reason"]) == (1013, "slow_consumer")
    assert closing["retry"] == "later"
    bob.connection.drained()
    again = await world.live("bob", Beginning(0, "e1", 0))
    assert again.socket.seqs == [1, 2, 3]


async def test_client_that_never_was_live_is_not_called_behind(world: World) -> None:
    """A replay is not a slow client."""
    await world.fill(2)
    access = await world.access(world.people["bob"], "doc")
    bob = Talker(world, access)
    world.held.hold = "start"
    bob.opens(FROM_START)
    assert not bob.seat.is_behind
    world.held.release()
    await bob.hears("live")
    assert not bob.seat.is_behind


@told_of_presence
async def test_lost_connection_is_told_nothing_more(world: World) -> None:
    """Whatever was on its way: a read, an ack, a role, an entry, another end."""
    ada, bob = await world.live("ada"), await world.live("bob")
    heard = len(ada.socket.frames)
    ada.publishes("last words", "r")
    ada.leaves()
    ada.leaves()
    await bob.hears_entries(1)
    await settled(world)
    ada.connection.end("internal")
    ada.connection.drained()
    assert ada.socket.closed is None
    assert len(ada.socket.frames) == heard
    await until(lambda: bob.moves("leave") == {"Ada"})


async def test_lost_before_the_welcome_is_forgotten(world: World) -> None:
    """The answer of the opening read finds nobody."""
    access = await world.access(world.people["ada"], "doc")
    world.held.hold = "start"
    ada = Talker(world, access)
    ada.opens(NEWEST)
    await world.writer.call(world.say("bob", "meanwhile"))
    ada.leaves()
    world.held.release()
    await settled(world)
    assert ada.socket.frames == []
    assert world.hub.rooms == 0
