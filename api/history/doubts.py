"""A commit whose answer was lost with the connection: what became of it is read afterwards."""

from collections.abc import Sequence

from sqlalchemy import Connection, select
from sqlmodel import col

from ..models import LoggedRow
from ..rights import versions
from ..store.lookups import Lookup, Searched
from ..store.sharing import Sharing
from .entries import Entry
from .events import (
    CredentialsEnded,
    EntryStored,
    Event,
    ItemDeleted,
    UserDisconnected,
)
from .pile import TABLES

_Row = tuple[int, int, str | None, bytes | None, int | None, int | None]
"""author_key, at, ref, body, edited_seq, deleted_seq"""


def settled(connection: Connection, events: Sequence[Event], sharing: Sharing) -> Sequence[Event]:
    """Those events of a doubtful commit that are to be told. Blocks; raises as a `Statement`.

    Its entries say whether it was stored. Without any, only what ends something is told: who was
    closed in error comes back, and who stays in error would hear on.

    Args:
        connection: the one that writes, in no transaction.
        events: of one commit.
        sharing: how others who write are kept off: they may have written since.
    """
    stored = [event.entry for event in events if isinstance(event, EntryStored)]
    if not stored:
        ends = CredentialsEnded | UserDisconnected | ItemDeleted
        return [event for event in events if isinstance(event, ends)]
    with connection.begin():
        items = sorted({entry.item_key for entry in stored})
        # Whoever still has the locks of the lost session's transaction has not ended it.
        sharing.hold(connection, items, [])
        keys = [(entry.item_key, entry.seq) for entry in stored]
        rows = {(row[0], row[1]): row[2:] for row in _FIND.fetch(connection, keys)}
        lost = {
            (entry.item_key, entry.seq)
            for entry in stored
            if not _is_stored(entry, rows.get((entry.item_key, entry.seq)))
        }
        # A statement without a transaction may be still on its way to the server. It counts on
        # these versions: when it comes, it stores nothing.
        versions.bump_item.run_many(connection, [(key,) for key, _ in lost])
    if len(lost) == len(keys):
        return ()
    return [
        event
        for event in events
        if not isinstance(event, EntryStored) or (event.entry.item_key, event.entry.seq) not in lost
    ]


def _is_stored(entry: Entry, row: _Row | None) -> bool:
    """Whether it is this one that has its seq; its body may have been changed since."""
    if row is None:
        return False
    author_key, at, ref, body, edited_seq, deleted_seq = row
    is_same = (author_key, at, ref) == (entry.author.key, entry.at, entry.ref)
    return is_same and (body == entry.body or edited_seq is not None or deleted_seq is not None)


def _stored(table: type[LoggedRow]) -> Searched:
    key = col(table.item_key), col(table.seq)
    told = col(table.author_key), col(table.at), col(table.ref), col(table.body)
    return select(*key, *told, col(table.edited_seq), col(table.deleted_seq)), key


_FIND: Lookup[tuple[int, int], tuple[int, int, *_Row]] = Lookup(*map(_stored, TABLES))
