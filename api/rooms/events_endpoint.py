"""`/items/{item_id}/events`: a room for whoever has no WebSocket, as server-sent events."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from ..accounts.dependencies import SCHEMES
from ..errors import Refusal
from ..http.handshakes import check_connections
from ..http.scopes import HEAD_ALONE, STAYS
from ..http.strangers import slowed
from ..items.dependencies import ItemId
from ..live.events import EventCodec
from ..live.opening import Arrival
from ..state import state_of
from .admission import Asked, arrive, read_beginning
from .endpoint import enter
from .events import HEADERS, EventSocket

router = APIRouter(tags=["messages"])
MEDIA_TYPE = "text/event-stream"
# The ASGI extension by which our own server drops an answer that its client does not take.
ABORT = "itemroom.abort"
# Seconds: proxies drop what says nothing for a minute, as a rule, and phones' networks sooner.
COMMENT_INTERVAL = 15.0


_DIGITS = "^[0-9]{1,19}$"
Token = Annotated[list[str] | None, Query(include_in_schema=False)]
Seq = Annotated[str | None, Query(pattern=_DIGITS, description="Begin after this seq.")]
Epoch = Annotated[str | None, Query(max_length=64, description="Of the log `after` is from.")]
Tail = Annotated[
    str | None,
    Query(pattern=_DIGITS, description="Without `after`: begin with this many entries."),
]
LastEvent = Annotated[
    str,
    Header(
        pattern=r"^(?:.{1,64}\.[0-9]{1,19})?$",
        description="The id of the last entry, its epoch, a dot and its seq: before `after`.",
    ),
]


async def follow(
    request: Request,
    *,
    item_id: ItemId,
    token: Token = None,
    ticket: Token = None,
    after: Seq = None,
    epoch: Epoch = None,
    tail: Tail = None,
    last_event_id: LastEvent = "",
) -> Arrival:
    """Who is let into a room by a request; raises Refusal."""
    request.scope[STAYS] = True
    if last_event_id:
        # A browser that comes back repeats the address that it began with.
        epoch, _, after = last_event_id.rpartition(".")
    asked = Asked(token=token, ticket=ticket, after=after, epoch=epoch, tail=tail)
    try:
        return await _judge(request, item_id, asked)
    except Refusal as refusal:
        told = slowed(request.scope, refusal)
        state_of(request.scope).metrics.refused(told.code)
        raise told from refusal


async def _judge(request: Request, item_id: str, asked: Asked) -> Arrival:
    state = state_of(request.scope)
    beginning = read_beginning(state.settings, asked.after, asked.epoch, asked.tail)
    arrival = await arrive(request, asked, item_id, beginning)
    await check_connections(state, arrival.access.principal.user_key)
    return arrival


class EventStream(Response):
    """The answer that goes on for as long as the client stays in the room."""

    def __init__(self, arrival: Arrival) -> None:
        super().__init__()
        self._arrival = arrival

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a seat, and tell what is told there."""
        if HEAD_ALONE in scope:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await send({"type": "http.response.body"})
            return
        state, arrival = state_of(scope), self._arrival
        abort: Callable[[], None] | None = scope.get("extensions", {}).get(ABORT)
        socket = EventSocket(
            receive,
            send,
            buffer_bytes=state.settings.write_buffer_bytes,
            interval=min(COMMENT_INTERVAL, state.settings.ping_interval),
            abort=abort,
        )
        codec = EventCodec(arrival.opening.extent.epoch)
        await socket.run(enter(state, socket, codec, arrival))


@router.get(
    "/items/{item_id}/events",
    response_class=StreamingResponse,
    dependencies=SCHEMES,
    responses={200: {"description": "For as long as you stay", "content": {MEDIA_TYPE: {}}}},
)
async def item_events(arrival: Annotated[Arrival, Depends(follow)]) -> EventStream:
    """Hear what happens in an item, as server-sent events: for whoever has no WebSocket.

    The frames of the socket, each as an event of its type. Entries have an id, the epoch and the
    seq; with it as `Last-Event-ID`, or with `after` and `epoch`, you go on where you were.
    """
    return EventStream(arrival)
