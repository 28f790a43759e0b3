"""`/items/{item_id}/ws`: a room's socket."""

from typing import Protocol

from fastapi import APIRouter
from starlette.websockets import WebSocket

from ..live.codecs import choose_codec
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
    wire = websocket.scope.get("extensions", {}).get(WIRE)
    if wire is None:
        plain = PlainSocket(websocket, buffer_bytes=state.settings.write_buffer_bytes)
        await plain.run(enter(state, plain, codec, arrival))
    else:
        socket: HandedOver = wire.hand_over()
        socket.begin(enter(state, socket, codec, arrival))


def enter(state: State, socket: Socket, codec: Codec, arrival: Arrival) -> ItemConnection:
    """Whoever was let in, in the room: welcomed, or sent out again at once."""
    principal = arrival.access.principal
    connection = ItemConnection(state.services, socket, codec, principal)
    connection.open(arrival)
    limit = state.settings.connections_per_user
    if limit and state.hub.guests.count_of(principal.user_key) > limit:
        # Others of the same user came in between the check at the door and here.
        connection.end("too_many_connections", retry_after=10)
    return connection
