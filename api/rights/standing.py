"""What the database says of a principal and an item: what `grant` judges by."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, Select, and_, case, exists, select, true
from sqlalchemy.orm import aliased
from sqlmodel import col

from ..models import ApiToken, Item, Membership, ServiceKey, Session, User
from ..store.lookups import Lookup
from ..store.statements import statement
from .access import Principal, Role, Standing

# No item has it: what is asked then is about the principal alone.
NO_ITEM = ""

_ItemRow = tuple[int, str, str, int | None, str | None, int]
_ITEMS: Lookup[tuple[str], _ItemRow] = Lookup(
    (
        select(
            col(Item.key),
            col(Item.id),
            col(Item.title),
            col(Item.deleted_at),
            col(Item.default_role),
            col(Item.rights),
        ),
        (col(Item.id),),
    )
)
_ROLES: Lookup[tuple[int, int], tuple[int, str | None]] = Lookup(
    (
        select(col(Membership.item_key), col(Membership.role)),
        (col(Membership.item_key), col(Membership.user_key)),
    )
)


# One query for everything that `grant` needs: also run inside the writing transaction.
@statement
def _standing(  # noqa: PLR0917 - each is a condition
    kind: str, credential: str, issued_at: int, item_id: str, user_key: int, via_key: int
) -> Select[
    int | None, str, str, int | None, str | None, str | None, int | None, int, int, int | None
]:
    counts = case(
        {
            "session": exists().where(col(Session.id) == credential),
            "api": exists().where(
                col(ApiToken.jti) == credential, col(ApiToken.revoked_at).is_(None)
            ),
            "key": exists().where(
                col(ServiceKey.id) == credential, col(ServiceKey.revoked_at).is_(None)
            ),
            "access": col(User.tokens_from) <= issued_at,
        },
        value=kind,
        else_=true(),
    )
    holder = aliased(User)
    theirs = and_(
        col(Membership.item_key) == col(Item.key), col(Membership.user_key) == col(User.key)
    )
    return (
        select(
            col(Item.key),
            col(Item.id),
            col(Item.title),
            col(Item.deleted_at),
            col(Item.default_role),
            col(Membership.role),
            col(Item.rights),
            col(User.rights),
            col(User.disconnects),
            select(col(holder.rights)).where(col(holder.key) == via_key).scalar_subquery(),
        )
        .select_from(User)
        .outerjoin(Item, col(Item.id) == item_id)
        .outerjoin(Membership, theirs)
        .where(col(User.key) == user_key, col(User.disabled).is_(False), counts)
    )


def load_standing(connection: Connection, principal: Principal, item_id: str) -> Standing:
    """What the database says now. May block: for a reader thread or the writer's."""
    credential = principal.credential
    rows = _standing.fetch(
        connection,
        credential.kind,
        credential.id,
        credential.issued_at,
        item_id,
        principal.user_key,
        0 if principal.via is None else principal.via.user_key,
    )
    if not rows:  # No such user, or a disabled one, or the credential was ended.
        return Standing(credential_ended=True)
    (
        item_key,
        public_id,
        title,
        deleted_at,
        default_role,
        member_role,
        item_rights,
        user_rights,
        disconnects,
        via_rights,
    ) = rows[0]
    return Standing(
        credential_ended=False,
        item_key=item_key,
        item_id=public_id or "",
        title=title or "",
        item_deleted=deleted_at is not None,
        default_role=_role(default_role),
        member_role=_role(member_role),
        item_rights=item_rights or 0,
        user_rights=user_rights,
        disconnects=disconnects,
        via_rights=via_rights or 0,
    )


def load_standings(
    connection: Connection, principal: Principal, item_ids: Sequence[str]
) -> list[Standing]:
    """The same for many items: few statements, however many they are. May block."""
    here = load_standing(connection, principal, NO_ITEM)
    if here.credential_ended:
        return [here] * len(item_ids)
    # Memberships last: a role must not be older than the version of the rights that it is kept by.
    items = {row[1]: row for row in _ITEMS.fetch(connection, [(one,) for one in set(item_ids)])}
    theirs = [(key, principal.user_key) for key, *_ in items.values()]
    roles = dict(_ROLES.fetch(connection, theirs)) if theirs else {}
    return [_of_item(here, items[one], roles) if one in items else here for one in item_ids]


def _of_item(here: Standing, row: _ItemRow, roles: Mapping[int, str | None]) -> Standing:
    key, item_id, title, deleted_at, default_role, rights = row
    return replace(
        here,
        item_key=key,
        item_id=item_id,
        title=title,
        item_deleted=deleted_at is not None,
        default_role=_role(default_role),
        member_role=_role(roles.get(key)),
        item_rights=rights,
    )


def _role(value: str | None) -> Role | None:
    return None if value is None else Role(value)
