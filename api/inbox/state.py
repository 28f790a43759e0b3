"""How an item stands for a user: what their list of items shows of it. Pure."""

from dataclasses import dataclass
from typing import Any

import orjson

from ..errors import Refusal
from ..history.entries import Kind, rfc3339
from ..rights.access import Principal, Role, Standing, claimed_role, grant

# Characters of a message that a list shows.
PREVIEW = 120


@dataclass(frozen=True, slots=True)
class Last:
    """The newest message of an item."""

    seq: int
    by_id: str
    by_name: str
    at: int
    preview: str

    def fields(self) -> dict[str, Any]:
        """As it is shown."""
        return {
            "seq": self.seq,
            "by": {"id": self.by_id, "name": self.by_name},
            "at": rfc3339(self.at),
            "kind": Kind.MESSAGE.value,
            "preview": self.preview,
        }


@dataclass(frozen=True, slots=True)
class ItemState:
    """An item and one user, at one moment."""

    item_key: int
    user_key: int
    item_id: str
    title: str
    is_deleted: bool
    default_role: Role | None
    member_role: Role | None
    head: int
    active_at: int
    read_seq: int
    unread: int
    mentions: int
    last: Last | None

    def role_of(self, principal: Principal) -> Role | None:
        """What the user may do there by what they have shown; None: it is not theirs."""
        return role_in(
            principal,
            Standing(
                credential_ended=False,
                item_key=self.item_key,
                item_id=self.item_id,
                item_deleted=self.is_deleted,
                default_role=self.default_role,
                member_role=self.member_role,
            ),
        )

    def fields(self, role: Role) -> dict[str, Any]:
        """As the user sees it."""
        return {
            "item": {"id": self.item_id, "title": self.title},
            "role": role.value,
            "head": self.head,
            "read_seq": self.read_seq,
            "unread": self.unread,
            "mentions": self.mentions,
            "last": None if self.last is None else self.last.fields(),
            "active_at": rfc3339(self.active_at),
        }


def gone(item_id: str, at: int) -> dict[str, Any]:
    """What is shown of an item that is not theirs any more: nothing of what is in it."""
    return {
        "item": {"id": item_id, "title": ""},
        "role": None,
        "head": 0,
        "read_seq": 0,
        "unread": 0,
        "mentions": 0,
        "last": None,
        "active_at": rfc3339(at),
    }


def role_in(principal: Principal, standing: Standing) -> Role | None:
    """The role in a listed item; None: this credential does not reach it."""
    try:
        return grant(principal, standing).role
    except Refusal as refusal:
        if refusal.code != "item_not_found":
            raise
        return None


def reaches(principal: Principal, item_id: str) -> bool:
    """Whether a credential may ever show an item: one that is limited to others may not."""
    items = principal.credential.items
    return items is None or claimed_role(items, item_id) is not None


def preview_of(body: bytes | None) -> str:
    """The beginning of a body's text; empty for one without."""
    value = orjson.loads(body or b"null")
    text = value.get("text") if isinstance(value, dict) else value
    return text[:PREVIEW] if isinstance(text, str) else ""
