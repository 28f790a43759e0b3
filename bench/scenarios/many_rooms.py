"""Many rooms: two hundred of five, each with an author and one message on its way."""

import asyncio
from functools import partial

from bench.load.connections import Client, connect_all, disconnect_all
from bench.load.room import Receiver, Tally
from bench.peers.peer import Site, World
from bench.scenarios.scenario import Better, Effort, Figure, rate

BODY = "x" * 128
ROOMS = 200
RECEIVERS = 4
SETTLE = 1.0  # seconds


class ManyRooms:
    """How fast many small rooms hear their authors: batches within a room are of no help here."""

    name = "many-rooms"
    title = "rooms of five, each with one message in flight"
    unit = "deliveries/s"
    better: Better = "more"
    peers = ("itemroom", "tutorial", "socketio", "ws", "channels", "nchan", "centrifugo")

    def world(self, effort: Effort) -> World:  # noqa: ARG002 - the same rooms for a quick look
        """The rooms, and their members."""
        return World(rooms=ROOMS, members=RECEIVERS + 1)

    async def run(self, site: Site, effort: Effort) -> list[Figure]:
        """All rooms at once."""
        dialect, rooms = site.dialect, range(site.world.rooms)
        tallies = [Tally(RECEIVERS) for _ in rooms]
        receivers: list[Client] = []
        for room in rooms:
            addresses = [dialect.address(room, member) for member in range(RECEIVERS)]
            listener = partial(Receiver, dialect, tallies[room], len(BODY))
            receivers += await connect_all(addresses, listener)
        addresses = [dialect.address(room, RECEIVERS, publishes=True) for room in rooms]
        authors = await connect_all(addresses, partial(Client, dialect))
        await asyncio.sleep(SETTLE)
        for tally, author in zip(tallies, authors, strict=True):
            tally.begin(author, BODY, 1)
        figure = await rate(
            site, f"{len(rooms)} rooms", lambda: sum(tally.count for tally in tallies), effort
        )
        await asyncio.gather(*(tally.stop() for tally in tallies))
        await disconnect_all([*receivers, *authors])
        return [figure]
