"""Who is where, as servers know of each other; and what people signal across them."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from api.history.messages import author_of
from api.nodes import company
from api.nodes import registry as registry_module
from api.nodes.attendance import read_attendance
from api.nodes.hints import PresenceChanged, Signalled
from api.operators.backend import live_rooms
from api.state import State
from tests.live.fakes import FakeMember
from tests.nodes.fakes import Ether, losing, until
from tests.nodes.world import Node, World, two_nodes
from tests.programs.postgresql import Cluster

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WRITING", "READING", "PAUSE"):
        monkeypatch.setattr(company, name, 0.01)
    # No look by the clock heals, on a busy machine, what a test has just broken.
    monkeypatch.setattr(company, "INTERVAL", 3600.0)
    monkeypatch.setattr(registry_module, "INTERVAL", 0.05)


@pytest.fixture
async def world(cluster: Cluster) -> AsyncIterator[World]:
    async with two_nodes(cluster, Ether(), presence_interval=0) as world:
        yield world


async def together(world: World) -> tuple[FakeMember, FakeMember]:
    """Ada at one node and Bob at the other, who see each other."""
    members = world.one.sit(world.ada, 0), world.two.sit(world.bob, 0)
    await until(lambda: world.here(world.one) == world.here(world.two) == ["Ada", "Bob"])
    # The frame that says so comes in a later turn of the event loop.
    await until(lambda: all(counts(member)[-1:] == [2] for member in members))
    return members


@pytest.fixture
def looks(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How each look of the first node into the rows has ended: `read` or `failed`."""
    ended: list[str] = []
    read = world.one.readers.read

    async def noted(*asked: Any) -> Any:
        how = "failed"
        try:
            found = await read(*asked)
            how = "read"
            return found
        finally:
            if asked[0] is read_attendance:
                ended.append(how)

    monkeypatch.setattr(world.one.readers, "read", noted)
    return ended


async def test_live_rooms_are_those_of_all_servers(world: World) -> None:
    """Users once, connections each; those of a server that died are gone."""
    await together(world)
    bob = world.one.sit(world.bob, 0)
    while await world.two.company.rooms("", 9) != [("i-1", 2, 3)]:
        await asyncio.sleep(0.01)
    server = cast(State, SimpleNamespace(nodes=world.one))
    assert await live_rooms(server, "i-1", 9) == []
    assert await world.one.company.rooms("", 0) == []
    world.one.hub.leave(world.key, bob)
    while await world.two.company.rooms("", 9) != [("i-1", 2, 2)]:
        await asyncio.sleep(0.01)


async def test_people_at_different_servers_see_each_other_come_and_go(world: World) -> None:
    """And whoever asks by HTTP a server where nobody is sees them as well."""
    ada, bob = await together(world)
    world.two.hub.leave(world.key, bob)
    await until(lambda: world.here(world.one) == ["Ada"])
    shown = await world.two.company.presence(world.key)
    assert [user["name"] for user in shown["users"]] == ["Ada"]
    assert await world.one.company.presence(world.key) == shown
    world.one.hub.leave(world.key, ada)
    while (await world.two.company.presence(world.key))["count"]:
        await asyncio.sleep(0.01)


async def test_user_who_moves_to_another_server_neither_leaves_nor_joins(
    world: World, looks: list[str]
) -> None:
    """As long as one of them has them."""
    ada, bob = await together(world)
    told = len(counts(ada))
    again = world.one.sit(world.bob, 0)
    world.two.hub.leave(world.key, bob)
    while (await world.two.company.presence(world.key))["count"] != 2:
        await asyncio.sleep(0.01)
    await until(lambda: not world.two.company._written)
    looks.clear()
    world.one.company.look(world.key)
    await until(lambda: "read" in looks)
    await world.one.settled()
    assert counts(ada)[told:] == []
    world.one.hub.leave(world.key, again)
    await until(lambda: world.here(world.one) == ["Ada"])


async def test_connections_of_a_user_are_counted_over_all_servers(world: World) -> None:
    """As of a moment ago; this server's own it knows by itself."""
    await together(world)
    again = world.two.sit(world.bob, 0)
    key = again.user.key
    while await world.one.company.connections_of(key) != 2:
        await asyncio.sleep(0.01)
    assert await world.two.company.connections_of(key) == 0
    shared = FakeMember(again.user, is_shared=True)
    world.two.hub.join(world.key, shared)
    await until(lambda: world.two.company._written[world.key][key] == (3, 2))
    # A seat at a socket for many items is none of these: two hundred of them are one socket.
    assert await world.one.company.connections_of(key) == 2
    world.two.hub.leave(world.key, shared)
    world.two.hub.leave(world.key, again)
    while await world.one.company.connections_of(key) != 1:
        await asyncio.sleep(0.01)


