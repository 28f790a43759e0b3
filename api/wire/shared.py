"""What the sockets of one server share: limits, a clock, turns, one flush a turn of the loop."""

import asyncio
import logging
from typing import Protocol

from ..settings import Settings
from .clock import Clock
from .turns import Turns

logger = logging.getLogger("itemroom.wire")
# What is read and thrown away after our close: more than what a client that means well has on its
# way when it is told to go. A socket that is closed with unread bytes resets the connection, and
# the reset may overtake our last words.
MAX_UNHEARD_BYTES = 256 * 1024


class Unflushed(Protocol):
    """A socket that was given something in this turn."""

    def flush(self) -> None:
        """Write what it was given."""

    def abort(self) -> None:
        """Drop the connection."""


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
        self._unflushed: list[Unflushed] = []

    def flush_soon(self, socket: Unflushed) -> None:
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
