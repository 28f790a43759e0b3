"""The half of a socket that listens: from the transport into the room.

What comes is read into frames, a share in each turn; messages go to the client's side of the room
as plain calls, control frames to the half that speaks. How long a message may take, how many
control frames may come, and what is thrown away after our close is kept here.
"""

import asyncio
import logging
import secrets
from typing import Protocol

from ..limits import Bucket
from ..live.sockets import Client
from .clock import Leaving
from .framing import (
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    Fault,
    FrameReader,
    Message,
    check_text,
    read_close,
)
from .shared import MAX_UNHEARD_BYTES, Wire

logger = logging.getLogger("itemroom.wire")


class Mouth(Leaving, Protocol):
    """The half of a socket that speaks, as far as what is heard concerns it."""

    is_stuck: bool
    """The transport holds more than its high-water mark."""
    has_closed: bool
    """A close frame is on its way: nothing may follow it."""

    @property
    def is_full(self) -> bool:
        """Whether more waits to be sent than the write buffer should hold."""

    def pong(self, payload: bytes) -> None:
        """The peer has sent a ping."""

    def ponged(self) -> None:
        """The peer has answered a ping."""

    def close_back(self, code: int) -> None:
        """The peer has closed."""

    def end(self) -> None:
        """The transport is gone."""


class Ear(asyncio.BufferedProtocol):
    """Hears one client, from the hand-over to the end. Lives on the event loop.

    Args:
        wire: shared by all sockets.
        transport: whose handshake is about to be answered.
        mouth: the other half.
        early: what the client sent before the answer; reading is paused if it was much.
    """

    __slots__ = (
        "_client",  # Who is told; set by `begin`.
        "_controls",  # How many more control frames it may send.
        "_message_since",  # When the message began that has not ended; None: there is none.
        "_mouth",
        "_reader",  # None: it has to go, or has gone, and nothing that it sends is looked at.
        "_transport",
        "_unheard",  # Bytes that came after our close.
        "_wire",
    )

    def __init__(
        self, wire: Wire, transport: asyncio.Transport, mouth: Mouth, early: bytes
    ) -> None:
        settings = wire.settings
        self._wire = wire
        self._transport = transport
        self._mouth = mouth
        self._client: Client | None = None
        self._reader: FrameReader | None = FrameReader(
            max_bytes=settings.max_frame_bytes, max_fragments=settings.max_fragments
        )
        self._controls = Bucket(settings.control_rate, settings.control_burst)
        self._message_since: float | None = None
        self._unheard = 0
        self._reader.add(early)

    def begin(self, client: Client | None) -> None:
        """From now on the transport is read from here, and the client told of what comes."""
        self._client = client
        self._transport.set_protocol(self)
        if self._mouth.has_closed:
            self._transport.resume_reading()  # It was paused if something came early.
        else:
            # RFC 6455, section 4.1, has clients wait for the answer. Those that do not are heard
            # all the same, after it.
            self.go_on(self._wire.turns.share(self))

    def deafen(self) -> None:
        """Handle nothing more of what the peer says, neither what has come nor what will."""
        if self._reader is None:
            return
        self._reader = None
        self._wire.turns.leave(self)
        self._watch_message()
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Where the next bytes go: bounded, and shared by all."""
        return self._wire.turns.intake

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes of the client are in the buffer."""
        self.hear(bytes(self._wire.turns.intake[:nbytes]))

    def hear(self, data: bytes) -> None:
        """Bytes of the client, as TCP brought them."""
        reader = self._reader
        if reader is None:
            self._throw_away(len(data))
            return
        reader.add(data)
        if self._mouth.is_stuck:
            return  # `resume_writing` goes on.
        turns = self._wire.turns
        share = turns.share(self)
        if share:
            # A frame that costs more than that waits behind the others that have such: fifty
            # peers may have one each whole in the same turn.
            turns.spend(self, self._handle(reader, share, may_exceed=False))
        elif not turns.waits(self):
            self._wait()

    def go_on(self, share: int) -> int:
        """Handle what was left over, up to a share; read on when nothing is."""
        if self._reader is None or self._mouth.is_stuck:
            return 0
        cost = self._handle(self._reader, share, may_exceed=True)
        self._read_on()
        return cost

    def pause_writing(self) -> None:
        """The transport holds too much: take no more commands from who takes no answers."""
        self._mouth.is_stuck = True
        if not self._mouth.has_closed:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The transport has emptied."""
        self._mouth.is_stuck = False
        if self._transport.is_closing():
            return
        if self._mouth.has_closed:
            return  # It is read from already, to be thrown away.
        if self._reader is not None and self._reader.is_partial:
            self._wire.turns.wait(self)  # Something may have been left over.
        else:
            self._read_on()
        self.drained()

    def drained(self) -> None:
        """Less waits to be sent: tell the client, if that is true by now and it is still there."""
        if self._client is not None and not self._mouth.is_full:
            self._client.drained()

    def eof_received(self) -> bool:
        """Half a connection is of no use."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The end, whoever brought it about."""
        self._mouth.end()
        self._reader = None
        self._wire.turns.leave(self)
        self._wire.clock.message_ended(self)
        client, self._client = self._client, None
        if client is not None:
            client.lost()

    def check_message(self, limit: float) -> bool:
        """Drop a peer whose message began before `limit`; False when none is under way."""
        since = self._message_since
        if since is not None and since < limit:
            self._fail("too_slow")
        return self._message_since is not None

    def _handle(self, reader: FrameReader, share: int, *, may_exceed: bool) -> int:
        """Frames that are here, up to a share; what they cost. The rest waits for its turn."""
        spent = 0
        try:
            for message, cost in reader.take(share, may_exceed=may_exceed):
                spent += cost
                self._received(message)
                if self._reader is None:
                    return spent
        except Fault as fault:
            self._fail(fault.code)
            return spent
        if spent >= share or reader.has_more:
            self._wait()
        else:
            self._watch_message()
        return spent

    def _read_on(self) -> None:
        if self._reader is not None and not self._wire.turns.waits(self):
            self._transport.resume_reading()

    def _wait(self) -> None:
        self._transport.pause_reading()
        self._wire.turns.wait(self)

    def _received(self, message: Message) -> None:
        if not CONT < message.opcode < CLOSE:
            self._controlled(message)
            return
        self._message_since = None  # What is left over has begun now.
        if self._client is not None:
            self._tell(self._client, message)

    def _controlled(self, message: Message) -> None:
        """A control frame, or a fragment that ends no message."""
        opcode = message.opcode
        if opcode >= PING or (opcode == CONT and not message.data):
            wait = self._controls.take(asyncio.get_running_loop().time())
            if wait:
                self._fail("rate_limited", retry_after=round(wait, 3))
                return
        if opcode == PING:
            self._mouth.pong(message.data)
        elif opcode == PONG:
            self._mouth.ponged()
        elif opcode == CLOSE:
            self._mouth.close_back(read_close(message.data))

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
            self._wire.clock.linger(self._mouth)

    def _watch_message(self) -> None:
        if self._reader is None or not self._reader.is_partial:
            if self._message_since is not None:
                self._message_since = None
                self._wire.clock.message_ended(self)
        elif self._message_since is None:
            self._message_since = asyncio.get_running_loop().time()
            self._wire.clock.message_begun(self)
