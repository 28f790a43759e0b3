"""`python -m bench.load.flood`: somebody who sends as fast as they can, in a process of their own.

Takes a `Flood` as JSON on standard input; prints an `Outcome` as JSON when its time is over.
"""

import json
import selectors
import socket
import sys
import time
from dataclasses import asdict, dataclass, field

CHUNK_BYTES = 256 * 1024
PATIENCE = 10.0  # seconds, for a handshake


@dataclass(frozen=True, slots=True)
class Flood:
    """What is sent. Text is Latin-1: one character for each byte."""

    port: int
    seconds: float
    firsts: list[str]
    """What each connection says before it floods: an opening handshake, most of the time."""
    frame: str
    """What is repeated."""
    answered: bool
    """Whether `firsts` are answered, and the answer is waited for."""


@dataclass(slots=True)
class Outcome:
    """What became of a flood."""

    sent_bytes: int = 0
    cut_seconds: list[float] = field(default_factory=list)
    """From the first byte of the flood to the end, for each connection that was cut."""
    told: int = 0
    """How many of those could read a reason."""


class Flooder:
    """One connection of a flood."""

    def __init__(self, flood: Flood, first: str, outcome: Outcome) -> None:
        self.socket = socket.create_connection(("127.0.0.1", flood.port), PATIENCE)
        self.socket.sendall(first.encode("latin-1"))
        if flood.answered:
            self.socket.recv(65536)
        self.socket.setblocking(False)
        frame = flood.frame.encode("latin-1")
        self._flood = memoryview(frame * (CHUNK_BYTES // len(frame)))
        self._left = self._flood
        self._outcome = outcome
        self._heard = b""
        self._begun = time.monotonic()

    def act(self, events: int) -> bool:
        """Send and read as much as there is; False when it is over."""
        try:
            if events & selectors.EVENT_READ:
                return self._read()
            sent = self.socket.send(self._left)
        except BlockingIOError:
            return True
        except OSError:
            while self._read():
                pass
            return False
        self._outcome.sent_bytes += sent
        self._left = self._left[sent:] or self._flood
        return True

    def _read(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except OSError:
            data = b""
        self._heard = (self._heard + data)[-65536:]
        if data:
            return True
        self._outcome.cut_seconds.append(time.monotonic() - self._begun)
        reasons = (b"rate_limited", b"too_many_errors", b"fragment_limit", b"too_big")
        self._outcome.told += any(reason in self._heard for reason in reasons)
        return False


def run(flood: Flood) -> Outcome:
    """Flood until the time is over or everybody was cut."""
    outcome = Outcome()
    end = time.monotonic() + flood.seconds
    with selectors.DefaultSelector() as selector:
        for first in flood.firsts:
            flooder = Flooder(flood, first, outcome)
            selector.register(flooder.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, flooder)
        while selector.get_map() and time.monotonic() < end:
            for key, events in selector.select(0.1):
                if not key.data.act(events):
                    selector.unregister(key.fileobj)
                    key.data.socket.close()
        for key in list(selector.get_map().values()):
            key.data.socket.close()
    return outcome


if __name__ == "__main__":
    print(json.dumps(asdict(run(Flood(**json.load(sys.stdin))))))  # noqa: T201 - its answer
