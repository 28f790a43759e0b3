"""Publishes one message after the other, each stored once, however often it has to be sent."""

import asyncio
from collections.abc import AsyncIterable, Callable

from itemroom import Refused, Room

from .connecting import failure_of
from .failures import Failure

# Seconds: what a restart or a full queue takes, several times over.
PATIENCE = 60.0


async def publish_each(
    room: Room,
    bodies: AsyncIterable[str],
    *,
    show: Callable[[int], None],
    patience: float = PATIENCE,
) -> None:
    """Publish each body as it comes, while the room is kept connected.

    Args:
        room: not entered.
        bodies: the next is asked for when the one before is stored.
        show: called with a message's seq when it is stored.
        patience: seconds in which a message has to be stored.

    Raises:
        Failure: the server does not take a message, or not in time.
    """
    try:
        async with room:
            async for body in bodies:
                show(await _publish(room, body, patience))
    except Refused as refused:
        raise failure_of(refused) from refused


async def _publish(room: Room, body: str, patience: float) -> int:
    try:
        async with asyncio.timeout(patience):
            return await room.publish(body)
    except TimeoutError as error:
        if room.error is not None:
            raise room.error from error
        raise Failure(f"The message was not stored in {patience:.0f} s.") from error
