"""A server that plays a script: what a real one does rarely, or never."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_sockets
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.deadlines import scaled

Fields = dict[str, Any]
Script = Callable[["Guest"], Awaitable[None]]

ADA = {"id": "u1", "name": "Ada"}
WELCOME: Fields = {
    "type": "welcome",
    "item": {"id": "order-17", "title": "Order"},
    "you": ADA | {"role": "writer"},
    "epoch": "e1",
    "head": 0,
    "oldest": 1,
    "after": 0,
    "recovered": True,
    "limits": {"frame_bytes": 500, "in_flight": 4, "publish_rate": 0, "publish_burst": 1},
    "presence": {"count": 1, "users": [ADA]},
}


def message(seq: int, body: object = None, by: Fields = ADA, **more: object) -> Fields:
    """An entry."""
    return {"type": "message", "seq": seq, "at": "", "by": by, "body": body, **more}


@dataclass
class Guest:
    """A client, as the server sees it."""

    socket: ServerConnection

    @property
    def query(self) -> str:
        """What it asked for."""
        assert self.socket.request is not None
        return self.socket.request.path.partition("?")[2]

    async def say(self, *frames: Fields) -> None:
        """Send frames."""
        for frame in frames:
            await self.socket.send(json.dumps(frame))

    async def hear(self, type_: str = "") -> Fields:
        """The next frame, of a type; others are passed over."""
        while True:
            frame: Fields = json.loads(await self.socket.recv())
            if type_ in ("", frame["type"]):
                return frame


@dataclass
class Stage:
    """Where it is played, and who came."""

    url: str
    queries: list[str] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)


@asynccontextmanager
async def playing(*scripts: Script | Response) -> AsyncIterator[Stage]:
    """A server that does one thing with its first client, and so on; the rest it leaves waiting."""
    left = list(scripts)
    stage = Stage("")

    def knock(_: ServerConnection, request: Request) -> Response | None:
        stage.queries.append(request.path.partition("?")[2])
        stage.tokens.append(request.headers.get("Authorization"))
        return left.pop(0) if left and isinstance(left[0], Response) else None  # type: ignore[return-value] # just asked

    async def talk(socket: ServerConnection) -> None:
        script = left.pop(0) if left else waiting
        assert not isinstance(script, Response)
        with suppress(ConnectionClosed):  # Clients leave as they like.
            await script(Guest(socket))

    async with serve_sockets(talk, "127.0.0.1", 0, process_request=knock) as server:
        stage.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield stage


async def waiting(guest: Guest) -> None:
    """Say nothing, and hear what the client says, as long as it stays."""
    async for _ in guest.socket:
        pass


def say(*frames: Fields, close: int | None = None) -> Script:
    """Says something, and closes with a code, or stays."""

    async def script(guest: Guest) -> None:
        await guest.say(*frames)
        if close is None:
            await waiting(guest)
        else:
            await guest.socket.close(close)

    return script


def answer(status: int, body: bytes = b"", **headers: str) -> Response:
    """A handshake that is denied."""
    named = Headers({name.replace("_", "-"): value for name, value in headers.items()})
    named["Content-Length"] = str(len(body))
    return Response(status, HTTPStatus(status).phrase, named, body)


async def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(scaled(seconds)):
        while not condition():
            await asyncio.sleep(0.005)
