"""`/items/{item_id}/ws`: a room's socket."""

from dataclasses import dataclass
from functools import partial
from typing import Protocol

from fastapi import APIRouter
from starlette.websockets import WebSocket

from api.accounts.identity import identify_token
from api.live.codecs import choose_codec
from api.live.commands import Commands
from api.live.connection import Connection
from api.live.encoding import Codec
from api.live.opening import Arrival
from api.live.sockets import Client, Socket, Sockets
from api.rooms.admission import Admitted
from api.rooms.plain import PlainSocket
from api.state import State, state_of

router = APIRouter()
# The ASGI extension with which our own server offers the transport itself.
WIRE = "itemroom.wire"


class HandedOver(Socket, Protocol):
    """A socket on the transport itself, which needs no coroutine."""

    def begin(self, client: Client) -> None:
        """From now on the client is told of what happens."""


@dataclass(frozen=True, slots=True)
class RoomClient:
    """What a socket tells, passed on to the connection and its commands."""

    connection: Connection
    commands: Commands
    sockets: Sockets

    def received(self, data: bytes, *, is_text: bool) -> None:
        """A message has come."""
        self.commands.received(data, is_text=is_text)

    def drained(self) -> None:
        """The socket takes more again."""
        self.connection.drained()

    def failed(self, failure_id: str) -> None:
        """A handler failed; the log has the same id."""
        self.connection.end("internal", message=f"failure {failure_id}")

    def broke(self, code: str, *, retry_after: float | None = None) -> None:
        """The peer broke the protocol or its limits."""
        self.connection.end(code, retry_after=retry_after)

    def lost(self) -> None:
        """The socket is gone."""
        self.connection.lost()
        self.commands.close()
        self.sockets.closed()


@router.websocket("/items/{item_id}/ws")
async def item_room(websocket: WebSocket, arrival: Admitted) -> None:
    """Say and hear what happens in an item."""
    state = state_of(websocket.scope)
    codec, subprotocol = choose_codec(websocket.scope["subprotocols"])
    await websocket.accept(subprotocol=subprotocol)
    wire = websocket.scope.get("extensions", {}).get(WIRE)
    if wire is None:
        plain = PlainSocket(websocket, buffer_bytes=state.settings.write_buffer_bytes)
        await plain.run(enter(state, plain, codec, arrival))
    else:
        socket: HandedOver = wire.hand_over()
        socket.begin(enter(state, socket, codec, arrival))


def enter(
    state: State,
    socket: Socket,
    codec: Codec,
    arrival: Arrival,
) -> RoomClient:
    """Whoever was let in, in the room: welcomed, or sent out again at once."""
    access = arrival.access
    connection = Connection(
        access,
        codec,
        socket,
        hub=state.hub,
        readers=state.readers,
        metrics=state.metrics,
        settings=state.settings,
    )
    commands = Commands(connection, codec, state.writer, partial(identify_token, state))
    connection.open(arrival)
    limit = state.settings.connections_per_user
    if limit and state.hub.connections_of(access.principal.user_key) > limit:
        # Others of the same user came in between the check at the door and here.
        connection.end("too_many_connections", retry_after=10)
    state.sockets.opened()
    return RoomClient(connection, commands, state.sockets)
