"""Floods: somebody sends as fast as they can; what those feel who do not."""

import asyncio
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from functools import partial

import orjson

from bench.load.answers import Answers, Author
from bench.load.connections import connect_all, disconnect_all
from bench.load.flood import Flood, Outcome
from bench.machine import free_port
from bench.peers.itemroom import Rooms
from bench.peers.peer import Site, World
from bench.peers.world import item_id
from bench.scenarios.resume import Watch
from bench.scenarios.scenario import Better, Effort, Figure

HEALTHY = 4
NONSENSE = "x"
FLOODERS = 50
PACE = 0.06  # seconds between two messages of an author: below the rate that one may have
SETTLE = 1.0  # seconds
BESIDE = "p99 beside a sink, ms"
WITHIN = "p99 beside the server, ms"
RATIO = "p99, flooded against beside"
MEMORY = "server memory, MB"
CUT = "seconds to the last cut"
UNTOLD = "cut without a reason"


def _frame(opcode: int, payload: bytes = b"", *, final: bool = True) -> str:
    """A short frame of a client, with a mask of zeros."""
    head = bytes((opcode | (0x80 if final else 0), 0x80 | len(payload))) + bytes(4)
    return (head + payload).decode("latin-1")


def _said(**fields: object) -> str:
    return _frame(1, orjson.dumps(fields))


_HTTP = "HTTP/1.1\r\nHost: 127.0.0.1\r\n"
_CHUNKED = f"POST /auth/login {_HTTP}Transfer-Encoding: chunked\r\n\r\n"
# By name: what is said in the room before the flood, and the flood.
IN_ROOMS = {
    "pings": ("", _frame(9)),
    "pongs": ("", _frame(10)),
    "pings between fragments": (_frame(1, final=False), _frame(9)),
    '"ping"': ("", _said(type="ping")),
    '"presence"': ("", _said(type="presence")),
    '"read"': ("", _said(type="read", seq=1)),
    '"auth"': ("", _said(type="auth", token=NONSENSE)),
    '"publish"': ("", _said(type="publish", body="x")),
    "unknown": ("", _said(type="shout")),
}
# The same without a room.
OUTSIDE = {
    "pipelined requests": ("", f"GET /healthz {_HTTP}\r\n"),
    "headers": (f"GET /healthz {_HTTP}", "X: y\r\n"),
    "chunks": (_CHUNKED, "1\r\nx\r\n"),
}


class Floods:
    """What happens to everybody when one, or fifty, flood."""

    name = "floods"
    title = "4 authors beside somebody who sends without end, against the same flood into a sink"
    unit = "as named"
    better: Better = "less"
    peers = ("itemroom",)

    def world(self, effort: Effort) -> World:  # noqa: ARG002 - the same room for a quick look
        """A room for all of them, on a server with the limits that it comes with."""
        return World(rooms=1, members=HEALTHY + FLOODERS, limits_raised=False)

    async def run(self, site: Site, effort: Effort) -> list[Figure]:
        """Each kind of flood, by one and by many; before each, the same into the sink."""
        rooms = site.dialect
        if not isinstance(rooms, Rooms):
            raise TypeError(f"{site.peer.title} has no rooms")
        answers = Answers()
        answers.going_on = False
        authors = await connect_all(
            [rooms.room_address(0, member) for member in range(HEALTHY)],
            partial(Author, rooms, answers, "x" * 64),
        )
        talk = asyncio.create_task(_talk(authors))
        await asyncio.sleep(SETTLE)
        figures: list[Figure] = []
        async with _sink() as sink:
            for count in (1, FLOODERS):
                for name, flood in _floods(site, rooms, count, effort):
                    figures += await _measure(site, answers, f"{count} x {name}", flood, sink)
        talk.cancel()
        await disconnect_all(authors)
        return [*figures, *_worst(figures)]


async def _talk(authors: Sequence[Author]) -> None:
    while True:
        for author in authors:
            author.speak()
            await asyncio.sleep(PACE / len(authors))


@asynccontextmanager
async def _sink() -> AsyncIterator[int]:
    port = free_port()
    sink = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.load.sink", str(port))
    await asyncio.sleep(SETTLE)
    try:
        yield port
    finally:
        sink.kill()
        await sink.wait()


def _floods(site: Site, rooms: Rooms, count: int, effort: Effort) -> Iterator[tuple[str, Flood]]:
    members = range(HEALTHY, HEALTHY + count)
    for name, (first, frame) in IN_ROOMS.items():
        firsts = [handshake(rooms.tokens[0][member]) + first for member in members]
        yield name, Flood(site.port, 2 * effort.seconds, firsts, frame, answered=True)
    for name, (first, frame) in OUTSIDE.items():
        yield name, Flood(site.port, 2 * effort.seconds, [first] * count, frame, answered=False)


def handshake(token: str) -> str:
    """The request of a member who wants to be in the room."""
    return (
        f"GET /items/{item_id(0)}/ws?tail=0 {_HTTP}Upgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    )


async def _measure(
    site: Site, answers: Answers, name: str, flood: Flood, sink: int
) -> list[Figure]:
    beside, _ = await _p99(answers, replace(flood, port=sink, answered=False))
    watch = Watch(site)
    watching = asyncio.create_task(watch.look())
    within, outcome = await _p99(answers, flood)
    watching.cancel()
    is_cut = len(outcome.cut_seconds) == len(flood.firsts)
    return [
        Figure(f"{name}, {BESIDE}", beside * 1000),
        Figure(f"{name}, {WITHIN}", within * 1000),
        Figure(f"{name}, {RATIO}", within / beside),
        Figure(f"{name}, {MEMORY}", watch.grown / 2**20),
        Figure(f"{name}, {CUT}", max(outcome.cut_seconds) if is_cut else math.inf),
        Figure(f"{name}, {UNTOLD}", len(flood.firsts) - outcome.told),
    ]


async def _p99(answers: Answers, flood: Flood) -> tuple[float, Outcome]:
    """How long one answer in a hundred takes beside a flood, in seconds; what became of that."""
    flooder = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.load.flood",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    del answers.seconds[:]
    begun = time.monotonic()
    told, _ = await flooder.communicate(json.dumps(asdict(flood)).encode())
    # A flooder who was cut is done early; the same time counts for all.
    await asyncio.sleep(max(0.0, flood.seconds - (time.monotonic() - begun)))
    return statistics.quantiles(answers.seconds, n=100)[98], Outcome(**json.loads(told))


def _worst(figures: Sequence[Figure]) -> list[Figure]:
    """The worst of all kinds of flood, by how many flood."""
    return [
        Figure(
            f"{count} x any, {what}",
            max(
                figure.value
                for figure in figures
                if figure.variant.startswith(f"{count} x ") and figure.variant.endswith(what)
            ),
        )
        for count in (1, FLOODERS)
        for what in (RATIO, MEMORY, CUT, UNTOLD)
    ]
