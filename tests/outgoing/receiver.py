"""A program of the product's, on a real socket, that answers as a test says."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Call:
    """What came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answering = Callable[[Call], Awaitable[bytes]]


def answer(status: int, body: object = "", headers: str = "") -> bytes:
    """The bytes of an answer; `headers` as lines, each with its end."""
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return b"HTTP/1.1 %d X\r\n%sContent-Length: %d\r\n\r\n%s" % (
        status,
        headers.encode(),
        len(content),
        content,
    )


async def accept(call: Call) -> bytes:
    """As one that takes whatever comes."""
    return answer(200)


@dataclass
class Receiver:
    """What was called, and how it answers from now on."""

    answering: Answering = accept
    url: str = ""
    calls: list[Call] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, call after call, until either side has enough."""
        try:
            while True:
                call = await _read(reader)
                self.calls.append(call)
                writer.write(await self.answering(call))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # The caller has gone.
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Call:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.splitlines()
    pairs = (line.split(": ", 1) for line in lines if line)
    headers = {name.lower(): value for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Call(first.split(" ")[1], headers, body)


@asynccontextmanager
async def receiving(
    answering: Answering = accept, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """A receiver on a free port of this machine."""
    receiver = Receiver(answering)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(receiver.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    receiver.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/hook"
    try:
        yield receiver
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
