import asyncio
import contextlib
from typing import Any

import pytest

from tests.clients.python.rooms import ack, read, room_at
from tests.clients.python.scripted import (
    ADA,
    WELCOME,
    Fields,
    Guest,
    playing,
    say,
    until,
    waiting,
)
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio


async def test_what_is_done_is_stored_and_heard(server: LiveServer, ada: Person) -> None:
    """Every kind of command, against a real server, over a dropped connection."""
    async with room_at(server.url + "/", token=ada.token) as room:
        assert (room.you["name"], room.item["id"], room.presence.count) == ("ada", "order-17", 1)
        seq = await room.publish({"text": "hi"})
        assert await room.publish({"text": "hi"}, ref="r1") == seq + 1
        await room.react(seq, "👍")
        room.reconnect()
        assert await room.publish({"text": "hi"}, ref="r1") == seq + 1
        await room.react(seq, "👍", on=False)
        await room.edit(seq, "hello")
        room.read(seq)
        last = await room.delete(seq + 1)
        types = [entry.type for entry in await read(room, last)]
        assert types == ["message", "message", "reaction", "reaction", "edit", "delete"]
        assert (room.seq, room.head, room.error) == (last, last, None)
        assert room.limits["body_bytes"] == server.settings.max_body_bytes
        place = (room.seq, room.epoch)
    assert room.state == "closed"
    ada.publish("order-17", "later")
    async with room_at(server.url, token=ada.token, after=place[0], epoch=place[1]) as room:
        [entry] = await read(room, 1)
        assert (entry.seq, entry.body) == (last + 1, "later")


async def test_command_that_is_given_twice_has_one_answer() -> None:
    """It is sent once, and withdrawn only when nobody waits for it any more."""
    heard: list[Fields] = []

    async def keep(guest: Guest) -> None:
        await guest.say(WELCOME)
        heard.append(await guest.hear("publish"))
        await until(first.cancelled)
        await guest.say(ack(heard[0], 1))
        await waiting(guest)

    async with playing(keep) as stage, room_at(stage.url) as room:
        first = asyncio.create_task(room.publish("x", ref="a"))
        second = asyncio.create_task(room.publish("x", ref="a"))
        await until(lambda: heard)
        first.cancel()
        assert await second == 1


async def test_cancelled_command_is_withdrawn() -> None:
    """It is not sent any more; its answer, should one come, is nobody's."""
    heard = []

    async def keep(guest: Guest) -> None:
        await guest.say(WELCOME)
        heard.append(await guest.hear())
        await until(lambda: "b" in refs)
        await guest.say(ack(heard[0], 1))
        heard.append(await guest.hear("publish"))
        await guest.say(ack(heard[1], 2))
        await waiting(guest)

    refs = []
    async with playing(keep) as stage, room_at(stage.url) as room:
        first = asyncio.create_task(room.publish("x", ref="a"))
        await until(lambda: heard)
        first.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await first
        refs.append("b")
        assert await room.publish("y", ref="b") == 2
    assert [command["ref"] for command in heard] == ["a", "b"]


@pytest.mark.parametrize("early", [True, False])
async def test_command_cancelled_as_it_is_answered_leaves_its_ref_alone(
    monkeypatch: pytest.MonkeyPatch,
    early: bool,  # noqa: FBT001 - parametrised
) -> None:
    """The ref may be another command's by then."""

    async def keep(guest: Guest) -> None:
        await guest.say(WELCOME)
        for seq in (1, 2):
            await guest.say(ack(await guest.hear("publish"), seq))
        await waiting(guest)

    async with playing(keep) as stage, room_at(stage.url) as room:
        first = asyncio.create_task(room.publish("x", ref="a"))
        settled = room._keeper._settled

        def settle(*arguments: Any) -> None:
            if early:
                first.cancel()
            settled(*arguments)
            first.cancel()

        monkeypatch.setattr(room._keeper, "_settled", settle)
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await room.publish("y", ref="a") == 2


async def test_signals_are_passed_on(server: LiveServer, ada: Person) -> None:
    """To the others who are here."""
    ben = await asyncio.to_thread(server.person, "ben")
    ada.call("PUT", "/items/order-17/members/ben", json={"role": "writer"})
    told: list[Any] = []
    async with room_at(server.url, token=ada.token) as room:
        room.on("signal", told.append)
        await until(lambda: room.state == "live")
        async with room_at(server.url, token=ben.token) as other:
            await until(lambda: other.state == "live" and room.presence.count == 2)
            other.signal("typing", {"in": "reply"})
            await until(lambda: told)
    assert (told[0]["name"], told[0]["by"]["name"]) == ("typing", "ben")


@pytest.mark.parametrize(
    "options",
    [
        {"url": "ftp://x"},
        {"url": "https://"},
        {"url": "https://x/?a=b"},
        {"token": "t", "ticket": "k"},
    ],
)
def test_wrong_arguments_are_an_error(options: dict[str, Any]) -> None:
    """At once."""
    with pytest.raises(ValueError, match=r"takes an address|give one of"):
        room_at(**({"url": "http://x"} | options))


async def test_item_and_place_are_in_the_address() -> None:
    """And the token is not."""
    async with playing(say(WELCOME)) as stage, room_at(f"{stage.url}/rooms//", tail=3):
        assert stage.queries == ["tail=3"]
        assert stage.tokens == ["Bearer t"]


async def test_own_entry_is_by_me(server: LiveServer, ada: Person) -> None:
    """As an application finds out which are its user's."""
    async with room_at(server.url, token=ada.token) as room:
        await room.publish("x")
        [entry] = await read(room, 1)
        assert entry.by["id"] == room.you["id"] != ADA["id"]
