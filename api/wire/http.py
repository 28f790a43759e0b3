"""uvicorn's HTTP protocol, with bounds on what a client may leave open, and our own handshake.

uvicorn waits for ever for the end of a request, and takes headers of any size.
"""

import asyncio
import math
import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

from httptools import HttpParserUpgrade, HttpRequestParser
from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from ..errors import Refusal
from ..limits import Bucket
from ..rooms.events_endpoint import ABORT
from ..settings import Settings
from .handshake import Handshake
from .intake import Intake, Outlet
from .requests import BadRequest, Headers, check_framing, read_target, wants_socket
from .shared import Wire
from .upgrade import problem, read_upgrade

# Seconds from the end of a request's headers to the end of its body.
BODY_TIMEOUT = 30.0
# Requests a second, and at once, that come before the one before is answered. Browsers and proxies
# send none; each would have its answer at a bounded rate anyway, and not keep others waiting.
PIPELINE_RATE = 2.0
PIPELINE_BURST = 16
# Headers of a request. Browsers send 20, proxies add 10; as objects, the small ones that 16 KB can
# hold would take half a megabyte.
MAX_HEADERS = 200
# Times the largest frame: what a body may take, whoever reads it.
MAX_BODY_FRAMES = 4
# Bytes that the sizes and extensions of chunks may take beyond as many as are in the chunks.
MAX_CHUNK_OVERHEAD = 16 * 1024


