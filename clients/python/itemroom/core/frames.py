"""Frames that an application gets to see as they came, by what docs/protocol.md says of them."""

from typing import Any, Literal, NotRequired, TypedDict

Role = Literal["reader", "writer", "admin"]
End = Literal["done", "failed", "stopped"]
"""How an author ends a message in the making."""


class User(TypedDict):
    """Somebody, as others see them."""

    id: str
    name: str


class You(User):
    """Whom a connection belongs to, and what they may do."""

    role: Role


class ItemInfo(TypedDict):
    """The item of a room."""

    id: str
    title: str


class LastMessage(TypedDict):
    """The newest message of an item; `preview` is the beginning of its text."""

    seq: int
    by: User
    at: str
    kind: Literal["message"]
    preview: str


class InboxItem(TypedDict):
    """One of somebody's items as it is for them; `role` None: it is theirs no more."""

    item: ItemInfo
    role: Role | None
    head: int
    read_seq: int
    unread: int
    mentions: int
    last: LastMessage | None
    active_at: str


class Limits(TypedDict):
    """Sizes in bytes, rates a second, times in seconds; a rate of 0 is no limit."""

    frame_bytes: int
    body_bytes: int
    nesting: int
    publish_rate: float
    publish_burst: int
    in_flight: int
    ping_interval: float
    ping_timeout: float


class PresenceSummary(TypedDict):
    """Who is here; above 200 users only how many."""

    count: int
    users: NotRequired[list[User]]


class Welcome(TypedDict):
    """Once on each connection, first."""

    type: Literal["welcome"]
    connection: str
    item: ItemInfo
    you: You
    epoch: str
    head: int
    oldest: int
    after: int
    recovered: bool
    expires_at: str | None
    limits: Limits
    presence: PresenceSummary


class Live(TypedDict):
    """Replay is over."""

    type: Literal["live"]
    seq: int


class Signal(TypedDict):
    """Somebody else's signal, such as typing."""

    type: Literal["signal"]
    name: str
    by: User
    body: Any


class Read(TypedDict):
    """How far somebody has read."""

    type: Literal["read"]
    by: User
    seq: int


class RoleChange(TypedDict):
    """The connection's own rights changed."""

    type: Literal["role"]
    role: Role


class Append(TypedDict):
    """A message in the making has more text, at this code point."""

    type: Literal["append"]
    target: int
    part: NotRequired[int]
    at: int
    text: str


class Open(TypedDict):
    """A message in the making, as far as it has come: in place of what you have of it."""

    type: Literal["open"]
    seq: int
    at: str
    by: User
    body: Any
    length: int


# `in` is a word of Python's own.
Expiring = TypedDict("Expiring", {"type": Literal["expiring"], "in": int})
