"""`/items/{item_id}/ws`: a room's socket."""

from collections.abc import Callable
from typing import Protocol

from fastapi import APIRouter
from starlette.websockets import WebSocket

from ..live.codecs import choose_codec
from ..live.connection import Connection
from ..live.encoding import Codec
from ..live.item_connection import ItemConnection
from ..live.opening import Arrival
from ..live.sockets import Client, Socket
from ..state import State, state_of
from .admission import Admitted
from .plain import PlainSocket

router = APIRouter()
# The ASGI extension with which our own server offers the transport itself.
WIRE = "itemroom.wire"


class HandedOver(Socket, Protocol):
    """A socket on the transport itself, which needs no coroutine."""

    def begin(self, client: Client) -> None:
        """From now on the client is told of what happens."""


@router.websocket("/items/{item_id}/ws")
async def item_room(websocket: WebSocket, arrival: Admitted) -> None:
    """Say and hear what happens in an item."""
    state = state_of(websocket.scope)
    codec, subprotocol = choose_codec(websocket.scope["subprotocols"])
    await websocket.accept(subprotocol=subprotocol)
    await serve(websocket, lambda socket: enter(state, socket, codec, arrival))


async def serve(websocket: WebSocket, enter: Callable[[Socket], Client]) -> None:
    """Let somebody in by a socket that is accepted; until its end, or its transport's hand-over."""
    wire = websocket.scope.get("extensions", {}).get(WIRE)
    if wire is None:
        settings = state_of(websocket.scope).settings
        plain = PlainSocket(websocket, buffer_bytes=settings.write_buffer_bytes)
        await plain.run(enter(plain))
    else:
        socket: HandedOver = wire.hand_over()
        socket.begin(enter(socket))


def enter(state: State, socket: Socket, codec: Codec, arrival: Arrival) -> ItemConnection:
    """Whoever was let in, in the room: welcomed, or sent out again at once."""
    connection = ItemConnection(state.services, socket, codec, arrival.access.principal)
    connection.open(arrival)
    limit_connections(state, connection)
    return connection


def limit_connections(state: State, connection: Connection) -> None:
    """End it, if others of the same user came in between the check at the door and here."""
    limit = state.settings.connections_per_user
    if limit and state.hub.guests.count_of(connection.principal.user_key) > limit:
        connection.end("too_many_connections", retry_after=10)
