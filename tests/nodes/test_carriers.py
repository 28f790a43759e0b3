"""Redis and NOTIFY, as they are: killed, frozen, and back again."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg
import pytest
from pydantic import SecretStr

from api.history.entries import Author, Entry, Kind
from api.nodes import broker as module
from api.nodes.broker import Broker
from api.nodes.brokers import broker_of, scope_of
from api.nodes.carrier import BrokenCarrierError
from api.nodes.hints import EntriesStored, PresenceChanged, RightsChanged, Signalled
from api.nodes.redis import RedisCarrier
from api.settings import Settings
from api.store.failures import DatabaseError
from api.store.postgresql.sharing import PostgresqlSharing
from tests.nodes.fakes import Recorded, until
from tests.programs.postgresql import Cluster
from tests.programs.redis import Redis, redis_server

pytestmark = pytest.mark.anyio

SECRET = "abcdefghijklmnopqrstuvwxyz0123456789"
ADA = Author(3, "u-ada", "Ada")
ENTRIES = tuple(Entry(7, seq, Kind.MESSAGE, ADA, 5, body=b'"hi"') for seq in (4, 5))
Make = Callable[[str], Broker]


@pytest.fixture(params=["redis", "notify"])
def make(request: pytest.FixtureRequest) -> Make:
    """Brokers of nodes of one database, by their boots."""
    url = request.getfixturevalue("redis").url if request.param == "redis" else None
    cluster: Cluster = request.getfixturevalue("cluster")
    return maker(cluster.database(), url)


def maker(database_url: str, broker_url: str | None) -> Make:
    settings = Settings(database_url=database_url, broker_url=broker_url, secret=SecretStr(SECRET))

    def make(boot: str) -> Broker:
        return broker_of(settings, PostgresqlSharing(settings), boot, lambda *_: None)

    return make


@asynccontextmanager
async def nodes(*brokers: Broker) -> AsyncIterator[list[Recorded]]:
    """Each started, and heard by somebody who remembers."""
    async with AsyncExitStack() as stack:
        recorded = []
        for broker in brokers:
            recorded.append(Recorded())
            broker.start(recorded[-1])
            stack.push_async_callback(broker.close)
        yield recorded


async def test_nodes_hear_each_other(make: Make) -> None:
    """Entries come along where bodies are carried; else it is told which there are."""
    ada, bob = make("a"), make("b")
    bob.subscribe(7)
    async with nodes(ada, bob) as (by_ada, by_bob):
        await until(lambda: ada.is_up and bob.is_confirmed(7) and bob.lag > 0)
        ada.send([EntriesStored(7, 4, 5, ENTRIES), PresenceChanged(8), RightsChanged(user_key=3)])
        signal_ = Signalled(7, ADA, "n", b'"\\u0000"')
        ada.send([signal_])
        await until(lambda: len(by_bob.hints) == 3)
        entries, *rest = by_bob.hints
        carried = ENTRIES if "redis" in ada.place else ()
        assert entries == EntriesStored(7, 4, 5, carried)
        assert rest == [RightsChanged(user_key=3), signal_]
        assert by_ada.hints == []
        bob.unsubscribe(7)
        lag = bob.lag
        await until(lambda: bob.lag != lag)
        ada.send([PresenceChanged(7)])
        bob.subscribe(7)
        await until(lambda: bob.is_confirmed(7))
        ada.send([PresenceChanged(7)])
        await until(lambda: PresenceChanged(7) in by_bob.hints)


async def test_other_databases_are_not_heard(cluster: Cluster, redis: Redis) -> None:
    """One Redis may serve many products, whose items have the same keys."""
    one, other = (maker(cluster.database(), redis.url)(boot) for boot in ("a", "b"))
    third = maker(cluster.database(), redis.url)("c")
    other.subscribe(7)
    async with nodes(one, other, third) as (_, heard, _by_third):
        await until(lambda: one.is_up and other.is_confirmed(7) and other.lag > 0)
        one.send([PresenceChanged(7), RightsChanged(user_key=3)])
        lag = other.lag
        await until(lambda: other.lag != lag)
        assert heard.hints == []


async def test_frozen_redis_is_given_up_and_found_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No error comes from one that only stands still."""
    monkeypatch.setattr(module, "SILENCE", 0.3)
    monkeypatch.setattr(module, "OPEN_TIMEOUT", 0.3)
    monkeypatch.setattr(module, "BEAT_INTERVAL", 0.05)
    with redis_server() as redis:
        make = maker("postgresql://nowhere/rooms", redis.url)
        ada, bob = make("a"), make("b")
        bob.subscribe(7)
        async with nodes(ada, bob) as (_, by_bob):
            await until(lambda: ada.is_up and bob.is_confirmed(7) and bob.lag > 0)
            redis.signal(signal.SIGSTOP)
            await until(lambda: by_bob.gaps and not ada.is_up and not bob.is_up)
            redis.signal(signal.SIGCONT)
            await until(lambda: ada.is_up and bob.is_confirmed(7))
            ada.send([PresenceChanged(7)])
            await until(lambda: by_bob.hints)
            # Killed and started anew, it has forgotten who is subscribed.
            gaps = by_bob.gaps
            redis.stop()
            await until(lambda: by_bob.gaps > gaps)
            redis.start()
            await until(lambda: ada.is_up and bob.is_confirmed(7))
            by_bob.hints.clear()
            ada.send([PresenceChanged(7)])
            await until(lambda: by_bob.hints)
    assert f"redis://127.0.0.1:{redis.port}: nodes are told later" in caplog.text


