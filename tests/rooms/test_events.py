"""The socket of a stream of events, over plain ASGI: order, fullness, the end from either side."""

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from api.live.encoding import Frame, Frames
from api.rooms import events
from api.rooms.events import COMMENT, PIECE_BYTES, EventSocket
from tests.deadlines import scaled
from tests.live.world import until

pytestmark = pytest.mark.anyio
Message = MutableMapping[str, Any]


@dataclass
class Peer:
    """The server's side of ASGI, and who is told of what happens."""

    incoming: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    taken: list[Message] = field(default_factory=list)
    takes: asyncio.Event = field(default_factory=asyncio.Event)
    fails: Exception | None = None
    drained_at: list[bool] = field(default_factory=list)
    lost_times: int = 0
    aborts: int = 0
    socket: EventSocket | None = None

    async def receive(self) -> Message:
        return await self.incoming.get()

    async def send(self, message: Message) -> None:
        await self.takes.wait()
        if self.fails is not None:
            raise self.fails
        self.taken.append(message)

    def abort(self) -> None:
        self.aborts += 1
        self.goes()

    def goes(self) -> None:
        self.incoming.put_nowait({"type": "http.disconnect"})

    def said(self) -> list[bytes]:
        return [message["body"] for message in self.taken if "body" in message]

    def received(self, data: bytes, *, is_text: bool) -> None:
        raise NotImplementedError

    def drained(self) -> None:
        assert self.socket is not None
        self.drained_at.append(self.socket.is_full)

    def failed(self, failure_id: str) -> None:
        raise NotImplementedError

    def broke(self, code: str, *, retry_after: float | None = None) -> None:
        raise NotImplementedError

    def lost(self) -> None:
        self.lost_times += 1


def begin(
    *, buffer_bytes: int = 1000, interval: float = 60, aborts: bool = True
) -> tuple[Peer, EventSocket, "asyncio.Task[None]"]:
    peer = Peer()
    peer.takes.set()
    socket = peer.socket = EventSocket(
        peer.receive,
        peer.send,
        buffer_bytes=buffer_bytes,
        interval=interval,
        abort=peer.abort if aborts else None,
    )
    return peer, socket, asyncio.create_task(socket.run(peer))


def frames(*texts: str) -> Frames:
    return Frames([Frame(text.encode(), is_text=True) for text in texts])


async def test_events_leave_in_order_and_those_that_wait_together() -> None:
    """Behind the head of the answer, which has what proxies and browsers go by."""
    peer, socket, running = begin()
    peer.takes.clear()
    socket.send(frames("a", "b"))
    socket.send(frames("c"))
    peer.takes.set()
    await until(lambda: peer.said() == [b"abc"])
    assert socket.offer(frames("d"))
    await until(lambda: peer.said() == [b"abc", b"d"])
    head = peer.taken[0]
    assert (head["type"], head["status"]) == ("http.response.start", 200)
    assert (b"content-type", b"text/event-stream") in head["headers"]
    assert socket.sent_bytes == 4
    peer.incoming.put_nowait({"type": "http.request", "body": b"unasked"})
    peer.goes()
    await running
    assert peer.lost_times == 1


async def test_bytes_are_made_once_for_all_sockets() -> None:
    """The second only takes what the first has put together."""
    (one, first, running), (other, second, also) = begin(), begin()
    shared = frames("a", "b")
    first.send(shared)
    wire = shared.wire
    second.send(shared)
    assert shared.wire is wire
    await until(lambda: one.said() == other.said() == [b"ab"])
    one.goes()
    other.goes()
    await asyncio.gather(running, also)


async def test_large_event_leaves_in_pieces() -> None:
    """A slow client is seen to take something before it has taken all of it."""
    peer, socket, running = begin(buffer_bytes=2**20)
    large = "x" * (2 * PIECE_BYTES + 5)
    peer.takes.clear()
    socket.send(frames("first"))
    socket.send(frames(large))
    socket.send(frames("last"))
    peer.takes.set()
    await until(lambda: socket.sent_bytes == len(large) + 9)
    assert b"".join(peer.said()) == f"first{large}last".encode()
    assert max(map(len, peer.said())) == PIECE_BYTES
    peer.goes()
    await running


async def test_full_socket_takes_no_offer_and_says_when_it_takes_more() -> None:
    """Once, at the moment when it is no longer full."""
    peer, socket, running = begin(buffer_bytes=3)
    peer.takes.clear()
    assert socket.offer(frames("long"))
    assert not socket.offer(frames("more"))
    assert peer.drained_at == []
    peer.takes.set()
    await until(lambda: peer.drained_at == [False])
    assert peer.said() == [b"long"]
    peer.goes()
    await running


async def test_silence_is_a_comment_now_and_then() -> None:
    """A line by itself, as no parser takes for an event."""
    peer, socket, running = begin(interval=0.01)
    await until(lambda: peer.said().count(COMMENT) > 2)
    socket.send(frames("a"))
    await until(lambda: b"a" in b"".join(peer.said()))
    peer.goes()
    await running


async def test_close_follows_everything_that_was_given() -> None:
    """The answer ends, whole."""
    peer, socket, running = begin()
    socket.deafen()
    socket.send(frames("last words"))
    socket.close(1012, "restart")
    await running
    assert peer.said() == [b"last words"]
    assert peer.taken[-1] == {"type": "http.response.body"}
    assert (peer.lost_times, peer.aborts) == (1, 0)


@pytest.mark.parametrize("aborts", [True, False])
async def test_peer_that_takes_nothing_is_dropped(
    monkeypatch: pytest.MonkeyPatch, *, aborts: bool
) -> None:
    """A close waits for nobody for ever; where the server offers it, the connection goes too."""
    monkeypatch.setattr(events, "CLOSE_TIMEOUT", 0.02)
    peer, socket, running = begin(aborts=aborts)
    peer.takes.clear()
    socket.send(frames("never taken"))
    socket.close(1013, "slow_consumer")
    async with asyncio.timeout(scaled(5)):
        await running
    assert peer.taken == []
    assert (peer.lost_times, peer.aborts) == (1, int(aborts))


async def test_peer_gone_while_written_to_is_no_fault() -> None:
    """ASGI has a server say so by an OSError."""
    peer, socket, running = begin()
    peer.fails = OSError("gone")
    socket.send(frames("a"))
    await running
    assert peer.lost_times == 1


async def test_server_that_fails_is_told_of() -> None:
    """What goes wrong in the task that sends is not lost in it."""
    peer, _, running = begin()
    peer.fails = RuntimeError("a server that fails")
    with pytest.raises(RuntimeError, match="a server that fails"):
        await running
    assert peer.lost_times == 1


async def test_server_that_cancels_a_stream_leaves_no_task() -> None:
    """As uvicorn does when its patience at shutdown ends."""
    before = len(asyncio.all_tasks())
    peer, socket, running = begin()
    socket.send(frames("a"))
    await until(lambda: peer.said() == [b"a"])
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert peer.lost_times == 1
    assert len(asyncio.all_tasks()) == before
