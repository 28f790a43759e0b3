"""Publishes one message after the other, each stored once, however often it has to be sent."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

from api.cli.connecting import failure_of
from api.cli.failures import Failure
from itemroom import Refused, Room

T = TypeVar("T")

# Seconds: what a restart or a full queue takes, several times over.
PATIENCE = 60.0


class Publisher:
    """A room, kept connected in a thread while this one waits for something to say.

    Args:
        room: not entered.
        patience: seconds in which a message has to be stored.
    """

    def __init__(self, room: Room, *, patience: float = PATIENCE) -> None:
        self._room = room
        self._patience = patience
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._call(self._room.__aenter__())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def publish(self, body: str) -> int:
        """The message's seq, when it is stored.

        Raises:
            Failure: the server does not take it, or not in time.
        """
        return self._call(self._publish(body))

    async def _publish(self, body: str) -> int:
        try:
            async with asyncio.timeout(self._patience):
                return await self._room.publish(body)
        except TimeoutError as error:
            if self._room.error is not None:
                raise self._room.error from error
            raise Failure(f"The message was not stored in {self._patience:.0f} s.") from error

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        except Refused as refused:
            raise failure_of(refused) from refused

    def _stop(self) -> None:
        self._call(self._room.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
