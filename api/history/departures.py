"""Memberships that have ended: what tells somebody who was away that an item is theirs no more."""

from collections.abc import Sequence

from sqlalchemy import Connection, Delete, Insert, Select, delete, insert, select
from sqlmodel import col

from ..models import Departure
from ..store.statements import statement


def depart(connection: Connection, item_key: int, user_keys: Sequence[int], at: int) -> None:
    """These users are no longer of an item, since `at` (ms since the epoch). May block."""
    _forget.run_many(connection, [(item_key, user_key) for user_key in user_keys])
    _add.run_many(connection, [(item_key, user_key, at) for user_key in user_keys])


def departed_at(connection: Connection, item_key: int, user_key: int) -> int | None:
    """When a user's last membership of an item ended (ms since the epoch); None: none did.

    May block.
    """
    rows = _read.fetch(connection, item_key, user_key)
    return rows[0][0] if rows else None


@statement
def _read(item_key: int, user_key: int) -> Select[int]:
    theirs = col(Departure.item_key) == item_key, col(Departure.user_key) == user_key
    return select(col(Departure.at)).where(*theirs)


@statement
def _forget(item_key: int, user_key: int) -> Delete:
    """Of the time before this one."""
    return delete(Departure).where(
        col(Departure.item_key) == item_key, col(Departure.user_key) == user_key
    )


@statement
def _add(item_key: int, user_key: int, at: int) -> Insert:
    return insert(Departure).values(
        {
            col(Departure.item_key): item_key,
            col(Departure.user_key): user_key,
            col(Departure.at): at,
        }
    )
