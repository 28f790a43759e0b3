"""What a node reads of what others have changed. For a reader's thread: all of it may block."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Select, or_, select
from sqlmodel import col

from ..errors import Refusal
from ..models import Item, Membership, User
from ..rights.access import Principal, Role, Standing
from ..rights.standing import load_standing
from ..store.arrays import BigIntegers, columns_of, number_rows
from ..store.lookups import Lookup
from ..store.statements import statement


@dataclass(frozen=True, slots=True)
class ItemMoved:
    """An item that is not what this node knows."""

    key: int
    head: int
    rights: int
    epoch: str


@dataclass(frozen=True, slots=True)
class Moved:
    """What differs from what was known."""

    items: Sequence[ItemMoved]
    users: Sequence[int]
    """Keys of those whose rights have moved."""


@dataclass(frozen=True, slots=True)
class RightsNow:
    """Rights in an item at one moment."""

    version: int
    is_deleted: bool
    default_role: Role | None
    roles: dict[int, Role]
    """Of those members who were asked for."""


def read_moved(
    connection: Connection,
    items: Sequence[tuple[int, int, int]],
    users: Sequence[tuple[int, int]],
) -> Moved:
    """Compare what is known with what is.

    Args:
        connection: of a reader.
        items: key, head and version of rights of each item.
        users: key and version of rights of each user.
    """
    moved = _moved_items.fetch(connection, *columns_of(items)) if items else []
    others = _moved_users.fetch(connection, *columns_of(users)) if users else []
    return Moved([ItemMoved(*row) for row in moved], [key for (key,) in others])


def read_rights(connection: Connection, item_key: int, user_keys: Sequence[int]) -> RightsNow:
    """What users may do in an item.

    Raises:
        Refusal: `item_not_found`.
    """
    rows = _rights.fetch(connection, item_key)
    if not rows:
        raise Refusal("item_not_found")
    ((version, deleted_at, default_role),) = rows
    found = _ROLES.fetch(connection, [(item_key, user_key) for user_key in user_keys])
    return RightsNow(
        version,
        deleted_at is not None,
        None if default_role is None else Role(default_role),
        {user_key: Role(role) for user_key, role in found if role is not None},
    )


def read_standings(
    connection: Connection, user_key: int, asked: Sequence[tuple[Principal, str]]
) -> tuple[str | None, Sequence[Standing]]:
    """What a user is called, and how they stand by some credentials in some items."""
    names = _name.fetch(connection, user_key)
    standings = [load_standing(connection, principal, item_id) for principal, item_id in asked]
    return (names[0][0] if names else None), standings


@statement
def _moved_items(
    keys: BigIntegers, heads: BigIntegers, rights: BigIntegers
) -> Select[int, int, int, str]:
    # The differences alone: to fetch all would cost this process more than the database.
    known = number_rows(key=keys, head=heads, rights=rights)
    return (
        select(col(Item.key), col(Item.head), col(Item.rights), col(Item.epoch))
        .join(known, col(Item.key) == known.c.key)
        .where(or_(col(Item.head) != known.c.head, col(Item.rights) != known.c.rights))
    )


@statement
def _moved_users(keys: BigIntegers, rights: BigIntegers) -> Select[int]:
    known = number_rows(key=keys, rights=rights)
    return (
        select(col(User.key))
        .join(known, col(User.key) == known.c.key)
        .where(col(User.rights) != known.c.rights)
    )


@statement
def _rights(item_key: int) -> Select[int, int | None, str | None]:
    return select(col(Item.rights), col(Item.deleted_at), col(Item.default_role)).where(
        col(Item.key) == item_key
    )


@statement
def _name(user_key: int) -> Select[str]:
    return select(col(User.name)).where(col(User.key) == user_key)


_ROLES: Lookup[tuple[int, int], tuple[int, str | None]] = Lookup(
    (
        select(col(Membership.user_key), col(Membership.role)),
        (col(Membership.item_key), col(Membership.user_key)),
    )
)
