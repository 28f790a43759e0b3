"""What a trace tells of a request or a handshake, whichever way it is answered."""

from typing import cast

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..state import State
from ..traces import Traces
from .handshakes import OPERATIONAL_PATHS
from .logs import hide_credentials
from .scopes import header, path_below

# In the scope of what has its span already: the door passes on what it does not let in.
_TRACED = "itemroom.traced"
# What the door opens has met no route.
_ROOM = "/items/{item_id}/ws"
# Of an answer that goes on for as long as its client stays.
_EVENTS = (b"content-type", b"text/event-stream")


class Traced:
    """A span for each exchange.

    Args:
        app: answers.
        server: whose lifespan has the traces.
    """

    def __init__(self, app: ASGIApp, *, server: FastAPI) -> None:
        self._app = app
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or _TRACED in scope or _is_operational(scope):
            await self._app(scope, receive, send)
            return
        scope[_TRACED] = True
        told = _Told(self._traces(), scope, receive, send)
        try:
            await self._app(scope, told.receive, told.send)
        finally:
            told.end()

    def _traces(self) -> Traces:
        state: State = self._server.state.itemroom
        return cast(Traces, state.traces)  # This layer is there only if they are.


def _is_operational(scope: Scope) -> bool:
    """Whether it asks if the server is well, each second: it would bury all others."""
    return path_below(scope) in OPERATIONAL_PATHS


class _Told:
    """What the application and its client tell each other, until it is clear what came of it."""

    def __init__(self, traces: Traces, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._is_socket = scope["type"] == "websocket"
        # Of a socket that the door lets in nothing is told.
        self._status = 101 if self._is_socket else 0
        self._is_open = False
        self._refusal = ""
        self._exchange = traces.begin(
            "GET" if self._is_socket else scope["method"],
            hide_credentials(scope["path"]),
            scheme=scope["scheme"],
            headers={
                name: value
                for name in ("traceparent", "tracestate")
                for value in header(scope, name.encode())
            },
        )

    async def receive(self) -> Message:
        """What the client says: in a room that it is in, the exchange is over."""
        if self._is_open:
            self.end()
        return await self._receive()

    async def send(self, message: Message) -> None:
        """What the application answers."""
        kind = message["type"]
        if kind in ("http.response.start", "websocket.http.response.start"):
            self._status = message["status"]
            if _EVENTS in message["headers"]:
                self.end()  # As of a socket, there is the way in.
        elif kind == "websocket.accept":
            self._is_open = True
        elif kind == "websocket.close":
            self._refusal = message.get("reason") or ""
            if not self._is_open:
                self._status = 403  # As a server answers that has no better way to say it.
        await self._send(message)

    def end(self) -> None:
        """It is over; a second time it does nothing."""
        route = getattr(self._scope.get("route"), "path", None)
        if route is None and self._is_socket and self._status == 101:
            route = _ROOM
        self._exchange.end(status=self._status, route=route, refusal=self._refusal)
