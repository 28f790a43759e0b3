"""What the server says only on a socket for many items, beside what `frames` has. Pure."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from ..errors import Refusal, Retry
from ..history.entries import rfc3339
from ..rights.access import Principal
from .frames import ItemInfo, Limits, RoleName, Seq, ServerFrame, Time, User, expires_at, user, why


class SharedLimits(Limits):
    """Likewise, and how many items a socket may join."""

    joined_items: int


class Hello(TypedDict):
    """Once, first on a socket for many items: whose it is, and what holds for it."""

    type: Literal["hello"]
    connection: str
    you: User
    expires_at: Time | None
    limits: SharedLimits


class Left(TypedDict):
    """An item is not joined any more; `reason` says why, unless the client asked for it."""

    type: Literal["left"]
    item: str
    reason: NotRequired[str]
    retry: NotRequired[Retry]
    retry_after: NotRequired[float]
    message: NotRequired[str]


class LastMessage(TypedDict):
    """The newest message of an item that is not deleted, if it is among the newest thousand
    entries; `preview` is the beginning of its text.
    """

    seq: Seq
    by: User
    at: Time
    kind: Literal["message"]
    preview: str


class InboxItem(TypedDict):
    """One of somebody's items as it is for them; `role` null: it is not theirs any more.

    `mentions`: messages that they have not read and that name them. `last` null: no message.
    """

    item: ItemInfo
    role: RoleName | None
    head: Seq
    read_seq: Seq
    unread: int
    mentions: int
    last: LastMessage | None
    active_at: Time


class Inbox(InboxItem):
    """An item of yours has changed: what it is now, whatever you knew."""

    type: Literal["inbox"]


class Watching(TypedDict):
    """All that changed until now has been said; from here on changes are told.

    `at` is what to give the next `watch` as `since`.
    """

    type: Literal["watching"]
    at: Time


SharedFrame = Hello | Left | Inbox | Watching
AnyServerFrame = ServerFrame | SharedFrame


def hello(connection_id: str, principal: Principal, limits: SharedLimits) -> Hello:
    """The first frame of a socket for many items."""
    return {
        "type": "hello",
        "connection": connection_id,
        "you": user(principal),
        "expires_at": expires_at(principal),
        "limits": limits,
    }


def left(item_id: str, refusal: Refusal | None) -> Left:
    """An item is left, for this reason; None: the client wanted that."""
    if refusal is None:
        return {"type": "left", "item": item_id}
    return {"type": "left", "item": item_id, **why(refusal)}


def inbox(item: InboxItem) -> Inbox:
    """One of the client's items has changed."""
    return {"type": "inbox", **item}


def watching(at: int) -> Watching:
    """Changes are told from now on; what changed before `at` (ms since the epoch) was."""
    return {"type": "watching", "at": rfc3339(at)}
