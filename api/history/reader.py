"""Reading the log back: by keyset only, so a page costs the same wherever it is.

Every function takes the connection of a reader thread and may block.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select
from sqlmodel import col

from api.errors import Refusal
from api.history.entries import Author, Entry, Kind
from api.models import EntryRow, Item, Reaction, User

# A page ends at this many bytes of bodies, however few entries that is: what a replay holds.
MAX_PAGE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Extent:
    """What there is of a log: its newest seq, the oldest still kept, and which life it is."""

    head: int
    oldest: int
    epoch: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it stands now, with its reactions: value to the ids of users."""

    entry: Entry
    reactions: dict[str, list[str]] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        """The message as a page shows it."""
        return self.entry.fields() | {"reactions": self.reactions}


def read_extent(connection: Connection, item_key: int) -> Extent:
    """The extent of an item's log.

    Raises:
        Refusal: `item_not_found`, when it was deleted a moment ago.
    """
    query = select(col(Item.head), col(Item.oldest), col(Item.epoch)).where(
        col(Item.key) == item_key, col(Item.deleted_at).is_(None)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise Refusal("item_not_found")
    return Extent(*row)


def read_entries(
    connection: Connection, item_key: int, after: int, limit: int
) -> tuple[list[Entry], Extent]:
    """The entries after a seq, oldest first: at most `limit`, at most MAX_PAGE_BYTES of bodies."""
    extent = read_extent(connection, item_key)
    query = (
        _entries(item_key).where(col(EntryRow.seq) > after).order_by(col(EntryRow.seq)).limit(limit)
    )
    entries, size = [], 0
    for row in connection.execution_options(yield_per=50).execute(query):
        entries.append(_entry(row))
        size += len(row.body or b"")
        if size >= MAX_PAGE_BYTES:
            break
    return entries, extent


def read_messages(
    connection: Connection,
    item_key: int,
    before: int | None,
    after: int | None,
    limit: int,
) -> tuple[list[Message], Extent]:
    """Messages as they stand now, oldest first: the newest of those in (after, before)."""
    extent = read_extent(connection, item_key)
    query = _entries(item_key).where(col(EntryRow.kind) == Kind.MESSAGE.value)
    if before is not None:
        query = query.where(col(EntryRow.seq) < before)
    if after is not None:
        query = query.where(col(EntryRow.seq) > after)
    forward = after is not None and before is None
    order = col(EntryRow.seq).asc() if forward else col(EntryRow.seq).desc()
    rows = connection.execute(query.order_by(order).limit(limit)).all()
    entries = [_entry(row) for row in (rows if forward else reversed(rows))]
    return _with_reactions(connection, item_key, entries), extent


def _entries(item_key: int) -> Any:
    return (
        select(
            col(EntryRow.item_key),
            col(EntryRow.seq),
            col(EntryRow.kind),
            col(EntryRow.author_key),
            col(User.id),
            col(User.name),
            col(EntryRow.at),
            col(EntryRow.ref),
            col(EntryRow.target),
            col(EntryRow.body),
            col(EntryRow.edited_seq),
            col(EntryRow.deleted_seq),
        )
        .join(User, col(User.key) == EntryRow.author_key)
        .where(col(EntryRow.item_key) == item_key)
    )


def _entry(row: Any) -> Entry:
    item_key, seq, kind, author_key, author_id, name, at, ref, target, body, edited, deleted = row
    author = Author(author_key, author_id, name)
    return Entry(item_key, seq, Kind(kind), author, at, ref, target, body, edited, deleted)


def _with_reactions(
    connection: Connection, item_key: int, entries: Sequence[Entry]
) -> list[Message]:
    messages = {entry.seq: Message(entry) for entry in entries}
    query = (
        select(col(Reaction.target), col(Reaction.value), col(User.id))
        .join(User, col(User.key) == Reaction.user_key)
        .where(col(Reaction.item_key) == item_key, col(Reaction.target).in_(messages))
        .order_by(col(Reaction.seq))
    )
    for target, value, user_id in connection.execute(query):
        messages[target].reactions.setdefault(value, []).append(user_id)
    return list(messages.values())
