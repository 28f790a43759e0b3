"""Service keys: what a program of the product's shows, and whom it acts as.

A key acts as a user of its own, who cannot sign in. Its patterns grant: there is nobody else whose
rights could bound it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from sqlalchemy import ColumnElement, Connection, NotNullable, Select, or_, select, update
from sqlmodel import col

from ..errors import Refusal
from ..history.events import CredentialsEnded
from ..history.transaction import Transaction
from ..models import ServiceKey, User
from ..rights.access import Credential, Principal, Role
from ..security import fingerprint, new_id
from ..security.claims import check_patterns
from ..store.sessions import reading
from ..store.statements import statement
from .names import KEY_USER_PREFIX, check_username


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """What a key shall be. `items`: item id, or prefix with a final `*`, to role."""

    name: str
    items: Mapping[str, Role]
    ttl: int | None = None
    """Seconds that it shall live; None: until it is revoked."""


@dataclass(frozen=True, slots=True)
class KeyListed:
    """A key as an operator sees it. Times: milliseconds."""

    name: str
    items: Mapping[str, Role]
    created_at: int
    """When it got the secret that counts."""
    expires_at: int | None


def create_key(transaction: Transaction, wish: KeyRequest, secret: str) -> KeyListed:
    """A key, and the user that it acts as; the secret is stored only as a fingerprint.

    Raises:
        Refusal: `bad_request`, or `taken` by a key that counts.
    """
    check_username(wish.name)
    check_patterns(wish.items)
    user_key = _enable_user(transaction, wish.name)
    if _current(transaction, wish.name):
        raise Refusal("taken", "There is a key with this name: rotate it, or revoke it first.")
    expires_at = None if wish.ttl is None else transaction.now_ms + wish.ttl * 1000
    return _store(transaction, user_key, wish, expires_at, secret)


def rotate_key(transaction: Transaction, name: str, secret: str) -> KeyListed:
    """Give a key another secret; what is connected by the one before is closed.

    Raises:
        Refusal: `not_found`.
    """
    former = _known(transaction, name)
    _end(transaction, former)
    wish = KeyRequest(name, _roles(former.items))
    return _store(transaction, former.user_key, wish, former.expires_at, secret)


def revoke_key(transaction: Transaction, name: str) -> None:
    """End a key for good, and keep out the user that it acts as.

    Raises:
        Refusal: `not_found`.
    """
    key = _known(transaction, name)
    with transaction.session() as session:
        session.get_one(User, key.user_key).disabled = True
    _end(transaction, key)


def list_keys(connection: Connection, now: int) -> list[KeyListed]:
    """The keys that count, by name."""
    counting = _counting(now)
    query = select(ServiceKey).where(*counting).order_by(col(ServiceKey.name))
    with reading(connection) as session:
        return [_listed(key) for key in session.scalars(query)]


def find_key(connection: Connection, secret: str) -> Principal:
    """The user whose key this is.

    Raises:
        Refusal: `auth_invalid`, or `auth_revoked`. Whether it has expired, `grant` says.
    """
    rows = _find.fetch(connection, fingerprint(secret))
    if not rows:
        raise Refusal("auth_invalid")
    key_id, items, created_at, expires_at, revoked_at, user_key, user_id, name = rows[0]
    if revoked_at is not None:
        raise Refusal("auth_revoked")
    credential = Credential("key", key_id, created_at, expires_at, _roles(items))
    return Principal(user_key, user_id, name, credential)


@statement
def _find(
    secret_hash: str,
) -> Select[str, str, int, int | None, int | None, int, str, str]:
    return (
        select(
            col(ServiceKey.id),
            col(ServiceKey.items),
            col(ServiceKey.created_at),
            col(ServiceKey.expires_at),
            col(ServiceKey.revoked_at),
            NotNullable(col(User.key)),
            col(User.id),
            col(User.name),
        )
        .join(User, col(User.key) == col(ServiceKey.user_key))
        .where(col(ServiceKey.secret_hash) == secret_hash)
    )


def _enable_user(transaction: Transaction, name: str) -> int:
    """The user that a key acts as: made, or let in again; nobody else changes their keys."""
    username = f"{KEY_USER_PREFIX}{name}"
    with transaction.session() as session:
        user = session.scalars(select(User).where(col(User.username) == username)).one_or_none()
        if user is None:
            user = User(id=new_id(), username=username, name=name, created_at=transaction.now_ms)
            session.add(user)
            session.flush()
        user.disabled = False
        return user.key


def _current(transaction: Transaction, name: str) -> list[ServiceKey]:
    """The rows of a key that count; at most one."""
    query = select(ServiceKey).where(col(ServiceKey.name) == name, *_counting(transaction.now_ms))
    with reading(transaction.connection) as session:
        return list(session.scalars(query))


def _known(transaction: Transaction, name: str) -> ServiceKey:
    for key in _current(transaction, name):
        transaction.hold_user(key.user_key)
    # Read again: whoever had the user before may have ended it.
    for key in _current(transaction, name):
        return key
    raise Refusal("not_found", "There is no such key.")


def _end(transaction: Transaction, key: ServiceKey) -> None:
    ended = update(ServiceKey).where(col(ServiceKey.id) == key.id)
    now = transaction.now_ms
    transaction.connection.execute(ended.values({col(ServiceKey.revoked_at): now}))
    ids = frozenset({key.id})
    transaction.emit(CredentialsEnded(key.user_key, kinds=frozenset({"key"}), ids=ids))


def _store(
    transaction: Transaction,
    user_key: int,
    wish: KeyRequest,
    expires_at: int | None,
    secret: str,
) -> KeyListed:
    key = ServiceKey(
        id=new_id(),
        secret_hash=fingerprint(secret),
        user_key=user_key,
        name=wish.name,
        items=orjson.dumps(dict(wish.items)).decode(),
        created_at=transaction.now_ms,
        expires_at=expires_at,
    )
    with transaction.session() as session:
        session.add(key)
    return _listed(key)


def _counting(now: int) -> tuple[ColumnElement[bool], ...]:
    in_time = or_(col(ServiceKey.expires_at).is_(None), col(ServiceKey.expires_at) > now)
    return col(ServiceKey.revoked_at).is_(None), in_time


def _listed(key: ServiceKey) -> KeyListed:
    return KeyListed(key.name, _roles(key.items), key.created_at, key.expires_at)


def _roles(stored: str) -> dict[str, Role]:
    return {pattern: Role(role) for pattern, role in orjson.loads(stored).items()}
