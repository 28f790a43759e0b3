"""Tickets: single-use admissions to one room, for clients that cannot show a header.

A ticket's credential is the one that asked for it: what ends that one ends the ticket, and the
socket that it opened.
"""

from functools import partial
from typing import cast

from sqlalchemy import Connection, NotNullable, Select, Update, and_, insert, select, update
from sqlmodel import col

from ..errors import Refusal
from ..history.transaction import Transaction
from ..models import Item, ServiceKey, Ticket, User
from ..rights.access import (
    Access,
    Credential,
    CredentialKind,
    Principal,
    Role,
    Via,
    claimed_role,
    clock_ms,
)
from ..rights.standing import load_standing
from ..security import fingerprint, new_secret
from ..state import State
from ..store.statements import statement


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
    jti = fingerprint(ticket)
    # Strangers try what they like, and the one writer has better to do than to look for it.
    await state.readers.read(_look, jti, item_id, clock_ms())
    return await state.writer.call(partial(_redeem, jti, item_id), light=True)


def _store(jti: str, access: Access, ttl: int, transaction: Transaction) -> None:
    credential = access.principal.credential
    values = {
        col(Ticket.jti): jti,
        col(Ticket.user_key): access.principal.user_key,
        col(Ticket.item_key): access.item_key,
        col(Ticket.credential_kind): credential.kind,
        col(Ticket.credential_id): credential.id,
        col(Ticket.credential_issued_at): credential.issued_at,
        # Whoever would be asked again is not there when the ticket is shown.
        col(Ticket.credential_expires_at): credential.ends_at,
        col(Ticket.cap): claimed_role(credential.items, access.item_id),
        col(Ticket.expires_at): transaction.now_ms + ttl * 1000,
    }
    transaction.connection.execute(insert(Ticket).values(values))


@statement
def _find(
    jti: str, item_id: str, now: int
) -> Select[int, str, str, str, str, int, int | None, str | None, int | None, str | None]:
    shown = and_(
        col(Ticket.credential_kind) == "key", col(ServiceKey.id) == col(Ticket.credential_id)
    )
    return (
        select(
            NotNullable(col(User.key)),
            col(User.id),
            col(User.name),
            col(Ticket.credential_kind),
            col(Ticket.credential_id),
            col(Ticket.credential_issued_at),
            col(Ticket.credential_expires_at),
            col(Ticket.cap),
            col(ServiceKey.user_key),
            col(ServiceKey.name),
        )
        .join(User, col(User.key) == col(Ticket.user_key))
        .outerjoin(ServiceKey, shown)
        .join(Item, col(Item.key) == col(Ticket.item_key))
        .where(
            col(Ticket.jti) == jti,
            col(Ticket.used_at).is_(None),
            col(Ticket.expires_at) > now,
            col(Item.id) == item_id,
        )
    )


@statement
def _use(now: int, jti: str) -> Update:
    unused = col(Ticket.jti) == jti, col(Ticket.used_at).is_(None)
    return update(Ticket).where(*unused).values({col(Ticket.used_at): now})


def _look(
    connection: Connection, jti: str, item_id: str, now: int
) -> tuple[int, str, str, str, str, int, int | None, str | None, int | None, str | None]:
    rows = _find.fetch(connection, jti, item_id, now)
    if not rows:
        raise Refusal("ticket_used")
    return rows[0]


def _redeem(jti: str, item_id: str, transaction: Transaction) -> Principal:
    found = _look(transaction.connection, jti, item_id, transaction.now_ms)
    kind, credential_id, issued_at, expires_at, cap, holder, key_name = found[3:]
    items = None if cap is None else {item_id: Role(cap)}
    credential = Credential(cast(CredentialKind, kind), credential_id, issued_at, expires_at, items)
    acts = holder is not None and holder != found[0]
    via = Via(cast(int, holder), cast(str, key_name)) if acts else None
    principal = Principal(*found[:3], credential, via)
    if load_standing(transaction.connection, principal, item_id).credential_ended:
        raise Refusal("auth_revoked")
    # Two who show it at once may both have found it unused, on two servers.
    if not _use.run(transaction.connection, transaction.now_ms, jti):
        raise Refusal("ticket_used")
    return principal
