"""Who is let into a room: FastAPI dependencies that end in an `Access`, or in a refusal."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket

from ..accounts.asked import ASKED_ABOUT, ask_product
from ..accounts.dependencies import Shown, shown_credential, verify_shown
from ..accounts.hosted import asked_again
from ..accounts.identity import LookUp, identify
from ..errors import Refusal
from ..http.handshakes import check_connections
from ..http.problems import DENIALS
from ..http.strangers import slowed
from ..items.ids import valid_item_id
from ..items.outside import ensure_outside_item
from ..items.tickets import redeem_ticket
from ..live.opening import Again, Arrival, Beginning, Late, read_arrival
from ..rights.access import Principal
from ..settings import Settings
from ..state import State, state_of
from .refusals import PolicyViolation

# The ASGI extension in which our own server says why it has not let a client in: what the door
# (`api.rooms.door`) has found is answered here, as under any other server.
REFUSED = "itemroom.refused"
_SEQ = re.compile(r"[0-9]{1,19}")


class Asked(BaseModel):
    """What a client may say in the query of a room's address; what else it says is ignored."""

    model_config = ConfigDict(frozen=True)

    token: list[str] | None = None
    ticket: list[str] | None = None
    after: Annotated[str | None, Field(description="Replay begins after this seq.")] = None
    epoch: Annotated[
        str | None, Field(max_length=64, description="Of the log `after` is from.")
    ] = None
    tail: Annotated[
        str | None, Field(description="Without `after`: begin with this many entries.")
    ] = None


# One dependency with all that a client may say: FastAPI would spend on a tree of them what the
# whole of the database's answer costs.
async def admit(
    websocket: WebSocket,
    *,
    item_id: Annotated[str, Path(description="The item's id, exactly.")],
    asked: Annotated[Asked, Query()],
) -> Arrival:
    """The one way into a room; raises as `judge`."""
    refused: Exception | None = websocket.scope.get("extensions", {}).get(REFUSED)
    if refused is not None:
        raise refused
    return await judge(websocket, item_id, asked)


async def judge(connection: HTTPConnection, item_id: str, asked: Asked) -> Arrival:
    """Whether a client is let in; without FastAPI, for whoever has the parameters already.

    Raises:
        PolicyViolation: with the contract's close code and reason; the client sees both.
        Refusal: what is denied before the socket opens.
    """
    state = state_of(connection.scope)
    beginning = read_beginning(state.settings, asked.after, asked.epoch, asked.tail)
    with refusing(connection):
        arrival = await arrive(connection, asked, item_id, beginning)
    await check_connections(state, arrival.access.principal.user_key)
    return arrival


@contextmanager
def refusing(connection: HTTPConnection) -> Iterator[None]:
    """What is found of a client at the door is told by the socket, where it can be.

    Raises:
        PolicyViolation: as `judge`.
        Refusal: as `judge`.
    """
    try:
        yield
    except Refusal as refusal:
        if refusal.code in DENIALS:
            raise  # Counted where it is answered.
        told = slowed(connection.scope, refusal)
        if told.code in DENIALS:
            raise told from refusal
        raise PolicyViolation(told) from refusal


def read_beginning(
    settings: Settings,
    after: str | None = None,
    epoch: str | None = None,
    tail: str | None = None,
) -> Beginning:
    """Where the client wants to begin.

    Raises:
        Refusal: `malformed`.
    """
    newest = settings.tail_default if tail is None else _number("tail", tail)
    return Beginning(
        after=None if after is None else _number("after", after),
        epoch=epoch or None,
        tail=min(newest, settings.tail_max),
    )


def _number(name: str, text: str) -> int:
    if not _SEQ.fullmatch(text):
        raise Refusal("malformed", f"{name} is a number of at most 19 digits.")
    return int(text)


async def arrive(
    connection: HTTPConnection, asked: Asked, item_id: str, beginning: Beginning
) -> Arrival:
    """What is found of a client at the door; raises Refusal with what it is told."""
    state = state_of(connection.scope)
    shown = await shown_credential(connection, asked.token, asked.ticket)
    if not valid_item_id(item_id):
        item_id = ""  # Like every other item that does not exist, once the credential is good.
    look_up: LookUp | None = None
    try:
        look_up = await _verify(connection, state, shown, item_id)
        arrival = await _read(state, look_up, item_id, beginning)
        again = asked_again(state, connection, arrival.access.principal)
        return arrival if again is None else replace(arrival, again=again)
    except Refusal as refusal:
        # What was shown on purpose, and is no good, is judged as what it is.
        is_shown = look_up is None and (shown.token or shown.ticket)
        if refusal.code not in ASKED_ABOUT or is_shown or not item_id:
            raise
        principal = None if look_up is None else await state.readers.read(identify, look_up)
        answer = await ask_product(state, connection, item_id, principal)
        if answer is None:
            raise
        ruled, again = answer
        if principal is not None:
            again = _both(asked_again(state, connection, principal), again)
    await ensure_outside_item(state, ruled, item_id)
    return await _read(state, lambda _: ruled, item_id, beginning, again)


def admitting_late(state: State, connection: HTTPConnection) -> Late | None:
    """Who else may let a client of many items into one; None: nobody."""
    if state.issuer is None and state.authorize is None:
        return None
    # Without the server's extensions: by those a connection would hold itself, through its socket.
    return partial(_arrive_late, state, HTTPConnection({**connection.scope, "extensions": {}}))


async def _arrive_late(
    state: State,
    connection: HTTPConnection,
    principal: Principal,
    item_id: str,
    beginning: Beginning,
) -> Arrival:
    if not valid_item_id(item_id):
        raise Refusal("item_not_found")
    try:
        await ensure_outside_item(state, principal, item_id)
        return await _read(state, lambda _: principal, item_id, beginning)
    except Refusal as refusal:
        if refusal.code != "item_not_found":
            raise
        answer = await ask_product(state, connection, item_id, principal)
        if answer is None:
            raise
    ruled, again = answer
    await ensure_outside_item(state, ruled, item_id)
    return await _read(state, lambda _: ruled, item_id, beginning, again)


def _both(host: Again | None, product: Again) -> Again:
    """Who it is, and then what they may."""
    if host is None:
        return product

    async def again(principal: Principal) -> Principal:
        return await product(await host(principal))

    return again


async def _read(
    state: State, look_up: LookUp, item_id: str, beginning: Beginning, again: Again | None = None
) -> Arrival:
    moment = state.hub.moment  # Before the read: what it misses is news when the room is joined.
    access, opening = await state.readers.read(read_arrival, look_up, item_id, beginning)
    return Arrival(access, beginning, opening, moment, again)


async def _verify(connection: HTTPConnection, state: State, shown: Shown, item_id: str) -> LookUp:
    if shown.ticket is not None:
        principal = await redeem_ticket(state, shown.ticket, item_id)
        return lambda _: principal
    look_up = await verify_shown(state, shown, connection)
    if state.issuer is not None:
        # An outside token may bring the item along, and so may whom the application knows.
        await ensure_outside_item(state, await state.readers.read(identify, look_up), item_id)
    return look_up


Admitted = Annotated[Arrival, Depends(admit)]
