"""Opening connections, many at a time, and telling when each is in its room."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from bench.load.dialect import Address, Dialect

# Handshakes that wait at the same time: enough to keep a server busy, few enough to be answered
# before a client's patience ends.
CONCURRENT = 64
PATIENCE = 60.0  # seconds: a storm takes its time


class RefusedError(Exception):
    """A peer did not let a connection in, or ended it."""


class Client(WSListener):
    """A connection that waits until it is in its room, and then hands frames to `received`."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._ready_mark = dialect.ready
        self._joint = dialect.joint
        self.is_ready = dialect.ready is None
        self.entered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.address: Address
        self.transport: WSTransport

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is done."""
        self.transport = transport
        if self.address.hello is not None:
            transport.send(WSMsgType.TEXT, self.address.hello)
        if self.is_ready:
            self.entered.set_result(None)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame has come."""
        if self.is_ready:
            self.received(transport, frame)
        elif self._ready_mark is not None and self._ready_mark in frame.get_payload_as_bytes():
            self.is_ready = True
            if not self.entered.done():
                self.entered.set_result(None)
        elif frame.msg_type == WSMsgType.CLOSE:
            self._refuse(frame.get_close_reason() or "closed")

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 - picows' signature
        """The connection is gone."""
        self._refuse("disconnected")

    def received(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame of the room."""

    def messages_in(self, frame: WSFrame) -> int:
        """How many messages share a frame."""
        joint = self._joint
        return 1 if joint is None else frame.get_payload_as_bytes().count(joint) + 1

    def publish(self, body: str, number: int) -> None:
        """Say something in the room."""
        text = self._dialect.publish(self.address.room, body, number)
        self.transport.send(WSMsgType.TEXT, text)

    def _refuse(self, reason: str) -> None:
        if not self.entered.done():
            self.entered.set_exception(RefusedError(reason))


C = TypeVar("C", bound=Client)


async def connect(address: Address, client: Callable[[], C]) -> C:
    """Open one connection, and wait until it is in its room."""
    made = client()
    made.address = address
    await ws_connect(
        lambda: made,
        address.url,
        extra_headers=dict(address.headers),
        websocket_handshake_timeout=PATIENCE,
        max_frame_size=64 * 2**20,
    )
    await asyncio.wait_for(made.entered, PATIENCE)
    return made


async def connect_all(
    addresses: Sequence[Address], client: Callable[[], C], *, concurrent: int = CONCURRENT
) -> list[C]:
    """Open connections, some of them at a time; in the order of the addresses."""
    waiting = iter(list(enumerate(addresses)))
    opened: dict[int, C] = {}

    async def work() -> None:
        for place, address in waiting:
            opened[place] = await connect(address, client)

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrent):
            group.create_task(work())
    return [opened[place] for place in range(len(addresses))]


async def disconnect_all(clients: Sequence[Client]) -> None:
    """Drop connections: the peer is about to be ended anyway."""
    for client in clients:
        client.transport.disconnect(graceful=False)
    await asyncio.sleep(0)
