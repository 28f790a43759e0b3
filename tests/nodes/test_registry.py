"""Which servers each of them knows, and when they are known no more."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection

from api.nodes import registry as registry_module
from api.nodes.aside import Aside
from api.nodes.registry import Registry
from api.nodes.roster import Identity
from api.settings import Settings
from api.store.failures import DatabaseError
from api.store.postgresql.sharing import PostgresqlSharing
from api.store.store import store_of
from tests.deadlines import scaled
from tests.nodes.fakes import until
from tests.nodes.serving import SECRET
from tests.programs.postgresql import Cluster

pytestmark = pytest.mark.anyio


class Clock(PostgresqlSharing):
    """The database's clock, as far on as a test wants it."""

    ahead = 0

    def now(self, connection: Connection) -> int:
        return super().now(connection) + self.ahead


@pytest.fixture
def settings(cluster: Cluster) -> Settings:
    settings = Settings(database_url=cluster.database(), secret=SecretStr(SECRET))
    store = store_of(settings)
    store.open()
    store.prepare()
    store.close()
    return settings


@pytest.fixture
def clock(settings: Settings) -> Clock:
    """One for all nodes of a test."""
    return Clock(settings)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_module, "INTERVAL", 0.02)


@asynccontextmanager
async def node(
    clock: Clock, boot: str, *, scope: str = "s", former: tuple[str, ...] = ()
) -> AsyncIterator[Registry]:
    aside = Aside(clock.open_aside())
    registry = Registry(aside, clock, Identity(boot, f"node {boot}", "1", scope), former=former)
    try:
        await registry.join()
        yield registry
        await registry.leave()
    finally:
        aside.close()


def boots(registry: Registry) -> list[str]:
    return [one.boot for one in registry.nodes if one.is_alive]


async def test_nodes_know_each_other_until_one_leaves(clock: Clock) -> None:
    """Whoever comes is known with the next beat, and so is who goes."""
    async with node(clock, "a") as one:
        assert (boots(one), one.living) == (["a"], 1)
        known: list[set[str]] = []
        one.on_changed(lambda: known.append(set(one.others)))
        async with node(clock, "b") as other:
            assert boots(other) == ["a", "b"]
            await until(lambda: one.living == 2)
            [_, seen] = one.nodes
            assert (seen.name, seen.version, seen.draining) == ("node b", "1", False)
            other.drain()
            await until(lambda: one.nodes[1].draining)
        await until(lambda: known == [{"b"}, set()])
        assert one.living == 1


async def test_node_without_a_beat_is_dead_and_swept_later(
    clock: Clock, cluster: Cluster, settings: Settings
) -> None:
    """With all who were there; until then its row tells what became of it."""
    url = settings.database_url
    async with node(clock, "a") as one:
        known: list[set[str]] = []
        one.on_changed(lambda: known.append(set(one.others)))
        cluster.run(
            "INSERT INTO node VALUES ('b', 'node b', '1', 's', 0, 0, false);"
            "UPDATE node SET beat_at = (SELECT max(beat_at) FROM node) WHERE boot = 'b';"
            "INSERT INTO presence VALUES (1, 'b', 1, 1)",
            url,
        )
        await until(lambda: one.living == 2)
        clock.ahead = 16_000
        await until(lambda: known == [{"b"}, set()])
        assert {seen.boot for seen in one.nodes} == {"a", "b"}
        clock.ahead = 90_000
        await until(lambda: len(one.nodes) == 1)
        assert cluster.run("SELECT boot FROM node", url) == [("a",)]
        assert cluster.run("SELECT boot FROM presence", url) == []
    assert cluster.run("SELECT boot FROM node", url) == []


async def test_row_that_is_gone_is_made_again(
    clock: Clock, cluster: Cluster, settings: Settings
) -> None:
    """As after a long sleep, in which others have swept it."""
    async with node(clock, "a"):
        cluster.run("DELETE FROM node", settings.database_url)
        while not cluster.run("SELECT boot FROM node", settings.database_url):
            await asyncio.sleep(0.01)


async def test_node_with_another_secret_is_refused(
    clock: Clock, cluster: Cluster, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless it knows the other one as its former; a dead one's does not matter."""
    # The other one has half of it to beat once more in, which is little on a busy machine.
    monkeypatch.setattr(registry_module, "INTERVAL", scaled(0.5))
    async with node(clock, "a"):
        with pytest.raises(DatabaseError, match=r"node a.* another ITEMROOM_SECRET"):
            async with node(clock, "b", scope="other"):
                pass
        assert cluster.run("SELECT boot FROM node", settings.database_url) == [("a",)]
        async with node(clock, "c", scope="new", former=("s",)) as newer:
            assert newer.living == 2
    cluster.run(
        "INSERT INTO node VALUES ('d', 'node d', '1', 'dead', 0, 0, false)", settings.database_url
    )
    async with node(clock, "e") as alone:
        assert alone.living == 1


async def test_row_of_a_server_that_does_not_beat_keeps_nobody_out(
    clock: Clock, cluster: Cluster, settings: Settings
) -> None:
    """As one that was in a dump of a moment ago."""
    cluster.run(
        "INSERT INTO node VALUES ('p', 'node p', '1', 'other', 0,"
        " (extract(epoch FROM now()) * 1000)::bigint, false)",
        settings.database_url,
    )
    async with node(clock, "a") as one:
        assert {seen.boot for seen in one.nodes} == {"a", "p"}


async def test_clocks_that_differ_are_warned_of(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, at the start, with how much it is."""
    async with node(clock, "a"):
        assert "clock" not in caplog.text
    clock.ahead = -60_000
    async with node(clock, "b"):
        assert "the database's clock is -60." in caplog.text


async def test_database_that_hangs_or_is_gone_ends_no_beats_and_keeps_nobody(
    clock: Clock,
    cluster: Cluster,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is said; the next beat is well again; and whoever leaves does not wait for it."""
    monkeypatch.setattr(registry_module, "PATIENCE", 0.02)
    monkeypatch.setattr(registry_module, "GOODBYE", 0.02)
    hangs = threading.Event()
    async with node(clock, "a") as one:
        cluster.run("ALTER TABLE node RENAME TO away", settings.database_url)
        await until(lambda: "no beat: " in caplog.text)
        cluster.run("ALTER TABLE away RENAME TO node", settings.database_url)
        await until(lambda: "over after" in caplog.text)
        cluster.terminate(settings.database_url)
        cluster.run("DELETE FROM node", settings.database_url)
        while not cluster.run("SELECT boot FROM node", settings.database_url):
            await asyncio.sleep(0.01)
        monkeypatch.setattr(clock, "now", lambda _: hangs.wait() and 0)
        await until(lambda: "does not answer" in caplog.text)
        assert one.living == 1
    hangs.set()
    await until(lambda: not any(t.name.startswith("itemroom-aside") for t in threading.enumerate()))