class GuardedHttp(HttpToolsProtocol):
    """One client's HTTP, until it upgrades to a WebSocket.

    Args:
        settings: the server's.
        wire: shared by all clients.
        config: uvicorn's, with the application.
        server_state: uvicorn's lists of connections and tasks.
        app_state: goes into each scope.
        door: answers handshakes, in the application's place.
    """

    def __init__(
        self,
        settings: Settings,
        wire: Wire,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        door: ASGIApp | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._door = door
        self._settings = settings
        self._wire = wire
        self._deadline: asyncio.TimerHandle | None = None  # For the end of headers or body.
        self._in_headers = True  # The next bytes belong to a request's headers.
        self._header_bytes = 0  # Of the request that is coming in, as far as it has come.
        self._piece: bytes | memoryview = b""  # What is being parsed.
        self._pieces: list[bytes | memoryview] = []  # What is to be parsed after it, last first.
        self._wants_socket = False  # The request asks for an upgrade that is known.
        self._offers = False  # The request asks for an upgrade that is ignored.
        self._refused = False  # What still comes is not looked at.
        self._last_words = b""  # Why, while requests before that wait for their answers.
        self._body_bytes = 0  # Of the request that is coming in, with all that is around chunks.
        self._chunk_bytes = 0  # What of it is in chunks, or is the body as it is.
        self._events = 0  # Requests, headers and chunks in this piece.
        self._pipelined = Bucket(PIPELINE_RATE, PIPELINE_BURST)
        self.intake = Intake(wire, self)

    @property
    def is_busy(self) -> bool:
        """Whether a whole request waits for its answer."""
        request = self._newest
        return self._in_headers and request is not None and not request.response_complete

    @property
    def _newest(self) -> RequestResponseCycle | None:
        """The last request that the application knows of, or will know of."""
        return cast("RequestResponseCycle | None", self.cycle)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request, but not for ever."""
        # Without uvicorn's own: it makes a socket object for each address, which takes nine system
        # calls, and a flow control that the intake's replaces.
        self.connections.add(self)
        self.server = _address(transport, "sockname")
        self.client = cast("tuple[str, int] | None", _address(transport, "peername"))
        self.scheme = "https" if transport.get_extra_info("sslcontext") else "http"
        self._bare = transport
        self.transport = cast(asyncio.Transport, Outlet(transport))
        self.flow = self.intake.flow
        self._wait(self._settings.handshake_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more to wait for."""
        self._stop_waiting()
        super().connection_lost(exc)
        self._forget_headers()

    def parse(self, piece: bytes) -> int:
        """A piece of requests; how many requests, headers and chunks it had."""
        self._events = 0
        self.data_received(piece)
        return self._events

    def data_received(self, data: bytes) -> None:
        """A piece of a request."""
        if self._refused:
            return
        if not self._in_headers:
            self._body_bytes += len(data)
        else:
            self._header_bytes += len(data)
            if self._deadline is None:  # The next request of a kept-alive connection begins.
                self._wait(self._settings.handshake_timeout)
        self._pieces = [data]
        while self._pieces and not self._refused:
            self._piece = self._pieces.pop()
            super().data_received(cast(bytes, self._piece))
        self._piece = b""
        if self._in_headers and (
            self._header_bytes > self._settings.max_header_bytes
            or len(self.headers or ()) > MAX_HEADERS
        ):
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "too_big")
        elif (
            self._body_bytes > MAX_BODY_FRAMES * self._settings.max_frame_bytes
            or self._body_bytes > 2 * self._chunk_bytes + MAX_CHUNK_OVERHEAD
        ):
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_big")

    def on_message_begin(self) -> None:
        """Another request."""
        self._events += 1
        self._wants_socket = False
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; trailers must not be taken for some (RFC 9110, section 6.5.1)."""
        self._events += 1
        if self._in_headers and not self._refused and len(self.headers) <= MAX_HEADERS:
            super().on_header(name, value.rstrip(b" \t"))

    def on_headers_complete(self) -> None:
        """The headers are over: start with the request if they are not too large."""
        self._in_headers = False
        if self._refused:
            return
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self._settings.max_header_bytes or len(self.headers) > MAX_HEADERS:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "too_big")
            return
        try:
            self._read_head()
        except BadRequest as error:
            self._refuse(error.status, "malformed", error.detail, error.headers)
            return
        if not self._offers:
            self._wait(BODY_TIMEOUT, self._too_slow)
            self.scope["extensions"] = {ABORT: cast(Any, self._bare.abort)}
            super().on_headers_complete()

    def _read_head(self) -> None:
        method, version = self.parser.get_method(), self.parser.get_http_version()
        check_framing(version, self.headers)
        self.url = read_target(method, version, self.url, self.headers)
        if version == "1.0":
            self.expect_100_continue = False  # RFC 9110, section 10.1.1.
        self._wants_socket = wants_socket(method, version, self.headers)
        self._offers = self.parser.should_upgrade() and not self._wants_socket

    def _should_upgrade(self) -> bool:
        return self._wants_socket  # uvicorn asks four times.

    def _unsupported_upgrade_warning(self) -> None:
        """Read the request again, without what it offers; called as below.

        The parser takes what follows any such head for another protocol. It would be the
        request's body, and the next request.
        """
        if self._refused:
            return
        head = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self._version())]
        head += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        self._pieces += [
            memoryview(self._piece)[self._consumed() :],
            b"\r\n".join([*head, b"\r\n"]),
        ]
        self._in_headers, self._offers = True, False
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._events += 1
        self._chunk_bytes += len(body)
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is here; what comes next are the headers of another."""
        if self._offers:
            return
        self._stop_waiting()
        self._in_headers, self._header_bytes = True, 0
        self._body_bytes, self._chunk_bytes = 0, 0
        if not self._refused:
            super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Go on as a handshake; called by uvicorn while it handles HttpParserUpgrade.

        Not for what was refused: nothing of its headers is left that would ask for one.
        """
        self._stop_waiting()
        try:
            upgrade = read_upgrade(self.headers)
        except BadRequest as error:
            self._refuse(error.status, "malformed", error.detail, error.headers)
            return
        self.connections.discard(self)
        rest = bytes(self._piece[self._consumed() :]) + self.intake.hand_over()
        handshake = Handshake(self._wire, self._bare, self.server_state, rest)
        handshake.begin(
            self._door or cast(ASGIApp, self.app), cast(Any, self.scope), self.url, upgrade
        )

    def _consumed(self) -> int:
        """How much of the piece is the request's: the parser says so as it gives up."""
        return cast(int, cast(HttpParserUpgrade, sys.exception()).args[0])

    def _version(self) -> bytes:
        return self.parser.get_http_version().encode()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text for all of it
        """What is no HTTP; called by uvicorn."""
        if not self._refused:
            self._refuse(HTTPStatus.BAD_REQUEST, "malformed", "This is no request in HTTP/1.1.")

    def on_response_complete(self) -> None:
        """A request was answered: go on with what has come since."""
        if not self.transport.is_closing() and (self.pipeline or self.intake.has_more):
            self._check_pipeline()
        super().on_response_complete()
        if self._last_words and not self.pipeline:
            self._say(self._last_words)
        self.intake.read_on()

    def _check_pipeline(self) -> None:
        wait = self._pipelined.take(self.loop.time())
        if not wait:
            return
        # The answer to the next one; whatever is behind that was not begun.
        self._refused = True
        self._stop_waiting()
        self.pipeline.clear()
        retry = [(b"retry-after", b"%d" % math.ceil(wait))]
        refusal = Refusal("rate_limited", "Too many requests before the answer to the first.")
        self._last_words = problem(HTTPStatus.TOO_MANY_REQUESTS, refusal, retry)

    def _forget_headers(self) -> None:
        # The application has the list itself if it needs it. Here it would stay until the
        # collector finds the cycle of protocol and parser: 25 KB for each of a flood of clients.
        self.headers = []
        self._wants_socket = False
        self.scope = cast(Any, {})

    def _refuse(
        self, status: HTTPStatus, code: str, detail: str = "", headers: Headers = ()
    ) -> None:
        self._refused = True
        self._stop_waiting()
        self._forget_headers()
        words, request = problem(status, Refusal(code, detail), headers), self._newest
        if request is not None and request.more_body:
            # It is the one that is refused. To the application, which waits for its body, the
            # client has gone.
            self._say(b"" if request.response_started else words)
            request.disconnected = True
            request.message_event.set()
        elif request is not None and not request.response_complete:
            self._last_words = words  # Earlier ones are answered first.
        else:
            self._say(words)

    def _too_slow(self) -> None:
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, "too_slow")

    def _say(self, last_words: bytes) -> None:
        self.transport.write(last_words)
        self.intake.leave()

    def _wait(self, seconds: float, then: Callable[[], None] | None = None) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(seconds, then or self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _address(transport: asyncio.Transport, end: str) -> tuple[str, int | None] | None:
    """Host and port of one end, as a scope has them; of a Unix socket its path, or nothing."""
    address = transport.get_extra_info(end)
    if isinstance(address, tuple):
        return address[0], address[1]
    return (address, None) if address else None
