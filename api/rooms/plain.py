"""A room's socket over plain ASGI `receive` and `send`: works under any server.

One task sends, so that nobody who has something to say ever waits for a client.
"""

import asyncio
import logging
import secrets
from collections import deque

from starlette.websockets import WebSocket, WebSocketDisconnect

from ..live.encoding import Frame, Frames
from ..live.sockets import Client
from .refusals import send_frame

logger = logging.getLogger("itemroom.rooms")
# Seconds that a close may wait for a client that takes nothing before the connection is dropped.
CLOSE_TIMEOUT = 5.0


class PlainSocket:
    """Sends frames in order from a bounded buffer.

    Args:
        websocket: accepted.
        buffer_bytes: what may wait to be sent before the socket says that it is full.
    """

    def __init__(self, websocket: WebSocket, *, buffer_bytes: int) -> None:
        self._websocket = websocket
        self._buffer_bytes = buffer_bytes
        self._waiting: deque[Frame] = deque()
        self._waiting_bytes = 0
        self._closing: tuple[int, str] | None = None
        self._close_timer: asyncio.TimerHandle | None = None  # From the close until the end.
        self._tasks: tuple[asyncio.Task[None], ...] = ()  # Set while `run` runs.
        self._is_deaf = False  # It has to go: nothing that it sends is looked at any more.
        self._wake = asyncio.Event()  # Set when there is something to send, or to close.
        self.sent_bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether more waits to be sent than the write buffer should hold."""
        return self._waiting_bytes > self._buffer_bytes

    def send(self, frames: Frames) -> None:
        """Send after what was given before."""
        self._waiting.extend(frames.frames)
        self._waiting_bytes += sum(len(frame.data) for frame in frames.frames)
        self._wake.set()

    def offer(self, frames: Frames) -> bool:
        """Send unless it is full; whether it was not."""
        if self.is_full:
            return False
        self.send(frames)
        return True

    def deafen(self) -> None:
        """Handle nothing more of what the peer says."""
        self._is_deaf = True

    def close(self, code: int, reason: str) -> None:
        """Send what was given before, then close."""
        self._is_deaf = True
        self._closing = (code, reason)
        self._wake.set()
        loop = asyncio.get_running_loop()
        self._close_timer = loop.call_later(CLOSE_TIMEOUT, self._give_up)

    async def run(self, client: Client) -> None:
        """Receive and send until the socket is closed by either side."""
        receiver = asyncio.create_task(self._receive(client))
        sender = asyncio.create_task(self._send(client))
        self._tasks = (receiver, sender)
        try:
            await asyncio.wait({receiver})
        finally:
            client.lost()
            self._give_up()
            await asyncio.gather(receiver, sender, return_exceptions=True)

    def _give_up(self) -> None:
        if self._close_timer is not None:
            self._close_timer.cancel()
        for task in self._tasks:
            task.cancel()

    async def _receive(self, client: Client) -> None:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            # A server that has frames waiting gives them without a turn of the event loop between.
            await asyncio.sleep(0)
            if self._is_deaf:
                continue
            try:
                self._received(client, message.get("text"), message.get("bytes"))
            except Exception:
                failure_id = secrets.token_hex(4)
                logger.exception("failure %s: a message could not be handled", failure_id)
                client.failed(failure_id)

    def _received(self, client: Client, text: str | None, data: bytes | None) -> None:
        if text is not None:
            client.received(text.encode(), is_text=True)
        else:
            client.received(data or b"", is_text=False)

    async def _send(self, client: Client) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._send_waiting(client)
                if self._closing is not None:
                    await self._websocket.close(*self._closing)
                    return
        except (WebSocketDisconnect, RuntimeError):
            return  # Gone while it was written to: the receiver hears of it too.

    async def _send_waiting(self, client: Client) -> None:
        while self._waiting:
            frame = self._waiting.popleft()
            await send_frame(self._websocket, frame)
            was_full = self.is_full  # Asked after the await: it may have become full meanwhile.
            self._waiting_bytes -= len(frame.data)
            self.sent_bytes += len(frame.data)
            if was_full and not self.is_full:
                client.drained()
