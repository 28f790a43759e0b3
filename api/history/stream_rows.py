"""What is stored of messages in the making, until they are finished: statements, and reads."""

from collections.abc import Iterable

import orjson
from sqlalchemy import (
    ColumnElement,
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
    update,
)
from sqlmodel import col

from ..models import EntryRow, LoggedRow, Stream, StreamPiece
from ..store.statements import statement
from .drafts import Draft
from .events import TextAdded
from .pile import everywhere


def _stream(item_key: object, seq: object) -> ColumnElement[bool]:
    return and_(col(Stream.item_key) == item_key, col(Stream.seq) == seq)


def _pieces(item_key: object, seq: object) -> ColumnElement[bool]:
    return and_(col(StreamPiece.item_key) == item_key, col(StreamPiece.seq) == seq)


@statement
def find_stream(item_key: int, seq: int) -> Select[int, str, int, int, int | None]:
    """Whose it is, its lengths (JSON, by part), its bytes, when it was touched, what stopped it."""
    return select(
        col(Stream.author_key),
        col(Stream.lengths),
        col(Stream.size),
        col(Stream.touched_at),
        col(Stream.stop_seq),
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
def grow_stream(lengths: str, size: int, touched_at: int, item_key: int, seq: int) -> Update:
    """It is longer by now."""
    grown = {
        col(Stream.lengths): lengths,
        col(Stream.size): size,
        col(Stream.touched_at): touched_at,
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
def pieces_of(item_key: int, seq: int) -> Select[int, int, bytes]:
    """Part, place and text of all that came, in order."""
    return (
        select(col(StreamPiece.part), col(StreamPiece.at), col(StreamPiece.text))
        .where(_pieces(item_key, seq))
        .order_by(col(StreamPiece.part), col(StreamPiece.at))
    )


@statement
def pieces_from(item_key: int, seq: int, at: int) -> Select[int, int, bytes]:
    """Likewise, from a place on."""
    return (
        select(col(StreamPiece.part), col(StreamPiece.at), col(StreamPiece.text))
        .where(_pieces(item_key, seq), col(StreamPiece.at) >= at)
        .order_by(col(StreamPiece.part), col(StreamPiece.at))
    )


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
    for part, _, text in pieces_of.fetch(connection, item_key, seq):
        draft.add(part, text.decode())
    return draft


def read_grown(
    connection: Connection, item_key: int, lengths: dict[int, dict[int, int]]
) -> list[TextAdded]:
    """What messages in the making have more than so many code points by part. May block."""
    return [
        TextAdded(item_key, seq, part, at, text.decode())
        for seq, known in lengths.items()
        for part, at, text in pieces_from.fetch(connection, item_key, seq, min(known.values()))
        if at >= known[part]
    ]


def packed(lengths: dict[int, int]) -> str:
    """Lengths by part, as they are stored."""
    return orjson.dumps(list(lengths.items())).decode()


def unpacked(lengths: str) -> dict[int, int]:
    """Likewise, as they are used."""
    pairs: Iterable[tuple[int, int]] = orjson.loads(lengths)
    return dict(pairs)
