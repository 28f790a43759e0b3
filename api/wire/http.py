"""uvicorn's HTTP protocol, with bounds on what a client may leave open.

uvicorn waits for ever for the end of a request, takes headers of any size, and passes handshakes
on that websockets then refuses without anybody sending the refusal.
"""

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from api.errors import CODES
from api.settings import Settings

# Seconds from the end of a request's headers to the end of its body.
BODY_TIMEOUT = 30.0
# What the parser of the handshake takes of a line and of headers; more it leaves unanswered.
MAX_LINE_BYTES = 8190
MAX_HEADERS = 128


class GuardedHttp(HttpToolsProtocol):
    """One client's HTTP, until it upgrades to a WebSocket."""

    def __init__(
        self,
        settings: Settings,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._settings = settings
        self._deadline: asyncio.TimerHandle | None = None  # For the end of headers or body.
        self._in_headers = True  # The next bytes belong to a request's headers.
        self._header_bytes = 0  # Of the request that is coming in, as far as it has come.
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
        super().data_received(data)
        if self._in_headers and self._header_bytes > self._settings.max_header_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """The headers are over: start with the request if they are not too large."""
        self._in_headers = False
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self._settings.max_header_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
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
        """Hand the connection on, unless the handshake would be left unanswered."""
        self._stop_waiting()
        if self._refused:
            return
        names = [name for name, _ in self.headers]
        if self.parser.get_http_version() != "1.1":  # uvicorn would answer 101 all the same.
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        lines = (len(name) + len(value) + 2 for name, value in self.headers)
        if len(self.url) > MAX_LINE_BYTES - len("GET  HTTP/1.1"):
            self._refuse(HTTPStatus.REQUEST_URI_TOO_LONG)
        elif len(names) > MAX_HEADERS or max(lines, default=0) > MAX_LINE_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif b"content-length" in names or b"transfer-encoding" in names:
            self._refuse(HTTPStatus.BAD_REQUEST)
        else:
            super().handle_websocket_upgrade()

    def _refuse(self, status: HTTPStatus) -> None:
        self._refused = True
        self._stop_waiting()
        code = "malformed" if status is HTTPStatus.BAD_REQUEST else "too_big"
        body = (
            f'{{"type":"about:blank","title":"{status.phrase}",'
            f'"status":{status.value},"detail":"{CODES[code].message}","code":"{code}"}}'
        )
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            "content-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write((head + body).encode())
        self.transport.close()

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
