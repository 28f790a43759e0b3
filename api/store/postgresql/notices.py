"""LISTEN and NOTIFY, on two connections that do nothing else.

In the transaction that stores it would take a lock of the whole server, and all commits would go
one after the other. Here it takes the lock when all is stored, and nobody waits for that.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...settings import Settings
from ..failures import DatabaseError
from . import database

if TYPE_CHECKING:
    from psycopg import AsyncConnection

_TELL = b"SELECT pg_notify(%s, notice) FROM unnest(%s::text[]) AS notice"
# A notice is nothing to keep: without this each would wait for the disk.
_PREPARE = b"SET synchronous_commit = off"


class PostgresqlNotices:
    """One connection tells, one listens."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._channel = ""
        self._connections: list[AsyncConnection[Any]] = []  # Telling, listening.

    async def open(self, channel: str) -> None:
        """Connect both, and listen."""
        self._channel = channel
        with _failing():
            for _ in range(2):
                self._connections.append(await database.connect_beside(self._settings))
        telling, listening = self._connections
        await self._run(telling, _PREPARE)
        await self._run(listening, f'LISTEN "{channel}"'.encode())

    async def close(self) -> None:
        """Disconnect both."""
        for connection in self._connections:
            _cut(connection)
            await connection.close()

    async def tell(self, texts: Sequence[str]) -> None:
        """One statement for all of them."""
        await self._run(self._connections[0], _TELL, [self._channel, list(texts)])

    async def listen(self, heard: Callable[[str], None]) -> None:
        """Read until it breaks."""
        with _failing():
            async for notice in self._connections[1].notifies():
                heard(notice.payload)

    async def _run(
        self, connection: "AsyncConnection[Any]", sql: bytes, values: Sequence[Any] | None = None
    ) -> None:
        running = asyncio.ensure_future(_execute(connection, sql, values))
        try:
            with _failing():
                await asyncio.shield(running)
        except asyncio.CancelledError:
            # The driver would ask the server to cancel it, and wait for that: also for one that
            # has been stopped. Without its socket it ends at once.
            _cut(connection)
            await asyncio.gather(running, return_exceptions=True)
            raise


async def _execute(
    connection: "AsyncConnection[Any]", sql: bytes, values: Sequence[Any] | None
) -> None:
    await connection.execute(sql, values)


def _cut(connection: "AsyncConnection[Any]") -> None:
    if connection.closed:
        return
    same = socket.socket(fileno=os.dup(connection.fileno()))
    with same, suppress(OSError):  # The other side was first.
        same.shutdown(socket.SHUT_RDWR)


@contextmanager
def _failing() -> Iterator[None]:
    error: Any = import_module("psycopg").Error
    try:
        yield
    except error as failure:
        raise DatabaseError(str(failure).strip()) from failure
