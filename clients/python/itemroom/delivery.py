"""Entries on their way to whoever iterates over a room."""

import asyncio
from collections import deque
from collections.abc import Callable

from itemroom.core.entries import Entry
from itemroom.core.errors import Refused


class Delivery:
    """A bounded queue of entries.

    Args:
        limit: how many may wait; 0: nobody iterates, entries are not kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: deque[Entry] = deque()
        self._changed = asyncio.Event()  # Something was put, or the end has come.
        self._end: Exception | None = None
        self.when_relieved: Callable[[], object] = lambda: None
        """Called when an entry was handed out, and half of the room or more is free."""
        self.seq: int | None = None
        """Of the last entry that was handed out."""

    @property
    def is_full(self) -> bool:
        """Whether no more may come before some are taken."""
        return 0 < self._limit <= len(self._entries)

    def begin(self, seq: int, *, anew: bool) -> None:
        """Entries after this seq will come; `anew`: what waits is void."""
        if anew or self.seq is None:
            self.seq = seq
            self._entries.clear()

    def put(self, entry: Entry) -> None:
        """One more."""
        if not self._limit:
            self.seq = entry.seq
            return
        self._entries.append(entry)
        self._changed.set()

    def end(self, error: Exception) -> None:
        """No more will come. What waits can still be taken, unless it was asked to end."""
        self._end = self._end or error
        if isinstance(error, Refused) and error.code == "closed":
            self._entries.clear()
        self._changed.set()

    async def next(self) -> Entry:
        """The next entry; cancelling loses none.

        Raises:
            Exception: that ended the room.
            StopAsyncIteration: it was closed.
        """
        while not self._entries:
            if self._end is not None:
                raise _last_word(self._end)
            self._changed.clear()
            await self._changed.wait()
        entry = self._entries.popleft()
        self.seq = entry.seq
        if len(self._entries) <= self._limit // 2:
            self.when_relieved()
        return entry


def _last_word(end: Exception) -> Exception:
    if isinstance(end, Refused) and end.code == "closed":
        return StopAsyncIteration()
    return end
