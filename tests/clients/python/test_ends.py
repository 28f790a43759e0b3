import asyncio
import time

import pytest
from websockets.http11 import Response

from itemroom import Refused, opening
from itemroom.core import session
from tests.clients.python.rooms import read, room_at
from tests.clients.python.scripted import (
    WELCOME,
    Guest,
    Script,
    answer,
    message,
    playing,
    say,
    until,
    waiting,
)
from tests.deadlines import scaled

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (say({"type": "closing", "reason": "removed", "retry": "never"}), "removed"),
        (say(close=1002), "close_1002"),
        (answer(403, b'{"code": "origin_denied"}'), "origin_denied"),
    ],
)
async def test_final_refusal_is_raised_on_entering(script: Script | Response, code: str) -> None:
    """And told; nothing is left behind."""
    told: list[Refused] = []
    async with playing(script) as stage:
        room = room_at(stage.url)
        room.on("refused", told.append)
        with pytest.raises(Refused) as refused:
            async with room:
                pass
        assert refused.value.code == code
        assert told == [refused.value]
        with pytest.raises(Refused):
            await room.publish("x")
        with pytest.raises(RuntimeError, match="once"):
            await room.__aenter__()
        await room.close()
        assert room.state == "refused"


async def test_refusal_later_ends_commands_and_iteration() -> None:
    """After the entries that came before it."""

    async def end(guest: Guest) -> None:
        await guest.say(WELCOME, message(1))
        await guest.hear("publish")
        await guest.say({"type": "closing", "reason": "removed", "retry": "never"})

    async with playing(end) as stage, room_at(stage.url) as room:
        with pytest.raises(Refused, match="removed"):
            await room.publish("x")
        assert len(await read(room, 1)) == 1
        with pytest.raises(Refused, match="removed"):
            await read(room, 1)


async def test_closing_ends_commands_and_iteration() -> None:
    """Quietly for whoever iterates; entries that wait are for the next time."""
    async with playing(say(WELCOME, message(1), message(2))) as stage:
        async with room_at(stage.url) as room:
            [entry] = await read(room, 1)
            iterating = asyncio.create_task(read(room, 9))
            publishing = asyncio.create_task(room.publish("x"))
            await until(lambda: room.seq == 2)
            await room.close()
            assert [entry.seq for entry in await iterating] == [2]
            with pytest.raises(Refused, match="closed"):
                await publishing
        assert await read(room, 1) == []
        assert entry.seq == 1


async def test_room_that_was_not_entered_can_be_closed() -> None:
    """And not be entered any more."""
    room = room_at("http://127.0.0.1:1")
    publishing = asyncio.create_task(room.publish("x"))
    await asyncio.sleep(0)
    room.reconnect()
    await room.close()
    with pytest.raises(Refused, match="closed"):
        await publishing
    with pytest.raises(RuntimeError, match="once"):
        await room.__aenter__()


async def test_what_a_callback_raises_comes_out_of_the_room() -> None:
    """Wherever it is used: nothing is swallowed."""

    def fail(_: object) -> None:
        raise ZeroDivisionError("a bug")

    async with playing(say(WELCOME), say(WELCOME, message(1))) as stage:
        room = room_at(stage.url)
        room.on("welcome", fail)
        with pytest.raises(ZeroDivisionError):
            async with room:
                await read(room, 1)
        room = room_at(stage.url)
        room.on("entry", fail)
        async with room:
            publishing = asyncio.create_task(room.publish("x"))
            with pytest.raises(ZeroDivisionError):
                await read(room, 2)
            with pytest.raises(Refused, match="ended with ZeroDivisionError"):
                await publishing
            with pytest.raises(Refused, match="closed"):
                await room.publish("x")
    assert room.state == "closed"


async def test_bug_of_the_writer_comes_out_of_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of a connection that says nothing."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    async with playing(say(WELCOME)) as stage:
        room = room_at(stage.url)
        async with room:
            monkeypatch.setattr(session.Session, "outgoing", fail)
            room.signal("typing")
            with pytest.raises(ZeroDivisionError):
                await read(room, 1)


async def test_impatience_is_bounded_by_the_first_welcome() -> None:
    """After it, every wait is worth it."""
    began = time.monotonic()
    with pytest.raises(Refused) as refused:
        async with room_at("http://127.0.0.1:1", patience=0.1):
            pass
    assert (refused.value.code, refused.value.retry) == ("unreachable", "later")
    assert "127.0.0.1:1/items/order-17/ws cannot be reached" in refused.value.message
    assert time.monotonic() - began < scaled(2)
    async with (
        playing(say(WELCOME, close=1012), say(WELCOME, message(1))) as stage,
        room_at(stage.url, patience=0) as room,
    ):
        await read(room, 1)


async def test_cancelled_entering_leaves_nothing_behind() -> None:
    """Neither a task nor a socket."""
    tasks = asyncio.all_tasks()
    async with playing(waiting) as stage:
        room = room_at(stage.url)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await room.__aenter__()
        assert room.state == "closed"
    await until(lambda: asyncio.all_tasks() == tasks)


async def test_farewell_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server may have died at this moment."""
    monkeypatch.setattr(opening, "CLOSE_TIMEOUT", 0.05)
    go = asyncio.Event()

    async def deaf(guest: Guest) -> None:
        guest.socket.transport.pause_reading()
        await guest.say(WELCOME)
        await go.wait()
        guest.socket.transport.resume_reading()

    async with playing(deaf) as stage:
        async with asyncio.timeout(scaled(5)):
            async with room_at(stage.url):
                pass
        go.set()
