"""Tickets: for a browser's `WebSocket`, which can send no header."""

from fastapi import APIRouter, Request, Response

from ..http.handshakes import check_handshake
from ..state import Running
from .dependencies import ItemAccess
from .ticket_schemas import TicketMade
from .tickets import issue_ticket

router = APIRouter(prefix="/items/{item_id}/tickets", tags=["accounts"])


@router.post("")
async def create(
    request: Request, response: Response, state: Running, access: ItemAccess
) -> TicketMade:
    """Get a ticket that opens this item's socket once, within seconds, as `?ticket=`.

    It does what the credential of this call does, and ends with it. It is refused with the code
    that the socket itself would be denied with, which browsers do not show.
    """
    await check_handshake(request, state, access.principal)
    ticket, expires_in = await issue_ticket(state, access)
    response.headers["Cache-Control"] = "no-store"
    return TicketMade(ticket=ticket, expires_in=expires_in)
