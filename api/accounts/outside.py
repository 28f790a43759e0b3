"""Users and items that the host product's tokens bring along: made on first use."""

import secrets
from functools import partial

from sqlalchemy import Connection
from sqlmodel import select

from api.accounts.names import OUTSIDE_PREFIX
from api.accounts.users import find_user
from api.history.transaction import Transaction
from api.items.access import Principal, claimed_role
from api.items.ids import valid_item_id
from api.items.quotas import count_new_item
from api.models import Item, User
from api.security import Claims, fingerprint, is_subject, new_id
from api.state import State
from api.store.sessions import reading


def admit_outside_user(tx: Transaction, claims: Claims) -> None:
    """Make sure that the user of an outside token exists, and is called as the token says."""
    query = select(User).where(User.issuer == claims.issuer, User.subject == claims.subject)
    with tx.session() as session:
        user = session.exec(query).one_or_none()
        if user is not None and claims.name is not None:
            user.name = claims.name
    if user is None:
        _create_user(tx, claims.issuer, claims.subject, claims.name)


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


def expect_outside_user(tx: Transaction, issuer: str, username: str) -> None:
    """Make a user of the issuer who has not come yet, so that they can be made a member.

    Nothing happens for a username that somebody has, or that none of its subjects can have.
    """
    subject = username.removeprefix(OUTSIDE_PREFIX)
    if username == subject or not is_subject(subject) or find_user(tx.connection, username):
        return
    _create_user(tx, issuer, subject, None)


def _create_user(tx: Transaction, issuer: str, subject: str, name: str | None) -> None:
    username = f"{OUTSIDE_PREFIX}{subject}"
    if find_user(tx.connection, username) is not None:
        # The same subject of an issuer that was configured before: somebody else.
        mark = fingerprint(issuer)[:8]
        username = f"{OUTSIDE_PREFIX}{mark}:{subject}"
    user = User(
        id=new_id(),
        username=username,
        name=name or subject,
        issuer=issuer,
        subject=subject,
        created_at=tx.now_ms,
    )
    with tx.session() as session:
        session.add(user)


def _was_ever(connection: Connection, item_id: str) -> bool:
    with reading(connection) as session:
        return session.exec(select(Item.key).where(Item.id == item_id)).first() is not None


def _create_item(item_id: str, tx: Transaction) -> None:
    if _was_ever(tx.connection, item_id):
        return
    item = Item(id=item_id, epoch=secrets.token_hex(8), created_at=tx.now_ms, active_at=tx.now_ms)
    with tx.session() as session:
        session.add(item)
