"""An application with a database of its own, and an outbox in it."""

import asyncio
from typing import Any

from sqlalchemy import Column, Engine, Integer, MetaData, Table, select

from itemroom import Client
from itemroom.outbox import Outgoing
from itemroom.relay import Relay

ORDERS = Table("orders", MetaData(), Column("number", Integer, primary_key=True))


def bodies(client: Client, item: str) -> list[Any]:
    """Of all messages in a log."""
    return [entry.body for entry in client.log(item) if entry.type == "message"]


def left(engine: Engine) -> list[tuple[Any, ...]]:
    """What the rows say, in their order."""
    with engine.connect() as connection:
        rows = select(Outgoing.item, Outgoing.seq, Outgoing.refused).order_by(Outgoing.id)
        return [tuple(row) for row in connection.execute(rows)]


async def all_sent(engine: Engine, relay: Relay) -> None:
    """Send until nothing waits."""
    while any(seq is refused is None for _, seq, refused in await asyncio.to_thread(left, engine)):
        await relay.send()
