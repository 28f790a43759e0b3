"""A client that waits for FastAPI's answer, on a transport in hand."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState

from api.rooms.endpoint import WIRE
from api.settings import Settings
from api.wire.framing import BINARY, TEXT, close_frame, server_frame
from api.wire.handshake import Handshake
from api.wire.shared import Wire
from api.wire.upgrade import Upgrade
from tests.wire.line import FakeClient, FakeTransport, arrive
from tests.wire.test_framing import masked

pytestmark = pytest.mark.anyio
REQUEST: Scope = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "scheme": "https",
    "server": ("127.0.0.1", 80),
    "client": ("127.0.0.1", 9),
    "root_path": "/prefix",
    "headers": [],
    "state": {},
}
App = Callable[[Scope, Receive, Send], Any]


class Door:
    """A handshake with its transport."""

    def __init__(self, settings: Settings, app: App, early: bytes = b"") -> None:
        self.transport = FakeTransport()
        self.state = ServerState()
        self.scope: Scope = {}
        self.handshake = Handshake(Wire(settings), self.transport, self.state, early)

        async def noting(scope: Scope, receive: Receive, send: Send) -> None:
            self.scope = scope
            await app(scope, receive, send)

        url = b"/items/a%20b/ws?token=x&y"
        self.handshake.begin(noting, REQUEST, url, Upgrade(b"proof", ["one"]))

    async def ended(self) -> bytes:
        """Everything that the client has, once the application has returned."""
        while self.state.tasks:
            await asyncio.sleep(0)
        for _ in range(3):
            await asyncio.sleep(0)
        return self.transport.taken


async def accept(_scope: Scope, receive: Receive, send: Send) -> None:
    """Let the client in, and forget it."""
    assert await receive() == {"type": "websocket.connect"}
    await send({"type": "websocket.accept", "subprotocol": "one"})


async def test_application_sees_the_request(settings: Settings) -> None:
    """As any server would describe it, and the offer to hand the transport over."""

    async def hand_over(scope: Scope, receive: Receive, send: Send) -> None:
        await accept(scope, receive, send)
        scope["extensions"][WIRE].hand_over().begin(FakeClient())

    door = Door(settings, hand_over)
    got = await door.ended()
    assert got.startswith(b"HTTP/1.1 101 ")
    assert b"sec-websocket-protocol: one\r\n" in got
    scope = door.scope
    assert (scope["type"], scope["scheme"], scope["subprotocols"]) == ("websocket", "wss", ["one"])
    assert (scope["path"], scope["raw_path"]) == ("/prefix/items/a b/ws", b"/prefix/items/a%20b/ws")
    assert scope["query_string"] == b"token=x&y"
    assert not door.transport.ended


async def test_early_frames_reach_the_room(settings: Settings) -> None:
    """What came behind the request, and what came while it was judged."""
    client, go = FakeClient(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await go.wait()
        await accept(scope, receive, send)
        scope["extensions"][WIRE].hand_over().begin(client)

    door = Door(settings, slow, early=masked(0x81, b"one"))
    await asyncio.sleep(0)
    arrive(door.handshake, masked(0x81, b"two"))
    assert not door.transport.reading
    go.set()
    await door.ended()
    assert client.told == [(b"one", True), (b"two", True)]
    assert door.transport.reading


async def test_client_that_is_refused_hears_why(settings: Settings) -> None:
    """Accepted, told, closed: by ASGI alone."""

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        await accept(scope, receive, send)
        await send({"type": "websocket.send", "text": "why"})
        await send({"type": "websocket.send", "bytes": b"\x00"})
        await send({"type": "websocket.close", "code": 1008, "reason": "removed"})

    door = Door(settings, refuse)
    got = await door.ended()
    told = server_frame(TEXT, b"why") + server_frame(BINARY, b"\x00")
    assert got.endswith(b"\r\n\r\n" + told + close_frame(1008, "removed") + b"<eof>")
    assert len(door.state.connections) == 1  # The socket, which waits for the peer's close.


async def test_denial_is_sent_whole(settings: Settings) -> None:
    """The ASGI extension for denials, its body in pieces."""

    async def deny(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"x-why", b"so")]
        await send({"type": "websocket.http.response.start", "status": 429, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b"a", "more_body": True})
        await send({"type": "websocket.http.response.body", "body": b"b"})

    door = Door(settings, deny)
    got = await door.ended()
    assert got.startswith(b"HTTP/1.1 429 Too Many Requests\r\nx-why: so\r\ncontent-length: 2\r\n")
    assert got.endswith(b"\r\n\r\nab")
    assert door.transport.ended == "closed"


async def fail(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """A fault of ours."""
    raise LookupError("nobody caught this")


async def forget(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Ends without an answer: a fault of ours too."""


