"""What lies between servers, their databases and their clients: TCP, which a test may cut or stall.

Bytes pass through the test's own event loop, by way of whatever takes them apart.
"""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
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


Which = Callable[[Passage], bool]
"""Of the connections of a link, by what takes their bytes apart."""


def every(_passage: Passage) -> bool:
    """All of them."""
    return True


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
        self._stalled: list[Which] = []
        self._flowing = asyncio.Event()  # Set, and made anew, each time that less is stalled.
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

    def stall(self, which: Which = every) -> None:
        """From now on nothing passes of these, and nobody is told why."""
        self._stalled.append(which)

    def flow(self, which: Which = every) -> None:
        """What was held goes on, where nobody has given up, and nothing else holds it."""
        self._stalled.remove(which)
        self._flowing.set()
        self._flowing = asyncio.Event()

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
        passage = self._passage()
        if not await self._flows(passage) or (dialled := await self._dial()) is None:
            return
        server_reader, server = dialled
        try:
            try:
                async with asyncio.TaskGroup() as pumps:
                    flows = partial(self._flows, passage)
                    pumps.create_task(_pump(reader, server, passage.up, flows))
                    pumps.create_task(_pump(server_reader, writer, passage.down, flows))
            except* (Cut, OSError):
                writer.transport.abort()
            # What has passed arrives, on both sides.
            await self._until_flowing(passage)
            for end in (server, writer):
                end.close()
                with suppress(OSError):
                    await end.wait_closed()
        finally:
            server.transport.abort()

    async def _flows(self, passage: Passage) -> bool:
        """Waits for it, as long as TCP would."""
        with suppress(TimeoutError):
            async with asyncio.timeout(UNACKNOWLEDGED):
                await self._until_flowing(passage)
                return True
        return False

    async def _until_flowing(self, passage: Passage) -> None:
        while any(which(passage) for which in self._stalled):
            await self._flowing.wait()

    async def _dial(self) -> tuple[StreamReader, StreamWriter] | None:
        for port in self._ports():
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", port)
        return None


async def _pump(
    reader: StreamReader,
    writer: StreamWriter,
    through: Callable[[bytes], bytes],
    flows: Callable[[], Awaitable[bool]],
) -> None:
    while data := await reader.read(1 << 16):
        if not await flows():
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
