import asyncio
from typing import Any

import pytest

from itemroom import Entry, Gap
from tests.clients.python.rooms import LIVE, ack, read, room_at
from tests.clients.python.scripted import (
    WELCOME,
    Guest,
    Script,
    message,
    playing,
    say,
    until,
    waiting,
)

pytestmark = pytest.mark.anyio


LOG = [message(seq, seq) for seq in range(1, 10)]


async def tell(guest: Guest) -> None:
    """The log, from where the client asks; and what is published is stored after it."""
    asked = dict(pair.split("=") for pair in guest.query.split("&"))
    after = 9 if asked.get("tail") == "0" else int(asked["after"])
    await guest.say(WELCOME | {"after": after, "head": 9}, *LOG[after:], LIVE | {"seq": 9})
    command = await guest.hear("publish")
    await guest.say(message(10, "mine", ref=command["ref"]), ack(command, 10))
    await waiting(guest)


async def test_slow_reader_pauses_the_connection() -> None:
    """What waits is bounded; the rest comes when half of it was read, each once."""
    async with playing(*[tell] * 9) as stage, room_at(stage.url, after=0, buffer=4) as room:
        await until(lambda: room.state == "waiting")
        assert (room.change.reason, room.change.retry_at) == ("buffer_full", None)
        await read(room, 1)
        assert len(stage.queries) == 1
        assert [entry.seq for entry in await read(room, 8)] == list(range(2, 10))
    assert [query.partition("&")[0] for query in stage.queries[:2]] == ["after=0", "after=4"]


async def test_reader_that_awaits_a_command_does_not_wait_for_itself() -> None:
    """Commands go out on a connection for them alone, whose entries are for later."""
    async with playing(*[tell] * 9) as stage, room_at(stage.url, after=0, buffer=4) as room:
        [entry] = await read(room, 1)
        await until(lambda: room.state == "waiting")
        assert await room.publish("mine") == 10
        assert (room.state, room.change.reason) == ("waiting", "buffer_full")
        assert room.seq == entry.seq == 1
        assert [entry.seq for entry in await read(room, 8)] == list(range(2, 10))
    assert stage.queries[1] == "tail=0"
    assert stage.queries[2].startswith("after=4")


async def test_commands_go_on_while_entries_wait_to_be_read() -> None:
    """Whoever reads may be waiting for the answer; the connection for it asks for no entries."""

    async def fill(guest: Guest) -> None:
        await guest.say(WELCOME)
        await guest.hear("publish")
        await guest.say(*(message(seq) for seq in range(1, 4)))

    async def serve_command(guest: Guest) -> None:
        await guest.say(WELCOME | {"after": 3, "head": 3}, LIVE | {"seq": 3}, message(4))
        command = await guest.hear("publish")
        await guest.say({"type": "ack", "ref": command["ref"], "seq": 5})
        await waiting(guest)

    after_all = say(WELCOME | {"after": 2, "head": 3}, message(3), LIVE | {"seq": 3})
    async with (
        playing(fill, serve_command, after_all) as stage,
        room_at(stage.url, after=0, buffer=2) as room,
    ):
        assert await room.publish("an answer") == 5
        assert [entry.seq for entry in await read(room, 3)] == [1, 2, 3]
    assert stage.queries[1:] == ["tail=0", "after=2&epoch=e1"]


async def test_nobody_iterates_when_nothing_is_kept() -> None:
    """Entries are told of alone."""
    told: list[Entry] = []
    async with playing(say(WELCOME, *(message(seq) for seq in range(1, 21)))) as stage:
        room = room_at(stage.url, buffer=0)
        room.on("entry", told.append)
        async with room:
            await until(lambda: len(told) == 20)
            assert room.seq == 20


ANEW = WELCOME | {"recovered": False, "after": 6, "oldest": 3, "epoch": "e2", "head": 7}


def until_set(go: asyncio.Event) -> Script:
    """Two entries, and a connection that lasts until then."""

    async def script(guest: Guest) -> None:
        await guest.say(WELCOME, message(1), message(2), LIVE | {"seq": 2})
        await go.wait()

    return script


async def test_gap_is_told_in_its_place_between_the_entries() -> None:
    """What waits is from before it: whoever builds on entries throws away what is done with."""
    gaps: list[Any] = []
    go = asyncio.Event()
    anew = say(ANEW, message(7), LIVE | {"seq": 7})
    async with playing(until_set(go), anew) as stage:
        room = room_at(stage.url)
        room.on("gap", lambda gap: gaps.append((gap, room.seq, room.epoch)))
        async with room:
            await read(room, 1)
            go.set()
            await until(lambda: room.head == 7)
            assert (room.seq, room.epoch, gaps) == (1, "e1", [])
            [entry] = await read(room, 1)
            assert (entry.seq, room.seq, room.epoch, gaps) == (2, 2, "e1", [])
            [entry] = await read(room, 1)
            assert entry.seq == 7
    assert gaps == [((6, 3, "e2"), 6, "e2")]


async def test_gap_is_told_at_once_where_nobody_iterates() -> None:
    """There is nothing that it would have to wait for."""
    gaps: list[Any] = []
    go = asyncio.Event()
    go.set()
    async with playing(until_set(go), say(ANEW)) as stage:
        room = room_at(stage.url, buffer=0)
        room.on("gap", lambda gap: gaps.append((gap, room.seq, room.epoch)))
        async with room:
            await until(lambda: gaps)
    assert gaps == [((6, 3, "e2"), 6, "e2")]


async def test_error_of_a_callback_for_a_gap_ends_the_room() -> None:
    """It comes out of the loop that has reached the gap."""
    go = asyncio.Event()
    go.set()

    def fail(gap: Gap) -> None:
        raise KeyError(gap.epoch)

    async with playing(until_set(go), say(ANEW)) as stage, room_at(stage.url) as room:
        room.on("gap", fail)
        with pytest.raises(KeyError, match="e2"):
            await read(room, 3)
        assert room.state == "closed"
        with pytest.raises(KeyError, match="e2"):
            await read(room, 1)


async def test_entries_that_wait_when_it_is_closed_are_not_given() -> None:
    """`seq` says where to go on: after the last one that was."""
    async with playing(say(WELCOME, message(1), message(2), LIVE | {"seq": 2})) as stage:
        async with room_at(stage.url) as room:
            await until(lambda: room.state == "live")
        assert await read(room, 1) == []
        assert room.seq == 0
