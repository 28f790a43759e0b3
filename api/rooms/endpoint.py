"""`/items/{item_id}/ws`: a room's socket."""

from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter
from starlette.websockets import WebSocket

from api.accounts.dependencies import Shown, authenticate
from api.items.access import Principal
from api.rooms.admission import Admitted, Beginning
from api.rooms.codecs import choose_codec
from api.rooms.commands import Commands
from api.rooms.connection import Connection
from api.rooms.plain import PlainSocket
from api.state import Running, State

router = APIRouter()


@dataclass(frozen=True, slots=True)
class RoomClient:
    """What a socket tells, passed on to the connection and its commands."""

    connection: Connection
    commands: Commands

    def received(self, data: bytes, *, is_text: bool) -> None:
        """A message has come."""
        self.commands.received(data, is_text=is_text)

    def drained(self) -> None:
        """The socket takes more again."""
        self.connection.drained()

    def failed(self, failure_id: str) -> None:
        """A handler failed; the log has the same id."""
        self.connection.end("internal", message=f"failure {failure_id}")

    def lost(self) -> None:
        """The socket is gone."""
        self.connection.lost()
        self.commands.close()


@router.websocket("/items/{item_id}/ws")
async def item_room(
    websocket: WebSocket, state: Running, access: Admitted, beginning: Beginning
) -> None:
    """Say and hear what happens in an item."""
    codec, subprotocol = choose_codec(websocket.scope["subprotocols"])
    await websocket.accept(subprotocol=subprotocol)
    socket = PlainSocket(websocket, buffer_bytes=state.settings.write_buffer_bytes)
    connection = Connection(
        access,
        codec,
        socket,
        hub=state.hub,
        readers=state.readers,
        metrics=state.metrics,
        settings=state.settings,
    )
    commands = Commands(connection, codec, state.writer, partial(_authenticate, state, websocket))
    with state.sockets.one_more():
        connection.open(beginning)
        await socket.run(RoomClient(connection, commands))


async def _authenticate(state: State, websocket: WebSocket, token: str) -> Principal:
    return await authenticate(state, Shown(token=token, ticket=None, cookie=None), websocket)
