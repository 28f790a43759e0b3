"""The text of a message in the making, as whoever reads it has it."""

import asyncio
from collections.abc import AsyncIterator

from itemroom.core.bodies import texts_in
from itemroom.core.errors import Refused
from itemroom.keeper import Keeper

_NEWS = ("append", "open", "entry", "gap", "live", "state")


async def follow_text(keeper: Keeper, seq: int, part: int | None) -> AsyncIterator[str]:
    """The text so far, and again whenever it has grown; the last one is the whole.

    Who is slow is given the newest, without those between.

    Raises:
        Refused: `not_found`: no such message is in the making, or it was deleted.
    """
    changed = asyncio.Event()
    endings = [keeper.listeners.add(type_, lambda _: changed.set()) for type_ in _NEWS]
    told: str | None = None
    try:
        while True:
            changed.clear()
            keeper.check()
            texts = keeper.session.texts
            is_growing = seq in texts
            text = _text(keeper, seq, part)
            if text is not None and text != told:
                told = text
                yield text
                continue
            if text is not None and not is_growing:
                return
            await changed.wait()
    finally:
        for ending in endings:
            ending()


def _text(keeper: Keeper, seq: int, part: int | None) -> str | None:
    """As it is by now; None: it has not come yet."""
    session = keeper.session
    try:
        return texts_in(session.texts.body(seq))[part]
    except LookupError as error:
        # A server tells what grows in the turn in which it says that a client is live.
        if session.is_live and seq <= (session.cursor.after or 0):
            raise Refused("not_found", f"Message {seq} does not grow.") from error
        return None
