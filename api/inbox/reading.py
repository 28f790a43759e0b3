"""Items as they stand for their users, many at once. For a reader's thread: all of it may block."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select
from sqlmodel import col

from ..history.pile import TABLES, has_pile
from ..models import Item, LoggedRow, Membership, User
from ..rights.access import Role
from ..store.lookups import Lookup, Searched
from .counts import Tables, mentions, newest_message, read_seq, unread
from .state import ItemState, Last, preview_of

Pair = tuple[int, int]
"""item_key, user_key"""


def read_states(connection: Connection, pairs: Sequence[Pair]) -> list[ItemState]:
    """The items of these memberships, in no order; what is no membership is left out."""
    rows = _STATES[has_pile(connection)].fetch(connection, pairs) if pairs else []
    newest = {row[0]: max(seq or 0 for seq in row[12:]) for row in rows}
    last = _read_last(connection, [(key, seq) for key, seq in newest.items() if seq])
    return [_state(row, last.get(row[0])) for row in rows]


def _state(row: Sequence[Any], last: Last | None) -> ItemState:
    item_key, user_key, item_id, title, deleted_at, default_role, member_role, *rest = row
    head, active_at, marker, not_read, naming, *_ = rest
    return ItemState(
        item_key,
        user_key,
        item_id,
        title,
        deleted_at is not None,
        None if default_role is None else Role(default_role),
        None if member_role is None else Role(member_role),
        head,
        active_at,
        marker,
        not_read,
        naming,
        last,
    )


def _read_last(connection: Connection, places: Sequence[tuple[int, int]]) -> dict[int, Last]:
    found = _LAST.fetch(connection, places) if places else []
    return {
        item_key: Last(seq, by_id, by_name, at, preview_of(body))
        for item_key, seq, by_id, by_name, at, body in found
    }


def _states(tables: Tables) -> Searched:
    user_key = col(Membership.user_key)
    query = select(
        col(Membership.item_key),
        user_key,
        col(Item.id),
        col(Item.title),
        col(Item.deleted_at),
        col(Item.default_role),
        col(Membership.role),
        col(Item.head),
        col(Item.active_at),
        read_seq(),
        unread(tables, user_key),
        mentions(user_key),
        *map(newest_message, tables),
    ).where(col(Item.key) == col(Membership.item_key))
    return query, (col(Membership.item_key), user_key)


def _message(table: type[LoggedRow]) -> Searched:
    query = select(
        col(table.item_key),
        col(table.seq),
        col(User.id),
        col(User.name),
        col(table.at),
        col(table.body),
    ).where(col(User.key) == col(table.author_key))
    return query, (col(table.item_key), col(table.seq))


# By whether there is a pile: what is counted in it is a part of each row.
_STATES: dict[bool, Lookup[Pair, tuple[Any, ...]]] = {
    True: Lookup(_states(TABLES)),
    False: Lookup(_states(TABLES[:1])),
}
_LAST: Lookup[tuple[int, int], tuple[int, int, str, str, int, bytes | None]] = Lookup(
    *map(_message, TABLES)
)
