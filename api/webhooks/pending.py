"""Items that wait for their turn to be sent, each once. Lives on the event loop."""

import asyncio
from collections.abc import Callable


class Pending:
    """The keys of items, in the order of coming.

    What comes while its item is being sent waits for another turn: perhaps it came too late to be
    seen by this one.

    Args:
        room: keys that may wait; who adds asks `has_room` first.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._waiting: dict[int, None] = {}
        self._busy: set[int] = set()
        self._again: set[int] = set()
        self._changed = asyncio.Event()

    def add(self, key: int) -> None:
        """Let it have a turn."""
        if key in self._busy:
            self._again.add(key)
        else:
            self._waiting[key] = None
            self._changed.set()

    async def has_room(self) -> None:
        """Wait until more may wait."""
        await self._until(lambda: len(self._waiting) < self._room)

    async def take(self) -> int:
        """The next; say when it is `done`."""
        await self._until(lambda: bool(self._waiting))
        key = next(iter(self._waiting))
        del self._waiting[key]
        self._busy.add(key)
        self._changed.set()
        return key

    def done(self, key: int, *, more: bool) -> None:
        """Its turn is over; `more`: it needs another."""
        self._busy.discard(key)
        if more or key in self._again:
            self._again.discard(key)
            self.add(key)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()
