"""Who hears of what was committed: any number of listeners, all in one order."""

import logging
from collections.abc import Callable, Sequence

from .events import Event

logger = logging.getLogger("itemroom.commits")
Listener = Callable[[Sequence[Event]], None]


class Commits:
    """Hands the events of each commit to every listener. Lives on the event loop.

    The writer is the only one that calls it, once a commit, so no listener ever hears of a commit
    before another one has heard of the commit before it.
    """

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """From the next commit on, call the listener with its events. It must not block."""
        self._listeners.append(listener)

    def committed(self, events: Sequence[Event]) -> None:
        """A commit has reached the disk: a listener that fails leaves the others their news."""
        for listener in self._listeners:
            try:
                listener(events)
            except Exception:
                logger.exception("a commit was not heard of")
