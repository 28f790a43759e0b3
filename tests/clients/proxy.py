"""A TCP proxy that knows WebSockets: it cuts, drops or doubles what passes, at any byte."""

import asyncio
import json
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, Self
from urllib.parse import urlsplit

End = Literal["", "rst", "fin"]
# Closing sends RST instead of FIN, and throws away what the kernel still has.
_ABORTIVE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Piece:
    """What one side says in one piece: the head of its HTTP message, or a WebSocket frame."""

    connection: int
    """From 0."""
    upward: bool
    """Towards the server."""
    index: int
    """From 0, the head."""
    raw: bytes
    text: str

    @property
    def frame(self) -> dict[str, Any]:
        """The message in it; empty for the head, and for what is not JSON."""
        with suppress(ValueError):
            fields = json.loads(self.text)
            if isinstance(fields, dict):
                return fields
        return {}

    def copies(self, count: int) -> "Fate":
        """It passes so often; 0: not at all."""
        return Fate(self.raw * count)

    def rewritten(self, **changes: object) -> "Fate":
        """The same frame of the server with other fields."""
        payload = json.dumps(self.frame | changes).encode()
        return Fate(b"\x81\x7e" + len(payload).to_bytes(2) + payload)

    def cut(self, at: int, end: End = "rst") -> "Fate":
        """Only so many of its bytes pass, and nothing after them."""
        return Fate(self.raw[:at], end)


@dataclass(frozen=True)
class Fate:
    """What passes instead of a piece, and whether both sides then lose the connection."""

    passed: bytes
    end: End = ""


Trap = Callable[[Piece], Fate | None]


class Proxy:
    """Listens on a free port; `trap` decides on each piece, None lets it pass.

    Attributes:
        target: the server's address; may be changed when it comes back on another port.
        accepted: when each connection came, in seconds of the event loop's clock.
        ends: the last piece of each connection that the trap has cut, and how far it got.
        flowing: while cleared, nothing more is read from the server.
    """

    def __init__(self, target: str, trap: Trap = lambda piece: None) -> None:
        self.target, self.trap = target, trap
        self.accepted: list[float] = []
        self.ends: list[tuple[Piece, Fate]] = []
        self.flowing = asyncio.Event()
        self.flowing.set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        """How many were accepted."""
        return len(self.accepted)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.create_task(self._serve(len(self.accepted), reader, writer))
        self.accepted.append(asyncio.get_running_loop().time())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Also when it is cancelled before it has begun.
        task.add_done_callback(lambda _: writer.transport.abort())

    async def _serve(self, number: int, reader: StreamReader, writer: StreamWriter) -> None:
        address = urlsplit(self.target)
        try:
            server_reader, server_writer = await _dial(address.hostname, address.port)
        except OSError:
            return
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(number, reader, server_writer, upward=True))
                pumps.create_task(self._pump(number, server_reader, writer, upward=False))
        except* _Ended as ended:
            _end(ended, writer, server_writer)
        except* OSError:
            pass  # One side has reset: so does the other, below.
        finally:
            server_writer.transport.abort()

    async def _pump(
        self, number: int, reader: StreamReader, writer: StreamWriter, *, upward: bool
    ) -> None:
        index = 0
        async for raw, text in pieces(reader):
            if not upward:
                await self.flowing.wait()
            piece = Piece(number, upward, index, raw, text)
            fate = self.trap(piece) or Fate(raw)
            writer.write(fate.passed)
            if fate.end:
                self.ends.append((piece, fate))
                raise _Ended(fate.end)
            await writer.drain()
            index += 1
        writer.write_eof()


class _Ended(Exception):  # noqa: N818 - nothing is wrong
    """The trap wants the connection to end, as the argument says."""


def _end(ended: ExceptionGroup[_Ended], *writers: StreamWriter) -> None:
    (how,) = ended.exceptions[0].args
    for writer in writers:
        if how == "rst":
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORTIVE)
        writer.transport.abort()


async def _dial(host: str | None, port: int | None) -> tuple[StreamReader, StreamWriter]:
    """A connection to the server, with little room for what nobody takes from it."""
    sock = socket.socket()
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (host, port))
        return await asyncio.open_connection(sock=sock)
    except BaseException:  # Cancelled, perhaps: nobody else would close it.
        sock.close()
        raise


async def pieces(reader: StreamReader) -> AsyncIterator[tuple[bytes, str]]:
    """Bytes and text of the head, and of each frame or, without an upgrade, chunk after it."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        yield head, head.decode("latin-1")
        if b"\r\nupgrade: websocket\r\n" in head.lower():
            while True:
                yield await _frame(reader)
        while chunk := await reader.read(1 << 16):
            yield chunk, ""
    except asyncio.IncompleteReadError as short:
        if short.partial:
            yield short.partial, ""


async def _frame(reader: StreamReader) -> tuple[bytes, str]:
    raw = await reader.readexactly(2)
    size, masked = raw[1] & 0x7F, raw[1] & 0x80
    extended = {126: 2, 127: 8}.get(size, 0)
    if extended:
        raw += (length := await reader.readexactly(extended))
        size = int.from_bytes(length)
    mask = await reader.readexactly(4) if masked else bytes(4)
    payload = await reader.readexactly(size)
    if not masked:
        return raw + payload, payload.decode("utf-8", "replace")
    plain = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    return raw + mask + payload, plain.decode("utf-8", "replace")
