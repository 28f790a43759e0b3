"""People on several servers of one PostgreSQL, whatever happens to what carries their news."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.deadlines import scaled
from tests.nodes.serving import Broken, Node, at, bodies, messages, nodes
from tests.programs.postgresql import Cluster
from tests.programs.redis import Redis, redis_server
from tests.serving import PASSWORD, Person, Talk

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def own_redis() -> Iterator[Redis]:
    """One that is frozen and killed."""
    with redis_server() as redis:
        yield redis


@pytest.fixture(scope="module")
def by_redis(
    tmp_path_factory: pytest.TempPathFactory, cluster: Cluster, own_redis: Redis
) -> Iterator[list[Node]]:
    folder = tmp_path_factory.mktemp("redis")
    with nodes(folder, cluster.database(), 3, publish_rate=0, broker_url=own_redis.url) as started:
        yield started


@pytest.fixture(scope="module")
def by_notify(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Iterator[list[Node]]:
    folder = tmp_path_factory.mktemp("notify")
    with nodes(folder, cluster.database(), 2, publish_rate=0) as started:
        yield started


@pytest.fixture(params=["by_redis", "by_notify"])
def servers(request: pytest.FixtureRequest) -> list[Node]:
    """Three of them by Redis, two by NOTIFY."""
    started: list[Node] = request.getfixturevalue(request.param)
    return started


async def test_people_on_different_servers_talk(servers: list[Node]) -> None:
    """Each sees all entries, once, in the order of the log, while all write at once."""
    ada, bob = servers[0].person("ada"), at(servers[-1], servers[0].person("bob"))
    ada.create("order-17", bob="writer")
    async with ada.room("order-17") as left, bob.room("order-17") as right:
        await asyncio.gather(talk(left, "a"), talk(right, "b"))
        seen = [await bodies(room, 100) for room in (left, right)]
        assert seen[0] == seen[1]
        assert sorted(seen[0]) == sorted(f"{name}{n}" for name in "ab" for n in range(50))
        for room in (left, right):
            while sum(frame["type"] == "ack" for frame in room.seen) < 50:
                await room.next()
            seqs = [entry["seq"] for entry in messages(room)]
            assert seqs == list(range(seqs[0], seqs[0] + 100))


async def test_people_on_different_servers_see_and_signal_each_other(servers: list[Node]) -> None:
    """Whoever comes to another server is here; and is not once that one has died."""
    jan, kim = servers[0].person("jan"), at(servers[1], servers[0].person("kim"))
    jan.create("order-20", kim="writer")
    async with jan.room("order-20") as left, kim.room("order-20") as right:
        await here(left, 2)
        await here(right, 2)
        shown = await asyncio.to_thread(
            at(servers[-1], jan).call, "GET", "/items/order-20/presence"
        )
        assert shown.json()["count"] == 2
        await left.send("signal", name="typing", body=True)
        signal = await right.get("signal")
        assert (signal["name"], signal["by"]["name"]) == ("typing", "jan")
    async with jan.room("order-20") as left:
        await here(left, 1)


async def test_link_for_one_lets_one_in_whichever_server_they_come_to(
    servers: list[Node],
) -> None:
    """At once at two of them; and the room hears of it as of any member, wherever it is open."""
    mia = servers[0].person("mia")
    people = [servers[0].person(name) for name in ("nils", "olga", "pia", "rolf")]
    mia.create("order-22")
    wanted = {"role": "writer"}
    made = mia.call("POST", "/items/order-22/invites", json=wanted).json()
    body = {"token": made["token"]}
    async with at(servers[-1], mia).room("order-22") as room:
        shown = [
            asyncio.to_thread(at(node, one).call, "POST", "/invites/accept", json=body)
            for one, node in zip(people, [servers[0], servers[-1]] * 2, strict=True)
        ]
        answers = await asyncio.gather(*shown)
        assert sorted(answer.status_code for answer in answers) == [200, 410, 410, 410]
        entry = await room.get("member")
        (winner,) = [one for one, answer in zip(people, answers, strict=True) if answer.is_success]
        assert (entry["user"]["id"], entry["by"]["id"]) == (winner.id, mia.id)
        async with at(servers[0], winner).room("order-22") as other:
            await other.publish("hello")
            assert (await room.get("message"))["by"]["id"] == winner.id


async def here(room: Talk, count: int) -> None:
    """Read until so many are in the room."""
    now = room.welcome["presence"]["count"]
    for frame in room.seen:
        if frame["type"] == "presence":
            now = frame["count"]
    while now != count:
        now = (await room.get("presence"))["count"]


async def test_whoever_is_removed_gets_what_was_before_it_alone(servers: list[Node]) -> None:
    """On another server than the one that removes them; whose tokens end is gone as well."""
    eve, fred = servers[0].person("eve"), at(servers[1], servers[0].person("fred"))
    gil = at(servers[1], servers[0].person("gil"))
    eve.create("order-18", fred="writer", gil="writer")
    rooms = (person.room("order-18") for person in (eve, fred, gil))
    async with AsyncExitStack() as stack:
        left, right, other = [await stack.enter_async_context(room) for room in rooms]
        await left.publish("before", ref="1")
        await remove(eve, "order-18", "fred")
        await left.publish("after", ref="2")
        assert (await right.closed())[:2] == (1008, "removed")
        assert [entry["body"] for entry in messages(right)] == ["before"]
        assert [frame["type"] for frame in right.seen if "seq" in frame][-1] == "member"
        change = {"current_password": PASSWORD, "new_password": PASSWORD[::-1]}
        await call(at(servers[0], gil), "POST", "/auth/password", json=change)
        assert (await other.closed())[:2] == (1008, "auth_revoked")


async def test_nothing_is_lost_with_a_broker_that_is_frozen_or_killed(
    by_redis: list[Node], own_redis: Redis
) -> None:
    """What it does not carry is read: entries, and the end of a right."""
    one, other, _ = by_redis
    hal, ida = one.person("hal"), at(other, one.person("ida"))
    hal.create("order-19", ida="writer")
    async with hal.room("order-19") as left, ida.room("order-19") as right:
        await left.publish("carried", ref="1")
        await bodies(right, 1)
        own_redis.signal(signal.SIGSTOP)
        await left.publish("frozen", ref="2")
        await bodies(right, 2)
        own_redis.stop()
        await left.publish("killed", ref="3")
        await bodies(right, 3)
        await remove(hal, "order-19", "ida")
        await left.publish("after", ref="4")
        assert (await right.closed())[:2] == (1008, "removed")
        own_redis.start()
    assert [entry["body"] for entry in messages(right)] == ["carried", "frozen", "killed"]
    while not await asyncio.to_thread(is_up, by_redis):
        await asyncio.sleep(0.05)


async def test_ended_rights_close_sockets_everywhere_with_the_broker_stopped(
    by_redis: list[Node], own_redis: Redis
) -> None:
    """Within five seconds at every server, those where it ended and others; nobody else's."""
    own_redis.stop()
    async with AsyncExitStack() as stack:
        stayed, removed, revoked = await whose_rights_end(stack, by_redis)
        async with asyncio.timeout(scaled(5)):
            assert await reasons(removed + revoked) == ["removed"] * 3 + ["auth_revoked"] * 3
        for room in stayed:
            await room.publish("still here", ref=f"{stayed.index(room)}")
    own_redis.start()
    while not await asyncio.to_thread(is_up, by_redis):
        await asyncio.sleep(0.05)


