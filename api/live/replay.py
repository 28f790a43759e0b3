"""Pages of a log, on their way to those who are behind. Pure, and from any thread."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from ..history.extent import Extent
from .encoding import Burst


@dataclass(frozen=True, slots=True)
class Page:
    """Entries of a log, and how long it was when they were read."""

    burst: Burst | None
    """None: there are none."""
    extent: Extent


class Replay:
    """The page after one seq, read once for all who wait for it at the same time.

    When everybody comes back at once, most of an item's members have missed the same.
    """

    __slots__ = ("__weakref__", "_mutex", "_page")

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._page: Page | None = None

    def page(self, head: int, read: Callable[[], Page], *, since: int) -> Page:
        """The page; may block while another thread reads it.

        Args:
            head: of the log, at the moment at which the rights of whoever asks were judged. What
                was read later may hold the end of these rights, and what followed it.
            read: reads it, if it is not here, newer than that, or too old.
            since: a head of the log that whoever asks was told of. What was read earlier may hold
                what has been deleted by then.
        """
        with self._mutex:
            if self._page is None or self._page.extent.head < since:
                self._page = read()
            if self._page.extent.head <= head:
                return self._page
        return read()
