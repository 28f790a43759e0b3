"""All items, whoever's they are: for a reader thread, or the command line's own connection."""

from sqlalchemy import Connection, func, select
from sqlmodel import col

from api.history.entries import rfc3339
from api.models import Item, Membership
from api.operators.schemas import ItemSummaries, ItemSummary

MAX_PAGE = 500


def list_items(connection: Connection, after: str | None, limit: int) -> ItemSummaries:
    """The items whose ids follow `after`, at most `limit` of them. May block."""
    members = (
        select(func.count())
        .where(col(Membership.item_key) == col(Item.key), col(Membership.role).is_not(None))
        .scalar_subquery()
    )
    query = (
        select(
            col(Item.id),
            col(Item.title),
            col(Item.epoch),
            col(Item.head),
            col(Item.oldest),
            members.label("members"),
            col(Item.created_at),
            col(Item.active_at),
        )
        .where(col(Item.deleted_at).is_(None), col(Item.id) > (after or ""))
        .order_by(col(Item.id))
        .limit(limit + 1)
    )
    rows = connection.execute(query).all()
    items = [
        ItemSummary(
            **{
                **row,
                "created_at": rfc3339(row["created_at"]),
                "active_at": rfc3339(row["active_at"]),
            }
        )
        for row in (row._mapping for row in rows[:limit])
    ]
    return ItemSummaries(items=items, next=items[-1].id if len(rows) > limit else None)
