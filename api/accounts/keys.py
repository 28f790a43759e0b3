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
from ..rights.access import Credential, Principal, Role, Via, clock_ms
from ..security import fingerprint, new_id
from ..security.claims import check_patterns
from ..store.sessions import reading
from ..store.statements import statement
from .names import KEY_USER_PREFIX, OUTSIDE_PREFIX, as_username, check_username

MAX_GRACE = 30 * 86_400  # Seconds for which a former secret may count: nobody forgets it for good.


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """What a key shall be. `items`: item id, or prefix with a final `*`, to role."""

    name: str
    items: Mapping[str, Role]
    ttl: int | None = None
    """Seconds that it shall live; None: until it is revoked."""
    acts_for_others: bool = False
    """Whether it may act for any user."""

    @property
    def is_too_wide(self) -> bool:
        """Whether it can do anything anywhere in anybody's name."""
        return self.acts_for_others and self.items.get("*") is Role.ADMIN


@dataclass(frozen=True, slots=True)
class KeyListed:
    """A key as an operator sees it. Times: milliseconds."""

    name: str
    items: Mapping[str, Role]
    acts_for_others: bool
    created_at: int
    """When it got this secret."""
    expires_at: int | None
    is_replaced: bool
    """Whether it has got another one since, beside which this one counts for a time."""


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


def rotate_key(transaction: Transaction, name: str, secret: str, grace: int = 0) -> KeyListed:
    """Give a key another secret; what is connected by the one before is closed.

    Args:
        transaction: of the writer.
        name: the key's.
        secret: the other one.
        grace: seconds for which the one before goes on counting. Those before that end now.

    Raises:
        Refusal: `not_found`.
    """
    former = _known(transaction, name)
    wish = KeyRequest(name, _roles(former.items), acts_for_others=former.acts_for_others)
    expires_at = former.expires_at
    for key in _counting_keys(transaction, name):
        if grace and key.id == former.id:
            _replace(transaction, key, transaction.now_ms + grace * 1000)
        else:
            _end(transaction, key)
    return _store(transaction, former.user_key, wish, expires_at, secret)


def revoke_key(transaction: Transaction, name: str) -> None:
    """End a key for good, and keep out the user that it acts as.

    Raises:
        Refusal: `not_found`.
    """
    key = _known(transaction, name)
    with transaction.session() as session:
        session.get_one(User, key.user_key).disabled = True
    for one in _counting_keys(transaction, name):
        _end(transaction, one)


def is_replaced_over(connection: Connection, now: int) -> bool:
    """Whether the time of a secret that was replaced is over, and nobody has ended it."""
    return bool(connection.execute(select(_over(now).exists())).scalar_one())


def end_replaced(transaction: Transaction) -> None:
    """End those whose time is over: what is connected by them is closed."""
    with reading(transaction.connection) as session:
        over = list(session.scalars(_over(transaction.now_ms)))
    for key in sorted(over, key=lambda one: one.user_key):  # As everybody takes users.
        transaction.hold_user(key.user_key)
        _end(transaction, key)


def list_keys(connection: Connection, now: int) -> list[KeyListed]:
    """The keys that count, by name; the secret that a key has now before the one it had."""
    order = col(ServiceKey.name), col(ServiceKey.replaced_at).is_not(None)
    query = select(ServiceKey).where(*_counting(now)).order_by(*order)
    with reading(connection) as session:
        return [_listed(key) for key in session.scalars(query)]


def find_key(connection: Connection, secret: str, acting: str | None = None) -> Principal:
    """The user whose key this is, or whom it acts for: somebody's username.

    Raises:
        Refusal: `auth_invalid`, `auth_revoked` or `auth_expired`; `forbidden` when it may not act
            for them, or `not_found`.
    """
    rows = _find.fetch(connection, fingerprint(secret))
    if not rows:
        raise Refusal("auth_invalid")
    key_id, name, items, acts, created_at, expires_at, revoked_at, user_key, user_id = rows[0]
    if revoked_at is not None:
        raise Refusal("auth_revoked")
    if expires_at is not None and clock_ms() >= expires_at:
        raise Refusal("auth_expired")
    credential = Credential("key", key_id, created_at, expires_at, _roles(items))
    if acting is None:
        return Principal(user_key, user_id, name, credential)
    if not acts:
        raise Refusal("forbidden", "This key acts for itself alone: make one with --as.")
    return _acted_for(connection, acting, credential, Via(user_key, name))


