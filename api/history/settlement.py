"""What comes of commits, on its way to those who wait for it: at once, or with the next one's."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from .commits import Commits
from .events import Event

logger = logging.getLogger("itemroom.writer")
Patience = Callable[[Sequence[Event]], float]


class Answer(Protocol):
    """What came of a command, for whoever waits for it."""

    def give(self) -> None:
        """Tell who waits."""


class Settlement:
    """Tells what commits have brought: first the listeners, then those who wait for answers.

    To tell a crowd costs a system call for each of them, however many entries go out together. So
    what a crowd is to hear waits while another commit is under way, and all answers behind it: an
    author's own entry comes before its ack. Lives on the event loop.

    Args:
        commits: the listeners.
        patience: seconds that these events may wait for more; 0: not at all.
    """

    def __init__(self, commits: Commits, patience: Patience) -> None:
        self._commits = commits
        self._patience = patience
        self._events: list[Event] = []
        self._answers: list[Answer] = []
        self._timer: asyncio.Handle | None = None  # Runs while something waits.

    def settle(self, answers: Sequence[Answer], events: Sequence[Event], *, more: bool) -> None:
        """A commit is over, well or not; `more`: another one is under way, and will come here."""
        self._answers += answers
        self._events += events
        wait = self._patience(self._events) if more else 0.0
        if not wait:
            self._tell()
        elif self._timer is None:
            # From the first that waits: under a steady load there is always more. And behind what
            # this turn has to write: nobody is heard meanwhile, so that it would be no wait.
            self._timer = asyncio.get_running_loop().call_soon(self._wait, wait)

    def _wait(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._tell)

    def _tell(self) -> None:
        """A bug of one listener, or of one who waits, leaves the others their news."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        events, self._events = self._events, []
        answers, self._answers = self._answers, []
        if events:
            self._commits.committed(events)
        for answer in answers:
            try:
                answer.give()
            except Exception:
                logger.exception("an answer was not delivered")
