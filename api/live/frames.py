"""What the server says on a socket: each frame as a class, and the one place that makes it.

A frame is a dictionary, and its class a `TypedDict`: nothing that we wrote ourselves is validated,
but mypy refuses a field that a class does not have, or has with another type. `/asyncapi.json`
and the tables of docs/protocol.md are made from these classes. Pure.
"""

from typing import Annotated, Any, Literal, NotRequired

import orjson
from pydantic import Field
from typing_extensions import TypedDict

from ..errors import Refusal, Retry
from ..history.drafts import MAIN, Draft, Grown, length_of
from ..history.entries import Author, Entry, rfc3339
from ..history.events import TextAdded
from ..history.extent import Extent
from ..rights.access import Access, Principal, Role

Seq = Annotated[int, Field(ge=0, description="An entry's number in the item's log.")]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
RoleName = Annotated[
    Literal["reader", "writer", "admin"], Field(json_schema_extra={"title": "Role"})
]


class User(TypedDict):
    """Somebody, as others see them."""

    id: str
    name: str


class You(User):
    """Whom the connection belongs to, and what they may do."""

    role: RoleName


class ItemInfo(TypedDict):
    """The item of the room."""

    id: str
    title: str


class PresenceSummary(TypedDict):
    """Who is here; above 200 users only how many."""

    count: int
    users: NotRequired[list[User]]


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


class Welcome(TypedDict):
    """Once, first: where the log stands, and where replay begins."""

    type: Literal["welcome"]
    connection: str
    item: ItemInfo
    you: You
    epoch: str
    head: Seq
    oldest: Seq
    after: Seq
    recovered: bool
    expires_at: Time | None
    limits: Limits
    presence: PresenceSummary


class Live(TypedDict):
    """Replay is over: what follows has just been stored."""

    type: Literal["live"]
    seq: Seq


class Ack(TypedDict):
    """The command's entry is on disk."""

    type: Literal["ack"]
    ref: NotRequired[str]
    seq: Seq
    at: Time
    duplicate: NotRequired[Literal[True]]


class Appended(TypedDict):
    """The text is on disk; so many code points there are now."""

    type: Literal["appended"]
    target: Seq
    part: NotRequired[int]
    length: int
    stopped: NotRequired[Literal[True]]
    duplicate: NotRequired[Literal[True]]


class Append(TypedDict):
    """Somebody's message in the making has more text, at this code point."""

    type: Literal["append"]
    target: Seq
    part: NotRequired[int]
    at: int
    text: str


class Open(TypedDict):
    """A message in the making, as far as it has come: it replaces what the client has of it."""

    type: Literal["open"]
    seq: Seq
    at: Time
    by: User
    body: Any
    length: int


class Signal(TypedDict):
    """Somebody else's signal, such as typing; never stored."""

    type: Literal["signal"]
    name: str
    by: User
    body: Any


class Read(TypedDict):
    """How far somebody has read."""

    type: Literal["read"]
    by: User
    seq: Seq


class Presence(PresenceSummary):
    """Who came and went, or, when asked for, everybody."""

    type: Literal["presence"]
    join: NotRequired[list[User]]
    leave: NotRequired[list[User]]


class RoleChanged(TypedDict):
    """The connection's own rights changed."""

    type: Literal["role"]
    role: RoleName


class Auth(TypedDict):
    """The newer token counts."""

    type: Literal["auth"]
    expires_at: Time | None


# `in` is no name in Python.
Expiring = TypedDict("Expiring", {"type": Literal["expiring"], "in": Annotated[int, Field(ge=0)]})
Expiring.__doc__ = "The credential ends in this many seconds."


class Pong(TypedDict):
    """The answer to `ping`, with the item's head unless it was the socket that was asked."""

    type: Literal["pong"]
    head: NotRequired[Seq]


class Error(TypedDict):
    """A command was refused; the connection stays."""

    type: Literal["error"]
    ref: NotRequired[str]
    target: NotRequired[Seq]
    code: str
    message: str
    retry_after: NotRequired[float]
    length: NotRequired[int]


class Why(TypedDict):
    """Of an end: what a program branches on, and when to come back, in seconds."""

    reason: str
    retry: Retry
    retry_after: NotRequired[float]
    message: NotRequired[str]


class Closing(Why):
    """Right before every close that the server begins."""

    type: Literal["closing"]
    code: int


ServerFrame = (
    Welcome
    | Live
    | Ack
    | Appended
    | Append
    | Open
    | Signal
    | Read
    | Presence
    | RoleChanged
    | Auth
    | Expiring
    | Pong
    | Error
    | Closing
)


def user(somebody: Author | Principal) -> User:
    """What others see of somebody."""
    return {"id": somebody.id, "name": somebody.name}


