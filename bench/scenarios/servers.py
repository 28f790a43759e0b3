"""On PostgreSQL: what is stored by one server and by three, what another hears when, and what it
costs PostgreSQL that rooms are open in which nothing happens.
"""

import asyncio
import statistics
from functools import partial

from bench.load.connections import Client, connect, connect_all, disconnect_all
from bench.load.crossing import Crossings, Elsewhere, Here
from bench.peers.peer import Site, World
from bench.scenarios.publish import measure_answers
from bench.scenarios.scenario import Better, Effort, Figure, measured

AUTHORS = 50
# As PostgreSQL's own processes are named, whatever has started them.
POSTGRES = "postgres"
# Presence is written, and all that came has been told.
SETTLE = 5.0  # seconds
# Ten of the looks that a server takes at what is open.
IDLE = 20.0  # seconds


class SharedPublish:
    """How many messages a second are answered, each author waiting for each answer.

    Args:
        servers: on one database; each author is at one of them.
    """

    unit = "answers/s"
    better: Better = "more"

    def __init__(self, servers: int) -> None:
        self._servers = servers
        at = "one server" if servers == 1 else f"{servers} servers on one core"
        self.name = f"pg-publish-{servers}"
        self.title = f"{at}: authors in a room each, one message at a time each"

    @property
    def peers(self) -> tuple[str, ...]:
        """A transaction a message tells no other server."""
        alone = ("transaction",) if self._servers == 1 else ()
        return ("itemroom-pg", "itemroom-pg-redis", *alone, "centrifugo-pg", "centrifugo-redis")

    def world(self, effort: Effort) -> World:  # noqa: ARG002 - the same rooms for a quick look
        """A room for each author."""
        return World(rooms=AUTHORS, servers=self._servers)

    async def run(self, site: Site, effort: Effort) -> list[Figure]:
        """All authors at once."""
        return [await measure_answers(site, effort, AUTHORS)]


class OtherServer:
    """How long what is said at one server needs to somebody at another."""

    name = "pg-other-server"
    title = "one author, idle servers: until a socket of another server has it"
    unit = "ms"
    better: Better = "less"
    peers = ("itemroom-pg-redis", "itemroom-pg", "centrifugo-redis", "centrifugo-pg")

    def world(self, effort: Effort) -> World:  # noqa: ARG002 - one room is enough
        """A room, whose two members are at two servers."""
        return World(members=2, servers=2)

    async def run(self, site: Site, effort: Effort) -> list[Figure]:
        """From saying, and from when the author's own socket has the answer."""
        crossings, dialect = Crossings(), site.dialect
        elsewhere = await connect(dialect.address(0, 1), partial(Elsewhere, dialect, crossings))
        here = await connect(dialect.address(0, 0), partial(Here, dialect, crossings))
        # Whoever is there is known of at both by then.
        await asyncio.sleep(effort.seconds)
        crossings.begin(here)
        await asyncio.sleep(effort.seconds / 3)
        crossings.forget()
        async with measured(site) as span:
            await asyncio.sleep(effort.seconds)
        crossings.author = None
        await disconnect_all([here, elsewhere])
        figures = []
        for since, seconds in (
            ("the answer", crossings.since_answered),
            ("saying", crossings.since_said),
        ):
            waits = statistics.quantiles(seconds, n=100)
            # Who hears it before the author has the answer needs no time beyond that.
            figures += [
                span.figure(f"since {since}, p{percent}", max(0.0, waits[percent - 1] * 1000))
                for percent in (50, 99)
            ]
        return figures


class IdleRooms:
    """What PostgreSQL computes while nothing happens."""

    name = "pg-idle-rooms"
    title = "open rooms in which nothing happens: what the processes compute"
    unit = "% of a core"
    better: Better = "less"
    peers = ("itemroom-pg", "itemroom-pg-redis", "centrifugo-pg")

    def world(self, effort: Effort) -> World:
        """10,000 rooms, each with one member; a tenth for a quick look."""
        return World(rooms=effort.of(10_000, 1000))

    async def run(self, site: Site, effort: Effort) -> list[Figure]:
        """Open them all, wait until that is digested, and look for a while."""
        addresses = [site.dialect.address(room, 0) for room in range(site.world.rooms)]
        clients = await connect_all(addresses, partial(Client, site.dialect))
        await asyncio.sleep(SETTLE)
        everything, postgres = site.cpu_seconds(), site.cpu_seconds_of(POSTGRES)
        async with measured(site) as span:
            await asyncio.sleep(IDLE / effort.of(1, 4))
        postgres = site.cpu_seconds_of(POSTGRES) - postgres
        others = site.cpu_seconds() - everything - postgres
        await disconnect_all(clients)
        return [
            span.figure("PostgreSQL", 100 * postgres / span.seconds),
            span.figure("the server", 100 * others / span.seconds),
        ]
