"""The calls about messages in the making."""

from typing import Annotated

from fastapi import APIRouter, Body

from ..history.bodies import encode_body
from ..history.drafts import MAIN
from ..history.entries import rfc3339
from ..history.streams import Append, Finish, Stop
from ..state import Running
from .dependencies import ItemAccess
from .history_endpoints import CommandAccess
from .history_schemas import (
    GrownView,
    NewEnd,
    NewText,
    SeqText,
    StoredView,
    Wish,
    parse_seq,
)
from .quotas import count_text

router = APIRouter(prefix="/items/{item_id}/messages/{seq}", tags=["messages"])


@router.post("/append", response_model_exclude_none=True)
async def append(seq: SeqText, more: NewText, access: ItemAccess, state: Running) -> GrownView:
    """Add text to a message in the making; for its author.

    `at` is where the text ends. Text that is there already is answered as a duplicate; anything
    else is refused with `bad_offset` and the present `length`.
    """
    count_text(state, access.principal, len(more.text.encode()))
    command = Append(
        access=access,
        target=parse_seq(seq),
        part=MAIN if more.part is None else more.part,
        at=more.at,
        text=more.text,
        max_bytes=state.settings.max_stream_bytes,
    )
    grown = await state.desk.execute(command)
    return GrownView(
        length=grown.length, stopped=grown.stopped or None, duplicate=grown.duplicate or None
    )


@router.post("/finish", response_model_exclude_none=True)
async def finish(
    seq: SeqText,
    access: CommandAccess,
    state: Running,
    end: Annotated[NewEnd, Body(default_factory=NewEnd)],
) -> StoredView:
    """Finish a message in the making; for its author. Gives the seq of the `finish` entry."""
    settings = state.settings
    limits = {"max_bytes": settings.max_stream_bytes, "max_nesting": settings.max_nesting}
    command = Finish(
        access=access,
        ref=end.ref,
        target=parse_seq(seq),
        state=end.state,
        error=None if end.error is None else encode_body(end.error, **limits),
        body=None if end.body is None else encode_body(end.body, **limits),
    )
    stored = await state.desk.execute(command)
    return StoredView(
        seq=stored.seq, at=rfc3339(stored.at), duplicate=True if stored.duplicate else None
    )


@router.post("/stop", response_model_exclude_none=True)
async def stop(
    seq: SeqText,
    access: CommandAccess,
    state: Running,
    wish: Annotated[Wish, Body(default_factory=Wish)],
) -> StoredView:
    """Tell the author of a message in the making to end it; for writers.

    They hear of it at once, wherever they are, or when they come back.
    """
    stored = await state.desk.execute(Stop(access=access, ref=wish.ref, target=parse_seq(seq)))
    return StoredView(
        seq=stored.seq, at=rfc3339(stored.at), duplicate=True if stored.duplicate else None
    )
