"""What lies between servers, their databases and their clients: TCP, which a test may cut or stall.

Bytes pass through the test's own event loop, by way of whatever takes them apart.
"""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, Self

# Seconds for which bytes that were sent may be on their way: the limit that our servers set for
# those that nobody acknowledges, which here somebody does.
UNACKNOWLEDGED = 3.0


class Cut(Exception):  # noqa: N818 - wanted
    """The connection ends, once the bytes in the argument have passed."""


class Passage(Protocol):
    """What becomes of the bytes of one connection, in each direction."""

    def up(self, data: bytes) -> bytes:
        """Towards the server; raises Cut."""

    def down(self, data: bytes) -> bytes:
        """Towards the client; raises Cut."""


class Open:
    """All passes as it is."""

    def up(self, data: bytes) -> bytes:
        return data

    def down(self, data: bytes) -> bytes:
        return data


class Link:
    """Listens on a free port between `async with` and its end.

    Args:
        ports: of the servers behind it, the first of which that answers is taken; asked anew for
            each connection.
        passage: made for each connection.
    """

    def __init__(
        self, ports: Callable[[], list[int]], passage: Callable[[], Passage] = Open
    ) -> None:
        self._ports = ports
        self._passage = passage
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._clients: set[StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """End all connections at once."""
        for client in tuple(self._clients):
            client.transport.abort()

    def stall(self) -> None:
        """From now on nothing passes, and nobody is told why."""
        self._flowing.clear()

    def flow(self) -> None:
        """What was held goes on, where nobody has given up."""
        self._flowing.set()

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        self._clients.add(writer)
        task.add_done_callback(self._tasks.discard)
        # Also when it is cancelled before it has begun.
        task.add_done_callback(lambda _: self._ended(writer))

    def _ended(self, client: StreamWriter) -> None:
        self._clients.discard(client)
        client.transport.abort()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        if not await self._flows() or (dialled := await self._dial()) is None:
            return
        server_reader, server = dialled
        passage = self._passage()
        try:
            try:
                async with asyncio.TaskGroup() as pumps:
                    pumps.create_task(self._pump(reader, server, passage.up))
                    pumps.create_task(self._pump(server_reader, writer, passage.down))
            except* (Cut, OSError):
                writer.transport.abort()
            # What has passed arrives, on both sides.
            await self._flowing.wait()
            for end in (server, writer):
                end.close()
                with suppress(OSError):
                    await end.wait_closed()
        finally:
            server.transport.abort()

    async def _pump(
        self, reader: StreamReader, writer: StreamWriter, through: Callable[[bytes], bytes]
    ) -> None:
        while data := await reader.read(1 << 16):
            if not await self._flows():
                raise Cut
            try:
                passed = through(data)
            except Cut as cut:
                writer.write(cut.args[0])
                raise
            writer.write(passed)
            await writer.drain()
        # Whoever is there reads the end of it, and then so does the other way back.
        writer.close()

    async def _flows(self) -> bool:
        """Waits for it, as long as TCP would."""
        with suppress(TimeoutError):
            async with asyncio.timeout(UNACKNOWLEDGED):
                return await self._flowing.wait()
        return False

    async def _dial(self) -> tuple[StreamReader, StreamWriter] | None:
        for port in self._ports():
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", port)
        return None
