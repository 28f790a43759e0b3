"""Messages in a transaction of the application's own, and the relay that sends them."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, Table, create_engine, insert, select, text
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateTable

from itemroom import Client, Refused, outbox, relay
from itemroom.outbox import Outgoing, publish
from itemroom.relay import Relay
from tests.deadlines import scaled
from tests.programs.postgresql import Cluster
from tests.serving import PASSWORD, LiveServer

pytestmark = pytest.mark.anyio

OWN = Table("orders", MetaData(), Column("number", Integer, primary_key=True))


@pytest.fixture
def client(server: LiveServer) -> Iterator[Client]:
    """Somebody with two items."""
    server.person("shop")
    with Client.sign_in(server.url, "shop", PASSWORD) as shop:
        for item in ("order-1", "order-2"):
            shop.create_item(item)
        yield shop


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of the application's own database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shop.db'}"
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.database().replace("postgresql:", "postgresql+psycopg:", 1)


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    outbox.metadata.create_all(engine)
    OWN.metadata.create_all(engine)
    yield engine
    engine.dispose()


def bodies(client: Client, item: str) -> list[Any]:
    return [entry.body for entry in client.log(item) if entry.type == "message"]


def left(engine: Engine) -> list[tuple[Any, ...]]:
    """What the rows say, in their order."""
    with engine.connect() as connection:
        rows = select(Outgoing.item, Outgoing.seq, Outgoing.refused).order_by(Outgoing.id)
        return [tuple(row) for row in connection.execute(rows)]


async def all_sent(engine: Engine, relay: Relay) -> None:
    while any(seq is refused is None for _, seq, refused in await asyncio.to_thread(left, engine)):
        await relay.send()


async def test_messages_of_committed_transactions_are_published(
    engine: Engine, client: Client
) -> None:
    """And none of those that were rolled back, each item's in their order."""
    chance = random.Random(17)
    committed: list[int] = []
    for number in range(60):
        with Session(engine) as session:
            session.execute(insert(OWN).values(number=number))
            publish(session, f"order-{number % 2 + 1}", number)
            if chance.random() < 0.5:
                session.commit()
                committed.append(number)
    assert bodies(client, "order-1") == bodies(client, "order-2") == []
    await all_sent(engine, Relay(engine, client))
    for rest, item in enumerate(("order-1", "order-2")):
        assert bodies(client, item) == [one for one in committed if one % 2 == rest]
    with engine.connect() as connection:
        assert list(connection.scalars(select(OWN.c.number).order_by(OWN.c.number))) == committed


async def test_message_is_published_in_each_kind_of_transaction(
    cluster: Cluster, client: Client
) -> None:
    """By an asynchronous session and by connections of both kinds; by an asynchronous relay."""
    url = cluster.database().replace("postgresql:", "postgresql+psycopg:", 1)
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(outbox.metadata.create_all)
        await connection.run_sync(publish, "order-1", {"text": "by a connection"})
        await connection.run_sync(lambda one: publish(one, "order-1", None))
    async with AsyncSession(engine) as session:
        publish(session, "order-1", "by a session")
        await session.commit()
    async with Relay(engine, client, interval=0.01):
        while len(found := await asyncio.to_thread(bodies, client, "order-1")) < 3:
            await asyncio.sleep(0.01)
    assert found == [{"text": "by a connection"}, None, "by a session"]
    await engine.dispose()


async def test_two_relays_and_one_that_could_not_mark_publish_once(
    engine: Engine, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was stored before the relay died is sent again, and known again."""
    with Session(engine) as session, session.begin():
        for number in range(20):
            publish(session, "order-1", number)
    with monkeypatch.context() as dying:
        dying.setattr(relay, "_mark", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await Relay(engine, client).send()
    assert bodies(client, "order-1") == list(range(20))
    await asyncio.gather(*(all_sent(engine, Relay(engine, client)) for _ in range(2)))
    assert bodies(client, "order-1") == list(range(20))
    assert [seq for _, seq, _ in left(engine)] == [
        entry.seq for entry in client.log("order-1") if entry.type == "message"
    ]


async def test_message_refused_for_good_delays_no_other_and_is_kept(
    engine: Engine, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until somebody has seen to the reason, and has it sent again."""
    monkeypatch.setattr(relay, "CLEANING", 0)
    with Session(engine) as session, session.begin():
        publish(session, "order-9", "too early")
        publish(session, "order-1", "in time")
    sender = Relay(engine, client, keep=-1)
    assert await sender.send() == 2
    assert left(engine) == [("order-9", None, "item_not_found")]
    client.create_item("order-9")
    with engine.begin() as connection:
        assert outbox.retry(connection) == 1
    await sender.send()
    assert bodies(client, "order-9") == ["too early"]
    assert left(engine) == []


async def test_everything_waits_while_the_server_takes_nothing(
    engine: Engine, client: Client, server: LiveServer
) -> None:
    """In the order in which it was published, for as long as it takes."""
    with Session(engine) as session, session.begin():
        for number in range(3):
            publish(session, "order-1", number)
    for url, token, code in (
        ("http://127.0.0.1:9", client.token, "unreachable"),
        (server.url, "wrong", "auth_invalid"),
    ):
        with Client(url, token=token) as one, pytest.raises(Refused, match=code):
            await Relay(engine, one).send()
    assert {seq for _, seq, _ in left(engine)} == {None}
    await all_sent(engine, Relay(engine, client))
    assert bodies(client, "order-1") == [0, 1, 2]


class Flaky(Client):
    """Refuses at first, as a server that is about to stop."""

    refusals = 2

    def publish(self, item: str, body: object, *, ref: str | None = None) -> Any:
        if self.refusals:
            self.refusals -= 1
            raise Refused("draining", retry="later", retry_after=0.01)
        return super().publish(item, body, ref=ref)


async def test_relay_goes_on_after_failures_of_either_side(
    engine: Engine, client: Client, server: LiveServer, caplog: pytest.LogCaptureFixture
) -> None:
    """It says so, without what is in the messages."""
    with Flaky(server.url, token=client.token) as flaky:
        OWN.drop(engine)
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE itemroom_outbox RENAME TO away"))
        async with Relay(engine, flaky, interval=0.01):
            async with asyncio.timeout(scaled(10)):
                while "the outbox waits" not in caplog.text:
                    await asyncio.sleep(0.01)
            with engine.begin() as connection:
                connection.execute(text("ALTER TABLE away RENAME TO itemroom_outbox"))
                publish(connection, "order-1", "a secret")
            async with asyncio.timeout(scaled(20)):
                while not await asyncio.to_thread(bodies, client, "order-1"):
                    await asyncio.sleep(0.01)
    assert "draining" in caplog.text
    assert "a secret" not in caplog.text


def test_what_cannot_be_published_is_refused_in_the_transaction(engine: Engine) -> None:
    """When it is clear already that no server will take it."""
    with Session(engine) as session:
        with pytest.raises(Refused, match="item_not_found"):
            publish(session, "../users", "x")
        for body in (object(), float("nan")):
            with pytest.raises((TypeError, ValueError)):
                publish(session, "order-1", body)
        session.commit()
    assert left(engine) == []


def test_table_is_made_for_mysql_too() -> None:
    """Compiled, not run: bodies of any length that a server takes."""
    table = outbox.metadata.tables["itemroom_outbox"]
    made = str(CreateTable(table).compile(dialect=mysql.dialect()))
    assert "body MEDIUMTEXT NOT NULL" in made
    assert "id BIGINT NOT NULL AUTO_INCREMENT" in made
