"""Fan-out: one author, one room, 500 receivers; deliveries a second."""

import asyncio
from functools import partial

from bench.load.connections import Client, connect, connect_all, disconnect_all
from bench.load.room import Receiver, Tally
from bench.peers.peer import Site, World
from bench.scenarios.scenario import Better, Effort, Figure, rate

RECEIVERS = 500
SIZES = (128, 1024)
IN_FLIGHT = (1, 16, 64)
# Joins have been told by then, and are not counted as load.
SETTLE = 1.0  # seconds


class FanOut:
    """How fast a room hears its author."""

    name = "fan-out"
    title = "one author, one room of 500 receivers"
    unit = "deliveries/s"
    better: Better = "more"
    peers = (
        "itemroom",
        "tutorial",
        "socketio",
        "ws",
        "channels",
        "nchan",
        "centrifugo",
        "limit",
    )

    def world(self, effort: Effort) -> World:  # noqa: ARG002 - the same room for a quick look
        """A room, its receivers and its author."""
        return World(rooms=1, members=RECEIVERS + 1)

    async def run(self, site: Site, effort: Effort) -> list[Figure]:
        """Each size with each number of messages on their way."""
        dialect = site.dialect
        tally = Tally(RECEIVERS)
        addresses = [dialect.address(0, member) for member in range(RECEIVERS)]
        receivers = await connect_all(addresses, partial(Receiver, dialect, tally, min(SIZES)))
        author = await connect(
            dialect.address(0, RECEIVERS, publishes=True), partial(Client, dialect)
        )
        await asyncio.sleep(SETTLE)
        figures = []
        for size in SIZES[: effort.of(2, 1)]:
            for in_flight in IN_FLIGHT:
                tally.begin(author, "x" * size, in_flight)
                variant = f"{size} bytes, {in_flight} in flight"
                figures.append(await rate(site, variant, lambda: tally.count, effort))
                await tally.stop()
        await disconnect_all([*receivers, author])
        return figures
