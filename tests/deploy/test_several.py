"""Two servers on one PostgreSQL behind the real programs, with the files as they are shipped."""

import asyncio
import secrets
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.deploy.proxies import NAME, Proxy, running
from tests.nodes.serving import Node, at, nodes
from tests.programs.postgresql import Cluster
from tests.serving import Person, Talk

pytestmark = pytest.mark.anyio
# So many that they are at both servers, whatever their ids hash to.
ROOMS = 12


@pytest.fixture
def pair(tmp_path: Path, cluster: Cluster) -> Iterator[list[Node]]:
    """Both servers, set up as the files of both proxies ask for; one of them is killed."""
    url = f"https://{NAME}"
    with nodes(
        tmp_path, cluster.database(), 2, public_url=url, trusted_proxies="127.0.0.1"
    ) as pair:
        yield pair


def room(proxy: Proxy, person: Person, item_id: str, **query: object) -> connect:
    """A socket by way of the proxy."""
    rest = "&".join(f"{name}={value}" for name, value in query.items())
    return connect(
        f"wss://{NAME}/items/{item_id}/ws?{rest}",
        host="127.0.0.1",
        port=proxy.port,
        ssl=proxy.trust,
        proxy=None,
        additional_headers={"Authorization": f"Bearer {person.token}"},
    )


async def welcomed(proxy: Proxy, person: Person, item_id: str, **query: object) -> Talk:
    """In a room, as soon as they are let in: a proxy takes a while to see who is gone."""
    while True:
        try:
            talk = Talk(await room(proxy, person, item_id, **query))
            talk.welcome = await talk.get("welcome")
        except (OSError, WebSocketException):
            await asyncio.sleep(0.05)
        else:
            return talk


async def bodies(talk: Talk, count: int) -> list[object]:
    """Of the next messages."""
    return [(await talk.get("message"))["body"] for _ in range(count)]


@pytest.mark.parametrize("kind", ["nginx", "haproxy"])
async def test_rooms_are_each_at_one_server_and_go_on_at_the_other(
    kind: str, pair: list[Node], tmp_path: Path
) -> None:
    """All of an item's sockets; when its server is killed they resume, and nothing is missing."""
    left, right = pair
    ada = left.person(f"a{secrets.token_hex(6)}")
    bob = left.person(f"b{secrets.token_hex(6)}")
    items = [f"{kind}-{number}" for number in range(ROOMS)]
    for item in items:
        ada.create(item, **{bob.username: "writer"})
    async with AsyncExitStack() as stack:
        proxy = stack.enter_context(running(kind, tmp_path / kind, left.port, right.port))
        talks = {}
        for item in items:
            talks[item] = [await welcomed(proxy, person, item) for person in (ada, bob)]
            for talk in talks[item]:
                stack.push_async_callback(talk.socket.close)
        # A room at both servers would be counted twice.
        counted = [node.metric("itemroom_rooms") for node in pair]
        assert sum(counted) == ROOMS
        assert min(counted) > 0
        assert sum(node.metric("itemroom_connections") for node in pair) == 2 * ROOMS
        acks = {item: await talks[item][0].publish("before") for item in items}
        left.end(signal.SIGKILL)
        for item, (talk, _) in talks.items():
            at(right, ada).publish(item, "meanwhile")
            missed = {"after": acks[item]["seq"], "epoch": talk.welcome["epoch"]}
            resumed = [await welcomed(proxy, person, item, **missed) for person in (ada, bob)]
            for one in resumed:
                stack.push_async_callback(one.socket.close)
                assert one.welcome["recovered"] is True
            at(right, ada).publish(item, "after")
            for one in resumed:
                assert await bodies(one, 2) == ["meanwhile", "after"]
        assert right.metric("itemroom_rooms") == ROOMS
