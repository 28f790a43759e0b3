"""A room's socket right on the transport, once the handshake is done.

uvicorn's protocol speaks ASGI: a task, a queue and an event for each connection, a coroutine for
each frame in each direction. Once FastAPI's dependencies have let a client in, none of that is
needed any more: the endpoint hands the transport over and ends. From then on a frame that comes
is a plain call into the room, and a frame that goes is a write of bytes that all receivers share.

Here is the half that speaks, which is what the room holds; `Ear` is the half that listens, which
is what the transport holds. Neither passes on what is frequent for the other.
"""

import asyncio
from typing import Any, cast

from uvicorn.server import ServerState

from ..live.encoding import Frames
from ..live.sockets import Client
from .ear import Ear
from .framing import CLOSE, PING, PONG, close_frame, on_the_wire, server_frame
from .shared import Wire

_PING = server_frame(PING, b"")
# Pongs in one write; of pings beyond that only the newest is answered (RFC 6455, section 5.5.3).
MAX_PONGS = 16


class WireSocket:
    """One client's transport, from the hand-over to the end. Lives on the event loop.

    Args:
        wire: shared by all sockets.
        transport: whose handshake is about to be answered.
        state: uvicorn's list of connections, which its shutdown goes by.
        early: what the client sent before the answer; reading is paused if it was much.
    """

    __slots__ = (
        "_awaits_pong",  # A ping was sent, and no pong has come since.
        "_ear",  # The other half; None after the end, so that nothing keeps them in a circle.
        "_limit",  # Bytes that may wait to be sent before the socket is full.
        "_out",  # Given in this turn of the event loop, not yet written; None: nothing.
        "_out_bytes",  # Their size.
        "_pinged_at",  # What the peer had taken when it was pinged last.
        "_pong",  # The newest pong that is owed, if there were too many for one write.
        "_pongs",  # How many are in `_out`.
        "_state",
        "_transport",
        "_wire",
        "_written",  # Bytes given to the transport so far.
        "has_closed",  # Our close frame is on its way, or the transport gone: nothing may follow.
        "is_stuck",  # The transport holds more than its high-water mark; set by the ear.
    )

    def __init__(
        self, wire: Wire, transport: asyncio.Transport, state: ServerState, early: bytes = b""
    ) -> None:
        self._wire = wire
        self._transport = transport
        self._state = state
        self._out: list[bytes] | None = None
        self._out_bytes = 0
        self._written = 0
        self._limit = wire.settings.write_buffer_bytes
        self._awaits_pong = False
        self._pinged_at = 0
        self._pong: bytes | None = None
        self._pongs = 0
        self.is_stuck = False
        self.has_closed = False
        self._ear: Ear | None = Ear(wire, transport, self, early)
        transport.set_write_buffer_limits(high=self._limit)

    @property
    def is_full(self) -> bool:
        """Whether more waits to be sent than the write buffer should hold."""
        return self.is_stuck or self._out_bytes > self._limit

    @property
    def sent_bytes(self) -> int:
        """What the kernel has taken so far; it stands still when the peer does."""
        return self._written - self._transport.get_write_buffer_size()

    def begin(self, client: Client | None) -> None:
        """From now on the client is told of what happens; None: nobody has to be."""
        self._state.connections.add(cast(Any, self))
        self._wire.clock.begin(self)
        if self._ear is not None:
            self._ear.begin(client)

    def send(self, frames: Frames) -> None:
        """Send after what was given before; leaves with everything else of this turn."""
        if not self.has_closed:
            self.write(on_the_wire(frames))

    def offer(self, frames: Frames) -> bool:
        """Send unless it is full; whether it was not."""
        if self.is_stuck or self._out_bytes > self._limit:
            return False
        # What `write` does, without another call for each of a room's receivers.
        data = frames.wire or on_the_wire(frames)
        if self.has_closed or not data:
            return True
        if self._out is None:
            self._out = [data]
            self._wire.flush_soon(self)
        else:
            self._out.append(data)
        self._out_bytes += len(data)
        return True

    def write(self, data: bytes) -> None:
        """Send bytes that are this socket's alone, in order with the frames of `send`."""
        if self._out is None:
            self._out = [data]
            self._wire.flush_soon(self)
        else:
            self._out.append(data)
        self._out_bytes += len(data)

    def flush(self) -> None:
        """Write what was given since the last time, in one go."""
        if self._pongs:
            if self._pong is not None:
                self.write(self._pong)
            self._pong, self._pongs = None, 0
        out, size = self._out, self._out_bytes
        self._out, self._out_bytes = None, 0
        if out and not self._transport.is_closing():
            self._written += size
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))
        if size > self._limit and not self.is_stuck and self._ear is not None:
            # The kernel took all of it: the transport was never full, and will not resume.
            asyncio.get_running_loop().call_soon(self._ear.drained)

    def deafen(self) -> None:
        """Handle nothing more of what the peer says, neither what has come nor what will."""
        if self._ear is not None:
            self._ear.deafen()

    def close(self, code: int, reason: str) -> None:
        """Send what was given before, then a close frame; gone in time whatever the peer does.

        The peer's own close frame is not waited for: it would have to be looked for behind
        whatever else it sends. The end of our half tells it that it was answered (RFC 6455,
        section 7.1.1, has the server close first), and the end of its half ends the connection.
        """
        if self.has_closed:
            return
        self._say_goodbye(close_frame(code, reason))
        if not self._transport.is_closing():
            self._transport.write_eof()
            self._transport.resume_reading()

    def close_back(self, code: int) -> None:
        """Answer the peer's close frame with the code that it gave (1005: none), and be gone."""
        self._say_goodbye(close_frame(code, "") if code != 1005 else server_frame(CLOSE, b""))
        self._transport.close()

    def abort(self) -> None:
        """Drop the connection: a close would wait for a buffer that the peer may never empty."""
        self._transport.abort()

    def shutdown(self) -> None:
        """The server is about to end: rooms were drained before, so whoever is left is stuck."""
        self._transport.abort()

    def end(self) -> None:
        """The transport is gone."""
        self.has_closed = True
        self._ear = None
        self._state.connections.discard(cast(Any, self))

    def pong(self, payload: bytes) -> None:
        """Answer a ping of the peer."""
        pong = server_frame(PONG, payload)
        if self._pongs < MAX_PONGS:
            self._pongs += 1
            self.write(pong)
        else:
            self._pong = pong

    def ping(self) -> bool:
        """Send a ping; False when the connection has ended."""
        if self.has_closed:
            return False
        self._pinged_at = self.sent_bytes
        if not self.is_stuck:  # A stuck socket is not read from: what it takes is its answer.
            self._awaits_pong = True
            self.write(_PING)
        return True

    def ponged(self) -> None:
        """The peer has answered."""
        self._awaits_pong = False

    def check_pong(self) -> bool:
        """Drop a peer that has neither answered nor taken anything; False when it has ended."""
        if self.has_closed:
            return False
        silent = self.sent_bytes == self._pinged_at if self.is_stuck else self._awaits_pong
        if silent:
            self.abort()
        return not silent

    def _say_goodbye(self, frame: bytes) -> None:
        self.deafen()
        self.write(frame)
        self.has_closed = True
        self.flush()
        self._wire.clock.close_begun(self)
