"""What has changed for whom. For a reader's thread: all of it may block."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select
from sqlmodel import col

from ..models import Departure, Item, Membership
from ..rights.access import Principal
from ..store.lookups import Lookup
from .reading import read_states
from .state import gone, reaches

# Items, or users, in one statement: a database takes so many values in it, and no more.
PART = 1000


class Change(NamedTuple):
    """For whom an item has changed."""

    members: bool
    """For all who are members."""
    users: frozenset[int]
    """And for these, whatever they are."""
    rights: bool = False
    """And for all who ever were members: perhaps it is theirs no more."""


def read_items(
    connection: Connection, principal: Principal, item_keys: Sequence[int]
) -> list[dict[str, Any]]:
    """These items as somebody sees them, also if they are theirs no more; but for what a
    credential hides.
    """
    pairs = [(item_key, principal.user_key) for item_key in item_keys]
    states = {state.item_key: state for state in read_states(connection, pairs)}
    found = []
    for item_key, item_id, created_at in _read_names(connection, item_keys):
        state = states.get(item_key)
        role = None if state is None else state.role_of(principal)
        if state is not None and role is not None:
            found.append(state.fields(role))
        elif reaches(principal, item_id):
            found.append(gone(item_id, created_at))
    return found


def read_changed(connection: Connection, user_key: int, since: int) -> list[int]:
    """Keys of somebody's items that have changed after a moment (ms since the epoch), or went."""
    changed = (
        select(col(Membership.item_key))
        .join(Item, col(Item.key) == col(Membership.item_key))
        .where(
            col(Membership.user_key) == user_key,
            or_(
                col(Membership.changed_at) > since,
                and_(or_(col(Item.active_at) > since, col(Item.changed_at) > since), _is_let_in()),
            ),
        )
    )
    went = select(col(Departure.item_key)).where(
        col(Departure.user_key) == user_key, col(Departure.at) > since
    )
    keys = [*connection.execute(changed).scalars(), *connection.execute(went).scalars()]
    return list(dict.fromkeys(keys))


def read_concerned(
    connection: Connection, changes: Mapping[int, Change], users: Sequence[int]
) -> dict[int, list[int]]:
    """Whom of some users changes concern: their items, by the users' keys.

    Args:
        connection: of a reader.
        changes: by item.
        users: those who watch.
    """
    found: dict[int, set[int]] = {user_key: set() for user_key in users}
    for item_key, change in changes.items():
        for user_key in change.users & found.keys():
            found[user_key].add(item_key)
    members = [item_key for item_key, change in changes.items() if change.members]
    rights = [item_key for item_key, change in changes.items() if change.rights]
    for items, queries in ((members, (_members,)), (rights, (_guests, _former))):
        for some_items in _parts(items):
            for some_users in _parts(users):
                for query in queries:
                    for user_key, item_key in connection.execute(query(some_items, some_users)):
                        found[user_key].add(item_key)
    return {user_key: sorted(items) for user_key, items in found.items() if items}


def _members(items: Sequence[int], users: Sequence[int]) -> Select[int, int]:
    return (
        _guests(items, users)
        .join(Item, col(Item.key) == col(Membership.item_key))
        .where(_is_let_in())
    )


def _guests(items: Sequence[int], users: Sequence[int]) -> Select[int, int]:
    return select(col(Membership.user_key), col(Membership.item_key)).where(
        col(Membership.user_key).in_(users), col(Membership.item_key).in_(items)
    )


def _former(items: Sequence[int], users: Sequence[int]) -> Select[int, int]:
    return select(col(Departure.user_key), col(Departure.item_key)).where(
        col(Departure.user_key).in_(users), col(Departure.item_key).in_(items)
    )


def _is_let_in() -> ColumnElement[bool]:
    """Not one who has only a marker from when the item let everybody in.

    To them it is gone, which they are told once, and not each time that somebody speaks there.
    """
    return or_(
        col(Membership.role).is_not(None),
        col(Item.default_role).is_not(None),
        col(Item.deleted_at).is_not(None),
    )


def _parts(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(keys), PART):
        yield keys[start : start + PART]


def _read_names(connection: Connection, item_keys: Sequence[int]) -> Sequence[tuple[int, str, int]]:
    return _NAMES.fetch(connection, [(key,) for key in item_keys]) if item_keys else []


_NAMES: Lookup[tuple[int], tuple[int, str, int]] = Lookup(
    (select(col(Item.key), col(Item.id), col(Item.created_at)), (col(Item.key),))
)
