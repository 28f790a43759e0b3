"""What a connection stands on: a socket, and who is told of what happens to it. Pure."""

import asyncio
from typing import Protocol

from .encoding import Frames


class Client(Protocol):
    """Who is told of what happens to a socket."""

    def received(self, data: bytes, *, is_text: bool) -> None:
        """A message has come."""

    def drained(self) -> None:
        """The socket takes more again."""

    def failed(self, failure_id: str) -> None:
        """A handler failed; the log has the same id."""

    def broke(self, code: str, *, retry_after: float | None = None) -> None:
        """The peer broke the protocol or its limits; `code` says how."""

    def lost(self) -> None:
        """The socket is gone."""


class Socket(Protocol):
    """The transport of a connection. No call blocks."""

    @property
    def is_full(self) -> bool:
        """Whether more waits to be sent than the write buffer should hold."""

    @property
    def sent_bytes(self) -> int:
        """What the peer has taken so far; stands still when the peer does."""

    def send(self, frames: Frames) -> None:
        """Send after what was given before."""

    def offer(self, frames: Frames) -> bool:
        """Send unless it is full; whether it was not."""

    def deafen(self) -> None:
        """Handle nothing more of what the peer says; what is sent still goes out."""

    def close(self, code: int, reason: str) -> None:
        """Send what was given before, then close; deaf from then on."""


class Sockets:
    """How many sockets of rooms are open: each a little longer than its connection."""

    def __init__(self) -> None:
        self._open = 0
        self._empty = asyncio.Event()
        self._empty.set()

    def opened(self) -> None:
        """Count a socket whose handshake was let in."""
        self._open += 1
        self._empty.clear()

    def closed(self) -> None:
        """Count a socket no longer; the last one ends `wait_empty`."""
        self._open -= 1
        if not self._open:
            self._empty.set()

    async def wait_empty(self) -> None:
        """Wait until no socket is open."""
        await self._empty.wait()
