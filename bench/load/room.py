"""One author and many receivers in a room, with a bounded number of messages on their way."""

import asyncio
import time

from picows import WSFrame, WSTransport

from bench.load.connections import Client
from bench.load.dialect import Dialect

QUIET = 0.2  # seconds in which nothing arrives: all that was sent has been


class Tally:
    """Counts deliveries, and lets the author go on when a message has reached everybody.

    Which message a delivery is of is not looked at: every `receivers` deliveries are worth one
    message. With one message on its way this is exact.
    """

    def __init__(self, receivers: int) -> None:
        self.count = 0
        self.due = receivers
        self.author: Client | None = None
        self._receivers = receivers
        self._body = ""
        # No message of this run has the number of one before it: a ref that comes again would be
        # taken for a retry, and not be stored.
        self._number = time.monotonic_ns()

    def begin(self, author: Client, body: str, in_flight: int) -> None:
        """Put the first messages on their way."""
        self.author, self._body = author, body
        self.due = self.count + self._receivers
        for _ in range(in_flight):
            self._publish()

    async def stop(self) -> None:
        """Publish no more, and wait for what is on its way."""
        self.author = None
        before = -1
        while before != self.count:
            before = self.count
            await asyncio.sleep(QUIET)

    def complete(self) -> None:
        """A message more has arrived: say the next."""
        self.due += self._receivers
        self._publish()

    def _publish(self) -> None:
        if self.author is not None:
            self._number += 1
            self.author.publish(self._body, self._number)


class Receiver(Client):
    """Counts what is as long as a message: whatever else a peer says is shorter."""

    def __init__(self, dialect: Dialect, tally: Tally, floor: int) -> None:
        super().__init__(dialect)
        self._tally = tally
        self._floor = floor

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame has come. Overridden whole: a call less for each of millions."""
        if not self.is_ready:
            super().on_ws_frame(transport, frame)
        elif frame.payload_size >= self._floor:
            tally = self._tally
            tally.count += 1 if self._joint is None else self.messages_in(frame)
            while tally.count >= tally.due:
                tally.complete()