def is_for_others(connection: Connection, key_id: str) -> bool:
    """Whether a key may act for any user."""
    query = select(col(ServiceKey.acts_for_others)).where(col(ServiceKey.id) == key_id)
    return bool(connection.execute(query).scalar_one_or_none())


def is_awaited(connection: Connection, secret: str, acting: str) -> bool:
    """Whether a key may act for somebody of the product's who has never come.

    Raises:
        Refusal: as `find_key`, but for `not_found`.
    """
    try:
        find_key(connection, secret, acting)
    except Refusal as refusal:
        if refusal.code != "not_found":
            raise
        return acting.startswith(OUTSIDE_PREFIX)
    return False


def _acted_for(connection: Connection, acting: str, credential: Credential, via: Via) -> Principal:
    username = as_username(acting)
    if username.startswith(KEY_USER_PREFIX):
        raise Refusal("forbidden", "A key acts for people, and for no other key.")
    for user_key, user_id, name, disabled in _user.fetch(connection, username):
        if disabled:
            raise Refusal("forbidden", "The user that the key acts for is disabled.")
        return Principal(user_key, user_id, name, credential, via)
    raise Refusal("not_found", "There is no such user to act for.")


@statement
def _find(
    secret_hash: str,
) -> Select[str, str, str, bool, int, int | None, int | None, int, str]:
    return (
        select(
            col(ServiceKey.id),
            col(ServiceKey.name),
            col(ServiceKey.items),
            col(ServiceKey.acts_for_others),
            col(ServiceKey.created_at),
            col(ServiceKey.expires_at),
            col(ServiceKey.revoked_at),
            NotNullable(col(User.key)),
            col(User.id),
        )
        .join(User, col(User.key) == col(ServiceKey.user_key))
        .where(col(ServiceKey.secret_hash) == secret_hash)
    )


@statement
def _user(username: str) -> Select[int, str, str, bool]:
    user = NotNullable(col(User.key)), col(User.id), col(User.name), col(User.disabled)
    return select(*user).where(col(User.username) == username)


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
    """The row of a key that has its present secret, if it counts."""
    return [key for key in _counting_keys(transaction, name) if key.replaced_at is None]


def _counting_keys(transaction: Transaction, name: str) -> list[ServiceKey]:
    """The rows of a key that count: of its secret, and perhaps of the one before."""
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


def _replace(transaction: Transaction, key: ServiceKey, until: int) -> None:
    """Have a secret count until then, or its own end, beside the one that is stored now."""
    ends = until if key.expires_at is None else min(until, key.expires_at)
    replaced = update(ServiceKey).where(col(ServiceKey.id) == key.id)
    values = {col(ServiceKey.replaced_at): transaction.now_ms, col(ServiceKey.expires_at): ends}
    transaction.connection.execute(replaced.values(values))


def _over(now: int) -> Select[ServiceKey]:
    return select(ServiceKey).where(
        col(ServiceKey.replaced_at).is_not(None),
        col(ServiceKey.revoked_at).is_(None),
        col(ServiceKey.expires_at) <= now,
    )


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
        acts_for_others=wish.acts_for_others,
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
    return KeyListed(
        key.name,
        _roles(key.items),
        key.acts_for_others,
        key.created_at,
        key.expires_at,
        is_replaced=key.replaced_at is not None,
    )


def _roles(stored: str) -> dict[str, Role]:
    return {pattern: Role(role) for pattern, role in orjson.loads(stored).items()}
