"""Durable publish and ack latency: authors in rooms of their own, answered one by one."""

import asyncio
import statistics
from functools import partial

from bench.load.answers import Answers, Author
from bench.load.connections import connect_all, disconnect_all
from bench.peers.peer import Site, World
from bench.scenarios.scenario import Better, Effort, Figure, measured, rate

BODY = "x" * 64
# All answer; after storing it, Itemroom and Centrifugo with PostgreSQL.
PEERS = ("itemroom", "echo", "socketio", "centrifugo", "centrifugo-pg")


class DurablePublish:
    """How many messages a second are answered, each author waiting for each answer."""

    name = "durable-publish"
    title = "authors in a room each, one message at a time each"
    unit = "answers/s"
    better: Better = "more"
    peers = PEERS

    def world(self, effort: Effort) -> World:
        """A room for each author."""
        return World(rooms=effort.of(200, 50), members=1)

    async def run(self, site: Site, effort: Effort) -> list[Figure]:
        """One author, 50, 200."""
        counts = [count for count in (1, 50, 200) if count <= site.world.rooms]
        return [await measure_answers(site, effort, count) for count in counts]


class AckLatency:
    """How long one author waits for an answer from an idle server."""

    name = "ack-latency"
    title = "one author, idle server: from saying to the answer"
    unit = "ms"
    better: Better = "less"
    peers = PEERS

    def world(self, effort: Effort) -> World:  # noqa: ARG002 - one room is enough
        """A room."""
        return World()

    async def run(self, site: Site, effort: Effort) -> list[Figure]:
        """The median, and what one in a hundred waits for."""
        answers = Answers()
        authors = await _authors(site, answers, 1)
        authors[0].speak()
        await asyncio.sleep(effort.seconds / 3)
        del answers.seconds[:]
        async with measured(site) as span:
            await asyncio.sleep(effort.seconds)
        await _dismiss(authors, answers)
        waits = statistics.quantiles(answers.seconds, n=100)
        return [span.figure(f"p{percent}", waits[percent - 1] * 1000) for percent in (50, 99)]


async def measure_answers(site: Site, effort: Effort, count: int) -> Figure:
    """How fast so many authors are answered, each in a room of their own."""
    answers = Answers()
    authors = await _authors(site, answers, count)
    for author in authors:
        author.speak()
    variant = f"{count} author{'s'[: count > 1]}"
    figure = await rate(site, variant, lambda: answers.count, effort)
    await _dismiss(authors, answers)
    return figure


async def _authors(site: Site, answers: Answers, count: int) -> list[Author]:
    dialect = site.dialect
    addresses = [dialect.address(room, 0) for room in range(count)]
    return await connect_all(addresses, partial(Author, dialect, answers, BODY))


async def _dismiss(authors: list[Author], answers: Answers) -> None:
    answers.going_on = False
    await asyncio.sleep(0.1)
    await disconnect_all(authors)
