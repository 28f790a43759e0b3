"""One timer for all sockets of a server: a timer for each would cost memory by the thousand."""

import asyncio
from collections import deque
from typing import Protocol, TypeVar

# Seconds between two looks at what is due: a deadline may be this much late. Shorter only when
# the waits are.
MAX_TICK = 1.0
# Seconds in which a peer that goes on sending may read why it has to go.
LINGER = 1.0


class Leaving(Protocol):
    """Whoever has to be gone by a certain time."""

    def abort(self) -> None:
        """Drop the connection."""


class Pinged(Leaving, Protocol):
    """Who is pinged. Each answer says whether there still is somebody to ping."""

    def ping(self) -> bool:
        """Send a ping if there is anybody to ping."""

    def check_pong(self) -> bool:
        """Drop the connection if the last ping was not answered."""


class Sender(Protocol):
    """Whose message is under way."""

    def check_message(self, limit: float) -> bool:
        """Refuse it if its message began before `limit`; whether one is still under way."""


Peer = TypeVar("Peer", bound=Leaving)


class Clock:
    """Pings, and the deadlines of messages and closes, of all sockets.

    Every wait of a kind is equally long, so a queue in the order of arrival is one in the order
    of what is due.

    Args:
        ping_interval: seconds between pings.
        ping_timeout: seconds that an answer may take.
        message_timeout: seconds from the first byte of a message to its last.
        close_timeout: seconds to take our last frames and to answer our close.
    """

    def __init__(
        self,
        *,
        ping_interval: float,
        ping_timeout: float,
        message_timeout: float,
        close_timeout: float,
    ) -> None:
        self._ping_interval = ping_interval
        self._ping_timeout = ping_timeout
        self._message_timeout = message_timeout
        self._close_timeout = close_timeout
        self._linger = min(close_timeout, LINGER)
        shortest = min(ping_interval, ping_timeout, message_timeout, self._linger)
        self._tick_interval = min(MAX_TICK, shortest / 4)
        self._pings: deque[tuple[float, Pinged]] = deque()
        self._pongs: deque[tuple[float, Pinged]] = deque()
        self._closes: deque[tuple[float, Leaving]] = deque()
        self._lingers: deque[tuple[float, Leaving]] = deque()
        self._messages: set[Sender] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, socket: Pinged) -> None:
        """Ping the socket from now on, until it answers that there is nobody to ping."""
        self._pings.append((self._now() + self._ping_interval, socket))
        self._run()

    def message_begun(self, sender: Sender) -> None:
        """Its message has to end in time."""
        self._messages.add(sender)
        self._run()

    def message_ended(self, sender: Sender) -> None:
        """Its message is whole, or will never be: it is waited for no more."""
        self._messages.discard(sender)

    def close_begun(self, socket: Leaving) -> None:
        """Whatever the client does, it will be gone soon."""
        self._closes.append((self._now() + self._close_timeout, socket))
        self._run()

    def linger(self, socket: Leaving) -> None:
        """Who was told to go and goes on sending is gone sooner than its close would have it."""
        self._lingers.append((self._now() + self._linger, socket))
        self._run()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _run(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._tick_interval, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self._now()
        for leaving in (*_due(self._closes, now), *_due(self._lingers, now)):
            leaving.abort()
        for socket in _due(self._pongs, now):
            if socket.check_pong():
                self._pings.append((now + self._ping_interval, socket))
        for socket in _due(self._pings, now):
            if socket.ping():
                self._pongs.append((now + self._ping_timeout, socket))
        begun = tuple(self._messages)  # A sender that ends takes itself out.
        limit = now - self._message_timeout
        self._messages = {sender for sender in begun if sender.check_message(limit)}
        if self._pings or self._pongs or self._closes or self._lingers or self._messages:
            self._run()


def _due(waiting: deque[tuple[float, Peer]], now: float) -> list[Peer]:
    due = []
    while waiting and waiting[0][0] <= now:
        due.append(waiting.popleft()[1])
    return due
