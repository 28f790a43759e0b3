"""Commands that a connection has taken and not answered yet: its end waits for them."""

import asyncio
from collections.abc import Callable


class Outstanding:
    """How many there are, and what is to be done once there are none. Lives on the event loop."""

    __slots__ = ("_act", "_timer", "count")

    def __init__(self) -> None:
        self.count = 0
        self._act: Callable[[], None] | None = None  # Set by `when_answered`, until it is done.
        self._timer: asyncio.TimerHandle | None = None

    def taken(self) -> None:
        """A command goes to be stored."""
        self.count += 1

    def answered(self) -> None:
        """It has got its answer."""
        self.count -= 1
        if not self.count:
            self._finish()

    def when_answered(self, act: Callable[[], None], *, patience: float) -> None:
        """Do this, once, when all are answered; at once if they are, or after `patience` seconds.

        The disk may hang, and a goodbye without an answer is better than none.
        """
        self._act = act
        if self.count:
            self._timer = asyncio.get_running_loop().call_later(patience, self._finish)
        else:
            self._finish()

    def stop(self) -> None:
        """There is nobody to answer any more."""
        self._act = None
        if self._timer is not None:
            self._timer.cancel()

    def _finish(self) -> None:
        act = self._act
        self.stop()
        if act is not None:
            act()
