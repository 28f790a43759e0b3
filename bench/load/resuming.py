"""Clients that come back and are told what they have missed."""

import asyncio
import random

from picows import WSFrame, WSTransport

from bench.load.connections import Client, RefusedError, connect
from bench.load.dialect import Address, Resuming

RETRY_AFTER = 1.0  # seconds, at the most: each client waits a time of its own
ATTEMPTS = 100


class Returning(Client):
    """Counts the entries that it is given before it is live."""

    def __init__(self, dialect: Resuming) -> None:
        super().__init__(dialect)
        self.entries = 0
        self._missed = dialect.missed

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame has come."""
        if not self.is_ready:
            self.entries += frame.get_payload_as_bytes().count(self._missed)
        super().on_ws_frame(transport, frame)


async def come_back(address: Address, dialect: Resuming) -> tuple[Returning, int]:
    """Connect until that succeeds, as real clients do; also how often it was refused."""
    for refusals in range(ATTEMPTS):
        try:
            return await connect(address, lambda: Returning(dialect)), refusals
        except (RefusedError, OSError, TimeoutError):
            await asyncio.sleep(RETRY_AFTER * random.random())
    raise RefusedError(f"refused {ATTEMPTS} times")
