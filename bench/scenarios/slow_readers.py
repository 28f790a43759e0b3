"""Slow readers: some clients of a room stop reading; what the others feel."""

import asyncio
import socket
import statistics
import time
from collections.abc import Sequence
from functools import partial

from picows import WSFrame, WSTransport

from bench.load.connections import Client, connect, connect_all, disconnect_all
from bench.load.dialect import Dialect
from bench.peers.peer import Site, World
from bench.scenarios.scenario import Better, Effort, Figure

RECEIVERS = 100
STALLED = 5
# Enough a second to fill what the kernel takes for a client within the time that is waited.
BODY = "x" * 12_000
PACE = 0.01  # seconds between two messages
SETTLE = 1.0  # seconds


class SlowReaders:
    """What happens to everybody when a few stop reading."""

    name = "slow-readers"
    title = "100 receivers, 5 of them stop reading: how late the others get a message"
    unit = "ms p99, or as named"
    better: Better = "less"
    peers = ("itemroom", "tutorial", "socketio", "ws", "channels", "nchan", "centrifugo")

    def world(self, effort: Effort) -> World:  # noqa: ARG002 - the same room for a quick look
        """A room, its receivers and its author."""
        return World(rooms=1, members=RECEIVERS + 1)

    async def run(self, site: Site, effort: Effort) -> list[Figure]:
        """All read; then some do not, for long enough to fill every buffer."""
        dialect = site.dialect
        addresses = [dialect.address(0, member) for member in range(RECEIVERS)]
        receivers = await connect_all(addresses, partial(Timed, dialect))
        author = await connect(
            dialect.address(0, RECEIVERS, publishes=True), partial(Client, dialect)
        )
        await asyncio.sleep(SETTLE)
        stalled, others = receivers[:STALLED], receivers[STALLED:]
        before = await _p99_of(author, others, effort.seconds)
        memory = site.resident_bytes()
        for client in stalled:
            client.stall()
        meanwhile = await _p99_of(author, others, effort.of(14, 8))
        grown = site.resident_bytes() - memory
        await disconnect_all([*receivers, author])
        return [
            Figure("all read", before * 1000),
            Figure("5 of 100 stall", meanwhile * 1000),
            Figure("server memory, MB", max(grown, 0) / 2**20),
        ]


class Timed(Client):
    """Notes when each message comes."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__(dialect)
        self.arrivals: list[float] = []

    def received(self, transport: WSTransport, frame: WSFrame) -> None:  # noqa: ARG002
        """A frame of the room."""
        if frame.payload_size >= len(BODY):
            self.arrivals += [time.perf_counter()] * self.messages_in(frame)

    def stall(self) -> None:
        """Read no more, and let the kernel take little."""
        transport = self.transport.underlying_transport
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        transport.pause_reading()


async def _p99_of(author: Client, receivers: Sequence[Timed], seconds: float) -> float:
    """From saying a message to the last receiver's having it, one in a hundred, in seconds."""
    for receiver in receivers:
        receiver.arrivals.clear()
    said = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        said.append(time.perf_counter())
        author.publish(BODY, time.monotonic_ns())
        await asyncio.sleep(PACE)
    await asyncio.sleep(SETTLE)
    # What has not come by now comes this late at the least.
    now = time.perf_counter()
    waits = [
        max(r.arrivals[place] if place < len(r.arrivals) else now for r in receivers) - moment
        for place, moment in enumerate(said)
    ]
    return statistics.quantiles(waits, n=100)[98]
