"""What one client adds to messages in the making: joined, so that a token costs no commit.

What comes within a moment is stored together, in the order in which it came, and answered by how
long the text is then.
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
        "_waiting",
    )

    def __init__(self, adder: Adder, settings: Settings) -> None:
        self._adder = adder
        self._max_bytes = settings.max_stream_bytes
        self._times = Bucket(settings.append_rate, settings.append_burst)
        self._bytes = Bucket(settings.append_bytes_rate, settings.append_bytes_burst)
        self._loop = asyncio.get_running_loop()
        self._waiting: list[Append] = []
        self._timer: asyncio.TimerHandle | None = None  # While something waits.
        self._next_at = 0.0  # By the loop's time: not stored again before.

    def add(self, frame: AppendFrame) -> None:
        """More text; raises Refusal `rate_limited`."""
        now, size = self._loop.time(), len(frame.text.encode())
        if wait := self._times.take(now) or self._bytes.take(now, size):
            raise Refusal("rate_limited", retry_after=round(wait, 3))
        part = MAIN if frame.part is None else frame.part
        last = self._waiting[-1] if self._waiting else None
        place = frame.target, part, frame.at
        if last is not None and place == (last.target, last.part, last.at + len(last.text)):
            self._waiting[-1] = self._append(last.target, part, last.at, last.text + frame.text)
        else:
            self._waiting.append(self._append(*place, frame.text))
        if self._timer is None:
            wait = max(0.0, self._next_at - self._loop.time())
            self._timer = self._loop.call_later(wait, self.flush)

    def flush(self) -> None:
        """Store what waits, now: something that comes after it is about to be stored."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._next_at = self._loop.time() + INTERVAL
        waiting, self._waiting = self._waiting, []
        for append in waiting:
            try:
                self._adder.submit(append, self._done(append))
            except Refusal as refusal:
                self._adder.refuse(refusal, target=append.target)

    def _append(self, target: int, part: int, at: int, text: str) -> Append:
        return Append(
            access=self._adder.access,
            target=target,
            part=part,
            at=at,
            text=text,
            max_bytes=self._max_bytes,
        )

    def _done(self, append: Append) -> Callable[[Grown | None, BaseException | None], None]:
        def done(grown: Grown | None, error: BaseException | None) -> None:
            if isinstance(error, Refusal):
                self._adder.refuse(error, target=append.target)
            elif grown is not None:
                self._adder.say(frames.appended(append.target, append.part, grown))

        return done
