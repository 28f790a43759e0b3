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
    """Create the item if an outside token grants a role in it and it never existed.

    Nobody becomes a member of it, and the id of a deleted item stays deleted.

    Raises:
        Refusal: `rate_limited`.
    """
    credential = principal.credential
    if credential.kind != "outside" or claimed_role(credential.items, item_id) is None:
        return
    if valid_item_id(item_id) and not await state.readers.read(_was_ever, item_id):
        count_new_item(state, principal)
        await state.writer.call(partial(_create_item, item_id))


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
