"""Who may do what: the only function that makes an `Access`, and what it judges by.

Nothing acts on an item without an `Access`. It is made when somebody comes in, and made again in
the transaction that stores what they do, from what the database says at that moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from ..clock import clock
from ..errors import Refusal


class Role(StrEnum):
    """What a user may do in an item; each role may do what the ones before it may."""

    READER = "reader"
    WRITER = "writer"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """0, 1, 2: roles compare by it."""
        return _RANKS[self]

    def allows(self, needed: "Role") -> bool:
        """Whether this role may do what `needed` may."""
        return _RANKS[self] >= _RANKS[needed]


_RANKS = {role: rank for rank, role in enumerate(Role)}

CredentialKind = Literal["session", "access", "api", "outside", "key"]
# What the product itself has decided: their claims grant a role, where those of others only cap.
_GRANTING: frozenset[CredentialKind] = frozenset({"outside", "key"})


@dataclass(frozen=True, slots=True)
class Credential:
    """What somebody showed, after it was verified. Times: milliseconds since the epoch."""

    kind: CredentialKind
    id: str
    """The session's or the key's id, or the token's jti: never the secret itself."""
    issued_at: int
    expires_at: int | None
    """When it ends, which its holder is told; None: not by itself."""
    items: Mapping[str, Role] | None = field(default=None, hash=False)
    """Item id, or prefix with a trailing `*`, to role; None: not limited."""
    known_until: int | None = None
    """When whoever said who this is has to be asked again; None: it was said for good."""

    @property
    def ends_at(self) -> int | None:
        """When it counts no more, unless somebody is asked again; None: it does not end."""
        return _earliest(self.expires_at, self.known_until)


@dataclass(frozen=True, slots=True)
class Via:
    """A service key that acts for somebody else."""

    user_key: int
    """Of the user whose key it is."""
    name: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the product has answered when it was asked of a user and an item."""

    item_id: str
    role: Role
    until: int
    """Milliseconds since the epoch: then it is asked again."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A user, and the credential that says so."""

    user_key: int
    id: str
    name: str
    credential: Credential
    via: Via | None = None
    """The key that acts for them; None: they act themselves."""
    ruling: Ruling | None = None
    """What they may besides what the database says; None: nobody was asked."""

    @property
    def sure_until(self) -> int | None:
        """When something of this ends, in milliseconds since the epoch; None: nothing does."""
        return _earliest(self.credential.expires_at, self.asked_until)

    @property
    def asked_until(self) -> int | None:
        """When the product, or the host application, is asked of them again; None: never."""
        ruled_until = None if self.ruling is None else self.ruling.until
        return _earliest(self.credential.known_until, ruled_until)

    @property
    def public(self) -> dict[str, str]:
        """What others see of them."""
        return {"id": self.id, "name": self.name}


@dataclass(frozen=True, slots=True)
class Standing:
    """What the database says of one principal and one item at one moment."""

    credential_ended: bool
    item_key: int | None = None
    item_id: str = ""
    title: str = ""
    item_deleted: bool = False
    default_role: Role | None = None
    member_role: Role | None = None
    item_rights: int = 0
    """The version of the item's rights that this was read with."""
    user_rights: int = 0
    """The same of the user's."""
    disconnects: int = 0
    """How often the user's sockets have been closed on purpose by then."""
    via_rights: int = 0
    """The same of the user's whose key acts for them."""


@dataclass(frozen=True, slots=True)
class Access:
    """The right of one principal in one item. Only `grant` makes it; only it can do anything."""

    principal: Principal
    item_key: int
    item_id: str
    role: Role
    standing: Standing
    """What it was judged by: a change of rights replaces a part of it and asks `grant` again."""

    @property
    def users(self) -> dict[int, int]:
        """Those whose rights it depends on: their versions, by the users' keys."""
        users = {self.principal.user_key: self.standing.user_rights}
        if self.principal.via is not None:
            users[self.principal.via.user_key] = self.standing.via_rights
        return users

    def require(self, needed: Role) -> None:
        """Raise Refusal `forbidden` when the role does not suffice."""
        if not self.role.allows(needed):
            raise Refusal("forbidden", f"This needs the role {needed}; yours is {self.role}.")


def grant(principal: Principal, standing: Standing, *, now_ms: int | None = None) -> Access:
    """The one function that decides access.

    Raises:
        Refusal: `auth_revoked`, `auth_expired`, or `item_not_found`, which says the same of an
            item that does not exist, one that was deleted, and one that is not theirs.
    """
    check_standing(principal, standing, now_ms=now_ms)
    role = _effective_role(principal, standing, now_ms)
    if standing.item_key is None or standing.item_deleted or role is None:
        raise Refusal("item_not_found")
    return Access(principal, standing.item_key, standing.item_id, role, standing)


def check_standing(
    principal: Principal, standing: Standing, *, now_ms: int | None = None
) -> Standing:
    """The standing, of a principal whose credential counts.

    Raises:
        Refusal: `auth_revoked`, `auth_expired`.
    """
    ends_at = principal.credential.ends_at
    if standing.credential_ended:
        raise Refusal("auth_revoked")
    if ends_at is not None and (now_ms or clock_ms()) >= ends_at:
        raise Refusal("auth_expired")
    return standing


def _effective_role(principal: Principal, standing: Standing, now_ms: int | None) -> Role | None:
    credential, ruling = principal.credential, principal.ruling
    claimed = claimed_role(credential.items, standing.item_id)
    own = own_role(standing)
    if (
        ruling is not None
        and ruling.item_id == standing.item_id
        and (now_ms or clock_ms()) < ruling.until
    ):
        own = _higher(own, ruling.role)
    if principal.via is not None and own is None:
        # Whoever is nothing there may say something, if the key may: the product has said so.
        own = Role.WRITER
    if principal.via is None and credential.kind in _GRANTING and claimed is not None:
        return claimed
    if credential.items is None or credential.kind == "outside" or own is None:
        return own
    return None if claimed is None else min(own, claimed, key=lambda role: role.rank)


def own_role(standing: Standing) -> Role | None:
    """What a user may do by themselves, whatever they show."""
    return _higher(standing.member_role, standing.default_role)


def _higher(one: Role | None, other: Role | None) -> Role | None:
    roles = [role for role in (one, other) if role is not None]
    return max(roles, key=lambda role: role.rank, default=None)


def claimed_role(items: Mapping[str, Role] | None, item_id: str) -> Role | None:
    """The role that a token's `items` names for an item: exact first, then the longest prefix."""
    if items is None or item_id in items:
        return None if items is None else items[item_id]
    prefixes = [key for key in items if key.endswith("*") and item_id.startswith(key[:-1])]
    return items[max(prefixes, key=len)] if prefixes else None


def _earliest(*ends: int | None) -> int | None:
    return min((end for end in ends if end is not None), default=None)


def clock_ms() -> int:
    """Wall-clock time in milliseconds since the epoch."""
    return clock.milliseconds()
