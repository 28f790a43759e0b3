"""A commit whose answer was lost with the connection: what became of it is read afterwards."""

from collections.abc import Sequence

from sqlalchemy import Connection, select
from sqlmodel import col

from api.history.events import CredentialsEnded, EntryStored, Event, ItemDeleted
from api.history.pile import TABLES
from api.models import LoggedRow
from api.store.lookups import Lookup, Searched


def settled(connection: Connection, events: Sequence[Event]) -> Sequence[Event]:
    """Those events of a doubtful commit that are to be told. Blocks; raises as a `Statement`.

    Its entries say whether it was stored, all of it or nothing. Without any, only what ends
    something is told: who was closed in error comes back, and who stays in error would hear on.

    Args:
        connection: the one that writes, in no transaction; nobody else can have written to the
            database between the commit and now.
        events: of one commit.
    """
    stored = [event.entry for event in events if isinstance(event, EntryStored)]
    if not stored:
        return [event for event in events if isinstance(event, CredentialsEnded | ItemDeleted)]
    wanted = {
        (entry.item_key, entry.seq, entry.author.key, entry.at, entry.ref) for entry in stored
    }
    with connection.begin():
        found = _FIND.fetch(connection, [(entry.item_key, entry.seq) for entry in stored])
    return events if wanted == set(found) else ()


def _stored(table: type[LoggedRow]) -> Searched:
    key = col(table.item_key), col(table.seq)
    return select(*key, col(table.author_key), col(table.at), col(table.ref)), key


_FIND: Lookup[tuple[int, int], tuple[int, int, int, int, str | None]] = Lookup(
    *map(_stored, TABLES)
)
