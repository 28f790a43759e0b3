"""What a client of HTTP sends, given to the parser piece by piece: a share in each turn.

uvicorn parses all that was read at once, also when it has stopped reading because enough waits:
16 KB hold 900 requests, and each would wait with all that belongs to one.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, cast

from uvicorn.protocols.http.flow_control import FlowControl

from .shared import MAX_UNHEARD_BYTES, Wire

# Bytes that are parsed at a time. What is in a piece cannot be put back, so it is small; one that
# is dense, of many requests, headers or chunks, costs more of the share.
PIECE_BYTES = 512
EVENTS_PER_COST = 4


class Parser(Protocol):
    """Who takes the pieces, and is told of all else that happens to the transport."""

    @property
    def is_busy(self) -> bool:
        """Whether a whole request waits for its answer: more of them can wait unparsed."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """A client has come."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""

    def pause_writing(self) -> None:
        """The transport holds too much."""

    def resume_writing(self) -> None:
        """The transport has emptied."""

    def parse(self, piece: bytes) -> int:
        """Take a piece; how many requests, headers and chunks it had."""


class Flow(FlowControl):
    """uvicorn's, except that only the intake reads on: something may be left over."""

    def __init__(self, transport: asyncio.Transport, read_on: Callable[[], None]) -> None:
        super().__init__(transport)
        self._read_on = read_on

    def resume_reading(self) -> None:
        """Take bytes again; the intake first gives what it has kept."""
        if self.read_paused:
            self.read_paused = False
            self._read_on()


class Outlet:
    """A transport that drops what is written after its end, as asyncio's do.

    uvloop's raise; and of several pipelined requests uvicorn tells only the newest that the
    client has gone, so that each of the others would leave a traceback in the log.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        """Write it, if there is still somebody to read it."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Intake(asyncio.BufferedProtocol):
    """Reads for a parser of HTTP, and only when nothing is left over.

    Args:
        wire: whose turns and buffer are shared.
        parser: of one client.
    """

    flow: Flow
    """For uvicorn, once a client has come."""

    def __init__(self, wire: Wire, parser: Parser) -> None:
        self._wire = wire
        self._parser = parser
        self._rest = b""  # Read and not parsed yet.
        self._is_over = False  # Nothing is parsed any more: refused, handed over, or gone.
        self._unheard = 0  # Bytes that came after a refusal.

    @property
    def has_more(self) -> bool:
        """Whether something waits to be parsed."""
        return bool(self._rest)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come: the intake has the transport, the parser is told."""
        self._transport = cast(asyncio.Transport, transport)
        self.flow = Flow(self._transport, self.read_on)
        self._parser.connection_made(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone: nothing of what is left over is parsed."""
        self._end()
        self._parser.connection_lost(exc)

    def pause_writing(self) -> None:
        """Tell the parser that the transport holds too much."""
        self._parser.pause_writing()

    def resume_writing(self) -> None:
        """Tell the parser that the transport has emptied."""
        self._parser.resume_writing()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Where the next bytes go: bounded, and shared by all."""
        return self._wire.turns.intake

    def buffer_updated(self, nbytes: int) -> None:
        """Parse a share of the client's bytes that are in the buffer, and keep the rest."""
        if self._is_over:
            self._throw_away(nbytes)
            return
        self._rest += self._wire.turns.intake[:nbytes]
        turns = self._wire.turns
        if share := turns.share(self):
            turns.spend(self, self._parse(share))
        self.read_on()

    def go_on(self, share: int) -> int:
        """Parse what was left over, up to a share."""
        cost = self._parse(share)
        self.read_on()
        return cost

    def read_on(self) -> None:
        """Wait for what has to come before more is parsed: a turn, an answer, or more bytes."""
        if self._is_over:
            return
        if not self._rest and not self.flow.read_paused:
            self._transport.resume_reading()
            return
        self._transport.pause_reading()
        if self._may_parse():
            self._wire.turns.wait(self)

    def hand_over(self) -> bytes:
        """Another protocol reads from now on, and first what is left over."""
        rest = self._rest
        self._end()
        return rest

    def leave(self) -> None:
        """The last answer was written: let it be read, for a bounded time and number of bytes.

        Closed with unread bytes, the connection would be reset, perhaps before that.
        """
        self._end()
        if not self._transport.is_closing():
            self._transport.write_eof()
            self._transport.resume_reading()
            self._wire.clock.close_begun(self)

    def abort(self) -> None:
        """Drop the connection."""
        self._transport.abort()

    def _may_parse(self) -> bool:
        return bool(self._rest) and not self.flow.read_paused and not self._parser.is_busy

    def _parse(self, share: int) -> int:
        cost = 0
        while cost < share and self._may_parse():
            piece, self._rest = self._rest[:PIECE_BYTES], self._rest[PIECE_BYTES:]
            cost += 1 + self._parser.parse(piece) // EVENTS_PER_COST
        return cost

    def _end(self) -> None:
        self._is_over = True
        self._rest = b""
        self._wire.turns.leave(self)

    def _throw_away(self, size: int) -> None:
        self._unheard += size
        if self._unheard > MAX_UNHEARD_BYTES:
            self._transport.pause_reading()
            self._wire.clock.linger(self)
