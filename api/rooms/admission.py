"""Who is let into a room: FastAPI dependencies that end in an `Access`, or in a refusal."""

import re
from typing import Annotated

from fastapi import Depends, Path, Query
from starlette.websockets import WebSocket

from api.accounts.dependencies import Shown, authenticate, shown_credential
from api.accounts.outside import ensure_outside_item
from api.accounts.tickets import redeem_ticket
from api.errors import Refusal
from api.http.problems import DENIALS
from api.http.scopes import client_network
from api.items.access import Access, Principal, grant, load_standing
from api.items.ids import valid_item_id
from api.rooms.opening import Wish
from api.rooms.refusals import policy_violation
from api.state import Running, State

_SEQ = re.compile(r"[0-9]{1,19}")


async def wish(
    state: Running,
    after: Annotated[str | None, Query(description="Replay begins after this seq.")] = None,
    epoch: Annotated[
        str | None, Query(max_length=64, description="Of the log `after` is from.")
    ] = None,
    tail: Annotated[
        str | None, Query(description="Without `after`: begin with this many entries.")
    ] = None,
) -> Wish:
    """Where the client wants to begin."""
    newest = state.settings.tail_default if tail is None else _number("tail", tail)
    return Wish(
        after=None if after is None else _number("after", after),
        epoch=epoch or None,
        tail=min(newest, state.settings.tail_max),
    )


def _number(name: str, text: str) -> int:
    if not _SEQ.fullmatch(text):
        raise Refusal("malformed", f"{name} is a number of at most 19 digits.")
    return int(text)


async def admit(
    websocket: WebSocket,
    state: Running,
    shown: Annotated[Shown, Depends(shown_credential)],
    item_id: Annotated[str, Path(description="The item's id, exactly.")],
) -> Access:
    """The one way into a room.

    Raises:
        WebSocketException: 1008 with the contract's reason; the client sees both.
        Refusal: what is denied before the socket opens.
    """
    try:
        access = await _access(websocket, state, shown, item_id)
    except Refusal as refusal:
        if refusal.code in DENIALS:
            raise
        raise policy_violation(refusal) from refusal
    # Only handshakes of strangers count against the rate of an address.
    state.handshakes.give_back(client_network(websocket.scope))
    limit = state.settings.connections_per_user
    if limit and state.hub.connections_of(access.principal.user_key) >= limit:
        raise Refusal("too_many_connections", retry_after=10)
    return access


async def _access(websocket: WebSocket, state: State, shown: Shown, item_id: str) -> Access:
    if not valid_item_id(item_id):
        item_id = ""  # Like every other item that does not exist, once the credential is good.
    principal = await _principal(websocket, state, shown, item_id)
    if item_id and principal.credential.kind == "outside":
        await ensure_outside_item(state, principal, item_id)
    return grant(principal, await state.readers.read(load_standing, principal, item_id))


async def _principal(websocket: WebSocket, state: State, shown: Shown, item_id: str) -> Principal:
    if shown.ticket is not None:
        return await redeem_ticket(state, shown.ticket, item_id)
    return await authenticate(state, shown, websocket)


Admitted = Annotated[Access, Depends(admit)]
Beginning = Annotated[Wish, Depends(wish)]
