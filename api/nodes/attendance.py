"""The rows that say who is connected where. All of it may block."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import (
    BigInteger,
    Connection,
    Delete,
    Insert,
    Select,
    String,
    cast,
    delete,
    func,
    insert,
    select,
)
from sqlmodel import col

from ..history.entries import Author
from ..models import Item, Presence, User
from ..store.arrays import BigIntegers, Texts, among, columns_of, number_rows
from ..store.statements import statement


def write_attendance(
    connection: Connection,
    boot: str,
    gone: Sequence[tuple[int, int]],
    come: Sequence[tuple[int, int, int, int]],
    *,
    anew: bool,
) -> None:
    """Change rows of this server, which nobody else writes.

    Args:
        connection: of `Aside`, in a transaction.
        boot: of this server.
        gone: keys of item and user of rows that are there no more, or are other ones now.
        come: keys, connections and sockets of rows that are new, or are other ones now.
        anew: whether rows that nobody knows of may be there.
    """
    if anew:
        _leave_all.run(connection, boot)
    if gone:
        _leave.run(connection, boot, *columns_of(gone))
    if come:
        _come.run(connection, boot, *columns_of(come))


def count_attendance(connection: Connection, boot: str) -> int:
    """How many rows this server has: other than it has written after the database has crashed."""
    ((rows,),) = _count.fetch(connection, boot)
    return rows


def read_attendance(
    connection: Connection, boots: Iterable[str], items: Sequence[int]
) -> dict[int, list[Author]]:
    """Who is in the rooms of some items at some servers, by the items' keys."""
    found: defaultdict[int, list[Author]] = defaultdict(list)
    rows = _elsewhere.fetch(connection, BigIntegers(items), Texts(boots))
    for item_key, user_key, user_id, name in rows:
        found[item_key].append(Author(user_key, user_id, name))
    return dict(found)


def read_rooms(
    connection: Connection, boots: Iterable[str], after: str, limit: int
) -> list[tuple[str, int, int]]:
    """Items after an id with somebody in their rooms at some servers: id, users, connections."""
    return _rooms.fetch(connection, Texts(boots), after, limit)


def count_connections(connection: Connection, boots: Iterable[str], user_key: int) -> int:
    """How many sockets a user has at some servers, but for those that are for many items."""
    ((held,),) = _held.fetch(connection, user_key, Texts(boots))
    return held


def is_among(connection: Connection, boots: Iterable[str], item_key: int, user_key: int) -> bool:
    """Whether a user is in an item's room at one of some servers."""
    return bool(_among.fetch(connection, item_key, user_key, Texts(boots)))


@statement
def _leave_all(boot: str) -> Delete:
    return delete(Presence).where(col(Presence.boot) == boot)


@statement
def _leave(boot: str, items: BigIntegers, users: BigIntegers) -> Delete:
    gone = number_rows(item_key=items, user_key=users)
    return delete(Presence).where(
        col(Presence.boot) == boot,
        col(Presence.item_key) == gone.c.item_key,
        col(Presence.user_key) == gone.c.user_key,
    )


@statement
def _come(
    boot: str,
    items: BigIntegers,
    users: BigIntegers,
    connections: BigIntegers,
    sockets: BigIntegers,
) -> Insert:
    columns = ["item_key", "user_key", "connections", "sockets"]
    come = number_rows(**dict(zip(columns, (items, users, connections, sockets), strict=True)))
    rows = select(cast(boot, String), *(come.c[name] for name in columns))
    columns = ["boot", *columns]
    return insert(Presence).from_select(columns, rows)


@statement
def _count(boot: str) -> Select[int]:
    return select(func.count()).select_from(Presence).where(col(Presence.boot) == boot)


@statement
def _elsewhere(items: BigIntegers, boots: Texts) -> Select[int, int, str, str]:
    # A user may be at several servers.
    return (
        select(col(Presence.item_key), col(User.key), col(User.id), col(User.name))
        .distinct()
        .join(User, col(User.key) == col(Presence.user_key))
        .where(
            among(col(Presence.item_key), items),
            among(col(Presence.boot), boots, String),
        )
        .order_by(col(Presence.item_key), col(User.key))
    )


@statement
def _held(user_key: int, boots: Texts) -> Select[int]:
    # A server of before the column counts its connections alone.
    sockets = func.coalesce(col(Presence.sockets), col(Presence.connections))
    held = func.coalesce(func.sum(sockets), 0)
    return (
        select(cast(held, BigInteger))
        .select_from(Presence)
        .where(
            col(Presence.user_key) == user_key,
            among(col(Presence.boot), boots, String),
        )
    )


@statement
def _rooms(boots: Texts, after: str, limit: int) -> Select[str, int, int]:
    connections = cast(func.sum(col(Presence.connections)), BigInteger)
    return (
        select(col(Item.id), func.count(col(Presence.user_key).distinct()), connections)
        .select_from(Presence)
        .join(Item, col(Item.key) == col(Presence.item_key))
        .where(among(col(Presence.boot), boots, String), col(Item.id) > after)
        .group_by(col(Item.id))
        .order_by(col(Item.id))
        .limit(limit)
    )


@statement
def _among(item_key: int, user_key: int, boots: Texts) -> Select[int]:
    here = col(Presence.item_key) == item_key, col(Presence.user_key) == user_key
    return select(col(Presence.connections)).where(*here, among(col(Presence.boot), boots, String))
