"""Connections that come and then do nothing: how fast they come, and what they hold."""

import asyncio
from functools import partial

from bench.load.connections import Client, connect_all, disconnect_all
from bench.peers.peer import Site, World
from bench.scenarios.scenario import Better, Effort, Figure, measured

PEERS = ("itemroom", "tutorial", "socketio", "ws", "channels", "nchan", "centrifugo")
# Long enough for the presence of all to be told, and for buffers to be given back.
SETTLE = 1.5  # seconds
MEMBERS = 10


def _world(effort: Effort) -> World:
    return World(rooms=effort.of(400, 40), members=MEMBERS)


async def _connect(site: Site, rooms: range) -> list[Client]:
    addresses = [site.dialect.address(room, member) for room in rooms for member in range(MEMBERS)]
    return await connect_all(addresses, partial(Client, site.dialect))


class ConnectRate:
    """How many connections a second come in."""

    name = "connect-rate"
    title = "connections a second, rooms of 10, 64 handshakes at a time"
    unit = "connections/s"
    better: Better = "more"
    peers = PEERS

    def world(self, effort: Effort) -> World:
        """4,000 members of 400 rooms; a tenth for a quick look."""
        return _world(effort)

    async def run(self, site: Site, effort: Effort) -> list[Figure]:  # noqa: ARG002
        """Connect them all, after a few who pay for what a server loads when first asked."""
        first = await _connect(site, range(1))
        async with measured(site) as span:
            clients = await _connect(site, range(1, site.world.rooms))
        figure = span.figure("until in the room", len(clients) / span.seconds)
        await disconnect_all(first + clients)
        return [figure]


class IdleMemory:
    """What each of many idle connections holds."""

    name = "idle-memory"
    title = "memory of an idle connection: growth of the server's RSS by each"
    unit = "KB"
    better: Better = "less"
    peers = PEERS

    def world(self, effort: Effort) -> World:
        """4,000 members of 400 rooms; a tenth for a quick look."""
        return _world(effort)

    async def run(self, site: Site, effort: Effort) -> list[Figure]:  # noqa: ARG002
        """Connect them all, wait until that is digested, weigh."""
        first = await _connect(site, range(1))
        await asyncio.sleep(SETTLE)
        before = site.resident_bytes()
        clients = await _connect(site, range(1, site.world.rooms))
        await asyncio.sleep(SETTLE)
        grown = site.resident_bytes() - before
        await disconnect_all(first + clients)
        return [Figure("each", grown / len(clients) / 1000)]