async def test_lost_hints_are_made_good_by_the_next_look(
    world: World, looks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At all that is open; a read that fails is made again."""
    world.ether.faults = losing(PresenceChanged)
    ada = world.one.sit(world.ada, 0)
    await until(lambda: "read" in looks)
    world.two.sit(world.bob, 0)
    await until(lambda: world.here(world.two) == ["Ada", "Bob"])
    assert world.here(world.one) == ["Ada"]
    with monkeypatch.context() as full:
        full.setattr(world.one.readers, "_most", 0)
        world.one.company.look_at_all()
        await until(lambda: "failed" in looks)
    world.one.company.look_at_all()
    await until(lambda: world.here(world.one) == ["Ada", "Bob"])
    assert ada.told


async def test_people_of_a_server_that_died_have_left(world: World, cluster: Cluster) -> None:
    """When its beat has been missing for long enough, without any hint."""
    await together(world)
    await world.two.company.stop()
    world.two.registry._task.cancel()  # As a frozen one.
    cluster.run("UPDATE node SET beat_at = beat_at - 16000 WHERE boot = 'b'", world.url)
    await until(lambda: world.here(world.one) == ["Ada"])


async def test_people_of_a_server_that_has_just_started_are_seen_once_it_is_known(
    world: World, looks: list[str]
) -> None:
    """With the next beat, without any hint; until then nobody asks for its rows."""
    world.one.sit(world.ada, 0)
    await until(lambda: world.one.registry.others == {"b"})
    world.one.registry._task.cancel()  # Its beats are made below,
    await world.one.registry._beat()  # behind one that may be under way.
    settings = world.one.settings
    async with Node(settings, world.ether.broker("c"), presence_interval=0) as three:
        three.sit(world.bob, 0)
        await until(lambda: three.company._written)
        looks.clear()
        world.one.company.look(world.key)
        await until(lambda: "read" in looks)
        await world.one.settled()
        assert world.here(world.one) == ["Ada"]
        assert await world.one.company.connections_of(world.bob.principal.user_key) == 0
        world.ether.faults = losing(PresenceChanged)
        await world.one.registry._beat()
        await until(lambda: world.here(world.one) == ["Ada", "Bob"])
        assert await world.one.company.connections_of(world.bob.principal.user_key) == 1


async def test_server_that_is_alone_reads_nothing(world: World, looks: list[str]) -> None:
    """Its rooms show its own people, and those of nobody who has left."""
    ada, _ = await together(world)
    await world.two.company.stop()
    await world.two.registry.leave()
    # The rows go at once, which a look may find before the next beat knows that nobody is left.
    await until(lambda: not world.one.registry.others and world.here(world.one) == ["Ada"])
    await world.one.settled()
    looks.clear()
    world.one.company.look(world.key)
    await until(lambda: not world.one.company._due)
    world.one.hub.leave(world.key, ada)
    assert (await world.one.company.presence(world.key))["count"] == 0
    assert await world.one.company.connections_of(ada.user.key) == 0
    assert looks == []


async def test_rows_that_are_gone_are_written_anew(
    world: World, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a crash of the database, and after a sleep in which others have swept them."""
    await together(world)
    monkeypatch.setattr(company, "INTERVAL", 0.02)
    for node in (world.one, world.two):  # Whose looks began with the former interval.
        await node.company.stop()
        node.company.start()
    cluster.run("DELETE FROM presence", world.url)
    rows = "SELECT boot, connections FROM presence ORDER BY boot"
    while cluster.run(rows, world.url) != [("a", 1), ("b", 1)]:
        await asyncio.sleep(0.01)
    world.one.sit(world.bob, 0)
    await until(lambda: world.here(world.two) == ["Ada", "Bob"])


async def test_rows_that_cannot_be_written_are_written_later(
    world: World, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    """All of them: nobody knows which were."""
    url = world.url
    cluster.run("ALTER TABLE presence RENAME TO away", url)
    world.one.sit(world.ada, 0)
    await until(lambda: "who is here is told to nobody elsewhere" in caplog.text)
    assert await world.one.company._count() is None
    cluster.run("ALTER TABLE away RENAME TO presence", url)
    while (await world.two.company.presence(world.key))["count"] != 1:
        await asyncio.sleep(0.01)


async def test_signals_reach_those_at_other_servers(world: World) -> None:
    """Once, and not whoever sends them; none without the database, nor of what is not open."""
    ada, bob = await together(world)
    await until(lambda: world.one.broker.is_confirmed(world.key))
    await until(lambda: world.two.broker.is_confirmed(world.key))
    world.one.hub.signal(ada, world.key, "typing", b"true")
    await until(lambda: signals(bob) == ["typing"])
    assert signals(ada) == []
    heard = Signalled(world.key, author_of(world.ada.principal), "late", b"1")
    world.two.watch.trusts_bodies = False
    world.two.watch.signal_heard(heard)
    world.two.watch.signal_heard(Signalled(99, heard.author, "nowhere", b"1"))
    world.two.company.heard(PresenceChanged(99))
    assert signals(bob) == ["typing"]


def counts(member: FakeMember) -> list[int]:
    """How many are here, each time that somebody was told."""
    said = [one for one in member.told if isinstance(one, dict)]
    return [one["count"] for one in said if one["type"] == "presence"]


def signals(member: FakeMember) -> list[str]:
    said = [one for one in member.told if isinstance(one, dict)]
    return [one["name"] for one in said if one["type"] == "signal"]