async def test_sessions_that_are_ended_are_made_anew(cluster: Cluster) -> None:
    """An operator may end any of them, and a restart ends all."""
    url = cluster.database()
    make = maker(url, None)
    ada, bob = make("a"), make("b")
    bob.subscribe(7)
    async with nodes(ada, bob) as (_, by_bob):
        await until(lambda: ada.is_up and bob.is_confirmed(7) and bob.lag > 0)
        await asyncio.to_thread(cluster.terminate, url)
        await until(lambda: by_bob.gaps)
        await until(lambda: ada.is_up and bob.is_confirmed(7))
        ada.send([PresenceChanged(7)])
        await until(lambda: by_bob.hints)


async def test_notices_end_with_a_server_that_is_stuck(cluster: Cluster) -> None:
    """Whoever gives up waiting is free at once: the driver would wait for the server to agree."""
    url = cluster.database()
    notices = _settings(url)
    way = PostgresqlSharing(notices).notices()
    await way.open("itemroom_x")
    with psycopg.connect(url) as other:
        # What NOTIFY locks at its commit, held by somebody else: a stuck server.
        other.execute("SELECT pg_notify('x', '')")
        other.execute("LOCK TABLE pg_database IN ACCESS EXCLUSIVE MODE")
        telling = asyncio.create_task(way.tell(["x"] * 3))
        await asyncio.sleep(0)
        telling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await telling
        with pytest.raises(DatabaseError):
            await way.tell(["x"])
    await way.close()
    await way.close()


async def test_nobody_there_breaks_a_carrier(cluster: Cluster) -> None:
    """What cannot be opened says so, and can be closed."""
    carrier = RedisCarrier("redis://127.0.0.1:1", scope="x")
    with pytest.raises(BrokenCarrierError):
        await carrier.open()
    await carrier.close()
    way = PostgresqlSharing(_settings(cluster.url("nobody"))).notices()
    with pytest.raises(DatabaseError, match="nobody"):
        await way.open("itemroom_x")
    await way.close()


def test_scope_is_of_secret_and_database() -> None:
    """The same for all nodes, another for others; the password may differ."""
    one = scope_of(_settings("postgresql://a:x@h/rooms"))
    assert one == scope_of(_settings("postgresql://a:y@other-name/rooms"))
    assert one != scope_of(_settings("postgresql://a:x@h/others"))
    assert one != scope_of(_settings("postgresql://a:x@h/rooms", secret=SECRET[::-1]))


def test_password_of_a_broker_not_shown() -> None:
    """Where it is, is in the log."""
    settings = Settings(
        database_url="postgresql://h/rooms",
        broker_url=f"rediss://:{SECRET}@r",
        secret=SecretStr(SECRET),
    )
    broker = broker_of(settings, PostgresqlSharing(settings), "a", lambda *_: None)
    assert broker.place == "rediss://r"


def _settings(url: str, secret: str = SECRET) -> Settings:
    return Settings(database_url=url, secret=SecretStr(secret))
