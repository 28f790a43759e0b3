"""Items that the host product's tokens bring along: made on first use."""

import secrets
from functools import partial

from sqlalchemy import Connection
from sqlmodel import select

from ..history.transaction import Transaction
from ..models import Item
from ..rights.access import Principal, claimed_role
from ..state import State
from ..store.sessions import reading
from .ids import valid_item_id
from .quotas import count_new_item


async def ensure_outside_item(state: State, principal: Principal, item_id: str) -> None:
    """Create the item if the product grants a role in it, and it never existed.

    It does so by an outside token, or when it is asked.

    Nobody becomes a member of it, and the id of a deleted item stays deleted.

    Raises:
        Refusal: `rate_limited`.
    """
    if not _is_granted(principal, item_id):
        return
    if valid_item_id(item_id) and not await state.readers.read(_was_ever, item_id):
        count_new_item(state, principal)
        await state.writer.call(partial(_create_item, item_id))


def _is_granted(principal: Principal, item_id: str) -> bool:
    credential, ruling = principal.credential, principal.ruling
    if ruling is not None and ruling.item_id == item_id:
        return True
    return credential.kind == "outside" and claimed_role(credential.items, item_id) is not None


def _was_ever(connection: Connection, item_id: str) -> bool:
    with reading(connection) as session:
        return session.exec(select(Item.key).where(Item.id == item_id)).first() is not None


def _create_item(item_id: str, transaction: Transaction) -> None:
    if _was_ever(transaction.connection, item_id):
        return
    item = Item(
        id=item_id,
        epoch=secrets.token_hex(8),
        created_at=transaction.now_ms,
        active_at=transaction.now_ms,
    )
    with transaction.session() as session:
        session.add(item)
