"""Reading the log back: by keyset only, so a page costs the same wherever it is.

Every function takes the connection of a reader thread and may block.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select
from sqlmodel import col

from api.database import fetch
from api.errors import Refusal
from api.history.entries import Author, Entry, Kind
from api.models import Reaction, User

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
    rows = fetch(connection, _EXTENT, (item_key,))
    if not rows:
        raise Refusal("item_not_found")
    return Extent(*rows[0])


def read_entries(
    connection: Connection, item_key: int, after: int, limit: int
) -> tuple[list[Entry], Extent]:
    """The entries after a seq, oldest first: at most `limit`, at most MAX_PAGE_BYTES of bodies."""
    extent = read_extent(connection, item_key)
    values = {"item_key": item_key, "after": after, "limit": limit}
    entries, size = [], 0
    with connection.exec_driver_sql(_AFTER, values) as rows:
        for row in rows:
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
    query = _ENTRIES + " AND e.kind = 'message'"
    query += " AND e.seq < :before" if before is not None else ""
    query += " AND e.seq > :after" if after is not None else ""
    forward = after is not None and before is None
    query += f" ORDER BY e.seq {'ASC' if forward else 'DESC'} LIMIT :limit"
    values = {"item_key": item_key, "before": before, "after": after, "limit": limit}
    rows = fetch(connection, query, values)
    entries = [_entry(row) for row in (rows if forward else reversed(rows))]
    return _with_reactions(connection, item_key, entries), extent


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


# Driver's SQL: for a page of a replay Core takes longer to build the statement than SQLite to
# answer it.
_EXTENT = "SELECT head, oldest, epoch FROM item WHERE key = ? AND deleted_at IS NULL"
_ENTRIES = """
    SELECT e.item_key, e.seq, e.kind, e.author_key, u.id, u.name, e.at, e.ref, e.target, e.body,
        e.edited_seq, e.deleted_seq
    FROM entry AS e JOIN user AS u ON u.key = e.author_key
    WHERE e.item_key = :item_key
"""
_AFTER = _ENTRIES + " AND e.seq > :after ORDER BY e.seq LIMIT :limit"
