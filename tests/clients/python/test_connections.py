import random
import time

import pytest

from itemroom import Change, Entry, Refused, opening
from itemroom.core import silence
from tests.clients.python.rooms import LIVE, read, room_at
from tests.clients.python.scripted import (
    WELCOME,
    Fields,
    Guest,
    answer,
    message,
    playing,
    say,
    until,
    waiting,
)

pytestmark = pytest.mark.anyio


RESTART: Fields = {"type": "closing", "code": 1012, "reason": "restart", "retry": "later"}


async def test_states_tell_what_happens() -> None:
    """From connecting to closed, each with its reason and the time of the next try."""
    changes: list[Change] = []

    async def rest(guest: Guest) -> None:
        await guest.say(WELCOME, LIVE, RESTART | {"retry_after": 0.05})

    async with playing(rest, answer(503), say(WELCOME, LIVE)) as stage:
        room = room_at(stage.url)
        remove = room.on("state", changes.append)
        remove_other = room.on("state", lambda _: changes.clear())
        remove_other()
        remove_other()
        async with room:
            await until(lambda: room.state == "live" and len(changes) > 6)
        remove()
        await room.close()
    assert [(change.state, change.reason) for change in changes] == [
        ("connecting", ""),
        ("resuming", ""),
        ("live", ""),
        ("waiting", "restart"),
        ("connecting", ""),
        ("waiting", "http_503"),
        ("connecting", ""),
        ("resuming", ""),
        ("live", ""),
        ("closed", "closed"),
    ]
    retry_at = changes[3].retry_at
    assert retry_at is not None
    assert 0 < retry_at - time.time() + 20 < 20.1
    assert room.change == changes[-1]


async def test_waiting_ends_by_reconnect(monkeypatch: pytest.MonkeyPatch) -> None:
    """For whoever knows that the network is back."""
    monkeypatch.setattr(random, "uniform", lambda *_: 60)
    async with (
        playing(say(WELCOME, close=1012), say(WELCOME, LIVE)) as stage,
        room_at(stage.url) as room,
    ):
        await until(lambda: room.state == "waiting")
        room.reconnect()
        await until(lambda: room.state == "live")


async def test_reconnect_obeys_the_time_that_the_server_gave() -> None:
    """It wants to be left alone by whoever is in a hurry, too."""
    times: list[float] = []

    async def end(guest: Guest) -> None:
        times.append(time.monotonic())
        await guest.say(WELCOME, RESTART | {"retry_after": 0.3})

    async def greet(guest: Guest) -> None:
        times.append(time.monotonic())
        await guest.say(WELCOME, LIVE)
        await waiting(guest)

    async with playing(end, greet) as stage, room_at(stage.url) as room:
        await until(lambda: room.state == "waiting")
        room.reconnect()
        await until(lambda: room.state == "live")
    assert times[1] - times[0] >= 0.3


async def test_connection_that_is_lost_while_something_is_sent_is_replaced() -> None:
    """The marker is told on the next one."""
    heard = []

    async def hear(guest: Guest) -> None:
        await guest.say(WELCOME | {"after": 1})
        heard.append(await guest.hear("read"))
        await waiting(guest)

    async def tell(guest: Guest) -> None:
        await guest.say(WELCOME)
        await until(lambda: room.state == "resuming")
        await guest.say(message(1))
        await waiting(guest)

    async with playing(tell, hear) as stage:
        room = room_at(stage.url)

        def read_and_leave(entry: Entry) -> None:
            room.read(entry.seq)
            room.reconnect()

        room.on("entry", read_and_leave)
        async with room:
            await until(lambda: heard)
    assert heard == [{"type": "read", "seq": 1}]


async def test_silent_server_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was asked first."""
    monkeypatch.setattr(silence, "QUIET", 0.05)
    monkeypatch.setattr(silence, "PATIENCE", 0.05)
    asked = []

    async def sleep(guest: Guest) -> None:
        await guest.say(WELCOME)
        asked.append(await guest.hear("ping"))
        await waiting(guest)

    async with playing(sleep) as stage, room_at(stage.url) as room:
        await until(lambda: room.error is not None and room.error.code == "silent")
    assert asked


async def test_frame_that_is_too_large_for_this_client_is_not_fetched_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would be as large the next time."""
    monkeypatch.setattr(opening, "MAX_FRAME_BYTES", 1000)
    async with playing(say(WELCOME, message(1, "x" * 2000))) as stage:
        with pytest.raises(Refused, match="close_1009"):
            async with room_at(stage.url) as room:
                await read(room, 1)


async def test_text_that_is_no_json_ends_the_connection() -> None:
    """And is no error of the program's own; the next one may be better."""

    async def babble(guest: Guest) -> None:
        await guest.say(WELCOME)
        await guest.socket.send("<html>")
        await waiting(guest)

    async with playing(babble, say(WELCOME, message(1))) as stage, room_at(stage.url) as room:
        assert len(await read(room, 1)) == 1
