"""Rooms as tests enter and read them."""

import asyncio
from typing import Any

from itemroom import Entry, Room
from tests.clients.python.scripted import Fields
from tests.deadlines import scaled

LIVE: Fields = {"type": "live", "seq": 0}


def room_at(url: str, **options: Any) -> Room:
    return Room(url, item="order-17", **({"token": "t"} | options))


async def read(room: Room, count: int) -> list[Entry]:
    """The next entries."""
    found = []
    async with asyncio.timeout(scaled(20)):
        async for entry in room:
            found.append(entry)
            if len(found) == count:
                break
    return found


def ack(command: Fields, seq: int) -> Fields:
    return {"type": "ack", "ref": command["ref"], "seq": seq, "at": ""}
