"""Users: who there is, and what becomes of their credentials when they change.

Functions of a `Transaction` run in the writer's thread; those of a connection in a reader's.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlmodel import col

from api.accounts.names import check_name, check_username
from api.errors import Refusal
from api.history.events import CredentialsEnded, UserRenamed
from api.history.transaction import Transaction
from api.items.access import CredentialKind
from api.models import ApiToken, Session, User
from api.security import new_id


@dataclass(frozen=True, slots=True)
class Profile:
    """A user as everybody may know them. `key` is ours alone."""

    key: int
    id: str
    username: str
    name: str
    created_at: int
    admin: bool
    """Whether they may see how the server does."""


_PROFILE = select(
    col(User.key),
    col(User.id),
    col(User.username),
    col(User.name),
    col(User.created_at),
    col(User.admin),
)


def find_user(connection: Connection, username: str) -> Profile | None:
    """The user with this username, an outside one included."""
    row = connection.execute(_PROFILE.where(col(User.username) == username)).one_or_none()
    return None if row is None else _profile(row)


def username_taken() -> Refusal:
    """The one that whoever wants somebody's username gets."""
    return Refusal("taken", "This username is taken.", field="username")


def has_users(connection: Connection) -> bool:
    """Whether there is any user at all."""
    return bool(connection.execute(select(select(col(User.key)).exists())).scalar_one())


def load_user(connection: Connection, user_key: int) -> Profile:
    """The user of a principal: rows of users are never deleted."""
    row = connection.execute(_PROFILE.where(col(User.key) == user_key)).one()
    return _profile(row)


def _profile(row: Any) -> Profile:
    return Profile(row.key, row.id, row.username, row.name, row.created_at, row.admin)


def create_user(
    tx: Transaction,
    *,
    username: str,
    password_hash: str,
    name: str | None = None,
    admin: bool = False,
) -> Profile:
    """A new local user, shown as `name` or else by the username.

    Raises:
        Refusal: `taken`, or `bad_request`.
    """
    check_username(username)
    shown = check_name(username if name is None else name)
    if find_user(tx.connection, username) is not None:
        raise username_taken()
    values = {
        "id": new_id(),
        "username": username,
        "name": shown,
        "password_hash": password_hash,
        "disabled": False,
        "admin": admin,
        "tokens_from": 0,
        "created_at": tx.now_ms,
    }
    row = tx.connection.execute(insert(User).values(values).returning(col(User.key))).one()
    return load_user(tx.connection, row.key)


def rename_user(tx: Transaction, *, user_key: int, name: str) -> Profile:
    """Show a user to others as `name`, in what was said before as well; open sockets follow."""
    renamed = update(User).where(col(User.key) == user_key, col(User.name) != name)
    if tx.connection.execute(renamed.values(name=name)).rowcount:
        tx.emit(UserRenamed(user_key, name))
    return load_user(tx.connection, user_key)


def set_password(
    tx: Transaction, *, user_key: int, password_hash: str, keep_session: str | None = None
) -> None:
    """Store a new password; ends all sessions but one, and all access tokens.

    API tokens stay: each was given away on purpose, and is listed and revoked by itself.
    """
    values = {"password_hash": password_hash, "tokens_from": _from_now_on(tx, user_key)}
    tx.connection.execute(update(User).where(col(User.key) == user_key).values(values))
    tx.connection.execute(
        delete(Session).where(
            col(Session.user_key) == user_key, col(Session.id).is_distinct_from(keep_session)
        )
    )
    ended = frozenset[CredentialKind]({"session", "access"})
    tx.emit(CredentialsEnded(user_key, kinds=ended, kept=keep_session))


def disable_user(tx: Transaction, username: str) -> None:
    """Keep a user out: every credential they have ends, for good.

    Raises:
        Refusal: `not_found`.
    """
    user = _known(tx, username)
    values = {"disabled": True, "tokens_from": _from_now_on(tx, user.key)}
    tx.connection.execute(update(User).where(col(User.key) == user.key).values(values))
    tx.connection.execute(delete(Session).where(col(Session.user_key) == user.key))
    tx.connection.execute(
        update(ApiToken)
        .where(col(ApiToken.user_key) == user.key, col(ApiToken.revoked_at).is_(None))
        .values(revoked_at=tx.now_ms)
    )
    tx.emit(CredentialsEnded(user.key))


def enable_user(tx: Transaction, username: str) -> None:
    """Let a disabled user sign in again. What ended with the disabling stays ended.

    Raises:
        Refusal: `not_found`.
    """
    user = _known(tx, username)
    tx.connection.execute(update(User).where(col(User.key) == user.key).values(disabled=False))


def set_admin(tx: Transaction, username: str, *, admin: bool) -> None:
    """Let a user see how the server does, or no longer.

    Raises:
        Refusal: `not_found`.
    """
    user = _known(tx, username)
    tx.connection.execute(update(User).where(col(User.key) == user.key).values(admin=admin))


def _known(tx: Transaction, username: str) -> Profile:
    user = find_user(tx.connection, username)
    if user is None:
        raise Refusal("not_found", "There is no such user.")
    return user


def _from_now_on(tx: Transaction, user_key: int) -> int:
    """The first moment at which tokens count again: later than that of any that was issued.

    They are issued in the writer's thread too, at moments that never go back while it runs. After
    a restart the clock may have been set back: what is stored tells how late it has been before.
    """
    known = (
        select(col(User.tokens_from), func.max(col(Session.used_at)))
        .select_from(User)
        .outerjoin(Session, col(Session.user_key) == col(User.key))
        .where(col(User.key) == user_key)
    )
    tokens_from, used_at = tx.connection.execute(known).one()
    return max(tx.moment(), tokens_from, used_at or 0) + 1
