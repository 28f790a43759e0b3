"""The call about what is new in one's items."""

from fastapi import APIRouter

from ..accounts.dependencies import SignedIn
from ..state import Running
from .cursors import parse_cursor
from .endpoints import After, Limit
from .inbox_schemas import InboxPage
from .listing import list_inbox

router = APIRouter(prefix="/inbox", tags=["items"])


@router.get("")
async def show_inbox(
    principal: SignedIn, state: Running, after: After | None = None, limit: Limit = 50
) -> InboxPage:
    """Your items, newest activity first, each with what is new in it and its newest message.

    The same items, by the same cursor, as in the list of items.
    """
    cursor = None if after is None else parse_cursor(after)
    return await state.readers.read(list_inbox, principal, cursor, limit)
