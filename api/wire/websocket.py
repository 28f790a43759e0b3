"""A room's socket right on the transport, once the handshake is done.

uvicorn's protocol speaks ASGI: a task, a queue and an event for each connection, a coroutine for
each frame in each direction. Once FastAPI's dependencies have let a client in, none of that is
needed any more: the endpoint hands the transport over and ends. From then on a frame that comes
is a plain call into the room, and a frame that goes is a write of bytes that all receivers share.
"""

import asyncio
import logging
import secrets
from typing import Any, cast

from uvicorn.server import ServerState

from api.rooms.protocol import Client, Frames
from api.settings import Settings
from api.wire.clock import Clock
from api.wire.framing import (
    CLOSE,
    PING,
    PONG,
    TEXT,
    Fault,
    FrameReader,
    Message,
    check_text,
    close_frame,
    read_close,
    server_frame,
)

logger = logging.getLogger("itemroom.wire")
_PING = server_frame(PING, b"")


class Wire:
    """What the sockets of one server share: limits, a clock, one flush a turn of the loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock(
            ping_interval=settings.ping_interval,
            ping_timeout=settings.ping_timeout,
            message_timeout=settings.message_timeout,
            close_timeout=settings.close_timeout,
        )
        self._unflushed: list[WireSocket] = []

    def flush_soon(self, socket: "WireSocket") -> None:
        """Write what the socket was given, when everybody has been given everything."""
        if not self._unflushed:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unflushed.append(socket)

    def _flush(self) -> None:
        sockets, self._unflushed = self._unflushed, []
        for socket in sockets:
            try:
                socket.flush()
            except Exception:
                # Whatever is wrong with one transport, the others have waited for this turn too.
                logger.exception("a socket could not be written to")
                socket.abort()


class WireSocket(asyncio.Protocol):
    """One client's transport, from the hand-over to the end. Lives on the event loop.

    Args:
        wire: shared by all sockets.
        transport: whose handshake is about to be answered.
        state: uvicorn's list of connections, which its shutdown goes by.
        early: what the client sent before the answer; reading is paused if it was much.
    """

    __slots__ = (
        "_awaits_pong",  # A ping was sent, and no pong has come since.
        "_client",  # Who is told; set by `begin`.
        "_close_sent",  # Our close frame is on its way: nothing may follow it.
        "_early",  # What came before the socket began.
        "_is_deaf",  # The peer broke the protocol: nothing it sends is looked at any more.
        "_is_full",  # The transport holds more than its high-water mark.
        "_limit",  # Bytes that may wait to be sent before the socket is full.
        "_message_since",  # When the message began that has not ended; None: there is none.
        "_out",  # Given in this turn of the event loop, not yet written.
        "_out_bytes",  # Their size.
        "_pinged_at",  # What the peer had taken when it was pinged last.
        "_reader",
        "_state",
        "_transport",
        "_wire",
        "_written",  # Bytes given to the transport so far.
    )

    def __init__(
        self, wire: Wire, transport: asyncio.Transport, state: ServerState, early: bytes = b""
    ) -> None:
        settings = wire.settings
        self._wire = wire
        self._transport = transport
        self._state = state
        self._client: Client | None = None
        self._reader = FrameReader(
            max_bytes=settings.max_frame_bytes, max_fragments=settings.max_fragments
        )
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._written = 0
        self._limit = settings.write_buffer_bytes
        self._is_full = False
        self._is_deaf = False
        self._close_sent = False
        self._awaits_pong = False
        self._pinged_at = 0
        self._message_since: float | None = None
        self._early = early
        transport.set_write_buffer_limits(high=settings.write_buffer_bytes)

    @property
    def is_full(self) -> bool:
        """Whether more waits to be sent than the write buffer should hold."""
        return self._is_full or self._out_bytes > self._limit

    @property
    def sent_bytes(self) -> int:
        """What the kernel has taken so far; it stands still when the peer does."""
        return self._written - self._transport.get_write_buffer_size()

    def begin(self, client: Client | None) -> None:
        """From now on the client is told of what happens; None: nobody has to be."""
        self._client = client
        self._transport.set_protocol(self)
        self._state.connections.add(cast(Any, self))
        self._wire.clock.begin(self)
        if self._early:
            # RFC 6455, section 4.1, has clients wait for the answer. Those that do not are heard
            # all the same, after it.
            early, self._early = self._early, b""
            self._transport.resume_reading()
            self.data_received(early)

    def send(self, frames: Frames) -> None:
        """Send after what was given before; leaves with everything else of this turn."""
        if self._close_sent:
            return
        out, data = self._out, frames.wire
        if not out:
            self._wire.flush_soon(self)
        out.append(data)
        self._out_bytes += len(data)

    def write(self, data: bytes) -> None:
        """The same for bytes that are this socket's alone."""
        if not self._out:
            self._wire.flush_soon(self)
        self._out.append(data)
        self._out_bytes += len(data)

    def flush(self) -> None:
        """Write what was given since the last time, in one go."""
        out, size = self._out, self._out_bytes
        if out and not self._transport.is_closing():
            self._written += size
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))
        out.clear()
        self._out_bytes = 0
        if size > self._limit and not self._is_full:
            # The kernel took all of it: the transport was never full, and will not resume.
            asyncio.get_running_loop().call_soon(self._drained)

    def close(self, code: int, reason: str) -> None:
        """Send what was given before, then a close frame; gone in time whatever the peer does."""
        if self._close_sent:
            return
        self.write(close_frame(code, reason))
        self._close_sent = True
        self.flush()
        if self._is_full:
            self._transport.resume_reading()  # To hear the peer's answer.
        self._wire.clock.close_begun(self)

    def abort(self) -> None:
        """Drop the connection: a close would wait for a buffer that the peer may never empty."""
        self._transport.abort()

    def shutdown(self) -> None:
        """The server is about to end: rooms were drained before, so whoever is left is stuck."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes of the client, as TCP brought them."""
        if self._is_deaf:
            return
        try:
            for message in self._reader.feed(data):
                self._received(message)
        except Fault as fault:
            self._fail(fault.code)
        self._watch_message()

    def pause_writing(self) -> None:
        """The transport holds too much: take no more commands from who takes no answers."""
        self._is_full = True
        if not self._close_sent:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The transport has emptied."""
        self._is_full = False
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._drained()

    def eof_received(self) -> bool:
        """Half a connection is of no use."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The end, whoever brought it about."""
        self._close_sent = True
        self._state.connections.discard(cast(Any, self))
        self._wire.clock.message_ended(self)
        client, self._client = self._client, None
        if client is not None:
            client.lost()

    def ping(self) -> bool:
        """Send a ping; False when the connection has ended."""
        if self._close_sent:
            return False
        self._pinged_at = self.sent_bytes
        if not self._is_full:  # A full socket is not read from: what it takes is its answer.
            self._awaits_pong = True
            self.write(_PING)
        return True

    def check_pong(self) -> bool:
        """Drop a peer that has neither answered nor taken anything; False when it has ended."""
        if self._close_sent:
            return False
        silent = self.sent_bytes == self._pinged_at if self._is_full else self._awaits_pong
        if silent:
            self.abort()
        return not silent

    def check_message(self, limit: float) -> bool:
        """Drop a peer whose message began before `limit`; False when none is under way."""
        since = self._message_since
        if since is not None and since < limit:
            self._fail("too_slow")
        return self._message_since is not None

    def _drained(self) -> None:
        if self._client is not None and not self.is_full:
            self._client.drained()

    def _received(self, message: Message) -> None:
        if message.opcode < CLOSE:
            if self._client is not None:
                self._tell(self._client, message)
        elif message.opcode == PING:
            self._pong(message.data)
        elif message.opcode == PONG:
            self._awaits_pong = False
        else:
            self._peer_closes(message.data)

    def _tell(self, client: Client, message: Message) -> None:
        is_text = message.opcode == TEXT
        if is_text:
            check_text(message.data)
        try:
            client.received(message.data, is_text=is_text)
        except Exception:
            failure_id = secrets.token_hex(4)
            logger.exception("failure %s: a message could not be handled", failure_id)
            client.failed(failure_id)

    def _pong(self, payload: bytes) -> None:
        if not self._close_sent:
            self.write(server_frame(PONG, payload))

    def _peer_closes(self, payload: bytes) -> None:
        code = read_close(payload)
        if not self._close_sent:
            self.write(close_frame(code, "") if code != 1005 else server_frame(CLOSE, b""))
            self._close_sent = True
            self.flush()
            self._wire.clock.close_begun(self)
        self._transport.close()

    def _fail(self, code: str) -> None:
        """The client broke the protocol: say so, and listen no more.

        What still comes is read and thrown away, until the peer has read why: closing a socket
        with unread bytes resets the connection, and the reset would overtake our last words.
        """
        self._is_deaf = True
        self._message_since = None
        if self._client is not None:
            self._client.broke(code)
        if not self._transport.is_closing():
            self._transport.write_eof()

    def _watch_message(self) -> None:
        if self._is_deaf or not self._reader.is_partial:
            if self._message_since is not None:
                self._message_since = None
                self._wire.clock.message_ended(self)
        elif self._message_since is None:
            self._message_since = asyncio.get_running_loop().time()
            self._wire.clock.message_begun(self)
