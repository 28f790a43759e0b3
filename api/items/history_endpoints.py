"""The calls about messages and the log."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from ..history.bodies import encode_body
from ..history.entries import rfc3339
from ..history.messages import Delete, Edit, Publish, React, Stored
from ..history.streams import Start
from ..history.words import NewReactionValue, ReactionValue
from ..rights.access import Access
from ..settings import Settings
from ..state import Running
from .dependencies import ItemAccess
from .history_pages import message_page, messages_page
from .history_schemas import (
    Limit,
    MessagePage,
    MessageView,
    NewBody,
    NewMessage,
    Position,
    SeqText,
    StoredView,
    parse_seq,
)
from .quotas import count_commands

router = APIRouter(prefix="/items/{item_id}", tags=["messages"])

Reaction = Annotated[ReactionValue, Path()]
NewReaction = Annotated[NewReactionValue, Path()]


async def command_access(access: ItemAccess, state: Running) -> Access:
    """An access whose user may store something now: counted as a socket counts its publishes.

    Raises:
        Refusal: `rate_limited`.
    """
    count_commands(state, access.principal)
    return access


CommandAccess = Annotated[Access, Depends(command_access)]


@router.get("/messages", response_model=MessagePage)
async def list_messages(
    access: ItemAccess,
    state: Running,
    before: Position | None = None,
    after: Position | None = None,
    limit: Limit = 50,
) -> Response:
    """Messages as they stand now: edits applied, deleted ones without their body.

    Oldest first. Without `before` and `after` the newest page; with `after` alone the page that
    follows. `head` is the exact place to join the live feed: give it to the socket as `after`.
    """
    limit = min(limit, state.settings.page_max)
    return _json(await state.readers.read(messages_page, access.item_key, before, after, limit))


@router.post(
    "/messages",
    status_code=201,
    response_model_exclude_none=True,
    responses={200: {"model": StoredView, "description": "It was stored before"}},
)
async def publish(
    message: NewMessage, access: CommandAccess, state: Running, response: Response
) -> StoredView:
    """Publish a message; for writers. It is on disk when the answer comes.

    With a `ref` a retry is safe: it gives 200 and the seq of the first time. With `open` the
    message is begun: its author adds to its text, and finishes it.
    """
    body = _body(message, state.settings)
    kind = Start if message.open else Publish
    stored = await state.desk.execute(kind(access=access, ref=message.ref, body=body))
    response.status_code = 200 if stored.duplicate else 201
    return _view(stored)


@router.get("/messages/{seq}", response_model=MessageView)
async def get_message(seq: SeqText, access: ItemAccess, state: Running) -> Response:
    """A message as it stands now; one in the making as far as it has come, with its `length`."""
    return _json(await state.readers.read(message_page, access.item_key, parse_seq(seq)))


@router.patch("/messages/{seq}", response_model_exclude_none=True)
async def edit(seq: SeqText, message: NewBody, access: CommandAccess, state: Running) -> StoredView:
    """Replace a message's body; for its author and admins. Gives the seq of the `edit` entry."""
    body = _body(message, state.settings)
    command = Edit(access=access, ref=message.ref, target=parse_seq(seq), body=body)
    return _view(await state.desk.execute(command))


@router.delete("/messages/{seq}", response_model_exclude_none=True)
async def delete(seq: SeqText, access: CommandAccess, state: Running) -> StoredView:
    """Delete a message; for its author and admins. Gives the seq of the `delete` entry.

    Its body is erased, also in its edits; that there was a message remains.
    """
    command = Delete(access=access, target=parse_seq(seq))
    return _view(await state.desk.execute(command))


@router.put("/messages/{seq}/reactions/{value:path}", response_model_exclude_none=True)
async def react(
    seq: SeqText, value: NewReaction, access: CommandAccess, state: Running
) -> StoredView:
    """Put a reaction on a message; for writers. What is there already stays as it is."""
    command = React(access=access, target=parse_seq(seq), value=value, on=True)
    return _view(await state.desk.execute(command))


@router.delete("/messages/{seq}/reactions/{value:path}", response_model_exclude_none=True)
async def take_back(
    seq: SeqText, value: Reaction, access: CommandAccess, state: Running
) -> StoredView:
    """Take your own reaction back."""
    command = React(access=access, target=parse_seq(seq), value=value, on=False)
    return _view(await state.desk.execute(command))


def _body(message: NewBody, settings: Settings) -> bytes:
    limits = {"max_bytes": settings.max_body_bytes, "max_nesting": settings.max_nesting}
    return encode_body(message.body, **limits)


def _view(stored: Stored) -> StoredView:
    return StoredView(
        seq=stored.seq, at=rfc3339(stored.at), duplicate=True if stored.duplicate else None
    )


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")
