"""When a credential ends: a notice in time to renew it, then the end."""

import asyncio
from collections.abc import Callable

from api.rights.access import clock_ms


class Expiry:
    """Watches one credential at a time.

    Args:
        notice: seconds before the end at which `notify` is called; 0: never.
        notify: called with the seconds that are left.
        end: called when none is left.
    """

    __slots__ = ("_end", "_notice", "_notify", "_timer")

    def __init__(
        self, *, notice: float, notify: Callable[[float], None], end: Callable[[], None]
    ) -> None:
        self._notice = notice
        self._notify = notify
        self._end = end
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
        self._timer = asyncio.get_running_loop().call_later(left, self._end)
        if self._notice:
            self._notify(left)


def _left(expires_at: int) -> float:
    return (expires_at - clock_ms()) / 1000
