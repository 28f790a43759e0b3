"""A server under load, and what is left of it when it has been stopped."""

import asyncio
import contextlib
import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from websockets.exceptions import ConnectionClosed

from tests.process import Process
from tests.serving import Fields, Person, Talk

# No test here is about rates.
UNLIMITED: dict[str, Any] = {"publish_rate": 0, "connections_per_user": 0, "handshake_rate": 0}

# All entries: those in their places, and those that came a moment ago.
LOGS = "(SELECT item_key, seq, ref FROM entry UNION ALL SELECT item_key, seq, ref FROM pile)"


@dataclass
class Chatter:
    """A client that publishes without a pause until the server ends the connection."""

    name: str
    talk: Talk
    acked: dict[str, int] = field(default_factory=dict)
    end: tuple[int, str, Fields] = (0, "", {})

    @property
    def acks(self) -> int:
        """How many it has got so far."""
        return sum(frame["type"] == "ack" for frame in self.talk.seen)

    async def run(self) -> None:
        speaking = asyncio.create_task(self._speak())
        try:
            self.end = await self.talk.closed()
        finally:
            speaking.cancel()
        acks = [frame for frame in self.talk.seen if frame["type"] == "ack"]
        self.acked = {frame["ref"]: frame["seq"] for frame in acks}

    async def _speak(self) -> None:
        for number in itertools.count():
            with contextlib.suppress(ConnectionClosed):
                await self.talk.send("publish", ref=f"{self.name}-{number}", body=number)
            await asyncio.sleep(0.01)


@contextmanager
def foreign_lock(database: Path) -> Iterator[None]:
    """Another program that holds the database, as a hung disk would."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def stored(database: Path) -> dict[str, int]:
    """By ref: the seq that is on disk."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(f"SELECT ref, seq FROM {LOGS} WHERE ref IS NOT NULL")
        return dict(rows.fetchall())


def no_holes(database: Path) -> bool:
    with closing(sqlite3.connect(database)) as connection:
        query = f"SELECT count(*), max(seq), max(head) FROM {LOGS} JOIN item ON item.key = item_key"
        rows = connection.execute(f"{query} GROUP BY item_key").fetchall()
    return all(count == newest == head for count, newest, head in rows)


async def ended(server: Process) -> int:
    """The exit code, while clients of this event loop go on."""
    return await asyncio.to_thread(server.popen.wait, 60)


@dataclass
class Held:
    """A server whose database is held by another program, with a publish that waits for it."""

    server: Process
    ada: Person
    talk: Talk
    acked: dict[str, int]


async def hold(server: Process, stack: AsyncExitStack) -> Held:
    ada = server.person("ada")
    ada.create("order-17")
    talk = await stack.enter_async_context(ada.room("order-17"))
    acked = {}
    for number in range(20):
        answer = await talk.publish("stored", f"r{number}")
        acked[answer["ref"]] = answer["seq"]
    stack.enter_context(foreign_lock(server.database))
    await talk.send("publish", ref="waits", body="for the other program")
    await talk.send("ping")  # Taken after the publish, and answered without the database.
    await talk.get("pong")
    return Held(server, ada, talk, acked)


async def until_draining(server: Process) -> httpx2.Response:
    async with httpx2.AsyncClient(base_url=server.url) as client:
        for _ in range(200):
            response = await client.get("/readyz")
            if response.status_code == 503 and response.json()["code"] == "draining":
                return response
            await asyncio.sleep(0.02)
    raise AssertionError("the server does not drain")
