"""What carries hints between nodes: a connection, from when it is open until it breaks."""

from collections.abc import Callable, Sequence
from typing import Protocol

Message = tuple[int, bytes]
"""The topic, an item's key or EVERYBODY, and the bytes of a hint."""


class BrokenCarrierError(Exception):
    """Nothing more will come or go by it. The text is for the log, and has no password."""


class Carrier(Protocol):
    """One connection, or one in each direction. No call is repeated after it has raised.

    All raise BrokenCarrierError when it cannot go on.
    """

    bodies: bool
    """Whether what it carries may be large: entries, and not their numbers alone."""
    max_bytes: int
    """Of one hint."""

    async def open(self) -> None:
        """Connect."""

    async def close(self) -> None:
        """Disconnect, whether or not it is open, without waiting for the other side."""

    async def subscribe(self, topics: Sequence[int]) -> None:
        """Ask for what is told on these; each is confirmed to `listen`, which runs by then."""

    async def unsubscribe(self, topics: Sequence[int]) -> None:
        """Ask for them no longer; what is under way may still come."""

    async def send(self, messages: Sequence[Message]) -> None:
        """Tell all who have asked for the topics; wait until the other side has it."""

    async def listen(
        self, heard: Callable[[bytes], None], confirmed: Callable[[int], None]
    ) -> None:
        """Call back with what comes, until it breaks.

        Args:
            heard: called with the bytes of each hint, those of this node among them.
            confirmed: called with a topic from which on what is told will be heard; a second time
                when some of it may have been lost in between.
        """
