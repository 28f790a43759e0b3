"""The calls about items, read markers and presence."""

import functools
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from ..accounts.dependencies import SignedIn
from ..history.read_markers import MarkRead
from ..state import Running
from .cursors import CURSOR_PATTERN, parse_cursor
from .dependencies import ItemAccess
from .listing import MAX_ITEMS, list_items, show_item
from .quotas import count_new_item
from .schemas import (
    ItemChange,
    ItemPage,
    ItemView,
    NewItem,
    PresenceView,
    ReadPosition,
)
from .service import change_item, create_item, delete_item

collection = APIRouter(prefix="/items", tags=["items"])
router = APIRouter(prefix="/items/{item_id}", tags=["items"])

Limit = Annotated[int, Query(ge=1, le=MAX_ITEMS)]
After = Annotated[
    str,
    Query(
        max_length=200,
        description="What the page before gave as `next`.",
        json_schema_extra={"pattern": CURSOR_PATTERN},  # Judged by `parse_cursor`.
    ),
]


@collection.post("", status_code=201)
async def create(
    wanted: NewItem, principal: SignedIn, state: Running, request: Request, response: Response
) -> ItemView:
    """Make an item; you become its admin.

    `taken` when the id was ever used, also for an item that you cannot see or that was deleted.
    """
    count_new_item(state, principal)
    access = await state.writer.call(
        functools.partial(create_item, principal=principal, wanted=wanted)
    )
    response.headers["Location"] = f"{request.scope['root_path']}/items/{access.item_id}"
    return await state.readers.read(show_item, access)


@collection.get("")
async def list_mine(
    principal: SignedIn, state: Running, after: After | None = None, limit: Limit = 50
) -> ItemPage:
    """Your items, newest activity first: those you are a member of, and those you have read.

    A page may show fewer items than `limit` although more follow; only `next: null` is the end.
    An item that becomes active meanwhile moves to the front.
    """
    cursor = None if after is None else parse_cursor(after)
    return await state.readers.read(list_items, principal, cursor, limit)


@router.get("")
async def show(access: ItemAccess, state: Running) -> ItemView:
    """Show an item."""
    return await state.readers.read(show_item, access)


@router.patch("")
async def change(change: ItemChange, access: ItemAccess, state: Running) -> ItemView:
    """Change title, default role or retention; for admins. What is left out stays.

    A new title or default role is an `item` entry in the log.
    """
    access = await state.writer.call(functools.partial(change_item, access=access, change=change))
    return await state.readers.read(show_item, access)


@router.delete("", status_code=204)
async def delete(access: ItemAccess, state: Running) -> None:
    """Delete an item with its log, for good; for admins. The id never comes back.

    Everybody who is connected is told `item_deleted`.
    """
    await state.writer.call(functools.partial(delete_item, access=access))


@router.put("/read", status_code=204)
async def mark_read(position: ReadPosition, access: ItemAccess, state: Running) -> None:
    """Say how far you have read. The marker never moves back, nor beyond the newest seq."""
    await state.writer.execute(MarkRead(access, position.seq))


@router.get("/presence", response_model_exclude_none=True)
async def show_presence(access: ItemAccess, state: Running) -> PresenceView:
    """Who is connected now."""
    key, nodes = access.item_key, state.nodes
    summary = await nodes.company.presence(key) if nodes is not None else state.hub.presence(key)
    return PresenceView.model_validate(summary)
