"""A server of many, as the application puts it together: what it tells, and what it counts."""

import asyncio
import time

import httpx2
import pytest
from pydantic import SecretStr

from api.settings import Settings
from tests.deadlines import scaled
from tests.nodes.serving import SECRET
from tests.programs.postgresql import Cluster
from tests.serving import LiveServer

pytestmark = pytest.mark.anyio


async def test_what_is_told_and_what_nobody_told_are_counted(
    cluster: Cluster,
) -> None:
    """A hint for what is stored, and a repair for a right that the database alone knew of."""
    settings = Settings(database_url=cluster.database(), secret=SecretStr(SECRET), port=0)
    with LiveServer(settings) as server:
        ada = server.person("ada")
        server.person("bob")
        ada.create("order-17")
        async with ada.room("order-17") as talk:
            await talk.publish("hello")
            ada.call("PUT", "/items/order-17/members/bob", json={"role": "reader"})
            await count(server, 'itemroom_hints_total{way="sent"}')
            await count(server, 'itemroom_repairs_total{what="rights"}')
        assert read(server, "itemroom_broker_up") == 1


async def count(server: LiveServer, name: str) -> None:
    """Wait for the first."""
    deadline = time.monotonic() + scaled(10)
    while not read(server, name):
        assert time.monotonic() < deadline, name
        await asyncio.sleep(0.05)


def read(server: LiveServer, name: str) -> float:
    """A number of its `/metrics`; 0: it is not there yet."""
    lines = httpx2.get(f"{server.url}/metrics").text.splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith(f"{name} ")), 0)
