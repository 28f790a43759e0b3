"""Channels of many rooms at one socket, whose server is a script."""

import asyncio
import json
import math
import time
from itertools import pairwise
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from itemroom import Inbox, Refused
from itemroom.core.silence import PING
from itemroom.credentials import Credentials
from itemroom.switchboard import LOST, Switchboard
from tests.clients.python.scripted import until

pytestmark = pytest.mark.anyio
HELLO = {"type": "hello"}


class FakeChannel:
    """A socket: what was sent by it, and what the server says."""

    def __init__(self, *said: object) -> None:
        self.sent: list[Any] = []
        self.said: asyncio.Queue[object] = asyncio.Queue()
        for one in said:
            self.said.put_nowait(one)
        self.is_closed = False
        self.transport = self

    def abort(self) -> None:
        self.is_closed = True
        self.said.put_nowait(LOST)

    async def recv(self) -> str | bytes:
        said = await self.said.get()
        if isinstance(said, Exception):
            raise said
        return said if isinstance(said, bytes) else json.dumps(said)

    async def send(self, message: str) -> None:
        self.sent.append(json.loads(message))

    async def close(self) -> None:
        self.is_closed = True

    @property
    def leaves(self) -> int:
        """How often an item was left."""
        return sum(frame["type"] == "leave" for frame in self.sent)

    def says(self, type_: str, **fields: object) -> None:
        self.said.put_nowait({"type": type_, **fields})


def board_of(*channels: FakeChannel) -> Switchboard:
    """One that is given these, one after the other."""
    waiting = list(channels)

    async def open_() -> FakeChannel:
        return waiting.pop(0)

    return Switchboard(open_)


async def test_frames_go_to_their_item() -> None:
    """Each to its own; what is the socket's to one of them, a farewell to all."""
    channel = FakeChannel(HELLO)
    board = board_of(channel)
    one = await board.join("one", {"after": "7", "epoch": "e"})
    two = await board.join("two", {"tail": "3"})
    inbox = await board.join(None, {})
    await until(lambda: len(channel.sent) == 2)
    assert channel.sent == [
        {"type": "join", "item": "one", "after": 7, "epoch": "e"},
        {"type": "join", "item": "two", "tail": 3},
    ]
    channel.says("welcome", item={"id": "two", "title": ""}, limits={"frame_bytes": 1000})
    channel.said.put_nowait(b'{"type":"message","item":"one","seq":8}')
    channel.says("error", item="one", code="not_joined")
    channel.says("message", item="nobody", seq=1)
    channel.says("left", item="nobody")
    channel.says("expiring", **{"in": 3})
    channel.says("watching", at="now")
    channel.says("closing", reason="restart")
    heard = [
        [json.loads(await seat.recv())["type"] for _ in range(n)]
        for seat, n in ((one, 3), (two, 2), (inbox, 2))
    ]
    assert heard == [
        ["message", "expiring", "closing"],
        ["welcome", "closing"],
        ["watching", "closing"],
    ]
    channel.said.put_nowait(LOST)
    for seat in (one, two, inbox):
        with pytest.raises(ConnectionClosed):
            await seat.recv()
    await until(lambda: channel.is_closed)
    await one.send('{"type":"presence"}')
    one.abort()
    assert len(channel.sent) == 2


async def test_one_ping_serves_all_who_wait() -> None:
    """And its answer is everybody's; frames of a room say of which, a token is the socket's."""
    channel = FakeChannel(HELLO)
    board = board_of(channel)
    one, two = await board.join("one", {}), await board.join("two", {})
    inbox = await board.join(None, {})
    for seat in (one, two):
        await seat.send(PING)
    channel.says("pong")
    for seat in (one, two):
        assert json.loads(await seat.recv())["type"] == "pong"
    await one.send('{"type":"presence"}')
    await one.send('{"type":"auth","token":"t"}')
    await inbox.send('{"type":"unwatch"}')
    await until(lambda: len(channel.sent) == 6)
    said = [frame for frame in channel.sent if frame["type"] != "join"]
    assert said == [
        {"type": "ping"},
        {"item": "one", "type": "presence"},
        {"type": "auth", "token": "t"},
        {"type": "unwatch"},
    ]
    await inbox.close()
    board.close()


async def test_item_that_was_left_is_joined_when_that_was_said() -> None:
    """Not before; nor on a socket that was lost meanwhile."""
    channel, other = FakeChannel(HELLO), FakeChannel(HELLO)
    board = board_of(channel, other)
    one, two = await board.join("one", {}), await board.join("two", {})
    await one.close()
    joining = asyncio.create_task(board.join("one", {}))
    await until(lambda: channel.leaves == 1)
    assert not joining.done()
    channel.says("left", item="one")
    again = await joining
    await again.close()
    late = asyncio.create_task(board.join("one", {}))
    await until(lambda: channel.leaves == 2)
    channel.said.put_nowait(LOST)
    with pytest.raises(Refused) as refused:
        await late
    assert refused.value.code == "lost"
    await two.close()
    assert (await board.join("one", {})).item == "one"
    board.close()
    board.close()
    await until(lambda: other.is_closed)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (LOST, "lost"),
        ({"type": "closing", "reason": "auth_expired", "retry": "never"}, "auth_expired"),
    ],
)
async def test_socket_that_is_not_greeted_is_none(said: object, code: str) -> None:
    """Whoever wanted it is told why."""
    with pytest.raises(Refused) as refused:
        await board_of(FakeChannel(said)).join("one", {})
    assert refused.value.code == code


