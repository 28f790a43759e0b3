"""What fails around us, such as a full disk, and is no bug: what the log says."""

import logging
import threading
import time

# Seconds in which what fails and works by turns is not told anew: two lines at most for each.
RELAPSE = 1.0


class Outage:
    """Something that works or does not: one line in the log when it fails, one when it is over.

    From any thread.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._mutex = threading.Lock()
        self._told: str | None = None  # What the log says is going on.
        self._since = 0.0
        self._over = -RELAPSE  # When the log said last that it is over.

    def failed(self, what: str) -> None:
        """Log why something does not work, unless the log says so already."""
        with self._mutex:
            now = time.monotonic()
            if what == self._told or (self._told is None and now - self._over < RELAPSE):
                return
            if self._told is None:
                self._since = now
            self._told = what
        self._logger.error("%s", what)

    def worked(self) -> None:
        """Log that an outage is over, if there was one, and how long it took."""
        with self._mutex:
            if self._told is None:
                return
            told, self._told = self._told, None
            self._over = time.monotonic()
            seconds = self._over - self._since
        self._logger.warning("over after %.1f s: %s", seconds, told)
