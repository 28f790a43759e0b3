"""What is kept no longer: entries older than their item's retention, rows of deleted items.

In bounded steps, each a transaction of its own: one that deleted millions of rows would make
everybody's messages wait.
"""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    delete,
    exists,
    func,
    inspect,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlmodel import col

from ..models import (
    EntryRow,
    Item,
    LoggedRow,
    Membership,
    Mention,
    Reaction,
    Stream,
    StreamPiece,
    Table,
    WebhookCursor,
)
from . import pile
from .departures import depart
from .events import LogCut
from .transaction import Transaction

DAY_MS = 86_400_000
# Rows of one step: some milliseconds of the writer's time.
PURGE_STEP = 1000
# Items that one look finds to be due.
DUE_ITEMS = 100

OfItem = LoggedRow | Reaction | Mention | Membership | WebhookCursor | Stream | StreamPiece
# What there is of an item beside its log.
BESIDE: Sequence[type[OfItem]] = (Reaction, Mention, StreamPiece, Stream, Membership, WebhookCursor)


def due_items(connection: Connection, now_ms: int, after_key: int) -> Sequence[int]:
    """The keys of the next items with something to delete. For a reader thread; may block.

    It looks at every item once an interval, and reads one entry of each with a retention: no
    index would be worth what it costs each change of an item.
    """
    logs = pile.tables(connection)
    tables: Sequence[type[OfItem]] = (*logs, *BESIDE)
    rows_left = [exists().where(_of(table, Item.key)) for table in tables]
    expired = or_(*(_has_expired(table, now_ms) for table in logs))
    query = (
        select(col(Item.key))
        .where(
            col(Item.key) > after_key,
            or_(
                and_(col(Item.deleted_at).is_not(None), or_(*rows_left)),
                and_(col(Item.deleted_at).is_(None), expired),
            ),
        )
        .order_by(col(Item.key))
        .limit(DUE_ITEMS)
    )
    return [row.key for row in connection.execute(query)]


def _has_expired(table: type[LoggedRow], now_ms: int) -> ColumnElement[bool]:
    first_at = (
        select(col(table.at))
        .where(col(table.item_key) == col(Item.key))
        .order_by(col(table.seq))
        .limit(1)
        .scalar_subquery()
    )
    # Wide: the product of a number of days does not fit into the type of that number.
    now, day = literal(now_ms, BigInteger()), literal(DAY_MS, BigInteger())
    return func.coalesce(first_at, now_ms) < now - col(Item.retention_days) * day


def tidy_item(transaction: Transaction, item_key: int, limit: int = PURGE_STEP) -> bool:
    """Delete some of what an item keeps no longer; whether more remains for this server."""
    if not transaction.hold_turn():
        return False
    transaction.hold_item(item_key)
    query = select(col(Item.deleted_at)).where(col(Item.key) == item_key)
    deleted = transaction.connection.execute(query).scalar_one() is not None
    return (purge_log if deleted else trim)(transaction, item_key, limit)


def purge_log(transaction: Transaction, item_key: int, limit: int) -> bool:
    """Delete up to `limit` rows of a deleted item; whether more remain. Its own row stays."""
    transaction.settle(item_key)
    left = limit
    for table in (EntryRow, *BESIDE):
        if table is Membership:
            _depart(transaction, item_key, left)
        left -= _delete_some(transaction, table, left, _of(table, item_key))
        if not left:
            return True
    return False


def _depart(transaction: Transaction, item_key: int, limit: int) -> None:
    """Those whose memberships are deleted next are no longer of the item."""
    query = (
        select(col(Membership.user_key))
        .where(_of(Membership, item_key))
        .order_by(col(Membership.user_key))
        .limit(limit)
    )
    user_keys = transaction.connection.execute(query).scalars().all()
    depart(transaction.connection, item_key, user_keys, transaction.now_ms)


def trim(transaction: Transaction, item_key: int, limit: int) -> bool:
    """Delete up to `limit` entries that are older than the retention; whether more remain.

    Only from the log's beginning: when the clock was set back, a newer entry in front keeps older
    ones after it, since a log must have no holes.
    """
    query = select(col(Item.retention_days)).where(col(Item.key) == item_key)
    days = transaction.connection.execute(query).scalar_one()
    if days is None:
        return False
    transaction.settle(item_key)
    expired = _expired(transaction, item_key, transaction.now_ms - days * DAY_MS, limit)
    if not expired:
        return False
    last = expired[-1]
    reactions = (_of(Reaction, item_key), col(Reaction.target) <= last)
    if _delete_some(transaction, Reaction, limit, *reactions) == limit:
        return True
    for table in (Mention, StreamPiece, Stream):
        transaction.connection.execute(
            delete(table).where(_of(table, item_key), col(table.seq) <= last)
        )
    transaction.connection.execute(
        delete(EntryRow).where(_of(EntryRow, item_key), col(EntryRow.seq) <= last)
    )
    changed = {col(Item.oldest): last + 1, col(Item.changed_at): transaction.now_ms}
    transaction.connection.execute(update(Item).where(col(Item.key) == item_key).values(changed))
    transaction.emit(LogCut(item_key))
    return len(expired) == limit


def _expired(transaction: Transaction, item_key: int, cutoff: int, limit: int) -> list[int]:
    query = (
        select(col(EntryRow.seq), col(EntryRow.at))
        .where(_of(EntryRow, item_key))
        .order_by(col(EntryRow.seq))
        .limit(limit)
    )
    rows = transaction.connection.execute(query)
    return [seq for seq, _ in takewhile(lambda row: row.at < cutoff, rows)]


def _of(table: type[OfItem], item_key: Any) -> Any:
    return col(table.item_key) == item_key


def _delete_some(transaction: Transaction, table: type[Table], limit: int, *where: Any) -> int:
    """Delete at most `limit` rows, and say how many (SQLite's DELETE has no LIMIT here)."""
    keys = inspect(table).primary_key
    some = select(*keys).where(*where).order_by(*keys).limit(limit)
    statement = delete(table).where(tuple_(*keys).in_(some))
    return transaction.connection.execute(statement).rowcount
