"""What tests of webhooks share: a server, whoever publishes there, and a program with a key."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from api.settings import Settings
from tests.conftest import Serve
from tests.databases import change, provided
from tests.serving import LiveServer, Person
from tests.stores import Store
from tests.webhooks.hooking import Caller, key_of


@dataclass(frozen=True)
class Shop:
    """A live server that may call this machine."""

    server: LiveServer
    ada: Person
    """Makes items, and publishes."""
    key: Caller

    def metric(self, name: str) -> float:
        """A number of `/metrics`, with its labels as they stand there."""
        text = httpx2.get(f"{self.server.url}/metrics").text
        line = next(line for line in text.splitlines() if line.startswith(f"itemroom_{name} "))
        return float(line.split()[1])

    async def pass_time(self, seconds: float) -> None:
        """Let so much time pass for whatever waits to be sent again."""
        passed = f"UPDATE webhook_cursor SET next_at = next_at - {seconds * 1000:.0f}"
        await asyncio.to_thread(change, self.server.settings, passed)


@pytest.fixture
async def shop(serve: Serve) -> Shop:
    """With the items order-1 and order-2."""
    server = serve(outgoing_private=True, publish_rate=0)
    ada = await asyncio.to_thread(server.person, "ada")
    for item in ("order-1", "order-2"):
        await asyncio.to_thread(ada.create, item)
    return Shop(server, ada, await asyncio.to_thread(key_of, server))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A database without a server."""
    settings: Settings = provided(tmp_path)
    async with Store(settings) as store:
        yield store
