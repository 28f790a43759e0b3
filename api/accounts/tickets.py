"""Tickets: single-use admissions to one room, for clients that cannot show a header.

A ticket's credential is the one that asked for it: what ends that one ends the ticket, and the
socket that it opened.
"""

from functools import partial
from typing import Any

from sqlalchemy import Row, insert, text, update
from sqlmodel import col

from api.errors import Refusal
from api.history.transaction import Transaction
from api.items.access import Access, Credential, Principal, Role, claimed_role, load_standing
from api.models import Ticket
from api.security import fingerprint, new_secret
from api.state import State


async def issue_ticket(state: State, access: Access) -> tuple[str, int]:
    """A ticket's text, and the seconds for which it can be used."""
    ticket = new_secret()
    ttl = state.settings.ticket_ttl
    await state.writer.call(partial(_store, fingerprint(ticket), access, ttl), light=True)
    return ticket, ttl


async def redeem_ticket(state: State, ticket: str, item_id: str) -> Principal:
    """Who asked for the ticket. It is used up, even if they are let in nowhere afterwards.

    Raises:
        Refusal: `ticket_used`, for one that is too old, unknown, or for another item, too; or
            `auth_revoked`.
    """
    return await state.writer.call(partial(_redeem, fingerprint(ticket), item_id), light=True)


def _store(jti: str, access: Access, ttl: int, tx: Transaction) -> None:
    credential = access.principal.credential
    values = {
        "jti": jti,
        "user_key": access.principal.user_key,
        "item_key": access.item_key,
        "credential_kind": credential.kind,
        "credential_id": credential.id,
        "credential_issued_at": credential.issued_at,
        "credential_expires_at": credential.expires_at,
        "cap": claimed_role(credential.items, access.item_id),
        "expires_at": tx.now_ms + ttl * 1000,
    }
    tx.connection.execute(insert(Ticket).values(values))


_FIND = text("""
    SELECT t.user_key, u.id AS user_id, u.name, t.credential_kind, t.credential_id,
        t.credential_issued_at, t.credential_expires_at, t.cap
    FROM ticket AS t
    JOIN user AS u ON u.key = t.user_key
    JOIN item AS i ON i.key = t.item_key
    WHERE t.jti = :jti AND t.used_at IS NULL AND t.expires_at > :now AND i.id = :item_id
""")


def _redeem(jti: str, item_id: str, tx: Transaction) -> Principal:
    # The writer is the only one that writes: between this look and the update nobody comes.
    wanted = {"jti": jti, "now": tx.now_ms, "item_id": item_id}
    row = tx.connection.execute(_FIND, wanted).one_or_none()
    if row is None:
        raise Refusal("ticket_used")
    principal = Principal(row.user_key, row.user_id, row.name, _credential(row, item_id))
    if load_standing(tx.connection, principal, item_id).credential_ended:
        raise Refusal("auth_revoked")
    tx.connection.execute(update(Ticket).where(col(Ticket.jti) == jti).values(used_at=tx.now_ms))
    return principal


def _credential(row: Row[Any], item_id: str) -> Credential:
    return Credential(
        kind=row.credential_kind,
        id=row.credential_id,
        issued_at=row.credential_issued_at,
        expires_at=row.credential_expires_at,
        items=None if row.cap is None else {item_id: Role(row.cap)},
    )
