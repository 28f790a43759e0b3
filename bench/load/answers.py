"""Authors who say something, wait for the answer, and say the next."""

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
        self._dialect = dialect
        self._answers = answers
        self._body = body
        self._said_at = 0.0

    def speak(self) -> None:
        """Say the next message, and note when."""
        self._answers.number += 1
        text = self._dialect.publish(self._body, self._answers.number)
        self._said_at = time.perf_counter()
        self.say(text)

    def received(self, transport: WSTransport, frame: WSFrame) -> None:  # noqa: ARG002
        """A frame of the room: perhaps the answer."""
        if not frame.get_payload_as_bytes().startswith(self._dialect.ack):
            return
        answers = self._answers
        answers.count += 1
        answers.seconds.append(time.perf_counter() - self._said_at)
        if answers.going_on:
            self.speak()
