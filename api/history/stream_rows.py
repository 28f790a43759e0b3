"""What is stored of messages in the making, until they are finished: statements, and reads."""

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Delete,
    Insert,
    Select,
    Update,
    and_,
    delete,
    func,
    insert,
    select,
    union_all,
    update,
)
from sqlmodel import col

from ..models import EntryRow, LoggedRow, Stream, StreamPiece
from ..store.statements import statement
from .drafts import Draft
from .events import TextAdded
from .pile import everywhere
from .tail import MAX_TAIL_BYTES


def _stream(item_key: object, seq: object) -> ColumnElement[bool]:
    return and_(col(Stream.item_key) == item_key, col(Stream.seq) == seq)


_TAIL = col(Stream.tail_part), col(Stream.tail_at), col(Stream.tail)


def _pieces(item_key: object, seq: object) -> ColumnElement[bool]:
    return and_(col(StreamPiece.item_key) == item_key, col(StreamPiece.seq) == seq)


@statement
def find_stream(
    item_key: int, seq: int
) -> Select[int, str, int, int, int | None, int | None, int | None, bytes | None]:
    """Whose it is, its lengths (JSON, by part), its bytes, when it was touched, what stopped it,
    and its tail.
    """
    return select(
        col(Stream.author_key),
        col(Stream.lengths),
        col(Stream.size),
        col(Stream.touched_at),
        col(Stream.stop_seq),
        *_TAIL,
    ).where(_stream(item_key, seq))


@statement
def count_streams(item_key: int) -> Select[int]:
    """How many messages of an item are in the making."""
    return select(func.count()).select_from(Stream).where(col(Stream.item_key) == item_key)


@statement
def open_seqs(item_key: int) -> Select[int, int | None]:
    """Those messages, and what stopped them."""
    return (
        select(col(Stream.seq), col(Stream.stop_seq))
        .where(col(Stream.item_key) == item_key)
        .order_by(col(Stream.seq))
    )


@statement
def silent_streams(before: int) -> Select[int, int, int]:
    """Item, seq and author of what nobody has touched since a moment."""
    return select(col(Stream.item_key), col(Stream.seq), col(Stream.author_key)).where(
        col(Stream.touched_at) < before
    )


@statement
def add_stream(item_key: int, seq: int, author_key: int, lengths: str, touched_at: int) -> Insert:
    """A message has been begun."""
    return insert(Stream).values(
        {
            col(Stream.item_key): item_key,
            col(Stream.seq): seq,
            col(Stream.author_key): author_key,
            col(Stream.lengths): lengths,
            col(Stream.size): 0,
            col(Stream.touched_at): touched_at,
        }
    )


@statement
def grow_stream(  # noqa: PLR0917 - a row has its columns
    lengths: str,
    size: int,
    touched_at: int,
    tail_part: int | None,
    tail_at: int | None,
    tail: bytes | None,
    item_key: int,
    seq: int,
) -> Update:
    """It is longer by now."""
    grown = {
        col(Stream.lengths): lengths,
        col(Stream.size): size,
        col(Stream.touched_at): touched_at,
        col(Stream.tail_part): tail_part,
        col(Stream.tail_at): tail_at,
        col(Stream.tail): tail,
    }
    return update(Stream).where(_stream(item_key, seq)).values(grown)


@statement
def stop_stream(stop_seq: int, item_key: int, seq: int) -> Update:
    """Somebody wants it to end."""
    return update(Stream).where(_stream(item_key, seq)).values({col(Stream.stop_seq): stop_seq})


@statement
def remove_stream(item_key: int, seq: int) -> Delete:
    """It is a message like any other."""
    return delete(Stream).where(_stream(item_key, seq))


@statement
def add_piece(item_key: int, seq: int, part: int, at: int, text: bytes) -> Insert:
    """A text behind what was there."""
    return insert(StreamPiece).values(
        {
            col(StreamPiece.item_key): item_key,
            col(StreamPiece.seq): seq,
            col(StreamPiece.part): part,
            col(StreamPiece.at): at,
            col(StreamPiece.text): text,
        }
    )


@statement
def texts_from(item_key: int, seq: int, at: int) -> CompoundSelect[int, int, bytes]:
    """Part, place and text of all that came and begins at a place or behind it, in order.

    One statement: between two of them a tail, which is the last of its part, could become a piece.
    """
    pieces = select(col(StreamPiece.part), col(StreamPiece.at), col(StreamPiece.text))
    tail: Any = select(*_TAIL)
    return union_all(
        pieces.where(_pieces(item_key, seq), col(StreamPiece.at) >= at),
        tail.where(_stream(item_key, seq), col(Stream.tail).is_not(None)),
    ).order_by("part", "at")


@statement
def remove_pieces(item_key: int, seq: int) -> Delete:
    """Their text is in the message itself, or gone with it."""
    return delete(StreamPiece).where(_pieces(item_key, seq))


@statement
def finish_message(body: bytes, item_key: int, seq: int) -> Update:
    """The message as it was finished."""
    return (
        update(EntryRow)
        .where(col(EntryRow.item_key) == item_key, col(EntryRow.seq) == seq)
        .values({col(EntryRow.body): body})
    )


@statement
def body_of(item_key: int, seq: int) -> Select[bytes | None]:
    """A message's body as it stands in the log."""

    def stored(table: type[LoggedRow]) -> Select[bytes | None]:
        return select(col(table.body)).where(col(table.item_key) == item_key, col(table.seq) == seq)

    return everywhere(stored)  # type: ignore[return-value] # a compound select is one, too


def read_draft(connection: Connection, item_key: int, seq: int) -> Draft:
    """A message in the making, with all that came until now. May block."""
    ((body,),) = body_of.fetch(connection, item_key, seq)
    draft = Draft(body or b'""')
    for part, _, text in texts_from.fetch(connection, item_key, seq, 0):
        draft.add(part, text.decode())
    return draft


def read_grown(
    connection: Connection, item_key: int, lengths: dict[int, dict[int, int]]
) -> list[TextAdded]:
    """What messages in the making have more than so many code points by part. May block."""
    return [
        TextAdded(item_key, seq, part, max(at, known[part]), more)
        for seq, known in lengths.items()
        # What was known of a piece may be its beginning, which was the tail then.
        for part, at, text in texts_from.fetch(
            connection, item_key, seq, min(known.values()) - MAX_TAIL_BYTES
        )
        if (more := text.decode()[max(0, known[part] - at) :])
    ]


def packed(lengths: dict[int, int]) -> str:
    """Lengths by part, as they are stored."""
    return orjson.dumps(list(lengths.items())).decode()


def unpacked(lengths: str) -> dict[int, int]:
    """Likewise, as they are used."""
    pairs: Iterable[tuple[int, int]] = orjson.loads(lengths)
    return dict(pairs)
