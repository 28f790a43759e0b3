"""Authors who say something, wait for the answer, and say the next."""

import asyncio
import time
from array import array

from picows import WSFrame, WSTransport

from bench.load.connections import Client
from bench.load.dialect import Dialect


class Answers:
    """What all authors of a run have been answered."""

    def __init__(self) -> None:
        self.count = 0
        self.seconds = array("d")
        """From saying to the answer, each; empty it to begin to measure."""
        self.going_on = True
        # See `Tally`: refs never come again.
        self.number = time.monotonic_ns()


class Author(Client):
    """One message at a time: the next when the last was answered."""

    def __init__(self, dialect: Dialect, answers: Answers, body: str) -> None:
        super().__init__(dialect)
        self._ack = dialect.ack
        self._answers = answers
        self._body = body
        self._said_at = 0.0

    def speak(self) -> None:
        """Say the next message, and note when."""
        self._answers.number += 1
        self._said_at = time.perf_counter()
        self.publish(self._body, self._answers.number)

    def received(self, transport: WSTransport, frame: WSFrame) -> None:  # noqa: ARG002
        """A frame of the room: perhaps the answer."""
        if self._ack not in frame.get_payload_as_bytes():
            return
        answers = self._answers
        answers.count += 1
        answers.seconds.append(time.perf_counter() - self._said_at)
        if answers.going_on:
            self.speak()


class Narrator(Client):
    """Says a number of messages, each when the last was answered; is then `done`."""

    def __init__(self, dialect: Dialect, body: str, count: int) -> None:
        super().__init__(dialect)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ack = dialect.ack
        self._body = body
        self._left = count

    def begin(self) -> None:
        """Say the first."""
        self.publish(self._body, time.monotonic_ns())

    def received(self, transport: WSTransport, frame: WSFrame) -> None:  # noqa: ARG002
        """A frame of the room: perhaps the answer."""
        if self._ack not in frame.get_payload_as_bytes():
            return
        self._left -= 1
        if self._left:
            self.publish(self._body, time.monotonic_ns())
        else:
            self.done.set_result(None)
