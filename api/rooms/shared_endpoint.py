"""`/ws`: one socket for the rooms of many items."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.websockets import WebSocket

from ..accounts.dependencies import shown_credential, verify_shown
from ..accounts.hosted import asked_again
from ..http.handshakes import check_connections
from ..live.codecs import SHARED_CODECS, choose_codec
from ..live.encoding import Codec
from ..live.opening import Entrance, read_entrance
from ..live.shared_connection import SharedConnection
from ..live.sockets import Socket
from ..state import State, state_of
from .admission import admitting_late, refusing
from .endpoint import limit_connections, serve

router = APIRouter()
Token = Annotated[list[str] | None, Query()]


async def admit(websocket: WebSocket, *, token: Token = None, ticket: Token = None) -> Entrance:
    """Who is let in, whatever they will ask for; raises as an item's own socket."""
    state = state_of(websocket.scope)
    with refusing(websocket):
        # A ticket is shown all the same, and refused as what it is: it opens one item's room.
        shown = await shown_credential(websocket, token, ticket)
        moment = state.hub.moment
        look_up = await verify_shown(state, shown, websocket)
        principal, standing = await state.readers.read(read_entrance, look_up)
    await check_connections(state, principal.user_key)
    again = asked_again(state, websocket, principal)
    return Entrance(principal, standing, moment, again, admitting_late(state, websocket))


@router.websocket("/ws")
async def many_rooms(websocket: WebSocket, entrance: Annotated[Entrance, Depends(admit)]) -> None:
    """Say and hear what happens in many items."""
    state = state_of(websocket.scope)
    codec, subprotocol = choose_codec(websocket.scope["subprotocols"], SHARED_CODECS)
    await websocket.accept(subprotocol=subprotocol)

    def enter(socket: Socket) -> SharedConnection:
        return enter_shared(state, socket, codec, entrance)

    await serve(websocket, enter)


def enter_shared(
    state: State, socket: Socket, codec: Codec, entrance: Entrance
) -> SharedConnection:
    """Whoever was let in, greeted, or sent out again at once."""
    connection = SharedConnection(state.services, socket, codec, entrance.principal)
    connection.open(entrance)
    limit_connections(state, connection)
    return connection
