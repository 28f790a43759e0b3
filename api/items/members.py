"""Who belongs to an item: read by a reader thread, changed in the writer's transaction."""

from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, delete, exists, select
from sqlmodel import col

from ..accounts.names import as_username
from ..accounts.outside import expect_outside_user
from ..errors import Refusal
from ..history.departures import depart
from ..history.entries import Author, Kind
from ..history.events import MemberChanged
from ..history.messages import author_of, via_of
from ..history.transaction import Transaction
from ..models import Membership, User
from ..rights.access import Access, Principal, Role
from ..settings import Settings
from .schemas import MemberPage, MemberView, UserView


def list_members(connection: Connection, item_key: int, after: str, limit: int) -> MemberPage:
    """Members by username, those after `after`. May block."""
    query = (
        select(col(User.id), col(User.name), col(User.username), col(Membership.role))
        .join(Membership, col(Membership.user_key) == User.key)
        .where(
            col(Membership.item_key) == item_key,
            col(Membership.role).is_not(None),
            col(User.username) > after,
        )
        .order_by(col(User.username))
        .limit(limit + 1)
    )
    rows = connection.execute(query).all()
    members = [
        MemberView(user=UserView(id=row.id, name=row.name), username=row.username, role=row.role)
        for row in rows[:limit]
    ]
    return MemberPage(members=members, next=members[-1].username if len(rows) > limit else None)


def set_member(
    transaction: Transaction, access: Access, username: str, role: Role
) -> tuple[MemberView, bool]:
    """Give a user a role; needs admin. Also tells whether they are new to the item.

    Raises:
        Refusal: `not_found` for an unknown user, `last_admin`.
    """
    access = transaction.access(access.principal, access.item_id, Role.ADMIN)
    username = as_username(username)
    user = _find(transaction, username)
    if user is None:
        raise Refusal("not_found", "There is no such user.")
    before = _role_of(transaction, access.item_key, user.key)
    if before != role:
        if before is Role.ADMIN:
            _keep_an_admin(transaction, access.item_key, user.key)
        give_role(transaction, access.item_key, user, role, by=giver_of(access.principal))
    shown = UserView(id=user.id, name=user.name)
    return MemberView(user=shown, username=username, role=role), before is None


class Giver(NamedTuple):
    """Whose act a change of members is."""

    author: Author
    via: str | None
    """The key that acted for them."""


def giver_of(principal: Principal) -> Giver:
    """The principal, as whoever changes members."""
    return Giver(author_of(principal), via_of(principal))


def give_role(
    transaction: Transaction, item_key: int, user: Author, role: Role, *, by: Giver
) -> None:
    """Let a user have another role, and tell everybody. Whether they may was judged before."""
    _store(transaction, item_key, user.key, role)
    _tell(transaction, item_key, user, role, by)


def put_member(
    transaction: Transaction, access: Access, settings: Settings, username: str, role: Role
) -> tuple[MemberView, bool]:
    """As `set_member`; who speaks for the product may name users who have never come."""
    if access.principal.credential.kind in ("outside", "key"):
        # Undone with the rest, should the caller turn out to be no admin.
        expect_outside_user(transaction, settings.issuer, username)
    return set_member(transaction, access, username, role)


def remove_member(transaction: Transaction, access: Access, username: str) -> None:
    """Remove a member; needs admin, or to be that member.

    Raises:
        Refusal: `not_found` for who is no member, `last_admin`.
    """
    access = transaction.access(access.principal, access.item_id, Role.READER)
    username = as_username(username)
    user = _find(transaction, username)
    own = user is not None and user.key == access.principal.user_key
    # A token that is limited to less than its user must not end what the user is.
    access.require(access.standing.member_role or Role.READER if own else Role.ADMIN)
    before = None if user is None else _role_of(transaction, access.item_key, user.key)
    if user is None or before is None:
        raise Refusal("not_found", "There is no such member.")
    if before is Role.ADMIN:
        _keep_an_admin(transaction, access.item_key, user.key)
    transaction.connection.execute(
        delete(Membership).where(*_membership(access.item_key, user.key))
    )
    depart(transaction.connection, access.item_key, [user.key], transaction.now_ms)
    _tell(transaction, access.item_key, user, None, giver_of(access.principal))


def _find(transaction: Transaction, username: str) -> Author | None:
    query = select(col(User.key), col(User.id), col(User.name)).where(
        col(User.username) == username
    )
    row = transaction.connection.execute(query).one_or_none()
    return None if row is None else Author(row.key, row.id, row.name)


def _role_of(transaction: Transaction, item_key: int, user_key: int) -> Role | None:
    query = select(col(Membership.role)).where(*_membership(item_key, user_key))
    role = transaction.connection.execute(query).scalar_one_or_none()
    return None if role is None else Role(role)


def _keep_an_admin(transaction: Transaction, item_key: int, user_key: int) -> None:
    """Raise `last_admin` unless somebody else, who can still sign in, is an admin."""
    other = exists().where(
        col(Membership.item_key) == item_key,
        col(Membership.user_key) != user_key,
        col(Membership.role) == Role.ADMIN.value,
        col(User.key) == col(Membership.user_key),
        col(User.disabled).is_(False),
    )
    if not transaction.connection.execute(select(other)).scalar_one():
        raise Refusal("last_admin")


def _store(transaction: Transaction, item_key: int, user_key: int, role: Role) -> None:
    with transaction.session() as session:
        member = session.get(Membership, (item_key, user_key))
        if member is None:
            member = Membership(item_key=item_key, user_key=user_key)
        member.role, member.changed_at = role.value, transaction.now_ms
        session.add(member)


def _tell(
    transaction: Transaction, item_key: int, user: Author, role: Role | None, by: Giver
) -> None:
    """The entry first: whoever is removed still gets the entry that says so."""
    body = orjson.dumps({"user": {"id": user.id, "name": user.name}, "role": role})
    transaction.append(item_key, Kind.MEMBER, by.author, body=body, via=by.via)
    transaction.emit(MemberChanged(item_key, user.key, role))


def _membership(item_key: int, user_key: int) -> tuple[Any, Any]:
    return col(Membership.item_key) == item_key, col(Membership.user_key) == user_key