async def whose_rights_end(stack: AsyncExitStack, servers: list[Node]) -> list[list[Talk]]:
    """Rooms at each server: of Jim, of Kay, who is removed, and of Lou, whose tokens end."""
    jim, kay, lou = (servers[0].person(name) for name in ("jim", "kay", "lou"))
    jim.create("order-21", kay="writer", lou="writer")
    rooms = [
        [await stack.enter_async_context(at(node, one).room("order-21")) for node in servers]
        for one in (jim, kay, lou)
    ]
    await remove(jim, "order-21", "kay")
    change = {"current_password": PASSWORD, "new_password": PASSWORD[::-1]}
    await call(at(servers[1], lou), "POST", "/auth/password", json=change)
    return rooms


async def reasons(rooms: list[Talk]) -> list[str]:
    """Why each was closed."""
    ends = await asyncio.gather(*(room.closed() for room in rooms))
    return [reason for _, reason, _ in ends]


@pytest.mark.torture
async def test_servers_that_look_at_no_versions_keep_those_whose_rights_ended(
    tmp_path: Path, cluster: Cluster, own_redis: Redis
) -> None:
    """Longer than the test above allows, wherever they did not end; then they are themselves."""
    (tmp_path / "broken").write_text("looks_at_no_versions")
    url = cluster.database()
    with nodes(tmp_path, url, 2, kind=Broken, broker_url=own_redis.url) as servers:
        own_redis.stop()
        async with AsyncExitStack() as stack:
            _, removed, revoked = await whose_rights_end(stack, servers)
            here, there = revoked[1], revoked[0]
            assert await reasons([*removed, here]) == ["removed"] * 2 + ["auth_revoked"]
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(scaled(5)):
                    await there.closed()
            (tmp_path / "broken").unlink()
            assert await reasons([there]) == ["auth_revoked"]
        own_redis.start()


async def remove(admin: Person, item_id: str, username: str) -> None:
    await call(admin, "DELETE", f"/items/{item_id}/members/{username}")


async def call(person: Person, method: str, path: str, **arguments: Any) -> None:
    answer = await asyncio.to_thread(partial(person.call, method, path, **arguments))
    assert answer.is_success, answer.text


def is_up(started: list[Node]) -> bool:
    return all(node.metric("itemroom_broker_up") == 1 for node in started)


async def talk(room: Talk, name: str) -> None:
    for number in range(50):
        await room.send("publish", ref=f"{name}{number}", body=f"{name}{number}")
