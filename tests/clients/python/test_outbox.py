"""Messages in a transaction of the application's own."""

import asyncio
import random

import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateTable

from itemroom import Client, Refused, outbox
from itemroom.outbox import publish
from itemroom.relay import Relay
from tests.clients.python.shop import ORDERS, all_sent, bodies, left
from tests.programs.postgresql import Cluster

pytestmark = pytest.mark.anyio


async def test_messages_of_committed_transactions_are_published(
    engine: Engine, shop: Client
) -> None:
    """And none of those that were rolled back, each item's in their order."""
    chance = random.Random(17)
    committed: list[int] = []
    for number in range(60):
        with Session(engine) as session:
            session.execute(insert(ORDERS).values(number=number))
            publish(session, f"order-{number % 2 + 1}", number)
            if chance.random() < 0.5:
                session.commit()
                committed.append(number)
    assert bodies(shop, "order-1") == bodies(shop, "order-2") == []
    await all_sent(engine, Relay(engine, shop))
    for rest, item in enumerate(("order-1", "order-2")):
        assert bodies(shop, item) == [one for one in committed if one % 2 == rest]
    with engine.connect() as connection:
        assert (
            list(connection.scalars(select(ORDERS.c.number).order_by(ORDERS.c.number))) == committed
        )


async def test_message_is_published_in_each_kind_of_transaction(
    cluster: Cluster, shop: Client
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
    async with Relay(engine, shop, interval=0.01):
        while len(found := await asyncio.to_thread(bodies, shop, "order-1")) < 3:
            await asyncio.sleep(0.01)
    assert found == [{"text": "by a connection"}, None, "by a session"]
    await engine.dispose()


def test_what_cannot_be_published_is_refused_in_the_transaction(engine: Engine) -> None:
    """When it is clear already that no server will take it."""
    with Session(engine) as session:
        with pytest.raises(Refused, match="item_not_found"):
            publish(session, "../users", "x")
        for body in (object(), float("nan"), "\ud800", "\0", 2**53 + 1):
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
