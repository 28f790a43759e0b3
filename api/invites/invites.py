"""Invites as they are stored: made, listed, revoked, and judged when somebody shows one.

An invite is as good as its maker: it counts while they are an admin of the item themselves, so
that nobody who was removed, or demoted, has left a way in. What a service key or a token of the
product's let them do counts until their user is disabled, as a revoked key's is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, or_, select, update
from sqlmodel import col

from ..errors import Refusal
from ..history.entries import Author
from ..history.messages import via_of
from ..history.transaction import Transaction
from ..models import Invite, Item, Membership, User
from ..rights.access import Access, Role, Standing, own_role
from ..security import fingerprint, new_id

MAX_INVITES = 100  # Of one item, that count at the same time: people have to look through them.
# Ended ones of an item, that are told why they end: whoever makes and revokes fills no disk.
MAX_ENDED = 100
MAX_USES = 10_000  # More than a room can hold; without a limit is null.
DEFAULT_LIFETIME = 7 * 86_400  # Seconds: a letter that is read after the holidays is too late.
MAX_LIFETIME = 365 * 86_400
KEPT = 30 * 86_400_000  # Milliseconds after its end: then its text is as unknown as any.
PURGE_STEP = 500  # Rows in one transaction.


@dataclass(frozen=True, slots=True)
class InviteRequest:
    """What an invite shall be."""

    role: Role
    uses: int | None
    """How many may come in by it; None: any number."""
    lifetime: int
    """Seconds."""


@dataclass(frozen=True, slots=True)
class StoredInvite:
    """An invite, its item, and whoever made it. Times: milliseconds."""

    id: str
    item_key: int
    item_id: str
    title: str
    role: Role
    uses: int | None
    used: int
    created_at: int
    expires_at: int
    ended_at: int | None
    maker: Author
    via: str | None
    """The key that acted for the maker."""
    has_right: bool
    """Whether the maker could still make it."""

    @property
    def left(self) -> int | None:
        """How many more may come in by it; None: any number."""
        return None if self.uses is None else self.uses - self.used

    def why_ended(self, now: int) -> str | None:
        """Why it lets nobody in, as a sentence; None: it does."""
        if self.left == 0:
            return "This invite was used as often as it may be."
        if self.ended_at is not None:
            return "This invite was revoked."
        if self.expires_at <= now:
            return "The time of this invite is over."
        return None if self.has_right else "Whoever made this invite may let nobody in any more."


def create_invite(
    transaction: Transaction, access: Access, wish: InviteRequest, text: str
) -> StoredInvite:
    """An invite to the item of an access; needs admin. Its text is stored as a fingerprint.

    Raises:
        Refusal: `forbidden`, also when there are too many.
    """
    access = transaction.access(access.principal, access.item_id, Role.ADMIN)
    now = transaction.now_ms
    if len(list_invites(transaction.connection, access.item_key, now)) >= MAX_INVITES:
        raise Refusal("forbidden", f"An item has at most {MAX_INVITES} invites: revoke one.")
    _forget_ended(transaction, access.item_key)
    invite = Invite(
        id=new_id(),
        secret_hash=fingerprint(text),
        item_key=access.item_key,
        user_key=access.principal.user_key,
        via=via_of(access.principal),
        granted=own_role(access.standing) is not Role.ADMIN,
        role=wish.role.value,
        uses=wish.uses,
        created_at=now,
        expires_at=now + wish.lifetime * 1000,
    )
    with transaction.session() as session:
        session.add(invite)
    (stored,) = _read(transaction.connection, col(Invite.secret_hash) == fingerprint(text))
    return stored


def list_invites(connection: Connection, item_key: int, now: int) -> list[StoredInvite]:
    """Those of an item that were not ended, the newest first. May block."""
    return _read(connection, col(Invite.item_key) == item_key, *_lasting(now))


def revoke_invite(transaction: Transaction, access: Access, invite_id: str) -> None:
    """End an invite; needs admin. Whoever came in by it stays.

    Raises:
        Refusal: `not_found`, also for one that has ended.
    """
    access = transaction.access(access.principal, access.item_id, Role.ADMIN)
    lasting = _lasting(transaction.now_ms)
    ended = (
        update(Invite)
        .where(col(Invite.id) == invite_id, col(Invite.item_key) == access.item_key, *lasting)
        .values({col(Invite.ended_at): transaction.now_ms})
    )
    if transaction.connection.execute(ended).rowcount == 0:
        raise Refusal("not_found", "There is no such invite.")


def find_invite(connection: Connection, text: str) -> StoredInvite | None:
    """The invite with this text, whether or not it has ended; None: there is none. May block."""
    found = _read(connection, col(Invite.secret_hash) == fingerprint(text))
    return found[0] if found else None


def use_invite(transaction: Transaction, invite: StoredInvite) -> None:
    """One more has come in by it. Its item is held."""
    ended_at = transaction.now_ms if invite.left == 1 else None
    used = {"used": invite.used + 1, "ended_at": ended_at}
    transaction.connection.execute(update(Invite).where(col(Invite.id) == invite.id).values(used))


def forget_invites(connection: Connection, item_key: int) -> None:
    """All of an item that is deleted: never more than a few hundred. May block."""
    connection.execute(delete(Invite).where(col(Invite.item_key) == item_key))


def purge_invites(transaction: Transaction) -> bool:
    """Delete those that ended long ago; whether more may be left to do."""
    if not transaction.hold_turn():
        return False
    old = col(Invite.expires_at) <= transaction.now_ms - KEPT
    return _delete(transaction, select(col(Invite.id)).where(old).limit(PURGE_STEP)) == PURGE_STEP


def _forget_ended(transaction: Transaction, item_key: int) -> None:
    """Of those of an item that have ended, all but the newest."""
    ended = or_(col(Invite.ended_at).is_not(None), col(Invite.expires_at) <= transaction.now_ms)
    older = (
        select(col(Invite.id))
        .where(col(Invite.item_key) == item_key, ended)
        .order_by(col(Invite.id).desc())
        .limit(MAX_ENDED)
        .offset(MAX_ENDED)
    )
    _delete(transaction, older)


def _delete(transaction: Transaction, ids: Select[str]) -> int:
    found = transaction.connection.execute(ids).scalars().all()
    deleted = delete(Invite).where(col(Invite.id).in_(found))
    return transaction.connection.execute(deleted).rowcount if found else 0


def _lasting(now: int) -> tuple[ColumnElement[bool], ...]:
    return col(Invite.ended_at).is_(None), col(Invite.expires_at) > now


def _read(connection: Connection, *where: ColumnElement[bool]) -> list[StoredInvite]:
    theirs = and_(
        col(Membership.item_key) == col(Invite.item_key),
        col(Membership.user_key) == col(Invite.user_key),
    )
    query = (
        select(
            *(col(column) for column in _COLUMNS),
            col(Item.id).label("item_id"),
            col(Item.title),
            col(User.id).label("maker_id"),
            col(User.name),
            col(User.disabled),
            col(Membership.role).label("maker_role"),
        )
        .join(Item, and_(col(Item.key) == col(Invite.item_key), col(Item.deleted_at).is_(None)))
        .join(User, col(User.key) == col(Invite.user_key))
        .outerjoin(Membership, theirs)
        .where(*where)
        .order_by(col(Invite.id).desc())
    )
    return [_stored(row) for row in connection.execute(query)]


_COLUMNS: Sequence[Any] = (
    Invite.id,
    Invite.item_key,
    Invite.user_key,
    Invite.via,
    Invite.granted,
    Invite.role,
    Invite.uses,
    Invite.used,
    Invite.created_at,
    Invite.expires_at,
    Invite.ended_at,
)


def _stored(row: Any) -> StoredInvite:
    return StoredInvite(
        row.id,
        row.item_key,
        row.item_id,
        row.title,
        Role(row.role),
        row.uses,
        row.used,
        row.created_at,
        row.expires_at,
        row.ended_at,
        Author(row.user_key, row.maker_id, row.name),
        row.via,
        has_right=not row.disabled and (row.granted or _is_admin(row.maker_role)),
    )


def _is_admin(member_role: str | None) -> bool:
    role = None if member_role is None else Role(member_role)
    return own_role(Standing(credential_ended=False, member_role=role)) is Role.ADMIN
