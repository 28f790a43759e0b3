"""One server delivers for a webhook, and another takes over when it is silent."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection

from api.history.transaction import Memory, Transaction
from api.nodes.aside import Aside
from api.settings import Settings
from api.store.postgresql.sharing import PostgresqlSharing
from api.store.store import store_of
from api.webhooks import courier, hooks
from api.webhooks.hooks import Wish
from api.webhooks.owners import LEASE, MARGIN, Alone, Leases
from tests.nodes.serving import SECRET
from tests.programs.postgresql import Cluster

pytestmark = pytest.mark.anyio

WISH = Wish("http://a.example", "*", None, "whsec_" + "A" * 32, start=True)


class Clock(PostgresqlSharing):
    """The database's clock, as far on as a test wants it."""

    ahead = 0

    def now(self, connection: Connection) -> int:
        return super().now(connection) + self.ahead


class World:
    """A database with two webhooks, and servers that would deliver for them."""

    def __init__(self, settings: Settings) -> None:
        self.clock = Clock(settings)
        self.asides: list[Aside] = []
        store = store_of(settings)
        store.open()
        store.prepare()
        with store.engine.begin() as connection:
            transaction = Transaction(connection, Memory())
            self.keys = [hooks.create_webhook(transaction, None, WISH).key for _ in range(2)]
        store.close()

    def server(self, boot: str) -> Leases:
        aside = Aside(self.clock.open_aside())
        self.asides.append(aside)
        return Leases(aside.run, self.clock, boot)


@dataclass
class Watch:
    """This machine's clock, which stands still unless a test moves it."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()
    monkeypatch.setattr("api.webhooks.owners.time", watch)
    return watch


@pytest.fixture
def world(cluster: Cluster) -> Iterator[World]:
    world = World(Settings(database_url=cluster.database(), secret=SecretStr(SECRET)))
    yield world
    for aside in world.asides:
        aside.close()


async def test_first_server_has_a_webhook_until_it_is_silent(world: World) -> None:
    """And no longer: not even by its own clock."""
    one, other = world.server("a"), world.server("b")
    assert await one.mine(world.keys[:1]) == world.keys[:1]
    assert await other.mine(world.keys) == world.keys[1:]
    world.clock.ahead = LEASE - 1000
    assert await one.mine(world.keys) == world.keys[:1]
    world.clock.ahead += LEASE - 1000
    assert await other.mine(world.keys) == world.keys[1:]
    world.clock.ahead += 1500
    assert await other.mine(world.keys) == world.keys
    assert await one.mine(world.keys) == []


async def test_server_that_leaves_leaves_all_to_others(world: World) -> None:
    """At once."""
    one, other = world.server("a"), world.server("b")
    await one.mine(world.keys)
    assert await other.mine(world.keys) == []
    await one.leave()
    assert await other.mine(world.keys) == world.keys


async def test_servers_that_look_at_once_share_none(world: World) -> None:
    """Each webhook is one's."""
    servers = [world.server(name) for name in "abcd"]
    found = await asyncio.gather(*(server.mine(world.keys) for server in servers))
    assert sorted(key for keys in found for key in keys) == world.keys


async def test_server_that_was_frozen_sends_nothing_before_it_has_asked(
    world: World, watch: Watch
) -> None:
    """Nor one that the database does not answer."""
    one = world.server("a")
    may_send = [one.may_send]
    await one.mine(world.keys)
    for seconds in (0, LEASE / 1000 - MARGIN - 0.1, 0.2):
        watch.now += seconds
        may_send.append(one.may_send)
    await one.mine(world.keys)
    assert [*may_send, one.may_send] == [False, True, True, False, True]


def test_dead_server_is_missed_for_less_than_ten_seconds() -> None:
    """The rest of its lease, and until another looks."""
    assert LEASE / 1000 + courier.LOOK < 10
    # Whoever lives looks often enough to keep what it has.
    assert 2 * courier.LOOK < LEASE / 1000 - MARGIN


async def test_lone_server_has_all() -> None:
    """Nobody would come."""
    alone = Alone()
    assert await alone.mine([1, 2]) == [1, 2]
    await alone.leave()
    assert alone.may_send
