"""Items as a user sees them: one, or a page of theirs. For a reader thread; may block."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, func, select, tuple_
from sqlmodel import col

from ..errors import Refusal
from ..history.entries import rfc3339
from ..history.pile import tables
from ..inbox import counts
from ..inbox.reading import read_states
from ..inbox.state import role_in
from ..models import Item, Membership
from ..rights.access import Access, Principal, Role, Standing, clock_ms
from .cursors import Cursor
from .inbox_schemas import InboxPage, InboxView
from .schemas import ItemPage, ItemView

# A page of items costs up to this many looks at the log each: see `counts.UNREAD_WINDOW`.
MAX_ITEMS = 100


def show_item(connection: Connection, access: Access) -> ItemView:
    """The item of an access.

    Raises:
        Refusal: `item_not_found`, when it was deleted a moment ago.
    """
    user_key = access.principal.user_key
    theirs = _theirs(user_key)
    query = (
        _columns()
        .outerjoin(Membership, theirs)
        .where(col(Item.key) == access.item_key, col(Item.deleted_at).is_(None))
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise Refusal("item_not_found")
    return _view(row, access.role, _count_unread(connection, user_key, [access.item_key]))


def list_items(
    connection: Connection, principal: Principal, after: Cursor | None, limit: int
) -> ItemPage:
    """The items that a user has been made a member of, or has read, newest activity first.

    A page ends after `limit` of them, and may show fewer: a limited token hides the others.
    """
    rows = _newest(connection, principal.user_key, after, limit + 1)
    rows, more = rows[:limit], len(rows) > limit
    shown = [(row, role) for row in rows if (role := _role_in(row, principal)) is not None]
    unread = _count_unread(connection, principal.user_key, [row.key for row, _ in shown])
    return ItemPage(
        items=[_view(row, role, unread) for row, role in shown],
        next=str(Cursor(rows[-1].active_at, rows[-1].id)) if more else None,
    )


def list_inbox(
    connection: Connection, principal: Principal, after: Cursor | None, limit: int
) -> InboxPage:
    """The same items, each with what is new in it."""
    at = clock_ms()  # Before the first look: what comes between is told once more.
    rows = _newest(connection, principal.user_key, after, limit + 1)
    rows, more = rows[:limit], len(rows) > limit
    pairs = [(row.key, principal.user_key) for row in rows]
    states = {state.item_key: state for state in read_states(connection, pairs)}
    shown = [(states[row.key], states[row.key].role_of(principal)) for row in rows]
    views = [state.fields(role) for state, role in shown if role is not None]
    return InboxPage(
        items=[InboxView.model_validate(view) for view in views],
        next=str(Cursor(rows[-1].active_at, rows[-1].id)) if more else None,
        at=rfc3339(at),
    )


def _newest(
    connection: Connection, user_key: int, after: Cursor | None, limit: int
) -> Sequence[Any]:
    query = (
        _columns()
        .join(Membership, _theirs(user_key))
        .where(col(Item.deleted_at).is_(None))
        .order_by(col(Item.active_at).desc(), col(Item.id).desc())
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(Item.active_at, Item.id) < (after.active_at, after.item_id))
    return connection.execute(query).all()


def _columns() -> Any:
    return select(
        col(Item.key),
        col(Item.id),
        col(Item.title),
        col(Item.default_role),
        col(Item.retention_days),
        col(Item.epoch),
        col(Item.head),
        col(Item.oldest),
        col(Item.created_at),
        col(Item.active_at),
        col(Membership.role),
        func.coalesce(col(Membership.read_seq), 0).label("read_seq"),
    ).select_from(Item)


def _theirs(user_key: int) -> Any:
    return and_(col(Membership.item_key) == col(Item.key), col(Membership.user_key) == user_key)


def _role_in(row: Any, principal: Principal) -> Role | None:
    """The caller's role in a listed item; None: this credential does not reach it."""
    standing = Standing(
        credential_ended=False,
        item_key=row.key,
        item_id=row.id,
        default_role=None if row.default_role is None else Role(row.default_role),
        member_role=None if row.role is None else Role(row.role),
    )
    return role_in(principal, standing)


def _count_unread(
    connection: Connection, user_key: int, item_keys: Sequence[int]
) -> dict[int, int]:
    """By item: the messages of others that stand after the user's read marker."""
    query = (
        select(col(Item.key), counts.unread(tables(connection), user_key).label("unread"))
        .select_from(Item)
        .outerjoin(Membership, _theirs(user_key))
        .where(col(Item.key).in_(item_keys))
    )
    return {row.key: row.unread for row in connection.execute(query)}


def _view(row: Any, role: Role, unread: dict[int, int]) -> ItemView:
    return ItemView(
        id=row.id,
        title=row.title,
        role=role,
        default_role=row.default_role,
        retention_days=row.retention_days,
        epoch=row.epoch,
        head=row.head,
        oldest=row.oldest,
        read_seq=row.read_seq,
        unread=unread[row.key],
        created_at=rfc3339(row.created_at),
        active_at=rfc3339(row.active_at),
    )
