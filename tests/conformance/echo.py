"""A server that says what it hears, on our own transport: what the Autobahn suite asks for."""

import asyncio
import threading
from typing import Any, Self, cast

import uvicorn
from starlette.types import Receive, Scope, Send

from api.errors import CODES
from api.rooms.endpoint import WIRE
from api.settings import Settings
from api.wire.framing import BINARY, TEXT, server_frame
from api.wire.http import GuardedHttp
from api.wire.server import listen
from api.wire.shared import Wire
from api.wire.websocket import WireSocket


class Echo:
    """What a socket tells of: each message goes back as it came."""

    def __init__(self, socket: WireSocket) -> None:
        self._socket = socket

    def received(self, data: bytes, *, is_text: bool) -> None:
        """A message has come."""
        self._socket.write(server_frame(TEXT if is_text else BINARY, data))

    def broke(self, code: str, **_: object) -> None:
        """The peer broke the protocol."""
        self._socket.close(CODES[code].close_code, code)

    def failed(self, failure_id: str) -> None:
        """An echo has nothing that could fail."""
        raise AssertionError(failure_id)

    def drained(self) -> None:
        """All that waits is the socket's own."""

    def lost(self) -> None:
        """Nothing is kept."""


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Let in whoever comes."""
    await receive()
    await send({"type": "websocket.accept"})
    socket: WireSocket = scope["extensions"][WIRE].hand_over()
    socket.begin(Echo(socket))


class EchoServer:
    """Runs in a thread of this process."""

    def __init__(self, settings: Settings) -> None:
        self._socket = listen(settings)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        wire = Wire(settings)

        def http(**from_uvicorn: Any) -> Any:
            return GuardedHttp(settings, wire, **from_uvicorn).intake

        config = uvicorn.Config(echo, http=cast(Any, http), lifespan="off", log_config=None)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        asyncio.run(self._server.serve([self._socket]))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
