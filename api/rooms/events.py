"""A room's socket as the body of an HTTP answer: events, for as long as the client stays.

Over plain ASGI, under any server. Nothing comes back but that the client has gone.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from starlette.types import Receive, Send

from ..live.encoding import Frames
from ..live.sockets import Client
from .plain import CLOSE_TIMEOUT

# Bytes in one write at the most: what a slow client has taken is seen by the piece.
PIECE_BYTES = 16 * 1024
# A line by itself: an empty one behind it would be an event to some clients.
COMMENT = b":\n"
HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store, no-transform"),
    # nginx would wait for more before it passes on anything.
    (b"x-accel-buffering", b"no"),
]


class EventSocket:
    """Sends events in order from a bounded buffer, by one task.

    Args:
        receive: ASGI's, of the request.
        send: likewise; nothing has been answered yet.
        buffer_bytes: what may wait to be sent before the socket says that it is full.
        interval: seconds without anything to say until a comment keeps the connection.
        abort: drops the connection, whatever still waits in it; None: the server does not offer it.
    """

    def __init__(
        self,
        receive: Receive,
        send: Send,
        *,
        buffer_bytes: int,
        interval: float,
        abort: Callable[[], None] | None = None,
    ) -> None:
        self._receive = receive
        self._send = send
        self._buffer_bytes = buffer_bytes
        self._interval = interval
        self._abort = abort
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._is_closing = False
        self._close_timer: asyncio.TimerHandle | None = None  # From the close until the end.
        self._tasks: tuple[asyncio.Task[None], ...] = ()  # Set while `run` runs.
        self._wake = asyncio.Event()  # Set when there is something to send, or to close.
        self.sent_bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether more waits to be sent than the write buffer should hold."""
        return self._waiting_bytes > self._buffer_bytes

    def send(self, frames: Frames) -> None:
        """Send after what was given before."""
        if frames.wire is None:
            frames.wire = b"".join(frame.data for frame in frames.frames)
        self._give(frames.wire)

    def offer(self, frames: Frames) -> bool:
        """Send unless it is full; whether it was not."""
        if self.is_full:
            return False
        self.send(frames)
        return True

    def deafen(self) -> None:
        """Nothing is heard of the peer anyway."""

    def close(self, code: int, reason: str) -> None:  # noqa: ARG002 - `closing` has said both
        """Send what was given before, then end the answer."""
        self._is_closing = True
        self._wake.set()
        loop = asyncio.get_running_loop()
        self._close_timer = loop.call_later(CLOSE_TIMEOUT, self._give_up)

    async def run(self, client: Client) -> None:
        """Send until the answer is ended by either side."""
        receiver = asyncio.create_task(self._receive_end())
        sender = asyncio.create_task(self._send_all(client))
        self._tasks = (receiver, sender)
        try:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            client.lost()
            self._stop()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if not sender.cancelled():
            sender.result()  # What went wrong in it is a fault.

    def _give(self, data: bytes) -> None:
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        self._wake.set()

    def _give_up(self) -> None:
        self._stop()
        if self._abort is not None:
            self._abort()

    def _stop(self) -> None:
        if self._close_timer is not None:
            self._close_timer.cancel()
        for task in self._tasks:
            task.cancel()

    async def _receive_end(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass  # The rest of a body, which nobody asked for.

    async def _send_all(self, client: Client) -> None:
        try:
            await self._send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            while True:
                await self._send_waiting(client)
                if self._is_closing:
                    await self._send({"type": "http.response.body"})
                    return
                await self._wait()
        except OSError:
            return  # Gone while it was written to.

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._interval):
                await self._wake.wait()
        except TimeoutError:
            self._give(COMMENT)
        self._wake.clear()

    async def _send_waiting(self, client: Client) -> None:
        while self._waiting:
            piece = self._take()
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            was_full = self.is_full  # Asked after the await: it may have become full meanwhile.
            self._waiting_bytes -= len(piece)
            self.sent_bytes += len(piece)
            if was_full and not self.is_full:
                client.drained()

    def _take(self) -> bytes:
        """What waits, up to a piece: many small events are one write, a large one is several."""
        first = self._waiting.popleft()
        if len(first) > PIECE_BYTES:
            self._waiting.appendleft(first[PIECE_BYTES:])
            return first[:PIECE_BYTES]
        taken, size = [first], len(first)
        while self._waiting and size + len(self._waiting[0]) <= PIECE_BYTES:
            taken.append(self._waiting.popleft())
            size += len(taken[-1])
        return b"".join(taken)
