"""A server under load, and what is left of it when it has been stopped."""

import asyncio
import contextlib
import itertools
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed

from tests.databases import IN_FILES, connected, execute, shared
from tests.process import Process
from tests.programs.postgresql import Cluster
from tests.serving import Fields, Person, Talk

# No test here is about rates.
UNLIMITED: dict[str, Any] = {"publish_rate": 0, "connections_per_user": 0, "handshake_rate": 0}

# All entries: those in their places, and in a file those that came a moment ago.
PLACES = ("entry", "pile") if IN_FILES else ("entry",)
LOGS = " UNION ALL ".join(f"SELECT item_key, seq, ref FROM {place}" for place in PLACES)


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
def hung(server: Process) -> Iterator[None]:
    """A database that does not answer: another program holds its file, or its sessions stand."""
    if IN_FILES:
        with closing(sqlite3.connect(server.database, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
    else:
        # A lock would not do: the server's sessions wait for one for three seconds at most.
        with stopped_sessions(server.database_url):
            yield


@contextmanager
def stopped_sessions(url: str) -> Iterator[None]:
    databases = shared.databases
    if not isinstance(databases, Cluster):
        pytest.skip("the sessions of somebody else's PostgreSQL cannot be stopped")
    pids = databases.sessions(url)
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def stored(server: Process) -> dict[str, int]:
    """By ref: the seq that is on disk."""
    with connected(server.database_url) as connection:
        rows = execute(connection, f"SELECT ref, seq FROM ({LOGS}) AS logs WHERE ref IS NOT NULL")
        return dict(rows)


def no_holes(server: Process) -> bool:
    with connected(server.database_url) as connection:
        query = f"SELECT count(*), max(seq), max(head) FROM ({LOGS}) AS logs"
        joined = f"{query} JOIN item ON item.key = item_key GROUP BY item_key"
        rows = execute(connection, joined)
    return all(count == newest == head for count, newest, head in rows)


async def ended(server: Process) -> int:
    """The exit code, while clients of this event loop go on."""
    return await asyncio.to_thread(server.popen.wait, 60)


@dataclass
class Held:
    """A server whose database does not answer, with a publish that waits for it."""

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
    stack.enter_context(hung(server))
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
