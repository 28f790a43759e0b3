"""Coming back: thousands at once a little behind, and one that is far behind."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Sequence
from functools import partial

from bench.load.answers import Answers, Author, Narrator
from bench.load.connections import PATIENCE, RefusedError, connect_all, disconnect_all
from bench.load.dialect import Resuming
from bench.load.resuming import Returning, come_back
from bench.peers.itemroom import Rooms
from bench.peers.peer import Site, World
from bench.peers.world import TEXT
from bench.scenarios.scenario import Better, Effort, Figure, measured

BEHIND = 100
MEMBERS = 10
SETTLE = 1.0  # seconds
PACE = 0.005  # seconds between two messages of an author who is not in a hurry
GLANCE = 0.02  # seconds between two looks at the server's memory


class ReconnectStorm:
    """How long until everybody is back, when everybody was cut off."""

    name = "reconnect-storm"
    title = "all clients at once, each 100 entries behind: until the last is live"
    unit = "seconds; refusals for each client"
    better: Better = "less"
    peers = ("itemroom", "centrifugo")

    def world(self, effort: Effort) -> World:
        """4,000 members of 400 rooms; a quick look has a tenth."""
        return World(rooms=effort.of(400, 40), members=MEMBERS, logs=(BEHIND,))

    async def run(self, site: Site, effort: Effort) -> list[Figure]:  # noqa: ARG002
        """Everybody comes back at once: how long until all have what they missed."""
        rooms = site.dialect
        if not isinstance(rooms, Resuming):
            raise TypeError(f"{site.peer.title} cannot resume")
        if not rooms.is_filled:
            await _fill(site)
        addresses = [
            rooms.room_address(room, member, after=0)
            for room in range(site.world.rooms)
            for member in range(MEMBERS)
        ]
        async with measured(site) as span:
            back = await asyncio.gather(*(come_back(address, rooms) for address in addresses))
        _check(BEHIND, [client for client, _ in back])
        await disconnect_all([client for client, _ in back])
        refused = sum(refusals for _, refusals in back) / len(back)
        name = f"{len(addresses)} clients"
        return [span.figure(f"{name}, seconds", span.seconds), Figure(f"{name}, refusals", refused)]


class Resume:
    """What one client that is 100,000 entries behind costs the server and everybody else."""

    name = "resume"
    title = "one client far behind, others at work"
    unit = "as named"
    better: Better = "less"
    peers = ("itemroom",)

    def world(self, effort: Effort) -> World:
        """A long log, and a room where others are at work."""
        return World(rooms=2, logs=(effort.of(100_000, 20_000), 0))

    async def run(self, site: Site, effort: Effort) -> list[Figure]:
        """The others alone, then with the one who resumes."""
        rooms = _rooms(site)
        answers = Answers()
        answers.going_on = False
        (author,) = await connect_all(
            [rooms.room_address(1, 0)], partial(Author, rooms, answers, "x" * 64)
        )
        watch = Watch(site)
        talk = asyncio.create_task(_talk(author))
        await asyncio.sleep(SETTLE)
        alone = await _p99_while(answers, asyncio.sleep(effort.seconds))
        watching = asyncio.create_task(watch.look())
        begun = time.perf_counter()
        returning = asyncio.create_task(come_back(rooms.room_address(0, 0, after=0), rooms))
        meanwhile = await _p99_while(answers, returning)
        seconds = time.perf_counter() - begun
        talk.cancel()
        watching.cancel()
        back, _ = returning.result()
        _check(site.world.entries(0), [back])
        await disconnect_all([author, back])
        return [
            Figure("seconds", seconds),
            Figure("server memory", watch.grown / 2**20),
            Figure("others' p99, during against before", meanwhile / alone),
        ]


class Watch:
    """The most memory that a server holds while it is looked at."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.grown = 0

    async def look(self) -> None:
        """Look until cancelled."""
        before = self._site.resident_bytes()
        while True:
            await asyncio.sleep(GLANCE)
            self.grown = max(self.grown, self._site.resident_bytes() - before)


async def _talk(author: Author) -> None:
    while True:
        author.speak()
        await asyncio.sleep(PACE)


async def _p99_while(answers: Answers, act: Awaitable[object]) -> float:
    """How long one answer in a hundred takes meanwhile, in seconds."""
    del answers.seconds[:]
    await act
    return statistics.quantiles(answers.seconds, n=100)[98]


async def _fill(site: Site) -> None:
    """Say in each room what will have been missed."""
    addresses = [site.dialect.address(room, 0) for room in range(site.world.rooms)]
    narrators = await connect_all(addresses, partial(Narrator, site.dialect, TEXT, BEHIND))
    for narrator in narrators:
        narrator.begin()
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(narrator.done for narrator in narrators))
    await disconnect_all(narrators)


def _rooms(site: Site) -> Rooms:
    if not isinstance(site.dialect, Rooms):
        raise TypeError(f"{site.peer.title} cannot resume")
    return site.dialect


def _check(expected: int, clients: Sequence[Returning]) -> None:
    """A figure counts only if nothing was left out."""
    for client in clients:
        if client.entries != expected:
            raise RefusedError(f"{client.entries} entries came, and {expected} were missed")
