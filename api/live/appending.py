"""What one client adds to messages in the making: joined, so that a token costs no commit.

What comes within a moment is stored together, in the order in which it came, and answered by how
long the text is then. Under a load that takes all of a core the moments become longer: what is
stored together costs less, so that a thousand texts that grow at once are told sooner.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from ..errors import Refusal
from ..history.drafts import MAIN, Grown
from ..history.streams import Append
from ..limits import Bucket
from ..rights.access import Access
from ..settings import Settings
from . import frames
from .client_frames import AppendFrame
from .frames import ServerFrame

# Seconds from one storing to the next, at least: twenty a second is as fast as people read.
INTERVAL = 0.05
# Seconds by which one may come sooner, when the one before came later: who says something exactly
# so often would else wait, each time, for what their timer was ever late by.
SLACK = 0.025
# From one storing to the next, in times of what the last one took until it was answered: many at
# once, or a slow disk. Bounded, so that the text still grows before the eyes.
REST = 10.0
LONGEST_INTERVAL = 0.125


class Run:
    """Text without a hole that waits."""

    __slots__ = ("at", "end", "part", "target", "texts")

    def __init__(self, target: int, part: int, at: int) -> None:
        self.target, self.part, self.at, self.end = target, part, at, at
        self.texts: list[str] = []

    def goes_on(self, target: int, part: int, at: int) -> bool:
        """Whether what begins there follows it."""
        return at == self.end and target == self.target and part == self.part

    def add(self, text: str) -> None:
        """More of it."""
        self.texts.append(text)
        self.end += len(text)


class Adder(Protocol):
    """Whose text it is."""

    @property
    def access(self) -> Access:
        """What it may do here."""

    def submit(
        self, command: Append, done: Callable[[Grown | None, BaseException | None], None]
    ) -> None:
        """Have it stored; raises Refusal."""

    def say(self, frame: ServerFrame) -> None:
        """Answer the client."""

    def refuse(self, refusal: Refusal, *, target: int) -> None:
        """Say no to text."""


class Appending:
    """The text of one seat that is on its way. Lives on the event loop.

    Made for the first text: most clients never have one.
    """

    __slots__ = (
        "_adder",
        "_bytes",
        "_loop",
        "_max_bytes",
        "_next_at",
        "_timer",
        "_times",
        "_took",
        "_waiting",
    )

    def __init__(self, adder: Adder, settings: Settings) -> None:
        self._adder = adder
        self._max_bytes = settings.max_stream_bytes
        self._times = Bucket(settings.append_rate, settings.append_burst)
        self._bytes = Bucket(settings.append_bytes_rate, settings.append_bytes_burst)
        self._loop = asyncio.get_running_loop()
        self._waiting: list[Run] = []
        self._timer: asyncio.Handle | None = None  # While something waits.
        self._next_at = 0.0  # By the loop's time: not stored again before.
        self._took = 0.0  # Seconds until the last storing was answered.

    def add(self, frame: AppendFrame) -> None:
        """More text; raises Refusal `rate_limited`."""
        now, text = self._loop.time(), frame.text
        size = len(text) if text.isascii() else len(text.encode())
        if wait := self._times.take(now) or self._bytes.take(now, size):
            raise Refusal("rate_limited", retry_after=round(wait, 3))
        part = MAIN if frame.part is None else frame.part
        place = frame.target, part, frame.at
        if not (self._waiting and self._waiting[-1].goes_on(*place)):
            self._waiting.append(Run(*place))
        self._waiting[-1].add(text)
        if self._timer is None:
            self._timer = self._loop.call_later(max(0.0, self._next_at - now), self.flush)

    def flush(self) -> None:
        """Store what waits, now: something that comes after it is about to be stored."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        interval = min(max(INTERVAL, REST * self._took), LONGEST_INTERVAL)
        self._next_at = max(self._next_at, self._loop.time() - SLACK) + interval
        waiting, self._waiting = self._waiting, []
        for run in waiting:
            try:
                self._adder.submit(self._append(run), self._done(run))
            except Refusal as refusal:
                self._adder.refuse(refusal, target=run.target)

    def _append(self, run: Run) -> Append:
        return Append(
            access=self._adder.access,
            target=run.target,
            part=run.part,
            at=run.at,
            text="".join(run.texts),
            max_bytes=self._max_bytes,
        )

    def _done(self, run: Run) -> Callable[[Grown | None, BaseException | None], None]:
        began = self._loop.time()

        def done(grown: Grown | None, error: BaseException | None) -> None:
            self._took = self._loop.time() - began
            if isinstance(error, Refusal):
                self._adder.refuse(error, target=run.target)
            elif grown is not None:
                self._adder.say(frames.appended(run.target, run.part, grown))

        return done
