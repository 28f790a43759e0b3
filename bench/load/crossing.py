"""One message at a time from an author to somebody at another server, and how long each took."""

import time
from array import array

from picows import WSFrame, WSTransport

from bench.load.connections import Client
from bench.load.dialect import Dialect

BODY = "x" * 64
# Whatever is around it, a frame with the message has it.
MARK = BODY.encode()


class Crossings:
    """What was said, answered and heard; the next is said when the last has been both."""

    def __init__(self) -> None:
        self.author: Client | None = None
        """Who speaks; None: nobody any more."""
        self.since_said = array("d")
        """Seconds until it was heard, each."""
        self.since_answered = array("d")
        """The same from the answer; less than 0 where that came later."""
        # See `Tally`: refs never come again.
        self._number = time.monotonic_ns()
        self._said_at = 0.0
        self._answered_at: float | None = None
        self._heard_at: float | None = None

    def begin(self, author: Client) -> None:
        """Say the first."""
        self.author = author
        self._say(author)

    def forget(self) -> None:
        """Begin to measure."""
        del self.since_said[:], self.since_answered[:]

    def answered(self) -> None:
        """The author has the answer."""
        self._answered_at = time.perf_counter()
        self._go_on()

    def heard(self) -> None:
        """The other one has the message."""
        self._heard_at = time.perf_counter()
        self._go_on()

    def _go_on(self) -> None:
        if self._answered_at is None or self._heard_at is None:
            return
        self.since_said.append(self._heard_at - self._said_at)
        self.since_answered.append(self._heard_at - self._answered_at)
        if self.author is not None:
            self._say(self.author)

    def _say(self, author: Client) -> None:
        self._answered_at = self._heard_at = None
        self._number += 1
        self._said_at = time.perf_counter()
        author.publish(BODY, self._number)


class Here(Client):
    """The author."""

    def __init__(self, dialect: Dialect, crossings: Crossings) -> None:
        super().__init__(dialect)
        self._ack = dialect.ack
        self._crossings = crossings

    def received(self, transport: WSTransport, frame: WSFrame) -> None:  # noqa: ARG002
        """A frame of the room: perhaps the answer."""
        if self._ack in frame.get_payload_as_bytes():
            self._crossings.answered()


class Elsewhere(Client):
    """Somebody at another server."""

    def __init__(self, dialect: Dialect, crossings: Crossings) -> None:
        super().__init__(dialect)
        self._crossings = crossings

    def received(self, transport: WSTransport, frame: WSFrame) -> None:  # noqa: ARG002
        """A frame of the room: perhaps the message."""
        if MARK in frame.get_payload_as_bytes():
            self._crossings.heard()
