"""When a credential ends: a notice in time to renew it, then the end."""

import asyncio
from typing import Protocol

from api.rights.access import clock_ms


class Holder(Protocol):
    """Who came in with a credential. Methods, for closures would be a tenth of a connection."""

    def expires_soon(self, seconds: float) -> None:
        """The credential has so long to go."""

    def expired(self) -> None:
        """It has come to its end."""


class Expiry:
    """Watches one credential at a time.

    Args:
        holder: told of the end, and in time before it.
        notice: seconds before the end that are in time; 0: only the end is told.
    """

    __slots__ = ("_holder", "_notice", "_timer")

    def __init__(self, holder: Holder, *, notice: float) -> None:
        self._holder = holder
        self._notice = notice
        self._timer: asyncio.TimerHandle | None = None  # Until the notice, then until the end.

    def watch(self, expires_at: int | None) -> None:
        """From now on this credential (milliseconds since the epoch); None: it does not end."""
        self.stop()
        if expires_at is not None:
            wait = max(_left(expires_at) - self._notice, 0)
            self._timer = asyncio.get_running_loop().call_later(wait, self._warn, expires_at)

    def stop(self) -> None:
        """Watch nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _warn(self, expires_at: int) -> None:
        left = max(_left(expires_at), 0)
        self._timer = asyncio.get_running_loop().call_later(left, self._holder.expired)
        if self._notice:
            self._holder.expires_soon(left)


def _left(expires_at: int) -> float:
    return (expires_at - clock_ms()) / 1000
