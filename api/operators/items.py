"""All items, whoever's they are: for a reader thread, or the command line's own connection."""

from typing import Any

from sqlalchemy import Connection, Select, func, select
from sqlmodel import col

from ..history.entries import rfc3339
from ..models import Item, Membership
from .schemas import ItemDetail, ItemSummaries, ItemSummary

MAX_PAGE = 500


def summarize_items(connection: Connection, after: str | None, limit: int) -> ItemSummaries:
    """The items whose ids follow `after`, at most `limit` of them. May block."""
    query = (
        _columns()
        .where(col(Item.deleted_at).is_(None), col(Item.id) > (after or ""))
        .order_by(col(Item.id))
        .limit(limit + 1)
    )
    rows = connection.execute(query).all()
    items = [ItemSummary(**_shown(row)) for row in rows[:limit]]
    return ItemSummaries(items=items, next=items[-1].id if len(rows) > limit else None)


def find_item(connection: Connection, item_id: str) -> tuple[int, ItemDetail] | None:
    """An item and its key, unless it does not exist. May block."""
    query = (
        _columns()
        .add_columns(col(Item.key), col(Item.default_role), col(Item.retention_days))
        .where(col(Item.deleted_at).is_(None), col(Item.id) == item_id)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else (row.key, ItemDetail(**_shown(row)))


def _columns() -> Select[Any]:
    members = (
        select(func.count())
        .where(col(Membership.item_key) == col(Item.key), col(Membership.role).is_not(None))
        .scalar_subquery()
    )
    return select(
        col(Item.id),
        col(Item.title),
        col(Item.epoch),
        col(Item.head),
        col(Item.oldest),
        members.label("members"),
        col(Item.created_at),
        col(Item.active_at),
    )


def _shown(row: Any) -> dict[str, Any]:
    times = {"created_at": rfc3339(row.created_at), "active_at": rfc3339(row.active_at)}
    return {**row._mapping, **times}
