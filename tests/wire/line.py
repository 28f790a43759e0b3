"""A socket on a transport, both of them in hand."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from uvicorn.server import ServerState

from api.live.encoding import Frame, Frames
from api.wire.ear import Ear
from api.wire.shared import Wire
from api.wire.websocket import WireSocket


class FakeTransport(asyncio.Transport):
    """Takes everything at once, or nothing; `taken` is what the peer has."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = b""
        self.waiting = b""
        self.stuck = False
        self.reading = True
        self.ended = ""
        self.fails = False
        self.protocol: object = None

    def write(self, data: object) -> None:
        if self.fails:
            raise RuntimeError("a transport that fails")
        self.waiting += cast(bytes, data)
        self.move()

    def move(self) -> None:
        """The peer takes what waits, unless it is stuck."""
        if not self.stuck:
            self.taken, self.waiting = self.taken + self.waiting, b""

    def get_write_buffer_size(self) -> int:
        return len(self.waiting)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        del high, low

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def set_protocol(self, protocol: object) -> None:
        self.protocol = protocol

    def is_closing(self) -> bool:
        return bool(self.ended)

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = "aborted"

    def write_eof(self) -> None:
        self.taken += b"<eof>"


class FakeClient:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.fails = False
        self.retry_after: float | None = None

    def received(self, data: bytes, *, is_text: bool) -> None:
        if self.fails:
            raise RuntimeError("a handler that fails")
        self.told.append((data, is_text))

    def drained(self) -> None:
        self.told.append("drained")

    def failed(self, failure_id: str) -> None:
        self.told.append(("failed", len(failure_id)))

    def broke(self, code: str, *, retry_after: float | None = None) -> None:
        self.told.append(("broke", code))
        self.retry_after = retry_after

    def lost(self) -> None:
        self.told.append("lost")


def arrive(protocol: asyncio.BufferedProtocol, data: bytes) -> None:
    """Bytes come, as a transport brings them."""
    buffer = protocol.get_buffer(-1)
    assert isinstance(buffer, memoryview)
    buffer[: len(data)] = data
    protocol.buffer_updated(len(data))


class Line:
    """A socket, its transport, its client, and the wire that they share with others."""

    def __init__(self, wire: Wire, *, early: bytes = b"") -> None:
        self.wire = wire
        self.transport = FakeTransport()
        self.client = FakeClient()
        self.state = ServerState()
        self.socket = WireSocket(wire, self.transport, self.state, early)
        self.socket.begin(self.client)
        assert isinstance(self.transport.protocol, Ear)
        self.ear = self.transport.protocol

    async def send(self, data: bytes = b"x") -> None:
        """Give the socket a frame, and let the turn of the loop end."""
        self.socket.send(Frames([Frame(data, is_text=False)]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def read_on(line: Line, each_turn: Callable[[], None] = lambda: None) -> None:
    """Let turns of the loop pass until the socket is read from again."""
    while not line.transport.reading:
        await asyncio.sleep(0)
        each_turn()
