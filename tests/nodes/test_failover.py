"""A PostgreSQL that dies, and a copy of it that goes on without the newest commits."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.nodes.serving import Node, at, bodies, messages, nodes
from tests.programs.postgresql import Cluster
from tests.programs.waiting import until
from tests.serving import Person

pytestmark = pytest.mark.anyio

ITEM = "order-17"


@pytest.fixture
def primary() -> Iterator[Cluster]:
    """One that is killed."""
    with Cluster() as cluster:
        yield cluster


async def test_log_that_went_on_without_its_end_is_not_taken_for_the_same(
    tmp_path: Path, primary: Cluster
) -> None:
    """As many were stored in place of what was lost: all come back, and are told so."""
    copy = primary.copy()
    url = either(primary, copy, primary.database())
    with nodes(tmp_path, url, 2, publish_rate=0) as servers:
        ada, bob = servers[0].person("ada"), at(servers[1], servers[0].person("bob"))
        ada.create(ITEM, bob="writer")
        with copy:
            until(partial(are_ready, servers))
            async with ada.room(ITEM) as left, bob.room(ITEM) as right:
                for number in range(2):
                    answer = await left.publish(f"lost {number}", ref=f"l{number}")
                    assert answer["type"] == "ack"
                assert await bodies(right, 2) == ["lost 0", "lost 1"]
                await asyncio.to_thread(primary.stop)
                await asyncio.to_thread(copy.promote)
                for number in range(2):
                    await publish(bob, f"new {number}")
                reasons = [(await talk.closed())[1] for talk in (left, right)]
                assert reasons == ["restart", "restart"]
            seen, epoch = messages(right)[1]["seq"], right.welcome["epoch"]
            async with bob.room(ITEM, after=seen, epoch=epoch) as again:
                assert not again.welcome["recovered"]
                assert await bodies(again, 2) == ["new 0", "new 1"]
                assert messages(again)[-1]["seq"] == seen


def either(one: Cluster, other: Cluster, url: str) -> str:
    """Names both, as libpq has it: whoever connects gets to the one that writes."""
    hosts = "&".join(f"host=127.0.0.1:{cluster.port}" for cluster in (one, other))
    parts = urlsplit(url)
    return f"postgresql://{parts.username}@{parts.path}?{hosts}&target_session_attrs=read-write"


def are_ready(servers: list[Node]) -> bool:
    return all(server.get("/readyz").status_code == 200 for server in servers)


async def publish(person: Person, body: str) -> None:
    """As often as it takes, until the server has found the database that writes."""
    send = partial(person.call, "POST", f"/items/{ITEM}/messages", json={"body": body, "ref": body})
    while not (await asyncio.to_thread(send)).is_success:
        await asyncio.sleep(0.1)
