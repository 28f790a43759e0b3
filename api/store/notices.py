"""Short texts that a database carries from one of its servers to all, and stores nowhere."""

from collections.abc import Callable, Sequence
from typing import Protocol

# Bytes of a text.
MAX_NOTICE_BYTES = 7999


class Notices(Protocol):
    """A way between servers, from when it is open until it breaks.

    All raise DatabaseError when it cannot go on.
    """

    async def open(self, channel: str) -> None:
        """Connect, and hear from then on what is told on the channel: a word in lower case."""

    async def close(self) -> None:
        """Disconnect, whether or not it is open; does not wait for the other side."""

    async def tell(self, texts: Sequence[str]) -> None:
        """Tell all who hear the channel, this one included; none has more than its bytes."""

    async def listen(self, heard: Callable[[str], None]) -> None:
        """Call back with each text, until it breaks."""