async def close_unaccepted(_scope: Scope, _receive: Receive, send: Send) -> None:
    """What reaches clients as a bare 403 elsewhere, and is never said here."""
    await send({"type": "websocket.close", "code": 1008})


@pytest.mark.parametrize("app", [fail, forget, close_unaccepted])
async def test_handshake_that_is_not_answered_is_a_failure(
    settings: Settings, app: App, caplog: pytest.LogCaptureFixture
) -> None:
    """500, with the id that is in the log."""
    door = Door(settings, app)
    head, _, body = (await door.ended()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 500 ")
    failure_id = json.loads(body)["detail"].split()[-1].rstrip(".")
    assert failure_id in caplog.text


async def listen_by_asgi(scope: Scope, receive: Receive, send: Send) -> None:
    """An endpoint for another kind of server."""
    await accept(scope, receive, send)
    await receive()


@pytest.mark.parametrize("app", [accept, listen_by_asgi])
async def test_accepted_client_that_is_forgotten_is_closed(
    settings: Settings, app: App, caplog: pytest.LogCaptureFixture
) -> None:
    """1011 instead of silence."""
    door = Door(settings, app)
    assert (await door.ended()).endswith(close_frame(1011, "internal") + b"<eof>")
    assert "a handshake was not answered" in caplog.text


async def test_failure_after_the_answer_is_logged(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """The client has its answer; the operator has the failure."""

    async def close_and_fail(scope: Scope, receive: Receive, send: Send) -> None:
        await accept(scope, receive, send)
        await send({"type": "websocket.close", "code": 1008, "reason": "removed"})
        raise LookupError

    door = Door(settings, close_and_fail)
    assert (await door.ended()).endswith(close_frame(1008, "removed") + b"<eof>")
    assert "LookupError" in caplog.text


async def test_nobody_is_handed_over_unaccepted(settings: Settings) -> None:
    """The transport belongs to HTTP until the answer."""

    async def hasty(scope: Scope, _receive: Receive, _send: Send) -> None:
        with pytest.raises(RuntimeError):
            scope["extensions"][WIRE].hand_over()

    assert b" 500 " in await Door(settings, hasty).ended()


async def test_client_that_went_is_not_let_in(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Its room would never hear that it is gone. That it went is no failure."""
    go, gone = asyncio.Event(), []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await go.wait()
        try:
            await accept(scope, receive, send)
        except ClientDisconnected as error:
            gone.append(error)

    door = Door(settings, slow)
    await asyncio.sleep(0)
    door.handshake.connection_lost(None)
    go.set()
    assert await door.ended() == b""
    assert len(gone) == 1
    assert not door.state.connections
    assert not caplog.text


async def test_server_that_ends_says_so(settings: Settings) -> None:
    """Whoever still waits is told to come back, and not told anything else afterwards."""
    go = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await go.wait()
        await accept(scope, receive, send)

    door = Door(settings, slow)
    await asyncio.sleep(0)
    door.handshake.shutdown()
    assert door.transport.taken.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1\r\n" in door.transport.taken
    door.handshake.connection_lost(None)
    go.set()
    assert b" 101 " not in await door.ended()
