"""People on several servers of one PostgreSQL, whatever happens to what carries their news."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.nodes.serving import Node, at, bodies, messages, nodes
from tests.programs.postgresql import Cluster
from tests.programs.redis import Redis, redis_server
from tests.serving import Talk

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def own_redis() -> Iterator[Redis]:
    """One that is killed and frozen."""
    with redis_server() as redis:
        yield redis


@pytest.fixture(scope="module", params=["redis", "notify"])
def two(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, cluster: Cluster
) -> Iterator[list[Node]]:
    """Two servers, by either carrier."""
    more = {}
    if request.param == "redis":
        more["broker_url"] = request.getfixturevalue("own_redis").url
    folder = tmp_path_factory.mktemp(request.param)
    with nodes(folder, cluster.database(), 2, publish_rate=0, **more) as started:
        yield started


async def test_people_on_different_servers_talk(two: list[Node]) -> None:
    """Each sees all entries, once, in the order of the log, while both write at once."""
    one, other = two
    ada = one.person("ada")
    bob = at(other, one.person("bob"))
    ada.create("order-17", bob="writer")
    async with ada.room("order-17") as left, bob.room("order-17") as right:
        await asyncio.gather(talk(left, "a"), talk(right, "b"))
        seen = [await bodies(room, 100) for room in (left, right)]
        assert seen[0] == seen[1]
        assert sorted(seen[0]) == sorted(f"{name}{n}" for name in "ab" for n in range(50))
        for room in (left, right):
            seqs = [entry["seq"] for entry in messages(room)]
            assert seqs == list(range(seqs[0], seqs[0] + 100))


async def talk(room: Talk, name: str) -> None:
    for number in range(50):
        await room.send("publish", ref=f"{name}{number}", body=f"{name}{number}")
