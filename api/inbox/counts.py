"""What a user has not read in an item: for any query of items and memberships.

Expressions that look at the log of each row's item, and are made for the tables that a database
has. The user is a key, or the column that has it.
"""

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, case, func, literal, select
from sqlmodel import col

from ..history.entries import Kind
from ..models import Item, LoggedRow, Membership, Mention

# Unread messages are counted among this many of the newest entries, and mentions so far. Without a
# bound, one look at the list would read all that was ever said in items that nobody reads.
UNREAD_WINDOW = 1000

Tables = Sequence[type[LoggedRow]]


def read_seq() -> ColumnElement[int]:
    """How far the user has read; who has no row has read nothing."""
    return func.coalesce(col(Membership.read_seq), 0)


def unread(tables: Tables, user_key: Any) -> ColumnElement[int]:
    """Messages of others that stand after the read marker."""
    window = col(Item.head) - UNREAD_WINDOW
    # One bound, not two conditions: SQLite would begin the range at either of them.
    start = case((read_seq() > window, read_seq()), else_=window)

    def unread_in(table: type[LoggedRow]) -> ScalarSelect[int]:
        return (
            select(func.count())
            .where(*_messages(table), col(table.seq) > start, col(table.author_key) != user_key)
            .correlate(Item, Membership)
            .scalar_subquery()
        )

    return reduce(add, map(unread_in, tables))


def mentions(user_key: Any) -> ColumnElement[int]:
    """Of those, the ones that name the user; wherever they are, but no more than so many."""
    found = (
        select(literal(1).label("one"))
        .where(
            col(Mention.user_key) == user_key,
            col(Mention.item_key) == col(Item.key),
            col(Mention.seq) > read_seq(),
        )
        .limit(UNREAD_WINDOW)
        .correlate(Item, Membership)
        .subquery("found")
    )
    return select(func.count()).select_from(found).correlate(Item, Membership).scalar_subquery()


def newest_message(table: type[LoggedRow]) -> ColumnElement[int | None]:
    """The newest message of one table that stands, likewise among the newest entries."""
    return (
        select(col(table.seq))
        .where(*_messages(table), col(table.seq) > col(Item.head) - UNREAD_WINDOW)
        .order_by(col(table.seq).desc())
        .limit(1)
        .correlate(Item)
        .scalar_subquery()
    )


def _messages(table: type[LoggedRow]) -> tuple[ColumnElement[bool], ...]:
    return (
        col(table.item_key) == col(Item.key),
        col(table.kind) == Kind.MESSAGE.value,
        col(table.deleted_seq).is_(None),
    )
