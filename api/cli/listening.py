"""Follows an item, and says what happens to the connection."""

from collections.abc import Callable, Mapping
from typing import Any

from itemroom import Gap, Refused, Room

from .connecting import failure_of, tell_outages

Fields = Mapping[str, Any]


async def follow(
    room: Room, *, show: Callable[[Fields], None], note: Callable[[str], None]
) -> None:
    """Listen until cancelled.

    Args:
        room: not entered.
        show: called with each entry, in order, each once.
        note: called with sentences about the connection.

    Raises:
        Failure: the server does not want this client back, or was never there.
    """
    tell_outages(room, note)
    room.on("gap", lambda gap: _tell_gap(gap, note))
    try:
        async with room:
            async for entry in room:
                show(entry.frame)
    except Refused as refused:
        raise failure_of(refused) from refused


def _tell_gap(gap: Gap, note: Callable[[str], None]) -> None:
    note(f"the log does not go on where it was: what follows begins with {gap.after + 1}")
