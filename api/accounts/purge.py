"""Housekeeping: what no longer counts leaves the database, a bounded piece at a time."""

from operator import itemgetter

from sqlalchemy import delete, func, or_, select
from sqlmodel import col

from ..history.transaction import Transaction
from ..models import ApiToken, ServiceKey, Session, Ticket
from ..settings import Settings
from .sessions import sessions_ended

STEP = 500  # Rows of a table in one transaction: a few milliseconds, for which others wait.
# A row of an API token outlives the token by a day, so that clocks may differ.
TOKEN_MARGIN = 86_400_000
# One that was revoked is told so for longer: its program may run once a quarter.
KEY_MARGIN = 100 * 86_400_000


def purge_credentials(transaction: Transaction, settings: Settings) -> bool:
    """Delete dead sessions, tickets, API tokens and keys; whether more may be left to do."""
    if not transaction.hold_turn():
        return False
    removed = [
        _purge_sessions(transaction, settings),
        _purge_tickets(transaction),
        _purge_tokens(transaction),
        _purge_keys(transaction),
    ]
    return max(removed) == STEP


def _purge_sessions(transaction: Transaction, settings: Settings) -> int:
    dead = (
        select(col(Session.id), col(Session.user_key))
        .where(
            or_(
                col(Session.created_at) <= transaction.now_ms - settings.session_lifetime * 1000,
                col(Session.used_at) <= transaction.now_ms - settings.session_idle * 1000,
            )
        )
        .limit(STEP)
    )
    rows = transaction.connection.execute(dead).all()
    # By user, in the order in which everybody takes them.
    for session_id, user_key in sorted(rows, key=itemgetter(1)):
        transaction.connection.execute(delete(Session).where(col(Session.id) == session_id))
        # Sockets keep their session in use; should one have missed to, it must close now.
        transaction.emit(sessions_ended(user_key, {session_id}))
    return len(rows)


def _purge_tickets(transaction: Transaction) -> int:
    dead = select(col(Ticket.jti)).where(col(Ticket.expires_at) <= transaction.now_ms).limit(STEP)
    return transaction.connection.execute(delete(Ticket).where(col(Ticket.jti).in_(dead))).rowcount


def _purge_tokens(transaction: Transaction) -> int:
    dead = (
        select(col(ApiToken.jti))
        .where(col(ApiToken.expires_at) <= transaction.now_ms - TOKEN_MARGIN)
        .limit(STEP)
    )
    return transaction.connection.execute(
        delete(ApiToken).where(col(ApiToken.jti).in_(dead))
    ).rowcount


def _purge_keys(transaction: Transaction) -> int:
    ended = func.coalesce(col(ServiceKey.revoked_at), col(ServiceKey.expires_at))
    dead = select(col(ServiceKey.id)).where(ended <= transaction.now_ms - KEY_MARGIN).limit(STEP)
    return transaction.connection.execute(
        delete(ServiceKey).where(col(ServiceKey.id).in_(dead))
    ).rowcount
