"""Entries on their way to whoever iterates over a room."""

import asyncio
from collections import deque
from collections.abc import Callable

from itemroom.core.entries import Entry, Gap
from itemroom.core.errors import Refused


class Delivery:
    """A bounded queue of entries, and of the gaps between them.

    Args:
        limit: how many may wait; 0: nobody iterates, entries are not kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[Entry | Gap] = deque()
        self._entries = 0  # Of what waits.
        self._changed = asyncio.Event()  # Something was put, or the end has come.
        self._end: Exception | None = None
        self.when_relieved: Callable[[], object] = lambda: None
        """Called when an entry was handed out, and half of the room or more is free."""
        self.when_reached: Callable[[Gap], object] = lambda _: None
        """Called when whoever reads gets to a gap; at once, if nobody does."""
        self.seq: int | None = None
        """Of the last entry that was handed out."""
        self.epoch: str | None = None
        """The life of the log that `seq` belongs to."""

    @property
    def is_kept(self) -> bool:
        """Whether somebody iterates."""
        return self._limit > 0

    @property
    def is_full(self) -> bool:
        """Whether no more may come before some are taken."""
        return 0 < self._limit <= self._entries

    def begin(self, seq: int, epoch: str | None) -> None:
        """Entries after this place will come, if nothing came yet."""
        if self.seq is None:
            self.seq, self.epoch = seq, epoch

    def gap(self, gap: Gap) -> None:
        """The log does not go on after what waits, which is still read first."""
        if not self._limit:
            self._reach(gap)
            return
        self._waiting.append(gap)
        self._changed.set()

    def put(self, entry: Entry) -> None:
        """One more."""
        if not self._limit:
            self.seq = entry.seq
            return
        self._waiting.append(entry)
        self._entries += 1
        self._changed.set()

    def end(self, error: Exception) -> None:
        """No more will come. What waits can still be taken, unless it was asked to end."""
        self._end = self._end or error
        if isinstance(error, Refused) and error.code == "closed":
            self._waiting.clear()
            self._entries = 0
        self._changed.set()

    async def next(self) -> Entry:
        """The next entry; cancelling loses none.

        Raises:
            Exception: that ended the room.
            StopAsyncIteration: it was closed.
        """
        while True:
            if not self._waiting:
                await self._more()
            elif isinstance(one := self._waiting.popleft(), Gap):
                self._reach(one)
            else:
                return self._hand_out(one)

    async def _more(self) -> None:
        if self._end is not None:
            raise _last_word(self._end)
        self._changed.clear()
        await self._changed.wait()

    def _reach(self, gap: Gap) -> None:
        self.seq, self.epoch = gap.after, gap.epoch
        self.when_reached(gap)

    def _hand_out(self, entry: Entry) -> Entry:
        self.seq = entry.seq
        self._entries -= 1
        if self._entries <= self._limit // 2:
            self.when_relieved()
        return entry


def _last_word(end: Exception) -> Exception:
    if isinstance(end, Refused) and end.code == "closed":
        return StopAsyncIteration()
    return end
