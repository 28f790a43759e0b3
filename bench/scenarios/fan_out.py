"""Fan-out: one author, one room, 500 receivers; deliveries a second."""

import asyncio
from functools import partial

from bench.load.connections import Client, connect, connect_all, disconnect_all
from bench.load.room import Receiver, Tally
from bench.peers.peer import Site, World
from bench.scenarios.scenario import Better, Effort, Figure, rate

RECEIVERS = 500
FLOOR = 128
# Of a body, and how many are on their way; a quick look has the first three.
CASES = ((FLOOR, 1), (FLOOR, 16), (FLOOR, 64), (1024, 16))
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
        """Each size with the numbers of messages on their way."""
        dialect = site.dialect
        tally = Tally(RECEIVERS)
        addresses = [dialect.address(0, member) for member in range(RECEIVERS)]
        receivers = await connect_all(addresses, partial(Receiver, dialect, tally, FLOOR))
        author = await connect(
            dialect.address(0, RECEIVERS, publishes=True), partial(Client, dialect)
        )
        await asyncio.sleep(SETTLE)
        figures = []
        for size, in_flight in CASES[: effort.of(len(CASES), 3)]:
            tally.begin(author, "x" * size, in_flight)
            variant = f"{size} bytes, {in_flight} in flight"
            figures.append(await rate(site, variant, lambda: tally.count, effort))
            await tally.stop()
        await disconnect_all([*receivers, author])
        return figures
