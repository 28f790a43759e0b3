"""Reads and news of commits that wait until a test lets them go: each race, set up on purpose."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, TypeVar

from sqlalchemy import Engine

from api.settings import Settings
from api.store.postgresql.database import open_reading_engine
from api.store.readers import Asked, Done, Readers
from api.store.sqlite.database import open_engine

T = TypeVar("T")


class HeldReaders(Readers):
    """Reads wait to be started, or their answers to be heard, until they are released."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(_engine(settings), threads=2, queue=settings.reader_queue)
        self._own = self._engine.connect()
        self.hold: Literal["start", "answer"] | None = None
        self.failure: Exception | None = None
        self.held: list[Callable[[], object]] = []
        self.asked = 0

    def ask(self, done: Done[T], read: Callable[..., T], *arguments: object) -> None:
        self.asked += 1
        if self.failure is not None:
            asyncio.get_running_loop().call_soon(done, None, self.failure)
        elif self.hold is None:
            super().ask(done, read, *arguments)
        elif self.hold == "start":
            self.held.append(partial(super().ask, done, read, *arguments))
        else:
            asked = Asked(done, read, arguments)
            self.run(self._own, [asked])  # The answer is of this moment.
            self.held.append(partial(asked.loop.call_soon, done, asked.answer, asked.error))

    def close(self) -> None:
        self._own.close()
        super().close()

    def release(self, *, go_on: bool = True) -> None:
        """Let the held reads go; `go_on`: hold no more."""
        if go_on:
            self.hold = None
        held, self.held = self.held, []
        for act in held:
            act()


def _engine(settings: Settings) -> Engine:
    """Of one connection more than there are threads."""
    if not settings.is_in_file:
        return open_reading_engine(settings, connections=3)
    return open_engine(settings.database_path, writing=False, busy_timeout=1, pool_size=3)


class News:
    """What the writer takes for the event loop: its news of commits can be held back."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.hold = False
        self._held: list[Callable[[], object]] = []

    def call_soon(self, callback: Callable[..., object], *args: Any) -> None:
        self._loop.call_soon(callback, *args)

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: Any) -> None:
        if self.hold:
            self._held.append(lambda: callback(*args))
        else:
            self._loop.call_soon_threadsafe(callback, *args)

    def release(self) -> None:
        self.hold = False
        held, self._held = self._held, []
        for act in held:
            act()
