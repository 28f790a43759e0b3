"""Making, changing and deleting items: functions of the writer's transaction."""

import secrets

import orjson
from sqlalchemy import delete, update
from sqlmodel import col

from ..errors import Refusal
from ..history.entries import Kind
from ..history.events import DefaultRoleChanged, ItemDeleted, MemberChanged
from ..history.messages import author_of, via_of
from ..history.retention import PURGE_STEP, purge_log
from ..history.transaction import Transaction
from ..invites.invites import forget_invites
from ..models import Item, Membership, Ticket
from ..rights.access import Access, Principal, Role, claimed_role
from ..security import new_id
from .schemas import ItemChange, NewItem


def create_item(transaction: Transaction, principal: Principal, wanted: NewItem) -> Access:
    """Make an item whose first member, an admin, is the caller; their right in it.

    Its log begins empty: what an item is made of is in the item, the log tells of changes.

    Raises:
        Refusal: `taken`, also when the item was deleted or is not the caller's; `forbidden` when
            the token is limited to other items or to less than admin.
    """
    item_id = wanted.id or new_id()
    standing = transaction.standing(principal, item_id)
    if standing.credential_ended:
        raise Refusal("auth_revoked")
    items = principal.credential.items
    if items is not None and claimed_role(items, item_id) is not Role.ADMIN:
        raise Refusal("forbidden", "This token is limited to items that it names.")
    if standing.item_key is not None:
        raise Refusal("taken", "This id is taken, or was once.", field="id")
    _insert(transaction, item_id, principal.user_key, wanted)
    return transaction.access(principal, item_id, Role.ADMIN)


def _insert(transaction: Transaction, item_id: str, user_key: int, wanted: NewItem) -> None:
    item = Item(
        id=item_id,
        title=wanted.title,
        default_role=wanted.default_role,
        epoch=secrets.token_hex(8),
        created_at=transaction.now_ms,
        active_at=transaction.now_ms,
    )
    with transaction.session() as session:
        session.add(item)
        session.flush()
        session.add(
            Membership(
                item_key=item.key,
                user_key=user_key,
                role=Role.ADMIN.value,
                changed_at=transaction.now_ms,
            )
        )
    transaction.emit(MemberChanged(item.key, user_key, Role.ADMIN))


def change_item(transaction: Transaction, access: Access, change: ItemChange) -> Access:
    """Change what is named and differs; needs admin.

    Members learn of a new title or default role from one entry of the log. How long the log is
    kept is the admins' business, and no entry.
    """
    access = transaction.access(access.principal, access.item_id, Role.ADMIN)
    with transaction.session() as session:
        item = session.get_one(Item, access.item_key)
        wanted = change.model_dump(mode="json", exclude_unset=True)
        changed = {name: new for name, new in wanted.items() if getattr(item, name) != new}
        item.sqlmodel_update(changed)
    if not changed:
        return access
    if told := {name: changed[name] for name in ("title", "default_role") if name in changed}:
        author, via = author_of(access.principal), via_of(access.principal)
        transaction.append(access.item_key, Kind.ITEM, author, body=orjson.dumps(told), via=via)
    if "default_role" in changed:
        _touch_guests(transaction, access.item_key)
        transaction.emit(DefaultRoleChanged(access.item_key, change.default_role))
    return access


def _touch_guests(transaction: Transaction, item_key: int) -> None:
    """Those whom the default role alone lets in are in, or out, as of now."""
    guests = col(Membership.item_key) == item_key, col(Membership.role).is_(None)
    touched = {col(Membership.changed_at): transaction.now_ms}
    transaction.connection.execute(update(Membership).where(*guests).values(touched))


def delete_item(transaction: Transaction, access: Access) -> None:
    """Delete an item for good; needs admin. Its id never comes back.

    From here on nobody can see it. A short log is gone with this transaction; a long one goes
    step by step afterwards, because everybody else's writes would have to wait for it.
    """
    access = transaction.access(access.principal, access.item_id, Role.ADMIN)
    with transaction.session() as session:
        item = session.get_one(Item, access.item_key)
        item.deleted_at = item.changed_at = transaction.now_ms
        item.title, item.default_role = "", None
        session.exec(delete(Ticket).where(col(Ticket.item_key) == access.item_key))
    forget_invites(transaction.connection, access.item_key)
    purge_log(transaction, access.item_key, PURGE_STEP)
    transaction.emit(ItemDeleted(access.item_key))
