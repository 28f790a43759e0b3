"""Sessions: one for each browser that is signed in."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, NotNullable, Select, Update, delete, select, update
from sqlmodel import col

from ..errors import Refusal
from ..history.events import CredentialsEnded
from ..history.transaction import Transaction
from ..models import Session, User
from ..rights.access import Credential, Principal
from ..security import fingerprint, new_id
from ..settings import Settings
from ..store.statements import statement
from .login import Proof, accept_proof
from .users import Profile

MAX_SESSIONS = 200  # Of one user; one more ends the one that was used longest ago.
MAX_USER_AGENT_LENGTH = 200
# Seconds between two writes of `used_at`: it is for people and for an idle time of days.
TOUCH_INTERVAL = 300


@dataclass(frozen=True, slots=True)
class SessionFound:
    """The session of a cookie. Times: milliseconds."""

    principal: Principal
    used_at: int


@dataclass(frozen=True, slots=True)
class SessionListed:
    """A session as its user sees it."""

    id: str
    created_at: int
    used_at: int
    user_agent: str | None


def open_session(
    transaction: Transaction, proof: Proof, secret: str, user_agent: str | None
) -> Profile:
    """Sign a browser in; the cookie's secret is stored only as a fingerprint.

    Raises:
        Refusal: `login_failed`.
    """
    user = accept_proof(transaction, proof)
    _make_room(transaction, user.key)
    signed_in = Session(
        id=new_id(),
        secret_hash=fingerprint(secret),
        user_key=user.key,
        user_agent=_clean(user_agent),
        created_at=transaction.now_ms,
        used_at=transaction.now_ms,
    )
    with transaction.session() as session:
        session.add(signed_in)
    return user


@statement
def _find(secret_hash: str) -> Select[str, int, int, int, str, str, bool]:
    return (
        select(
            col(Session.id),
            col(Session.created_at),
            col(Session.used_at),
            NotNullable(col(User.key)),
            col(User.id),
            col(User.name),
            col(User.disabled),
        )
        .join(User, col(User.key) == col(Session.user_key))
        .where(col(Session.secret_hash) == secret_hash)
    )


def find_session(connection: Connection, secret: str, settings: Settings, now: int) -> SessionFound:
    """Whose cookie this is.

    Raises:
        Refusal: `auth_invalid`, `auth_expired`, or `auth_revoked` for a disabled user.
    """
    rows = _find.fetch(connection, fingerprint(secret))
    if not rows:
        raise Refusal("auth_invalid")
    session_id, created_at, used_at, user_key, user_id, name, disabled = rows[0]
    if disabled:
        raise Refusal("auth_revoked")
    ends_at = created_at + settings.session_lifetime * 1000
    if now >= min(ends_at, used_at + settings.session_idle * 1000):
        raise Refusal("auth_expired")
    credential = Credential("session", session_id, created_at, ends_at)
    return SessionFound(Principal(user_key, user_id, name, credential), used_at)


def list_sessions(
    connection: Connection, user_key: int, settings: Settings, now: int
) -> list[SessionListed]:
    """The sessions of a user that have not expired, the last used first."""
    query = (
        select(
            col(Session.id), col(Session.created_at), col(Session.used_at), col(Session.user_agent)
        )
        .where(
            col(Session.user_key) == user_key,
            col(Session.created_at) > now - settings.session_lifetime * 1000,
            col(Session.used_at) > now - settings.session_idle * 1000,
        )
        .order_by(col(Session.used_at).desc(), col(Session.id).desc())
    )
    return [SessionListed(*row) for row in connection.execute(query)]


def end_session(transaction: Transaction, user_key: int, session_id: str) -> None:
    """Sign one browser of a user out, and close its sockets.

    Raises:
        Refusal: `not_found`, for somebody else's session too.
    """
    ended = transaction.connection.execute(
        delete(Session).where(col(Session.id) == session_id, col(Session.user_key) == user_key)
    )
    if ended.rowcount == 0:
        raise Refusal("not_found")
    transaction.emit(sessions_ended(user_key, {session_id}))


def end_other_sessions(transaction: Transaction, user_key: int, keep: str | None) -> None:
    """Sign a user out everywhere but, if they have it, in the session `keep`."""
    transaction.connection.execute(
        delete(Session).where(
            col(Session.user_key) == user_key, col(Session.id).is_distinct_from(keep)
        )
    )
    transaction.emit(CredentialsEnded(user_key, kinds=frozenset({"session"}), kept=keep))


@statement
def _touch(now: int, session_id: str) -> Update:
    return update(Session).where(col(Session.id) == session_id).values({col(Session.used_at): now})


def touch_sessions(transaction: Transaction, ids: Collection[str]) -> None:
    """These sessions are in use now: by a request, or by a socket that is open. Light."""
    _touch.run_many(
        transaction.connection, [(transaction.now_ms, session_id) for session_id in sorted(ids)]
    )


def sessions_ended(user_key: int, ids: Collection[str]) -> CredentialsEnded:
    """What the live side has to know when sessions end."""
    return CredentialsEnded(user_key, kinds=frozenset({"session"}), ids=frozenset(ids))


def _make_room(transaction: Transaction, user_key: int) -> None:
    surplus = (
        select(col(Session.id))
        .where(col(Session.user_key) == user_key)
        .order_by(col(Session.used_at).desc(), col(Session.id).desc())
        .offset(MAX_SESSIONS - 1)
    )
    ids = set(transaction.connection.execute(surplus).scalars())
    for session_id in ids:
        end_session(transaction, user_key, session_id)


def _clean(user_agent: str | None) -> str | None:
    """A header of a stranger's, fit to be shown and logged."""
    if user_agent is None:
        return None
    shown = user_agent[:MAX_USER_AGENT_LENGTH]
    return "".join(character if character.isprintable() else "?" for character in shown)
