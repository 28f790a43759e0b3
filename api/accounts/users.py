"""Users: who there is, and what becomes of their credentials when they change.

Functions of a `Transaction` run in the writer's thread; those of a connection in a reader's.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, update
from sqlmodel import Session as SqlSession
from sqlmodel import col, select

from ..errors import Refusal
from ..history.events import CredentialsEnded, UserRenamed
from ..history.transaction import Transaction
from ..models import ApiToken, ServiceKey, Session, User
from ..rights.access import CredentialKind
from ..rights.versions import bump_user
from ..security import new_id
from ..store.sessions import reading
from .names import as_username, check_name, check_username


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


def find_user(connection: Connection, username: str) -> Profile | None:
    """The user with this username, an outside one included."""
    with reading(connection) as session:
        user = _named(session, username)
    return None if user is None else _profile(user)


def username_taken() -> Refusal:
    """The one that whoever wants somebody's username gets."""
    return Refusal("taken", "This username is taken.", field="username")


def has_users(connection: Connection) -> bool:
    """Whether there is any user at all."""
    with reading(connection) as session:
        return session.exec(select(User.key).limit(1)).first() is not None


def load_user(connection: Connection, user_key: int) -> Profile:
    """The user of a principal: rows of users are never deleted."""
    with reading(connection) as session:
        return _profile(session.get_one(User, user_key))


def _profile(user: User) -> Profile:
    return Profile(user.key, user.id, user.username, user.name, user.created_at, user.admin)


def create_user(
    transaction: Transaction,
    *,
    username: str,
    password_hash: str | None,
    name: str | None = None,
    admin: bool = False,
) -> Profile:
    """A new local user, shown as `name` or else by the username.

    Raises:
        Refusal: `taken`, or `bad_request`.
    """
    check_username(username)
    shown = check_name(username if name is None else name)
    if find_user(transaction.connection, username) is not None:
        raise username_taken()
    user = User(
        id=new_id(),
        username=username,
        name=shown,
        password_hash=password_hash,
        admin=admin,
        created_at=transaction.now_ms,
    )
    with transaction.session() as session:
        session.add(user)
    return _profile(user)


def rename_user(transaction: Transaction, *, user_key: int, name: str) -> Profile:
    """Show a user to others as `name`, in what was said before as well; open sockets follow."""
    renamed = update(User).where(col(User.key) == user_key, col(User.name) != name)
    if transaction.connection.execute(renamed.values(name=name)).rowcount:
        transaction.emit(UserRenamed(user_key, name))
    return load_user(transaction.connection, user_key)


def set_password(
    transaction: Transaction, *, user_key: int, password_hash: str, keep_session: str | None = None
) -> None:
    """Store a new password; ends all sessions but one, and all access tokens.

    API tokens stay: each was given away on purpose, and is listed and revoked by itself.
    """
    others = col(Session.user_key) == user_key, col(Session.id).is_distinct_from(keep_session)
    with transaction.session() as session:
        user = session.get_one(User, user_key)
        user.password_hash, user.tokens_from = password_hash, _from_now_on(transaction, user_key)
        session.exec(delete(Session).where(*others))
    ended = frozenset[CredentialKind]({"session", "access"})
    transaction.emit(CredentialsEnded(user_key, kinds=ended, kept=keep_session))


def disable_user(transaction: Transaction, username: str) -> None:
    """Keep a user out: every credential they have ends, for good.

    Raises:
        Refusal: `not_found`.
    """
    with transaction.session() as session:
        user = _known(session, username)
        user.disabled, user.tokens_from = True, _from_now_on(transaction, user.key)
        session.exec(delete(Session).where(col(Session.user_key) == user.key))
        for kept in (ApiToken, ServiceKey):
            session.exec(
                update(kept)
                .where(col(kept.user_key) == user.key, col(kept.revoked_at).is_(None))
                .values({col(kept.revoked_at): transaction.now_ms})
            )
    transaction.emit(CredentialsEnded(user.key))


def enable_user(transaction: Transaction, username: str) -> None:
    """Let a disabled user sign in again. What ended with the disabling stays ended.

    Raises:
        Refusal: `not_found`.
    """
    with transaction.session() as session:
        user = _known(session, username)
        user.disabled = False
    bump_user.run(transaction.connection, user.key)


def set_admin(transaction: Transaction, username: str, *, admin: bool) -> None:
    """Let a user see how the server does, or no longer.

    Raises:
        Refusal: `not_found`.
    """
    with transaction.session() as session:
        _known(session, username).admin = admin


def _known(session: SqlSession, username: str) -> User:
    user = _named(session, username)
    if user is None:
        raise Refusal("not_found", "There is no such user.")
    return user


def _named(session: SqlSession, username: str) -> User | None:
    meant = as_username(username)
    return session.exec(select(User).where(User.username == meant)).one_or_none()


def _from_now_on(transaction: Transaction, user_key: int) -> int:
    """The first moment at which tokens count again: later than that of any that was issued.

    They are issued by a writer too, which holds the user, at moments that never go back while it
    runs. After a restart the clock may have been set back: what is stored tells how late it has
    been before.
    """
    transaction.hold_user(user_key)
    last_used = select(func.max(col(Session.used_at))).where(col(Session.user_key) == user_key)
    known = select(col(User.tokens_from), last_used.scalar_subquery())
    row = transaction.connection.execute(known.where(col(User.key) == user_key)).one()
    tokens_from: int = row[0]
    return max(transaction.moment(), tokens_from, row[1] or 0) + 1
