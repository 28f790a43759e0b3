"""Reading the log back: by keyset only, so a page costs the same wherever it is.

Every function takes the connection of a reader thread and may block.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from sqlalchemy import CompoundSelect, Connection, Select, exists, select
from sqlmodel import col

from ..errors import Refusal
from ..models import Item, LoggedRow, Reaction, Stream, User
from ..store.lookups import Lookup
from ..store.statements import statement
from .entries import Author, Entry, Kind
from .extent import MAX_PAGE_BYTES, Extent
from .pile import everywhere
from .stream_rows import body_of, open_seqs, read_draft

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
    head, oldest, epoch, has_drafts = rows[0]
    return Extent(head, oldest, epoch, bool(has_drafts))


def read_extents(connection: Connection, item_keys: Sequence[int]) -> dict[int, Extent]:
    """The same of many logs at once, by item; of those that are not deleted."""
    rows = _EXTENTS.fetch(connection, [(key,) for key in item_keys]) if item_keys else []
    return {key: Extent(head, oldest, epoch, drafts) for key, head, oldest, epoch, drafts in rows}


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
    return _cut(complete(connection, item_key, entries, extent), max_bytes), extent


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
    entries = complete(connection, item_key, [_entry(row) for row in rows], extent)
    return _with_reactions(connection, item_key, entries), extent


def read_message(connection: Connection, item_key: int, seq: int) -> Message:
    """A message as it stands now.

    Raises:
        Refusal: `not_found`, or as `read_extent`.
    """
    messages, _ = read_messages(connection, item_key, seq + 1, seq - 1, 1)
    if not messages:
        raise Refusal("not_found", "There is no message with this seq.")
    return messages[0]


def read_drafts(connection: Connection, item_key: int) -> list[Entry]:
    """All messages in the making, as far as they have come. May block."""
    found = []
    for seq, _ in open_seqs.fetch(connection, item_key):
        rows = _messages_between.fetch(connection, item_key, seq - 1, seq + 1, 1)
        found += [_with_draft(connection, _entry(row)) for row in rows]
    return found


def complete(
    connection: Connection, item_key: int, entries: list[Entry], extent: Extent
) -> list[Entry]:
    """Entries with the texts that are stored elsewhere: of messages in the making, as far as they
    have come; and of the ends of such, which stand in their messages.
    """
    drafts = {entry.seq for entry in entries if entry.kind is Kind.MESSAGE}
    if extent.has_drafts and drafts:
        drafts &= {seq for seq, _ in open_seqs.fetch(connection, item_key)}
    else:
        drafts = set()
    return [
        _with_draft(connection, entry)
        if entry.seq in drafts
        else _with_end(connection, entry)
        if entry.kind is Kind.FINISH
        else entry
        for entry in entries
    ]


def _cut(entries: list[Entry], max_bytes: float) -> list[Entry]:
    """As many as make a page, at least one, now that all their texts are here."""
    size = 0
    for count, entry in enumerate(entries, start=1):
        size += len(entry.body or b"")
        if size >= max_bytes:
            return entries[:count]
    return entries


def _with_draft(connection: Connection, entry: Entry) -> Entry:
    draft = read_draft(connection, entry.item_key, entry.seq)
    return replace(entry, body=draft.json(), lengths=dict(draft.lengths))


def _with_end(connection: Connection, entry: Entry) -> Entry:
    fields: dict[str, Any] = orjson.loads(entry.body or b"{}")
    for (body,) in body_of.fetch(connection, entry.item_key, entry.target or 0):
        if body is not None:
            fields["body"] = orjson.Fragment(body)
    return replace(entry, body=orjson.dumps(fields))


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


_EXTENTS: Lookup[tuple[int], tuple[int, int, int, str, bool]] = Lookup(
    (
        select(
            col(Item.key),
            col(Item.head),
            col(Item.oldest),
            col(Item.epoch),
            exists().where(col(Stream.item_key) == col(Item.key)),
        ).where(col(Item.deleted_at).is_(None)),
        (col(Item.key),),
    )
)


@statement
def _extent(item_key: int) -> Select[int, int, str, bool]:
    has_drafts = exists().where(col(Stream.item_key) == item_key)
    return select(col(Item.head), col(Item.oldest), col(Item.epoch), has_drafts).where(
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
