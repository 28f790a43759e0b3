"""When credentials end: a notice in time to renew each of them, then its end.

One timer for all: one for each would be a sixth of what an idle connection holds.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from ..rights.access import clock_ms

# Seconds between two looks at all credentials, at least: where many end, each may end so much late.
LOOK_INTERVAL = 0.5
# Timers are counted in milliseconds, and may fire one early: nothing would have ended by then.
_MARGIN_MS = 2


class Holder(Protocol):
    """Who came in with a credential."""

    def expires_soon(self, seconds: float) -> None:
        """The credential has so long to go."""

    def expired(self) -> None:
        """It has come to its end."""


class Expiries:
    """Watches one credential of each holder. Lives on the event loop; idle when there is none.

    Args:
        notice: seconds before an end that are in time; 0: only the end is told.
        clock: milliseconds since the epoch, as credentials have them.
    """

    def __init__(self, *, notice: float, clock: Callable[[], int] = clock_ms) -> None:
        self._notice_ms = round(notice * 1000)
        self._clock = clock
        self._ends: dict[Holder, int] = {}
        self._warned: set[Holder] = set()
        self._timer: asyncio.TimerHandle | None = None  # For what is due next, if anything is.
        self._due = 0  # When that is, by the clock.
        self._looked_at = float("-inf")  # By the event loop's time.

    def watch(self, holder: Holder, expires_at: int | None) -> None:
        """From now on this credential (milliseconds since the epoch); None: it does not end."""
        self.forget(holder)
        if expires_at is not None:
            self._ends[holder] = expires_at
            self._look_at(expires_at - self._notice_ms)

    def look(self) -> None:
        """It is later than could be known when the timer was set."""
        if self._timer is not None:
            self._timer.cancel()
            self._look()

    def forget(self, holder: Holder) -> None:
        """Tell the holder nothing more."""
        self._ends.pop(holder, None)
        self._warned.discard(holder)
        if self._timer is not None and not self._ends:
            self._timer.cancel()
            self._timer = None

    def _look_at(self, due: int) -> None:
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        wait = (due - self._clock() + _MARGIN_MS) / 1000
        earliest = self._looked_at + LOOK_INTERVAL - loop.time()
        self._due = due
        self._timer = loop.call_later(max(wait, earliest, 0), self._look)

    def _look(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        self._looked_at = loop.time()
        now = self._clock()
        soon = now + self._notice_ms
        for holder, end in self._ends.items():
            if end <= (now if holder in self._warned else soon):
                # By itself: one that fails does not keep the others from their ends.
                loop.call_soon(self._tell, holder, end)
        # Of who has been warned, or is about to be, the end comes next.
        ends = self._ends.values()
        self._look_at(min(end if end <= soon else end - self._notice_ms for end in ends))

    def _tell(self, holder: Holder, end: int) -> None:
        if self._ends.get(holder) != end:
            return  # Renewed, or gone, in this very turn.
        left = end - self._clock()
        if left <= 0:
            self.forget(holder)
            holder.expired()
        else:
            self._warned.add(holder)
            holder.expires_soon(left / 1000)
