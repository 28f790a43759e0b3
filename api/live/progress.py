"""How far a room has told its log, where several servers store in it. Pure.

What this server stored is heard of here at once, what another did some time later or never: so
that entry 12 may be here before anybody knows of 11. Members are told in the order of the log.
"""

from collections.abc import Iterator, Sequence

from ..history.entries import Entry

# Pieces of the log that may wait for what is before them; with one more, all are read instead.
MAX_AHEAD = 64


class Progress:
    """What was told, what waits, and what has to be read."""

    def __init__(self) -> None:
        self.told: int | None = None
        """The newest seq that members were told; who follows live has all up to here. None: there
        was nothing to tell, and no read has said where the log is."""
        self.stored = 0
        """The newest seq that is known to be stored."""
        self._ahead: dict[int, Sequence[Entry]] = {}  # By their first seq.

    @property
    def is_behind(self) -> bool:
        """Whether something is stored that has to be read before anything is told."""
        return self.told is not None and self.stored > self.told

    def take(self, last: int, entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
        """What can be told, now that these are known; each counts as told when the next is asked.

        Args:
            last: entries up to here are stored.
            entries: without a hole and up to `last`; or none of them.
        """
        self.stored = max(self.stored, last)
        if entries:
            if self.told is None:
                self.told = entries[0].seq - 1
            if len(self._ahead) == MAX_AHEAD:
                self._ahead.clear()
            self._ahead[entries[0].seq] = entries
        while self._ahead and self.told is not None:
            first = min(self._ahead)
            if first > self.told + 1:
                return
            fresh = [entry for entry in self._ahead.pop(first) if entry.seq > self.told]
            if fresh:
                yield fresh
                self.told = fresh[-1].seq

    def read(self, head: int, stored: int) -> None:
        """A read has found this head; what was known before it, `stored`, may have been wrong."""
        if self.stored == stored:
            self.stored = head
        self.stored = max(self.stored, head)

    def skip(self, seq: int) -> None:
        """What is not kept any more up to here cannot be told."""
        self.told = seq
        self._ahead.clear()