def welcome(
    connection_id: str,
    access: Access,
    extent: Extent,
    *,
    after: int,
    recovered: bool,
    limits: Limits,
    presence: PresenceSummary,
) -> Welcome:
    """The first frame of a connection."""
    return {
        "type": "welcome",
        "connection": connection_id,
        "item": {"id": access.item_id, "title": access.standing.title},
        "you": {**user(access.principal), "role": access.role.value},
        "epoch": extent.epoch,
        "head": extent.head,
        "oldest": extent.oldest,
        "after": after,
        "recovered": recovered,
        "expires_at": expires_at(access.principal),
        "limits": limits,
        "presence": presence,
    }


def live(cursor: int) -> Live:
    """Replay has come to its end, at this seq."""
    return {"type": "live", "seq": cursor}


def ack(seq: int, at: int, *, ref: str | None, duplicate: bool) -> Ack:
    """The answer to a command that is stored, since `at` (ms since the epoch)."""
    frame: Ack = {"type": "ack", "seq": seq, "at": rfc3339(at)}
    if ref is not None:
        frame["ref"] = ref
    if duplicate:
        frame["duplicate"] = True
    return frame


def signal(name: str, by: Author, body: bytes) -> Signal:
    """Somebody's signal; its body is JSON already."""
    return {"type": "signal", "name": name, "by": user(by), "body": orjson.Fragment(body)}


def read(by: Author, seq: int) -> Read:
    """Somebody has read so far."""
    return {"type": "read", "by": user(by), "seq": seq}


def presence(summary: PresenceSummary) -> Presence:
    """Who is here; `join` and `leave` are for whoever collects them."""
    frame: Presence = {"type": "presence", "count": summary["count"]}
    if "users" in summary:
        frame["users"] = summary["users"]
    return frame


def role_changed(role: Role) -> RoleChanged:
    """From now on this is what the client may do."""
    return {"type": "role", "role": role.value}


def auth(principal: Principal) -> Auth:
    """The credential that counts from now on has this end."""
    return {"type": "auth", "expires_at": expires_at(principal)}


def expiring(seconds: float) -> Expiring:
    """A notice that the credential is about to end."""
    return {"type": "expiring", "in": round(seconds)}


def pong(head: int | None) -> Pong:
    """The answer to `ping`, about an item with this head; None: of which nothing is known yet."""
    return {"type": "pong", "head": head or 0}


def alive() -> Pong:
    """The answer to a `ping` of no item's."""
    return {"type": "pong"}


def appended(target: int, part: int, grown: Grown) -> Appended:
    """The answer to text that is stored."""
    frame: Appended = {"type": "appended", "target": target, "length": grown.length}
    if part != MAIN:
        frame["part"] = part
    if grown.stopped:
        frame["stopped"] = True
    if grown.duplicate:
        frame["duplicate"] = True
    return frame


def append(added: TextAdded) -> Append:
    """More text of somebody's."""
    frame: Append = {
        "type": "append",
        "target": added.target,
        "at": added.at,
        "text": added.text,
    }
    if added.part != MAIN:
        frame["part"] = added.part
    return frame


def opened(entry: Entry, draft: Draft) -> Open:
    """A message in the making, with the text that it has by now."""
    return {
        "type": "open",
        "seq": entry.seq,
        "at": rfc3339(entry.at),
        "by": user(entry.author),
        "body": orjson.Fragment(draft.json()),
        "length": length_of(draft.lengths),
    }


def error(refusal: Refusal, ref: str | None, target: int | None = None) -> Error:
    """A command was refused; `target`: one that has no ref."""
    frame: Error = {"type": "error", "code": refusal.code, "message": refusal.message}
    if target is not None:
        frame["target"] = target
    if refusal.length is not None:
        frame["length"] = refusal.length
    if ref is not None:
        frame["ref"] = ref
    if refusal.retry_after is not None:
        frame["retry_after"] = refusal.retry_after
    return frame


def closing(refusal: Refusal) -> Closing:
    """The frame right before a close: what a browser can act on, unlike a bare close code."""
    return {"type": "closing", "code": refusal.verdict.close_code, **why(refusal)}


def why(refusal: Refusal) -> Why:
    """What is said of a refusal that ends something."""
    said: Why = {"reason": refusal.code, "retry": refusal.verdict.retry}
    if refusal.retry_after is not None:
        said["retry_after"] = refusal.retry_after
    if refusal.message != refusal.verdict.message:
        said["message"] = refusal.message
    return said


def expires_at(principal: Principal) -> str | None:
    """When a credential ends; None: it does not."""
    expires = principal.credential.expires_at
    return None if expires is None else rfc3339(expires)
