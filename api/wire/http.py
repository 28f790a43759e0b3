"""uvicorn's HTTP protocol, with bounds on what a client may leave open, and our own handshake.

uvicorn waits for ever for the end of a request, and takes headers of any size.
"""

import asyncio
import sys
from http import HTTPStatus
from typing import Any, cast

from httptools import HttpParserUpgrade
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from api.errors import Refusal
from api.settings import Settings
from api.wire.handshake import Handshake
from api.wire.upgrade import Headers, NoUpgrade, problem, read_upgrade
from api.wire.websocket import Wire

# Seconds from the end of a request's headers to the end of its body.
BODY_TIMEOUT = 30.0


class GuardedHttp(HttpToolsProtocol):
    """One client's HTTP, until it upgrades to a WebSocket."""

    def __init__(
        self,
        settings: Settings,
        wire: Wire,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._settings = settings
        self._wire = wire
        self._deadline: asyncio.TimerHandle | None = None  # For the end of headers or body.
        self._in_headers = True  # The next bytes belong to a request's headers.
        self._header_bytes = 0  # Of the request that is coming in, as far as it has come.
        self._piece = b""  # What is being parsed.
        self._refused = False  # Answered and closed: what still comes is not looked at.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request, but not for ever."""
        super().connection_made(transport)
        self._wait(self._settings.handshake_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more to wait for."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A piece of a request."""
        if self._refused:
            return
        if self._in_headers:
            self._header_bytes += len(data)
            if self._deadline is None:  # The next request of a kept-alive connection begins.
                self._wait(self._settings.handshake_timeout)
        self._piece = data
        super().data_received(data)
        self._piece = b""
        if self._in_headers and self._header_bytes > self._settings.max_header_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "too_big")

    def on_headers_complete(self) -> None:
        """The headers are over: start with the request if they are not too large."""
        self._in_headers = False
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self._settings.max_header_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "too_big")
            return
        self._wait(BODY_TIMEOUT)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is here; what comes next are the headers of another."""
        self._stop_waiting()
        self._in_headers, self._header_bytes = True, 0
        if not self._refused:
            super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Go on as a handshake; called by uvicorn while it handles HttpParserUpgrade."""
        self._stop_waiting()
        if self._refused:
            return
        try:
            version = self.parser.get_http_version()
            upgrade = read_upgrade(self.parser.get_method(), version, self.headers)
        except NoUpgrade as error:
            self._refuse(error.status, "malformed", error.detail, error.headers)
            return
        self.connections.discard(self)
        handshake = Handshake(self._wire, self.transport, self.server_state, self._rest())
        handshake.begin(self.app, cast(Any, self.scope), self.url, upgrade)

    def _rest(self) -> bytes:
        """What came in one piece with the request and is none of it: the parser says from where."""
        return self._piece[cast(HttpParserUpgrade, sys.exception()).args[0] :]

    def _refuse(
        self, status: HTTPStatus, code: str, detail: str = "", headers: Headers = ()
    ) -> None:
        self._refused = True
        self._stop_waiting()
        self.transport.write(problem(status, Refusal(code, detail), headers))
        self.transport.close()

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
