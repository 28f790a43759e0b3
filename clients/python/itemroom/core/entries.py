"""Entries and other things that a room tells of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from itemroom.core.frames import Role, User

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Common:
    """What all entries have. What an entry of its type does not have is None."""

    type: str
    seq: int
    at: str
    by: User
    ref: str | None = None
    via: str | None = None
    """The name of the service key that acted for `by`."""
    body: Any = None
    target: int | None = None
    value: str | None = None
    on: bool | None = None
    user: User | None = None
    role: Role | None = None
    title: str | None = None
    default_role: Role | None = None
    edited_seq: int | None = None
    deleted_seq: int | None = None
    open: Literal[True] | None = None
    """Of a message: it is in the making, and `body` is how far it had come."""
    length: int | None = None
    """Of such a message's text, in code points."""
    state: Literal["done", "failed", "stopped", "interrupted"] | None = None
    error: dict[str, Any] | None = None
    frame: Fields = field(default_factory=dict, repr=False, compare=False)
    """As it came, with what later versions of the server may add."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(_Common):
    """A message as it stands now. Deleted since, it has no `body`, and `deleted_seq` says so."""

    type: Literal["message"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(_Common):
    """The message `target` has another `body`; none when it was deleted since."""

    type: Literal["edit"]
    target: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion(_Common):
    """The message `target` is gone."""

    type: Literal["delete"]
    target: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction(_Common):
    """The reaction `value` was put on the message `target`, or taken back."""

    type: Literal["reaction"]
    target: int
    value: str
    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberChange(_Common):
    """`user` has another `role` in the item; None: removed."""

    type: Literal["member"]
    user: User


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemChange(_Common):
    """The item's `title` or `default_role` was changed: `frame` has which, for None is a role."""

    type: Literal["item"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(_Common):
    """Somebody wants the message `target`, which is in the making, to end."""

    type: Literal["stop"]
    target: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish(_Common):
    """The message `target` was in the making, and has come to its end, with this `body`.

    It is `done`, `failed` with an `error` of its author's, `stopped`, or `interrupted` by the
    server, as its author has gone. Deleted since, it has no `body`.
    """

    type: Literal["finish"]
    target: int
    state: Literal["done", "failed", "stopped", "interrupted"]


Entry = Message | Edit | Deletion | Reaction | MemberChange | ItemChange | Stop | Finish

_KINDS: dict[str, type[Entry]] = {
    "message": Message,
    "edit": Edit,
    "delete": Deletion,
    "reaction": Reaction,
    "member": MemberChange,
    "item": ItemChange,
    "stop": Stop,
    "finish": Finish,
}
ENTRY_TYPES = frozenset(_KINDS)
_NAMES = tuple(name for name in _Common.__dataclass_fields__ if name != "frame")


def entry_of(frame: Fields) -> Entry:
    """The entry that a frame, or an entry of `GET …/log`, holds.

    Raises:
        LookupError: it is of a type that is not known.
        TypeError: it lacks what its type has.
    """
    known = {name: frame[name] for name in _NAMES if name in frame}
    return _KINDS[frame["type"]](**known, frame=frame)


class Gap(NamedTuple):
    """The log does not go on where the client was: what it has is void, replay begins anew."""

    after: int
    """Replay begins with the entry after this seq."""
    oldest: int
    """The oldest entry that is still kept."""
    epoch: str


class Event(NamedTuple):
    """Something to tell the application of."""

    type: str
    detail: Any
