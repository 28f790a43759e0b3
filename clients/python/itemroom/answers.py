"""What the REST calls answer, as types: field by field what `/openapi.json` says."""

from typing import Any, Literal, NotRequired, TypedDict

from itemroom.core.frames import PresenceSummary, Role, User

__all__ = [
    "Account",
    "Credential",
    "Grown",
    "Invite",
    "InviteAccepted",
    "InviteLook",
    "InvitedItem",
    "Item",
    "LiveRoom",
    "Me",
    "Member",
    "MessageNow",
    "MessagePage",
    "NewInvite",
    "NewToken",
    "PresenceSummary",
    "Stored",
    "Token",
]


class Account(TypedDict):
    """A user."""

    id: str
    username: str
    name: str
    created_at: str


class LiveRoom(TypedDict):
    """An item with somebody in its room."""

    item: str
    users: int
    connections: int


class Credential(TypedDict):
    """What a client shows."""

    kind: str
    expires_at: str | None
    items: dict[str, Role] | None


class Me(TypedDict):
    """Who you are."""

    id: str
    username: str
    name: str
    created_at: str
    admin: bool
    credential: Credential


class Item(TypedDict):
    """An item, as you see it."""

    id: str
    title: str
    role: Role
    default_role: Role | None
    retention_days: int | None
    epoch: str
    head: int
    oldest: int
    read_seq: int
    unread: int
    created_at: str
    active_at: str


class Member(TypedDict):
    """A member of an item."""

    user: User
    username: str
    role: Role


class Invite(TypedDict):
    """An invite to an item, without its text."""

    id: str
    role: Role
    uses: int | None
    """How many may come in by it; None: any number."""
    left: int | None
    by: User
    valid: bool
    """Whether it lets anybody in now."""
    created_at: str
    expires_at: str


class NewInvite(Invite):
    """An invite that was made just now."""

    token: str
    """Its text, this once."""
    url: str
    """Its link, with the text in it."""


class InvitedItem(TypedDict):
    """What an item is called."""

    id: str
    title: str


class InviteLook(TypedDict):
    """Where an invite leads."""

    item: InvitedItem
    role: Role
    by: User
    expires_at: str
    member_role: Role | None
    """What you are there already."""


class InviteAccepted(TypedDict):
    """What you are a member of."""

    item: InvitedItem
    role: Role
    used: bool
    """Whether the invite was used: not by who had this role already."""


class MessageNow(TypedDict):
    """A message as it stands now; a deleted one has no `body`, and has `deleted_seq`."""

    type: Literal["message"]
    seq: int
    at: str
    by: User
    ref: NotRequired[str]
    via: NotRequired[str]
    body: NotRequired[Any]
    edited_seq: NotRequired[int]
    deleted_seq: NotRequired[int]
    open: NotRequired[Literal[True]]
    length: NotRequired[int]
    reactions: dict[str, list[str]]
    """The ids of users by what they have put on."""


class MessagePage(TypedDict):
    """Some messages, the oldest first, and where the log stands."""

    messages: list[MessageNow]
    head: int
    oldest: int
    epoch: str


class Stored(TypedDict):
    """What became of a command."""

    seq: int
    at: str
    duplicate: NotRequired[Literal[True]]


class Grown(TypedDict):
    """Text that was added is on disk; `length` in code points."""

    length: int
    stopped: NotRequired[Literal[True]]
    duplicate: NotRequired[Literal[True]]


class Token(TypedDict):
    """An API token."""

    id: str
    name: str
    items: dict[str, Role]
    created_at: str
    expires_at: str


class NewToken(Token):
    """A token that was made just now."""

    token: str
    """Its text, this once."""