async def test_rooms_come_back_as_one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty that want a server which is not there knock one after the other, and ever later."""
    knocks = []

    async def open_() -> FakeChannel:
        knocks.append(time.monotonic())
        if len(knocks) < 4:
            raise Refused("unreachable", "Nobody is there.", retry="later")
        return FakeChannel(HELLO)

    monkeypatch.setattr("itemroom.core.backoff.random.uniform", lambda _, longest: longest / 10)
    board = Switchboard(open_)
    joins = [asyncio.create_task(board.join(f"item-{n}", {})) for n in range(50)]
    done = await asyncio.gather(*joins, return_exceptions=True)
    assert len(knocks) == 4
    assert [type(one).__name__ for one in done[:4]] == [*["Refused"] * 3, "Seat"]
    pauses = [after - before for before, after in pairwise(knocks)]
    assert all(pause >= least for pause, least in zip(pauses, (0.05, 0.1, 0.2), strict=True))
    board.close()


async def test_limit_of_a_frame_leaves_room_for_the_item() -> None:
    """What just fits into a frame of a room's own does not fit here."""
    channel = FakeChannel(HELLO)
    board = board_of(channel)
    seat = await board.join("order-17", {})
    channel.says("welcome", item={"id": "order-17"}, limits={"frame_bytes": 1000})
    welcome = json.loads(await seat.recv())
    added = len('"item":"order-17",')
    assert welcome["limits"]["frame_bytes"] == 1000 - added
    await seat.send('{"type":"presence"}')
    assert len(json.dumps(channel.sent[-1], separators=(",", ":"))) == 19 + added
    board.close()


async def test_inbox_that_is_told_to_go_is_over() -> None:
    """By a farewell that is for good."""
    closing = {"type": "closing", "reason": "auth_revoked", "retry": "never"}
    channel = FakeChannel({"type": "something new"}, closing)

    async def join() -> FakeChannel:
        return channel

    inbox = Inbox("ws://127.0.0.1:9", Credentials(None, None, None), join)
    inbox._since = "now"
    with pytest.raises(Refused) as refused:
        await inbox.ready()
    assert refused.value.code == "auth_revoked"
    await inbox.close()


async def test_inbox_waits_for_a_server_that_is_not_there() -> None:
    """It is tried again, and again."""
    inbox = Inbox("ws://127.0.0.1:9", Credentials(None, None, None), asyncio.Event().wait)  # type: ignore[arg-type] # never asked
    await until(lambda: inbox._backoff._failures)
    await inbox.close()


async def test_join_that_is_given_up_leaves_no_socket() -> None:
    """Nobody else would know of one that has not greeted yet."""
    channel = FakeChannel()

    async def open_() -> FakeChannel:
        return channel

    joining = asyncio.create_task(Switchboard(open_).join("one", {}))
    await asyncio.sleep(0.01)
    joining.cancel()
    await asyncio.wait([joining])
    assert channel.is_closed


@pytest.mark.parametrize(("haste", "is_lost"), [(0.0, True), (math.inf, False)])
async def test_socket_that_is_mute_is_lost_for_all(
    monkeypatch: pytest.MonkeyPatch, *, haste: float, is_lost: bool
) -> None:
    """Who gives up a channel of one that was heard just now only leaves."""
    monkeypatch.setattr("itemroom.switchboard.HASTE", haste)
    channel, other = FakeChannel(HELLO), FakeChannel(HELLO)
    board = board_of(channel, other)
    one, two = await board.join("one", {}), await board.join("two", {})
    one.transport.abort()
    with pytest.raises(ConnectionClosed):
        await one.recv()
    hearing = asyncio.create_task(two.recv())
    await until(lambda: channel.leaves or channel.is_closed)
    assert channel.is_closed == is_lost
    if is_lost:
        with pytest.raises(ConnectionClosed):
            await hearing
        await board.join("two", {})
        await until(lambda: other.sent == [{"type": "join", "item": "two"}])
    else:
        channel.says("message", item="two")
        assert json.loads(await hearing)["type"] == "message"
    await board.end()


async def test_inbox_finds_out_that_nobody_speaks_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks for a sign of life, and takes another connection when there is none."""
    monkeypatch.setattr("itemroom.core.silence.QUIET", 0.05)
    monkeypatch.setattr("itemroom.core.silence.PATIENCE", 0.5)
    channels = [FakeChannel({"type": "watching", "at": "1"}), FakeChannel()]
    first, second = channels

    async def join() -> FakeChannel:
        return channels.pop(0)

    inbox = Inbox("ws://127.0.0.1:9", Credentials(None, None, None), join)
    inbox._since = "0"
    await until(lambda: first.sent[1:] == [{"type": "ping"}])
    first.says("pong")
    await until(lambda: first.sent[1:] == [{"type": "ping"}] * 2)
    await until(lambda: second.sent == [{"type": "watch", "since": "1"}])
    assert first.is_closed
    await inbox.close()
