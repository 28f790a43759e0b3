"""Reading the log back: by keyset only, so a page costs the same wherever it is.

Every function takes the connection of a reader thread and may block.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Select, select
from sqlmodel import col

from ..errors import Refusal
from ..models import Item, LoggedRow, Reaction, User
from ..store.statements import statement
from .entries import Author, Entry, Kind
from .extent import MAX_PAGE_BYTES, Extent
from .pile import everywhere

# Beyond all that there is: what a database can count to.
MAX_SEQ = 2**63 - 1


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
    rows = _extent.fetch(connection, item_key)
    if not rows:
        raise Refusal("item_not_found")
    return Extent(*rows[0])


def read_entries(
    connection: Connection,
    item_key: int,
    after: int,
    limit: int,
    max_bytes: float = MAX_PAGE_BYTES,
) -> tuple[list[Entry], Extent]:
    """The entries after a seq, oldest first: at most `limit`, and so many bytes of bodies."""
    extent = read_extent(connection, item_key)
    entries, size = [], 0
    with closing(_entries_after.stream(connection, item_key, after, limit)) as rows:
        for row in rows:
            entries.append(entry := _entry(row))
            size += len(entry.body or b"")
            if size >= max_bytes:
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
    if before is None and after is not None:
        rows = _messages_after.fetch(connection, item_key, after, limit)
    else:
        between = after or 0, MAX_SEQ if before is None else before
        rows = _messages_between.fetch(connection, item_key, *between, limit)
        rows.reverse()
    entries = [_entry(row) for row in rows]
    return _with_reactions(connection, item_key, entries), extent


def _entry(row: Any) -> Entry:
    item_key, seq, kind, author_key, author_id, name, *rest = row
    return Entry(item_key, seq, Kind(kind), Author(author_key, author_id, name), *rest)


def _with_reactions(
    connection: Connection, item_key: int, entries: Sequence[Entry]
) -> list[Message]:
    messages = {entry.seq: Message(entry) for entry in entries}
    if entries:
        first, last = entries[0].seq, entries[-1].seq
        for target, value, user_id in _reactions.fetch(connection, item_key, first, last):
            messages[target].reactions.setdefault(value, []).append(user_id)
    return list(messages.values())


@statement
def _extent(item_key: int) -> Select[int, int, str]:
    return select(col(Item.head), col(Item.oldest), col(Item.epoch)).where(
        col(Item.key) == item_key, col(Item.deleted_at).is_(None)
    )


_EntryValues = tuple[
    int,
    int,
    str,
    int,
    str,
    str,
    int,
    str | None,
    int | None,
    bytes | None,
    int | None,
    int | None,
    str | None,
]


def _entries(table: type[LoggedRow], item_key: int) -> Select[*_EntryValues]:
    """What `_entry` makes an entry of."""
    return (
        select(
            col(table.item_key),
            col(table.seq),
            col(table.kind),
            col(table.author_key),
            col(User.id),
            col(User.name),
            col(table.at),
            col(table.ref),
            col(table.target),
            col(table.body),
            col(table.edited_seq),
            col(table.deleted_seq),
            col(table.via),
        )
        .join(User, col(User.key) == col(table.author_key))
        .where(col(table.item_key) == item_key)
    )


def _messages(table: type[LoggedRow], item_key: int) -> Select[*_EntryValues]:
    return _entries(table, item_key).where(col(table.kind) == Kind.MESSAGE.value)


@statement
def _entries_after(item_key: int, after: int, limit: int) -> CompoundSelect[*_EntryValues]:
    log = everywhere(lambda table: _entries(table, item_key).where(col(table.seq) > after))
    return log.order_by(log.selected_columns.seq).limit(limit)


@statement
def _messages_after(item_key: int, after: int, limit: int) -> CompoundSelect[*_EntryValues]:
    log = everywhere(lambda table: _messages(table, item_key).where(col(table.seq) > after))
    return log.order_by(log.selected_columns.seq).limit(limit)


@statement
def _messages_between(
    item_key: int, after: int, before: int, limit: int
) -> CompoundSelect[*_EntryValues]:
    """Messages between two seqs, the newest first."""
    log = everywhere(
        lambda table: _messages(table, item_key).where(
            col(table.seq) > after, col(table.seq) < before
        )
    )
    return log.order_by(log.selected_columns.seq.desc()).limit(limit)


@statement
def _reactions(item_key: int, first: int, last: int) -> Select[int, str, str]:
    """Those on a page of messages: it lacks none between its first and its last."""
    return (
        select(col(Reaction.target), col(Reaction.value), col(User.id))
        .join(User, col(User.key) == col(Reaction.user_key))
        .where(col(Reaction.item_key) == item_key, col(Reaction.target).between(first, last))
        .order_by(col(Reaction.seq))
    )
