"""`/items/{item_id}/log`, which may be waited for: a room for whoever has nothing but requests.

Who waits has a seat like any other, and so its rights and limits; it is told that there is news,
and reads them as a page.
"""

import asyncio
from dataclasses import replace
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import BeforeValidator
from sqlalchemy import Connection as Database

from ..errors import Refusal
from ..history.entries import Entry
from ..http.handshakes import check_connections
from ..http.scopes import HEAD_ALONE, STAYS
from ..items.dependencies import ItemAccess
from ..items.history_pages import log_page
from ..items.history_schemas import Limit, LogPage, Position, only_digits
from ..live.encoding import Fields, Frame, Frames
from ..live.frames import Closing
from ..live.opening import Beginning
from ..rights.access import Access, grant
from ..rights.standing import load_standing
from ..state import Running, State
from .admission import Asked, arrive
from .endpoint import enter

router = APIRouter(prefix="/items/{item_id}", tags=["messages"])
# Seconds: proxies give up on an answer after a minute, as a rule, and some after half of one.
MAX_WAIT = 30
_NEWS = Frame(b"", is_text=True)
Wait = Annotated[
    int,
    Query(ge=0, le=MAX_WAIT, description="Seconds to wait for an entry, if there is none yet."),
    BeforeValidator(only_digits),
]
Epoch = Annotated[str | None, Query(max_length=64, description="Of the log `after` is from.")]


class NewsCodec:
    """Tells that there are entries, and why nothing more is told; nothing else."""

    name = "news"
    is_text = True

    def decode(self, data: bytes) -> object:  # noqa: ARG002 - as every codec
        """Nobody says anything by it."""
        raise Refusal("unsupported_frame")

    def encode(self, fields: Fields) -> Frame | None:
        """The end alone."""
        return Frame(orjson.dumps(fields), is_text=True) if fields["type"] == "closing" else None

    def encode_entry(self, entry: Entry) -> Frame:  # noqa: ARG002 - one is like the other
        """The same for each."""
        return _NEWS


CODEC = NewsCodec()


class Waiting:
    """The socket of somebody who waits for the first entry: nothing is sent by it."""

    is_full = False
    sent_bytes = 0

    def __init__(self) -> None:
        self._told = asyncio.Event()
        self.closing: Closing | None = None
        """Why there is no more waiting, if it is the server that ends it."""

    def send(self, frames: Frames) -> None:
        """There is news, or the end."""
        for frame in frames.frames:
            if frame is not _NEWS:
                self.closing = orjson.loads(frame.data)
            self._told.set()

    def offer(self, frames: Frames) -> bool:
        """It is never full."""
        self.send(frames)
        return True

    def deafen(self) -> None:
        """Nothing is heard of the peer anyway."""

    def close(self, code: int, reason: str) -> None:
        """What it was sent before has said it."""

    async def wait(self, request: Request, seconds: float) -> None:
        """Until there is something to say, or nobody to say it to."""
        told = asyncio.create_task(self._told.wait())
        gone = asyncio.create_task(_gone(request))
        try:
            await asyncio.wait({told, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()
            gone.cancel()


@router.get("/log", response_model=LogPage)
async def list_log(
    request: Request,
    access: ItemAccess,
    state: Running,
    *,
    after: Position = 0,
    limit: Limit = 50,
    wait: Wait = 0,
    epoch: Epoch = None,
) -> Response:
    """The entries after a seq, as the socket replays them.

    A page may hold fewer than `limit` although more follow: it is the last one when its last seq
    is `head`. With `wait` it is answered when there is an entry, at the latest after so many
    seconds; at once if `epoch` is not the log's. You are in the room meanwhile.
    """
    if wait and HEAD_ALONE not in request.scope:
        access = await wait_for_entry(request, state, access, Beginning(after, epoch, 0), wait)
    limit = min(limit, state.settings.page_max)
    page = await state.readers.read(_judged_page, access, after, limit)
    return Response(page, media_type="application/json")


def _judged_page(connection: Database, access: Access, after: int, limit: int) -> bytes:
    # What has come while somebody waited may hold the end of their rights.
    grant(access.principal, load_standing(connection, access.principal, access.item_id))
    return log_page(connection, access.item_key, after, limit)


async def wait_for_entry(
    request: Request, state: State, access: Access, beginning: Beginning, seconds: float
) -> Access:
    """Until something is stored behind a place in the log; by what it is to be read then.

    Raises:
        Refusal: why they may not wait, or what has ended it.
    """
    # As of a stream of events: whose page asks counts, and the product is asked again in time.
    request.scope[STAYS] = True
    asked = Asked(token=request.query_params.getlist("token"))
    arrival = await arrive(request, asked, access.item_id, beginning)
    extent = arrival.opening.extent
    if extent.head != beginning.after or beginning.epoch not in (None, extent.epoch):
        return arrival.access
    await check_connections(state, arrival.access.principal.user_key)
    waiting = Waiting()
    connection = enter(state, waiting, CODEC, arrival)
    try:
        await waiting.wait(request, seconds)
    finally:
        connection.lost()
    if waiting.closing is not None:
        raise refusal_of(waiting.closing)
    return replace(arrival.access, principal=connection.principal)


def refusal_of(closing: Closing) -> Refusal:
    """What ended a seat, as an answer."""
    message, retry_after = closing.get("message", ""), closing.get("retry_after")
    return Refusal(closing["reason"], message, retry_after=retry_after)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass  # The rest of a body, which nobody asked for.
