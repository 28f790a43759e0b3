"""The database as a carrier: what every installation with many nodes has.

One channel for all items, whose keys are in the hints: the server wakes all who listen in any
case, and would search a list of all channels that each of them listens to.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ..store.failures import DatabaseError
from ..store.notices import MAX_NOTICE_BYTES, Notices
from .carrier import BrokenCarrierError, Message


class NotifyCarrier:
    """Carries numbers, not bodies.

    Args:
        notices: of the database, not yet open.
        scope: what the channel of this product's database is called by.
    """

    bodies = False
    max_bytes = MAX_NOTICE_BYTES

    def __init__(self, notices: Notices, *, scope: str) -> None:
        self._notices = notices
        self._scope = scope
        self._confirmed: Callable[[int], None]  # Set by `listen`, which comes before all topics.

    async def open(self) -> None:
        """Connect, and listen."""
        with _breaking():
            await self._notices.open(f"itemroom_{self._scope}")

    async def close(self) -> None:
        """Disconnect."""
        await self._notices.close()

    async def subscribe(self, topics: Sequence[int]) -> None:
        """All is heard since it is open."""
        for topic in topics:
            self._confirmed(topic)

    async def unsubscribe(self, topics: Sequence[int]) -> None:
        """Nobody is asked for less."""

    async def send(self, messages: Sequence[Message]) -> None:
        """One statement for all of them."""
        with _breaking():
            await self._notices.tell([data.decode() for _, data in messages])

    async def listen(
        self, heard: Callable[[bytes], None], confirmed: Callable[[int], None]
    ) -> None:
        """Read until it breaks."""
        self._confirmed = confirmed
        with _breaking():
            await self._notices.listen(lambda text: heard(text.encode()))


@contextmanager
def _breaking() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        raise BrokenCarrierError(str(error)) from error
