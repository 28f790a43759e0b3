"""Puts what a program says into one message, while it says it."""

import codecs
from collections.abc import AsyncIterator, Callable

from itemroom import Refused, Room

from .connecting import failure_of
from .failures import REFUSED, Failure


async def pour(room: Room, chunks: AsyncIterator[bytes], *, show: Callable[[int], None]) -> None:
    """Stream all of it, or until somebody asks to stop.

    Args:
        room: not entered.
        chunks: UTF-8, divided anywhere.
        show: called with the message's seq when it is begun.

    Raises:
        Failure: it was stopped, the server does not take it, or it is no text.
    """
    try:
        async with room, room.stream({"text": ""}) as stream:
            show(stream.seq)
            state = await stream.take(_texts(chunks))
    except Refused as refused:
        raise failure_of(refused) from refused
    if state == "stopped":
        raise Failure("It was stopped.", REFUSED)


async def stop_message(room: Room, seq: int) -> None:
    """Ask the author of a message to end it; raises Failure."""
    try:
        async with room:
            await room.stop(seq)
    except Refused as refused:
        raise failure_of(refused) from refused


async def _texts(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        async for chunk in chunks:
            # No body may hold it, and whoever follows the text would not see it.
            yield decoder.decode(chunk).replace("\0", "\N{REPLACEMENT CHARACTER}")
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        failure = Failure("stdin holds no UTF-8 text.")
    else:
        return
    raise failure  # Not in the handler: a cause would quote the bytes.
