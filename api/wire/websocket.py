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

from api.limits import Bucket
from api.live.encoding import Frames
from api.live.sockets import Client
from api.settings import Settings
from api.wire.clock import Clock
from api.wire.framing import (
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    Fault,
    FrameReader,
    Message,
    check_text,
    close_frame,
    on_the_wire,
    read_close,
    server_frame,
)
from api.wire.turns import Turns

logger = logging.getLogger("itemroom.wire")
_PING = server_frame(PING, b"")
# Pongs in one write; of pings beyond that only the newest is answered (RFC 6455, section 5.5.3).
MAX_PONGS = 16
# What is read and thrown away after our close: more than what a client that means well has on its
# way when it is told to go. A socket that is closed with unread bytes resets the connection, and
# the reset may overtake our last words.
MAX_UNHEARD_BYTES = 256 * 1024


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
        self.turns = Turns()
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


class WireSocket(asyncio.BufferedProtocol):
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
        "_controls",  # How many more control frames it may send.
        "_is_deaf",  # It has to go, or has gone: nothing that it sends is looked at any more.
        "_is_full",  # The transport holds more than its high-water mark.
        "_limit",  # Bytes that may wait to be sent before the socket is full.
        "_message_since",  # When the message began that has not ended; None: there is none.
        "_out",  # Given in this turn of the event loop, not yet written.
        "_out_bytes",  # Their size.
        "_pinged_at",  # What the peer had taken when it was pinged last.
        "_pong",  # The newest pong that is owed, if there were too many for one write.
        "_pongs",  # How many are in `_out`.
        "_reader",
        "_state",
        "_transport",
        "_unheard",  # Bytes that came after our close.
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
        self._controls = Bucket(settings.control_rate, settings.control_burst)
        self._pong: bytes | None = None
        self._pongs = 0
        self._unheard = 0
        self._reader.add(early)
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
        if self._close_sent:
            self._transport.resume_reading()  # It was paused if something came early.
        else:
            # RFC 6455, section 4.1, has clients wait for the answer. Those that do not are heard
            # all the same, after it.
            self.go_on(self._wire.turns.share(self))

    def send(self, frames: Frames) -> None:
        """Send after what was given before; leaves with everything else of this turn."""
        if self._close_sent:
            return
        out, data = self._out, frames.wire or on_the_wire(frames)
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
        if self._pong is not None:
            self._out.append(self._pong)
            self._out_bytes += len(self._pong)
        self._pong, self._pongs = None, 0
        out, size = self._out, self._out_bytes
        if out and not self._transport.is_closing():
            self._written += size
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))
        out.clear()
        self._out_bytes = 0
        if size > self._limit and not self._is_full:
            # The kernel took all of it: the transport was never full, and will not resume.
            asyncio.get_running_loop().call_soon(self._drained)

    def deafen(self) -> None:
        """Handle nothing more of what the peer says, neither what has come nor what will."""
        if self._is_deaf:
            return
        self._is_deaf = True
        self._reader.clear()
        self._wire.turns.leave(self)
        self._watch_message()
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def close(self, code: int, reason: str) -> None:
        """Send what was given before, then a close frame; gone in time whatever the peer does.

        The peer's own close frame is not waited for: it would have to be looked for behind
        whatever else it sends. The end of our half tells it that it was answered (RFC 6455,
        section 7.1.1, has the server close first), and the end of its half ends the connection.
        """
        if self._close_sent:
            return
        self.deafen()
        self.write(close_frame(code, reason))
        self._close_sent = True
        self.flush()
        if not self._transport.is_closing():
            self._transport.write_eof()
            self._transport.resume_reading()
        self._wire.clock.close_begun(self)

    def abort(self) -> None:
        """Drop the connection: a close would wait for a buffer that the peer may never empty."""
        self._transport.abort()

    def shutdown(self) -> None:
        """The server is about to end: rooms were drained before, so whoever is left is stuck."""
        self._transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Where the next bytes go: bounded, and shared by all."""
        return self._wire.turns.intake

    def buffer_updated(self, nbytes: int) -> None:
        """They are there."""
        self.hear(bytes(self._wire.turns.intake[:nbytes]))

    def hear(self, data: bytes) -> None:
        """Bytes of the client, as TCP brought them."""
        if self._is_deaf:
            self._throw_away(len(data))
            return
        self._reader.add(data)
        if self._is_full:
            return  # `resume_writing` goes on.
        turns = self._wire.turns
        share = turns.share(self)
        if share:
            turns.spend(self, self._handle(share))
        elif not turns.waits(self):
            self._wait()

    def go_on(self, share: int) -> int:
        """Handle what was left over, up to a share; read on when nothing is."""
        if self._is_deaf or self._is_full:
            return 0
        cost = self._handle(share)
        self._read_on()
        return cost

    def pause_writing(self) -> None:
        """The transport holds too much: take no more commands from who takes no answers."""
        self._is_full = True
        if not self._close_sent:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The transport has emptied."""
        self._is_full = False
        if self._transport.is_closing():
            return
        if self._close_sent:
            return  # It is read from already, to be thrown away.
        if self._reader.is_partial and not self._is_deaf:
            self._wire.turns.wait(self)  # Something may have been left over.
        else:
            self._read_on()
        self._drained()

    def eof_received(self) -> bool:
        """Half a connection is of no use."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The end, whoever brought it about."""
        self._close_sent = True
        self._state.connections.discard(cast(Any, self))
        self._is_deaf = True
        self._reader.clear()
        self._wire.turns.leave(self)
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

    def _handle(self, share: int) -> int:
        """Frames that are here, up to a share; what they cost. The rest waits for its turn."""
        spent = 0
        try:
            for message, cost in self._reader.take(share):
                spent += cost
                self._received(message)
                if self._is_deaf:
                    return spent
        except Fault as fault:
            self._fail(fault.code)
            return spent
        if spent >= share:
            self._wait()
        else:
            self._watch_message()
        return spent

    def _read_on(self) -> None:
        if not self._is_deaf and not self._wire.turns.waits(self):
            self._transport.resume_reading()

    def _wait(self) -> None:
        self._transport.pause_reading()
        self._wire.turns.wait(self)

    def _received(self, message: Message) -> None:
        opcode = message.opcode
        if opcode >= PING or (opcode == CONT and not message.data):
            wait = self._controls.take(asyncio.get_running_loop().time())
            if wait:
                self._fail("rate_limited", retry_after=round(wait, 3))
                return
        if opcode == PING:
            self._answer(message.data)
        elif opcode == PONG:
            self._awaits_pong = False
        elif opcode == CLOSE:
            self._peer_closes(message.data)
        elif opcode != CONT:
            self._message_since = None  # What is left over has begun now.
            if self._client is not None:
                self._tell(self._client, message)

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

    def _answer(self, payload: bytes) -> None:
        pong = server_frame(PONG, payload)
        if self._pongs < MAX_PONGS:
            self._pongs += 1
            self.write(pong)
        else:
            self._pong = pong

    def _peer_closes(self, payload: bytes) -> None:
        code = read_close(payload)
        self.write(close_frame(code, "") if code != 1005 else server_frame(CLOSE, b""))
        self._close_sent = True
        self.deafen()
        self.flush()
        self._wire.clock.close_begun(self)
        self._transport.close()

    def _fail(self, code: str, *, retry_after: float | None = None) -> None:
        """The client broke the protocol or its limits: say so, and listen no more."""
        self.deafen()
        if self._client is not None:
            self._client.broke(code, retry_after=retry_after)

    def _throw_away(self, size: int) -> None:
        self._unheard += size
        if self._unheard > MAX_UNHEARD_BYTES:
            # It sends, and does not read that it has to go.
            self._transport.pause_reading()
            self._wire.clock.linger(self)

    def _watch_message(self) -> None:
        if self._is_deaf or not self._reader.is_partial:
            if self._message_since is not None:
                self._message_since = None
                self._wire.clock.message_ended(self)
        elif self._message_since is None:
            self._message_since = asyncio.get_running_loop().time()
            self._wire.clock.message_begun(self)
