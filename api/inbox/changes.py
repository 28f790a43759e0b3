"""What has changed for whom. For a reader's thread: all of it may block."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, or_, select
from sqlmodel import col

from ..models import Departure, Item, Membership
from ..rights.access import Principal
from ..store.lookups import Lookup
from .reading import read_states
from .state import gone, reaches


class Change(NamedTuple):
    """For whom an item has changed."""

    members: bool
    """For all who are members, or have just been."""
    users: frozenset[int]
    """And for these, whatever they are."""


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
                col(Item.active_at) > since,
                col(Item.changed_at) > since,
            ),
        )
    )
    went = select(col(Departure.item_key)).where(
        col(Departure.user_key) == user_key, col(Departure.at) > since
    )
    keys = [*connection.execute(changed).scalars(), *connection.execute(went).scalars()]
    return list(dict.fromkeys(keys))


def read_concerned(
    connection: Connection, changes: Mapping[int, Change], users: Sequence[int], since: int
) -> dict[int, list[int]]:
    """Whom of some users changes concern: their items, by the users' keys.

    Args:
        connection: of a reader.
        changes: by item.
        users: those who watch.
        since: who is no member any more, since before this moment, knows it.
    """
    found: dict[int, set[int]] = {user_key: set() for user_key in users}
    for item_key, change in changes.items():
        for user_key in change.users & found.keys():
            found[user_key].add(item_key)
    items = [item_key for item_key, change in changes.items() if change.members]
    if items:
        members = select(col(Membership.user_key), col(Membership.item_key)).where(
            col(Membership.user_key).in_(users), col(Membership.item_key).in_(items)
        )
        went = select(col(Departure.user_key), col(Departure.item_key)).where(
            col(Departure.user_key).in_(users),
            col(Departure.item_key).in_(items),
            col(Departure.at) > since,
        )
        for query in (members, went):
            for user_key, item_key in connection.execute(query):
                found[user_key].add(item_key)
    return {user_key: sorted(items) for user_key, items in found.items() if items}


def _read_names(connection: Connection, item_keys: Sequence[int]) -> Sequence[tuple[int, str, int]]:
    return _NAMES.fetch(connection, [(key,) for key in item_keys]) if item_keys else []


_NAMES: Lookup[tuple[int], tuple[int, str, int]] = Lookup(
    (select(col(Item.key), col(Item.id), col(Item.created_at)), (col(Item.key),))
)
