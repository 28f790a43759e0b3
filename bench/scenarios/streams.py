"""Messages in the making: many at once, each of which grows by twenty pieces a second."""

import asyncio
import statistics
import time

from bench.load.connections import disconnect_all
from bench.load.dialect import Growing
from bench.load.growing import Text, begin_texts, speak
from bench.peers.peer import Site, World
from bench.scenarios.scenario import Better, Effort, Figure, measured

RATE = 20.0
# How many at once; a quick look has the first.
CASES = (100, 1000)
SETTLE = 1.0  # seconds
# A share of the pieces, in which the server comes to speed.
WARMING = 0.25
# Seconds for what is still on its way when all is said: who is overloaded has it by then or not.
PATIENCE = 10.0


class Streams:
    """How long a piece of a text takes from whoever says it to whoever reads it."""

    name = "streams"
    title = (
        "texts that grow by 20 pieces a second, each in a room of its own, until a reader has one"
    )
    unit = "ms"
    better: Better = "less"
    peers = ("itemroom", "itemroom-edits", "centrifugo", "centrifugo-pg")

    def world(self, effort: Effort) -> World:
        """A room with a speaker and a reader for each text of each case."""
        return World(rooms=sum(CASES[: effort.of(len(CASES), 1)]), members=2)

    async def run(self, site: Site, effort: Effort) -> list[Figure]:
        """One case after the other."""
        figures, first = [], 0
        for count in CASES[: effort.of(len(CASES), 1)]:
            figures += await _measure(site, effort, range(first, first + count))
            first += count
        return figures


async def _measure(site: Site, effort: Effort, rooms: range) -> list[Figure]:
    dialect = site.dialect
    if not isinstance(dialect, Growing):
        raise TypeError(f"{site.peer.name} knows of no text that grows")
    pieces = int(RATE * effort.of(8, 2))
    speakers, readers = await begin_texts(dialect, rooms)
    await asyncio.sleep(SETTLE)
    texts = [reader.text for reader in readers]
    async with measured(site) as span:
        await speak(speakers, RATE, pieces)
    await _heard(texts, pieces)
    end = time.perf_counter()
    await disconnect_all([*speakers, *readers])
    warm = int(pieces * WARMING)
    waits = statistics.quantiles((wait for text in texts for wait in text.waits(warm, end)), n=100)
    return [
        span.figure(f"{len(rooms)} texts, p{percent}", waits[percent - 1] * 1000)
        for percent in (50, 99)
    ]


async def _heard(texts: list[Text], pieces: int) -> None:
    """Wait until everybody has everything, or will not have it."""
    deadline = time.perf_counter() + PATIENCE
    while texts and time.perf_counter() < deadline:
        await asyncio.sleep(0.05)
        texts = [text for text in texts if len(text.heard_at) < pieces]
