"""Pages of the log that one socket waits for, in turns: so that no replay keeps another waiting.

Each page is read for one item and given whole, however full the socket is by then. With a page
for each of many items at once there would be no bound to what is held for a client.
"""

from collections.abc import Callable, Hashable

from .sockets import Socket

# While one is given the next can be read.
MAX_READING = 2


class Turns:
    """Who may read: few at once, first come, first served. Lives on the event loop."""

    __slots__ = ("_reading", "_socket", "_waiting")

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._reading: set[Hashable] = set()
        self._waiting: dict[Hashable, Callable[[], None]] = {}  # What begins each, in their order.

    def ask(self, who: Hashable, begin: Callable[[], None]) -> None:
        """Begin as soon as there is a turn, perhaps at once."""
        self._waiting[who] = begin
        self.go_on()

    def over(self, who: Hashable) -> None:
        """The page is here, or will not come."""
        self._reading.discard(who)
        self._waiting.pop(who, None)
        self.go_on()

    def go_on(self) -> None:
        """Begin those whose turn it is, unless the socket is full."""
        while self._waiting and len(self._reading) < MAX_READING and not self._socket.is_full:
            who = next(iter(self._waiting))
            begin = self._waiting.pop(who)
            self._reading.add(who)
            begin()
