"""Which items have something for a webhook. All of it may block.

No index says which items' logs have moved: that would cost each message. So who looks for what
nobody told of reads all items that match.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select
from sqlmodel import col

from ..history import pile
from ..models import Item, LoggedRow, WebhookCursor
from .hooks import Hook
from .patterns import bounds

PAGE = 100


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a webhook has not been told."""

    items: int
    entries: int
    """Whatever their kinds are."""
    failing: int
    """Items whose batch has failed at least once."""
    oldest_at: int | None
    """When the oldest of them was stored, in epoch milliseconds."""


def due_among(
    connection: Connection, hook: Hook, keys: Collection[int], now_ms: int
) -> Sequence[int]:
    """Those of some items, by their keys."""
    return _keys(connection, _due(hook, now_ms).where(col(Item.key).in_(keys)))


def due_after(
    connection: Connection, hook: Hook, after: str, now_ms: int
) -> tuple[Sequence[int], str | None]:
    """The next of all items, after an id; and the id to go on after, None: that was the last."""
    query = _due(hook, now_ms).where(col(Item.id) > after).order_by(col(Item.id)).limit(PAGE)
    rows = connection.execute(query).all()
    return [row.key for row in rows], rows[-1].id if len(rows) == PAGE else None


def due_again(connection: Connection, hook: Hook, now_ms: int) -> Sequence[int]:
    """Those whose batch has failed, and is to be sent again by now."""
    waited: Select[Any] = (
        select(col(WebhookCursor.item_key).label("key"))
        .where(col(WebhookCursor.webhook_key) == hook.key, col(WebhookCursor.next_at) <= now_ms)
        .order_by(col(WebhookCursor.next_at))
        .limit(PAGE)
    )
    return _keys(connection, waited)


def read_backlog(connection: Connection, hook: Hook) -> Backlog:
    """All that is due, also what waits to be sent again."""
    told = func.coalesce(col(WebhookCursor.seq), 0)
    items, entries, failing = connection.execute(
        _behind(
            hook,
            func.count(),
            func.coalesce(func.sum(col(Item.head) - told), 0),
            func.count().filter(col(WebhookCursor.attempts) > 0),
        )
    ).one()
    moments = (
        connection.execute(_behind(hook, func.min(_first_at(table)))).scalar()
        for table in (pile.tables(connection) if items else ())
    )
    found = [moment for moment in moments if moment is not None]
    return Backlog(items, int(entries), failing, min(found, default=None))


def _first_at(table: type[LoggedRow]) -> Any:
    """When the first entry that was not told was stored."""
    after = col(table.seq) > func.coalesce(col(WebhookCursor.seq), 0)
    return (
        select(col(table.at))
        .where(col(table.item_key) == col(Item.key), after)
        .order_by(col(table.seq))
        .limit(1)
        .scalar_subquery()
    )


def _due(hook: Hook, now_ms: int) -> Select[Any]:
    by_now = func.coalesce(col(WebhookCursor.next_at), 0) <= now_ms
    return _behind(hook, col(Item.key), col(Item.id)).where(by_now)


def _behind(hook: Hook, *columns: Any) -> Select[Any]:
    """Of items whose log goes on after where the webhook is, or has another epoch."""
    own = and_(
        col(WebhookCursor.item_key) == col(Item.key), col(WebhookCursor.webhook_key) == hook.key
    )
    return (
        select(*columns)
        .select_from(Item)
        .outerjoin(WebhookCursor, own)
        .where(
            col(Item.id).between(*bounds(hook.items)),
            col(Item.deleted_at).is_(None),
            or_(
                col(Item.head) > func.coalesce(col(WebhookCursor.seq), 0),
                col(Item.epoch) != col(WebhookCursor.epoch),
            ),
        )
    )


def _keys(connection: Connection, query: Select[Any]) -> Sequence[int]:
    return [row.key for row in connection.execute(query)]
