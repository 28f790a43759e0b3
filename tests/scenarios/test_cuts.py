"""Streams of events that are cut again and again: what a client puts together is the log."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import Serve
from tests.events import KINDS, Event, Reader
from tests.nodes.serving import at, nodes
from tests.programs.postgresql import Cluster
from tests.serving import Fields, Person

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(150)]
READERS, CUTS, PAUSE = 6, 25, 0.02
SETTINGS: dict[str, Any] = {
    "publish_rate": 0,
    "recent_entries": 16,
    "page_max": 20,
    "connections_per_user": 0,
}


@dataclass
class Restless:
    """Somebody whose connection is cut at random moments, in the middle of whatever comes.

    Args:
        ways: the person at each server: each time they come to one of them.
        chance: when, and whereto.
    """

    ways: Sequence[Person]
    chance: random.Random
    entries: list[Event] = field(default_factory=list)
    cuts: int = 0
    last_id: str = ""

    async def read_until(self, body: str) -> None:
        """Come back after each cut, until an entry with this body has come."""
        while not (self.entries and self.entries[-1].data.get("body") == body):
            await self._connect(body)

    async def _connect(self, body: str) -> None:
        person = self.chance.choice(self.ways)
        port = urlsplit(person.server.url).port
        reading, writing = await asyncio.open_connection("127.0.0.1", port)
        lines = [
            f"GET /items/doc/events?after=0&token={person.token} HTTP/1.1",
            "Host: 127.0.0.1",
            *([f"Last-Event-ID: {self.last_id}"] if self.last_id else []),
        ]
        writing.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        left = self.chance.randrange(1, 6_000) if self.cuts < CUTS else 2**40
        try:
            await self._read(reading, body, left)
        finally:
            self.cuts += 1
            writing.transport.abort()
        await asyncio.sleep(self.chance.uniform(0, PAUSE))

    async def _read(self, reading: asyncio.StreamReader, body: str, left: int) -> None:
        head = await reading.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        reader = Reader()
        while left > 0 and (size := int(await reading.readline(), 16)):
            chunk = (await reading.readexactly(size + 2))[:-2]
            for event in reader.read(chunk[:left]):
                if event.type == "welcome":
                    assert event.data["recovered"] is True
                if event.type in KINDS:
                    self.entries.append(event)
                    self.last_id = event.id or ""
                    if event.data.get("body") == body:
                        return
            left -= size


async def talk(person: Person, name: str, count: int) -> None:
    """So many messages, a few at a time."""
    async with person.room("doc") as room:
        for number in range(count):
            await room.publish(f"{name}{number} {'x' * (number % 50) * 20}", ref=f"{name}{number}")


async def check(ways: Sequence[Person], count: int) -> None:
    """Readers that are cut get the log, whole and in its order."""
    seed = random.randrange(2**32)
    print("seed", seed)
    readers = [Restless(ways, random.Random(f"{seed} {number}")) for number in range(READERS)]
    reading = [asyncio.create_task(reader.read_until("the end")) for reader in readers]
    rounds = 0
    while not rounds or min(reader.cuts for reader in readers) < CUTS:
        rounds += 1
        names = [f"{rounds}-{place}-" for place in range(len(ways))]
        await asyncio.gather(*(talk(*one, count) for one in zip(ways, names, strict=True)))
    await asyncio.to_thread(ways[0].publish, "doc", "the end")
    await asyncio.gather(*reading)
    log = await asyncio.to_thread(whole_log, ways[0])
    assert [one["seq"] for one in log] == list(range(1, len(log) + 1))
    for reader in readers:
        assert [event.data for event in reader.entries] == log
        assert reader.cuts > CUTS


def whole_log(person: Person) -> list[Fields]:
    """As pages show it."""
    log: list[Fields] = []
    while True:
        page = person.call("GET", f"/items/doc/log?after={len(log)}&limit=500").json()
        log += page["entries"]
        if len(log) >= page["head"]:
            return log


async def test_streams_that_are_cut_are_the_log(serve: Serve) -> None:
    """At any byte, while others talk: nothing is missing and nothing comes twice."""
    ada = serve(**SETTINGS).person("ada")
    ada.create("doc")
    await check([ada], 150)


async def test_streams_that_are_cut_are_the_log_at_any_server(
    tmp_path: Path, cluster: Cluster
) -> None:
    """Who comes back may come to another server of the same PostgreSQL."""
    with nodes(tmp_path, cluster.database(), 2, **SETTINGS) as servers:
        ada = servers[0].person("ada")
        ada.create("doc")
        await check([ada, at(servers[1], ada)], 75)
