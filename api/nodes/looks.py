"""What other servers of the same database have changed of items, asked now and then."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, Connection, Select, select
from sqlmodel import col

from ..live.inboxes import Moved
from ..models import Departure, EntryRow, Item, Membership
from ..rights.access import clock_ms
from ..store.arrays import BigIntegers, among
from ..store.readers import Readers
from ..store.statements import statement

# Milliseconds that a look reaches back: longer than a transaction may be under way, and than clocks
# differ.
REACH_MS = 10_000


class Looks:
    """What was found by the last looks, so that only what is new is told."""

    def __init__(self) -> None:
        self._heads: dict[int, int] = {}
        self._members: set[tuple[int, int, int]] = set()

    async def look(self, readers: Readers, users: Sequence[int]) -> Moved:
        """Items that have moved, for all or for some of these users.

        Raises:
            Refusal: the database cannot be asked.
        """
        heads, members = await readers.read(read_moved, clock_ms() - REACH_MS, users)
        moved: list[tuple[int, Sequence[int]]] = [
            (key, ()) for key, head in heads.items() if self._heads.get(key) != head
        ]
        moved += [(item, (user,)) for item, user, _ in members - self._members]
        self._heads, self._members = heads, members
        return moved


def read_moved(
    connection: Connection, since: int, users: Sequence[int]
) -> tuple[dict[int, int], set[tuple[int, int, int]]]:
    """Heads of the items in which something was stored after a moment, and what has changed of
    these users' memberships: item, user and when. May block.
    """
    heads = dict(_stored.fetch(connection, since))
    watching = BigIntegers(users)
    changed = _changed.fetch(connection, watching, since)
    return heads, {*changed, *_went.fetch(connection, watching, since)}


@statement
def _stored(since: int) -> Select[int, int]:
    fresh = select(col(EntryRow.item_key)).where(col(EntryRow.at) > since)
    return select(col(Item.key), col(Item.head)).where(col(Item.key).in_(fresh))


@statement
def _changed(users: BigIntegers, since: int) -> Select[int, int, int]:
    return select(
        col(Membership.item_key), col(Membership.user_key), col(Membership.changed_at)
    ).where(among(col(Membership.user_key), users, BigInteger), col(Membership.changed_at) > since)


@statement
def _went(users: BigIntegers, since: int) -> Select[int, int, int]:
    return select(col(Departure.item_key), col(Departure.user_key), col(Departure.at)).where(
        among(col(Departure.user_key), users, BigInteger), col(Departure.at) > since
    )
