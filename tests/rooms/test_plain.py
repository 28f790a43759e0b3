"""The socket over plain ASGI: order, fullness, the end from either side."""

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.live.encoding import Frame, Frames
from api.rooms import plain
from api.rooms.plain import PlainSocket
from tests.deadlines import scaled
from tests.live.world import until

pytestmark = pytest.mark.anyio
Message = MutableMapping[str, Any]


@dataclass
class Peer:
    """The server's side of ASGI: what the client sends, and what it has taken."""

    incoming: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    taken: list[Message] = field(default_factory=list)
    takes: asyncio.Event = field(default_factory=asyncio.Event)
    gone: bool = False

    async def receive(self) -> Message:
        return await self.incoming.get()

    async def send(self, message: Message) -> None:
        await self.takes.wait()
        if self.gone:
            raise WebSocketDisconnect(1006)
        self.taken.append(message)
        if message["type"] == "websocket.close":
            self.says(type="websocket.disconnect", code=message["code"])

    def says(self, **message: Any) -> None:
        self.incoming.put_nowait({"type": "websocket.receive"} | message)

    def texts(self) -> list[Any]:
        return [message.get("text", message.get("bytes")) for message in self.taken]


@dataclass
class Listener:
    """Who is told of what happens."""

    heard: list[object] = field(default_factory=list)
    drained_at: list[bool] = field(default_factory=list)
    lost_times: int = 0
    socket: PlainSocket | None = None

    def received(self, data: bytes, *, is_text: bool) -> None:
        if data == b"fail":
            raise RuntimeError("a handler that fails")
        self.heard.append((data, is_text))

    def drained(self) -> None:
        assert self.socket is not None
        self.drained_at.append(self.socket.is_full)

    def failed(self, failure_id: str) -> None:
        self.heard.append(failure_id)

    def broke(self, code: str, *, retry_after: float | None = None) -> None:
        self.heard.append((code, retry_after))

    def lost(self) -> None:
        self.lost_times += 1


class Line:
    """A socket that runs, with both of its sides."""

    def __init__(self, *, buffer_bytes: int = 1000) -> None:
        self.peer, self.listener = Peer(), Listener()
        self.peer.takes.set()
        scope = {"type": "websocket", "subprotocols": [], "headers": []}
        self.websocket = WebSocket(scope, self.peer.receive, self.peer.send)
        self.socket = PlainSocket(self.websocket, buffer_bytes=buffer_bytes)
        self.listener.socket = self.socket

    async def begin(self) -> "asyncio.Task[None]":
        self.peer.says(type="websocket.connect")
        await self.websocket.accept()
        self.peer.taken.clear()
        return asyncio.create_task(self.socket.run(self.listener))


def frames(*texts: str) -> Frames:
    return Frames([Frame(text.encode(), is_text=True) for text in texts])


async def test_frames_leave_in_order_of_both_kinds() -> None:
    """Text as text, the rest as bytes; what the client says arrives in the same way."""
    line = Line()
    running = await line.begin()
    line.socket.send(frames("a", "é"))
    line.socket.send(Frames([Frame(b"\xff", is_text=False)]))
    line.peer.says(text="é", bytes=None)
    line.peer.says(bytes=b"\x00")
    line.peer.says(bytes=b"", text=None)
    await until(lambda: len(line.peer.taken) == 3 and len(line.listener.heard) == 3)
    assert line.peer.texts() == ["a", "é", b"\xff"]
    assert line.listener.heard == [("é".encode(), True), (b"\x00", False), (b"", False)]
    assert line.socket.sent_bytes == 4
    line.peer.says(type="websocket.disconnect", code=1001)
    await running
    assert line.listener.lost_times == 1


async def test_full_socket_takes_no_offer() -> None:
    """What it has not sent is more than it may hold; it has until the client takes it."""
    line = Line(buffer_bytes=3)
    running = await line.begin()
    line.peer.takes.clear()
    assert line.socket.offer(frames("long"))
    assert not line.socket.offer(frames("more"))
    line.peer.takes.set()
    await until(lambda: line.peer.texts() == ["long"])
    await until(lambda: line.socket.offer(frames("again")))
    await until(lambda: line.peer.texts() == ["long", "again"])
    line.peer.says(type="websocket.disconnect", code=1001)
    await running


