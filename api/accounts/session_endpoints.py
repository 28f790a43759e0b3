"""The browsers that are signed in."""

from functools import partial

from fastapi import APIRouter

from ..http.ids import Askable
from ..rights.access import clock_ms
from ..state import Running
from . import schemas
from .dependencies import AccountOwner
from .sessions import end_other_sessions, end_session, list_sessions

router = APIRouter(prefix="/auth/sessions", tags=["accounts"])


@router.get("")
async def sessions(state: Running, principal: AccountOwner) -> schemas.SessionList:
    """Your sessions, the last used first."""
    found = await state.readers.read(list_sessions, principal.user_key, state.settings, clock_ms())
    return schemas.SessionList(
        sessions=[schemas.show_session(session, principal) for session in found]
    )


@router.delete("", status_code=204)
async def end_others(state: Running, principal: AccountOwner) -> None:
    """Sign all of your browsers out but the one that asks; their sockets close."""
    keep = principal.credential.id if principal.credential.kind == "session" else None
    await state.writer.call(partial(end_other_sessions, user_key=principal.user_key, keep=keep))


@router.delete("/{session_id}", status_code=204)
async def end(state: Running, principal: AccountOwner, session_id: Askable) -> None:
    """Sign one of your browsers out; its sockets close."""
    await state.writer.call(
        partial(end_session, user_key=principal.user_key, session_id=session_id)
    )
