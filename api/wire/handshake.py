"""A client between its request for a room and the answer: FastAPI decides, through ASGI.

In the place of uvicorn's protocol for WebSockets, which goes on to speak ASGI for as long as the
socket is open. This one ends with the answer: what is accepted is a `WireSocket` from then on.
"""

import asyncio
import logging
import secrets
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Scope
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState

from ..errors import Refusal
from ..rooms.endpoint import WIRE
from .framing import BINARY, TEXT, server_frame
from .requests import Headers
from .shared import Wire
from .upgrade import Upgrade, answer, problem, switching
from .websocket import WireSocket

logger = logging.getLogger("itemroom.wire")


class Handshake(asyncio.BufferedProtocol):
    """One client until it is let in, refused or gone.

    Args:
        wire: shared by all sockets.
        transport: the request has come, and nothing has been answered.
        state: uvicorn's lists of connections and tasks, which its shutdown goes by.
        early: bytes that came right behind the request.
    """

    __slots__ = (
        "_accept",  # What the answer proves to have understood.
        "_denial",  # Status and headers of a denial whose body has not ended yet.
        "_denial_body",
        "_early",
        "_is_answered",  # Handed over, closed or denied: there is nothing left to do here.
        "_is_connected",  # The application knows of the client.
        "_is_lost",  # The client went before it was answered.
        "_socket",  # Once accepted.
        "_state",
        "_target",  # What was asked for, as it stood in the request.
        "_transport",
        "_wire",
    )

    def __init__(
        self, wire: Wire, transport: asyncio.Transport, state: ServerState, early: bytes
    ) -> None:
        self._wire = wire
        self._transport = transport
        self._state = state
        self._early = early
        self._accept = b""
        self._target = ""
        self._denial: tuple[int, Headers] = (HTTPStatus.INTERNAL_SERVER_ERROR, ())
        self._denial_body = b""
        self._is_connected = False
        self._is_answered = False
        self._is_lost = False
        self._socket: WireSocket | None = None

    def begin(self, app: ASGIApp, request: Scope, url: bytes, upgrade: Upgrade) -> None:
        """Ask the application.

        Args:
            app: gets a scope of its own.
            request: the scope of the HTTP request.
            url: as it stood in the request.
            upgrade: what the client asks for.
        """
        self._transport.set_protocol(self)
        self._state.connections.add(cast(Any, self))
        self._accept = upgrade.accept
        self._target = url.decode("latin-1")
        scope = _socket_scope(request, url, upgrade.subprotocols)
        scope["extensions"] = {"websocket.http.response": {}, WIRE: self}
        run = cast(Any, app(scope, self._receive, self._send))  # A coroutine, if not by its type.
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(run)
        self._state.tasks.add(task)
        task.add_done_callback(self._ended)

    def accept(self, subprotocol: str | None) -> WireSocket:
        """Let the client in, without ASGI's events; `hand_over` when its room has it.

        Raises:
            ClientDisconnected: there is nobody any more.
        """
        if self._is_lost:
            raise ClientDisconnected
        return self._open(subprotocol, ())

    def hand_over(self) -> WireSocket:
        """The transport, for good: this protocol is done. Called after the accept."""
        if self._socket is None:
            raise RuntimeError("only who was accepted can be handed over")
        self._is_answered = True
        return self._socket

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Where the next bytes go: bounded, and shared by all."""
        return self._wire.turns.intake

    def buffer_updated(self, nbytes: int) -> None:
        """Early frames: kept for the socket, and no more of them."""
        self._transport.pause_reading()
        self._early += self._wire.turns.intake[:nbytes]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The client has gone without waiting for the answer."""
        self._is_lost = True
        self._state.connections.discard(cast(Any, self))

    def shutdown(self) -> None:
        """The server is about to end, and has not answered yet."""
        refusal = Refusal("draining", retry_after=1)
        self._answer(problem(HTTPStatus.SERVICE_UNAVAILABLE, refusal))

    async def _receive(self) -> Message:
        if self._is_connected:
            raise RuntimeError("a room takes its frames from the transport, not from ASGI")
        self._is_connected = True
        return {"type": "websocket.connect"}

    async def _send(self, message: Message) -> None:
        """ASGI's events, for as long as there is somebody to tell.

        Raises:
            ClientDisconnected: there is nobody any more.
        """
        if self._is_lost:
            raise ClientDisconnected
        if self._socket is None:
            self._judge(message)
        else:
            self._tell(self._socket, message)

    def _judge(self, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.accept":
            self._open(message.get("subprotocol"), list(message.get("headers", ())))
        elif kind == "websocket.http.response.start":
            self._denial = message["status"], list(message["headers"])
        elif kind == "websocket.http.response.body":
            self._denial_body += message.get("body", b"")
            if not message.get("more_body"):
                self._answer(answer(*self._denial, self._denial_body))
        else:
            raise RuntimeError(f"{kind} is no answer to a handshake")

    def _open(self, subprotocol: str | None, headers: Headers) -> WireSocket:
        self._note("accepted")
        self._state.connections.discard(cast(Any, self))
        socket = WireSocket(self._wire, self._transport, self._state, early=self._early)
        # Not written by itself: it leaves together with the first frames.
        socket.write(switching(self._accept, subprotocol, headers))
        self._socket = socket
        return socket

    def _tell(self, socket: WireSocket, message: Message) -> None:
        """To a client that is accepted only to hear why it is refused: frames, and the end."""
        if message["type"] == "websocket.close":
            self._close(socket, message.get("code", 1000), message.get("reason") or "")
            return
        text = message.get("text")
        opcode, payload = (BINARY, message["bytes"]) if text is None else (TEXT, text.encode())
        socket.write(server_frame(opcode, payload))

    def _close(self, socket: WireSocket, code: int, reason: str) -> None:
        self._is_answered = True
        socket.begin(None)
        socket.close(code, reason)

    def _answer(self, data: bytes) -> None:
        if not self._is_answered and not self._transport.is_closing():
            self._is_answered = True
            self._note("denied")
            self._transport.write(data)
            self._transport.close()

    def _note(self, outcome: str) -> None:
        # Not more than that: who was refused, and why, is in the metrics. Credentials in the
        # query are hidden where records become lines.
        logger.debug('"WebSocket %s" [%s]', self._target, outcome)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """The application has returned: whoever it forgot gets an answer too."""
        self._state.tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None and (self._is_answered or self._is_lost):
            return
        failure_id = secrets.token_hex(4)
        logger.error("failure %s: a handshake was not answered", failure_id, exc_info=error)
        if self._socket is None:
            message = f"The server failed; its log has more under {failure_id}."
            refusal = Refusal("internal", message)
            self._answer(problem(HTTPStatus.INTERNAL_SERVER_ERROR, refusal))
        elif not self._is_answered:
            self._close(self._socket, 1011, "internal")


def _socket_scope(request: Scope, url: bytes, subprotocols: list[str]) -> dict[str, Any]:
    raw_path, _, query_string = url.partition(b"?")
    root_path: str = request["root_path"]
    return {
        "type": "websocket",
        "asgi": request["asgi"],
        "http_version": "1.1",
        "scheme": "wss" if request["scheme"] == "https" else "ws",
        "server": request["server"],
        "client": request["client"],
        "root_path": root_path,
        "path": root_path + unquote(raw_path.decode("latin-1")),
        "raw_path": root_path.encode() + raw_path,
        "query_string": query_string,
        "headers": request["headers"],
        "subprotocols": subprotocols,
        "state": request["state"],
    }
