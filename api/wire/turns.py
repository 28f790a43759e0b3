"""Who is heard in a turn of the event loop, and how much of what they say.

One read of a socket may bring thousands of small frames. Handling all of them at once would keep
everybody else waiting, so each peer has a share of every turn; what is left over waits for a later
turn, in turn with what others have left over, and its sender is not read from meanwhile.
"""

import asyncio
from collections import OrderedDict
from typing import Protocol

# Bytes that one read of a socket brings at the most, of all sockets of a server: libuv would
# bring 256 KB at a time, and 2 MB between two turns. What a peer may leave over is bounded by it.
INTAKE_BYTES = 16 * 1024
# What one peer may cost in a turn: a frame costs 1, and 1 more for each whole KiB. A command takes
# up to 60 µs, so this is 2 ms; nobody who waits for answers has more under way in a turn.
SHARE = 32
# What all those together may cost in a turn who had more to say than their share.
WAITING_SHARE = 2 * SHARE


class Taker(Protocol):
    """Who waits for a turn."""

    def go_on(self, share: int) -> int:
        """Handle what was left over, up to a share; what it cost. `wait` again for the rest."""


class Turns:
    """The shares of this turn of the event loop, and who waits for the next. Lives on the loop."""

    def __init__(self) -> None:
        self.intake = memoryview(bytearray(INTAKE_BYTES))
        """Where all sockets read into: it is empty again before another one reads."""
        self._spent: dict[Taker, int] = {}  # In this turn of the event loop.
        self._waiting: OrderedDict[Taker, None] = OrderedDict()
        self._timer: asyncio.Handle | None = None  # The end of this turn, once it has to be known.

    def waits(self, taker: Taker) -> bool:
        """Whether it has left something over."""
        return taker in self._waiting

    def share(self, taker: Taker) -> int:
        """What the taker has left of its share; 0 while it waits, so that nothing overtakes."""
        if taker in self._waiting:
            return 0
        return max(0, SHARE - self._spent.get(taker, 0))

    def spend(self, taker: Taker, cost: int) -> None:
        """Take this from its share of this turn."""
        self._spent[taker] = self._spent.get(taker, 0) + cost
        self._run()

    def wait(self, taker: Taker) -> None:
        """Go on with the taker in a later turn, behind those who wait already."""
        self._waiting[taker] = None
        self._run()

    def leave(self, taker: Taker) -> None:
        """Forget the taker: what it has left over will not be handled."""
        self._waiting.pop(taker, None)
        self._spent.pop(taker, None)

    def _run(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self._timer = None
        self._spent.clear()
        left = WAITING_SHARE
        for _ in range(len(self._waiting)):
            if left <= 0:
                break
            taker, _ = self._waiting.popitem(last=False)
            left -= taker.go_on(min(SHARE, left))
        if self._waiting:
            self._run()
