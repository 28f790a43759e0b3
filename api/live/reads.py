"""Reads of the database for a seat: asked on the event loop, run by a reader, answered here."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar, cast

from ..errors import Refusal
from ..store.readers import Readers

logger = logging.getLogger("itemroom.rooms")
T = TypeVar("T")


class Asker(Protocol):
    """Whose reads they are."""

    @property
    def id(self) -> str:
        """What the log calls it."""

    @property
    def is_taken(self) -> bool:
        """Whether it still wants the answers."""

    def fail(self, refusal: Refusal) -> None:
        """There will be no answer."""


class Reads:
    """The reads of one seat, any number at a time; after its end their answers are dropped."""

    __slots__ = ("_asker", "_judgements", "_readers")

    def __init__(self, asker: Asker, readers: Readers) -> None:
        self._asker = asker
        self._readers = readers
        self._judgements = 0  # Changes of rights, so that a read that raced one is repeated.

    def outdate(self) -> None:
        """Rights have changed: what is being read of them may be of before."""
        self._judgements += 1

    def read_rights(
        self, done: Callable[[T], None], read: Callable[..., T], *arguments: object
    ) -> None:
        """Read what rights follow from; once more if they changed before the answer was here.

        The answer and the news of a commit come by two ways, so that either may be first.
        """
        judgements = self._judgements

        def judged(answer: T) -> None:
            if judgements == self._judgements:
                done(answer)
            else:
                self.read_rights(done, read, *arguments)

        self.read(judged, read, *arguments)

    def read(self, done: Callable[[T], None], read: Callable[..., T], *arguments: object) -> None:
        """Read in a reader thread, then call `done` here, unless the seat has been left."""
        try:
            self._readers.ask(partial(self._read_done, done), read, *arguments)
        except Refusal as refusal:
            self._asker.fail(refusal)

    def attempt(self, act: Callable[[], None]) -> None:
        """Act on an answer; what goes wrong with it ends the seat, and nothing else."""
        try:
            act()
        except Refusal as refusal:
            self._asker.fail(refusal)
        except Exception:
            logger.exception("connection %s: a read of the log failed", self._asker.id)
            self._asker.fail(Refusal("database_unavailable", retry_after=1))

    def _read_done(
        self, done: Callable[[T], None], answer: T | None, error: BaseException | None
    ) -> None:
        def act() -> None:
            if error is not None:
                raise error
            done(cast(T, answer))

        if self._asker.is_taken:
            self.attempt(act)