async def test_deaf_socket_hears_nothing_and_still_sends() -> None:
    """What a client says after its end is not handled, however long it goes on."""
    line = Line()
    running = await line.begin()
    line.socket.deafen()
    line.peer.says(text="too late", bytes=None)
    line.socket.send(frames("an answer"))
    line.socket.close(1008, "rate_limited")
    await running
    assert line.listener.heard == []
    assert line.peer.texts() == ["an answer", None]


async def test_close_follows_everything_that_was_given() -> None:
    """And is heard of once."""
    line = Line()
    running = await line.begin()
    line.socket.send(frames("last words"))
    line.socket.close(1012, "restart")
    await running
    assert line.peer.texts() == ["last words", None]
    assert (line.peer.taken[-1]["code"], line.peer.taken[-1]["reason"]) == (1012, "restart")
    assert line.listener.lost_times == 1


async def test_socket_that_became_full_says_when_it_takes_more() -> None:
    """Once, at the moment when it is no longer full."""
    line = Line(buffer_bytes=10)
    running = await line.begin()
    line.peer.takes.clear()
    line.socket.send(frames("0123456789", "abc"))
    await asyncio.sleep(0)
    assert line.socket.is_full
    assert line.listener.drained_at == []
    line.peer.takes.set()
    await until(lambda: line.socket.sent_bytes == 13)
    assert line.listener.drained_at == [False]
    line.peer.says(type="websocket.disconnect")
    await running


async def test_socket_that_fills_while_a_frame_is_taken_says_so_too() -> None:
    """The frame under way was begun before the socket was full: its end must count."""
    line = Line(buffer_bytes=10)
    running = await line.begin()
    line.peer.takes.clear()
    line.socket.send(frames("012345678"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    line.socket.send(frames("abcd"))
    assert line.socket.is_full
    line.peer.takes.set()
    await until(lambda: line.socket.sent_bytes == 13)
    assert line.listener.drained_at == [False]
    line.peer.says(type="websocket.disconnect")
    await running


async def test_handler_that_fails_is_logged_and_told(caplog: pytest.LogCaptureFixture) -> None:
    """The same id on both sides, and the next message is handled."""
    line = Line()
    running = await line.begin()
    line.peer.says(text="fail")
    line.peer.says(text="next")
    await until(lambda: len(line.listener.heard) == 2)
    failure_id, following = line.listener.heard
    assert f"failure {failure_id}" in caplog.text
    assert following == (b"next", True)
    line.peer.says(type="websocket.disconnect")
    await running


async def test_peer_gone_while_written_to_is_lost_once() -> None:
    """The failed write is no error of ours."""
    line = Line()
    running = await line.begin()
    line.peer.gone = True
    line.socket.send(frames("a"))
    await asyncio.sleep(0.01)
    assert not running.done()
    line.peer.says(type="websocket.disconnect", code=1006)
    await running
    assert line.listener.lost_times == 1


async def test_peer_that_takes_no_close_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A close waits for nobody for ever."""
    monkeypatch.setattr(plain, "CLOSE_TIMEOUT", 0.02)
    line = Line()
    running = await line.begin()
    line.peer.takes.clear()
    line.socket.send(frames("never taken"))
    line.socket.close(1013, "slow_consumer")
    async with asyncio.timeout(scaled(5)):
        await running
    assert line.peer.taken == []
    assert line.listener.lost_times == 1


async def test_server_that_cancels_a_socket_leaves_no_task() -> None:
    """As uvicorn does when its patience at shutdown ends."""
    line = Line()
    before = len(asyncio.all_tasks())
    running = await line.begin()
    line.peer.says(text="hello")
    await until(lambda: line.listener.heard)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert line.listener.lost_times == 1
    assert len(asyncio.all_tasks()) == before
